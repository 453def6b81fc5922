"""`Scans`: one scan at a time over a `Session`, recorded before its result is shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spectriage.device.serve.choosing import choose
from spectriage.device.serve.control import Control, RefusedError, scanning
from spectriage.device.serve.item import ItemInHand
from spectriage.device.serve.kept import Kept, kept_path
from spectriage.device.serve.live import Live
from spectriage.device.serve.models import Arming, Health, LoggedIn, Problem, Result, Start, State
from spectriage.device.serve.operators import Operators, not_logged_in
from spectriage.device.serve.returning import LOST, look_for
from spectriage.device.serve.shown import MEASURED, first_state, problem_of, shown, typed
from spectriage.device.serve.standard import KnownAxis, checked_axis, with_axis
from spectriage.device.serve.starter import Starter, stop
from spectriage.device.serve.taking import Hooks, Recording, scanned
from spectriage.device.serve.telling import Telling
from spectriage.device.serve.unit import Setup, Unit, synthetic
from spectriage.device.serve.watching import Watchers
from spectriage.library.service import Answer
from spectriage.spectra.errors import SpectriageError

if TYPE_CHECKING:
    from spectriage.device.acquire.acquisition import CancelToken
    from spectriage.device.session.session import ScanResult
    from spectriage.library.journal import Record
    from spectriage.spectra.identify import Identifier

CANCEL_WAIT_S = 15.0


class Scans:
    """The service without its transport: all work on the device happens on one thread of its own.

    Parameters
    ----------
    setup
        What is scanned with.
    engine
        Prepared; made on the thread if None.

    Examples
    --------
    >>> scans = Scans(Setup("sim:caffeine", Path("journal.db")))       # doctest: +SKIP
    >>> scans.open()                                                   # doctest: +SKIP
    >>> scans.start(Start(arming=scans.arm("me").arming)).result()     # doctest: +SKIP
    """

    def __init__(self, setup: Setup, engine: Identifier | None = None) -> None:
        kept = Kept(kept_path(setup.journal))
        self.unit = Unit(setup, engine, kept)
        self.own_device = setup.device
        self.control = Control()
        self.live = Live()
        self.watchers = Watchers()
        self.operators = Operators(setup.operators, kept=kept)
        self._item = ItemInHand()
        self._axis = KnownAxis(kept)
        self._operator = ""
        self._telling = Telling(self._change)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="spectriage-scans")
        self._lock = threading.RLock()
        self._cancel: CancelToken | None = None
        self._busy = False
        self._starter = Starter()
        self._closing = threading.Event()
        self._state = first_state(setup, login_needed=self.operators.needed)

    # -- what is known

    @property
    def journal_path(self) -> Path:
        """Where the next scan is recorded; training never mixes with evidence."""
        path = self.unit.setup.journal
        return path.with_name(f"training-{path.name}") if self._state.training else path

    def state(self, arming: str = "") -> State:
        """Return the service's state; asked with its arming, a scan's starter is seen to be there."""
        with self._lock:
            self._starter.asks(arming)
            if self._state.phase == "armed" and self.control.left_s <= 0.0:
                self._change(phase="idle", holder="")
            progress = self._telling.now(self._state.progress)
            return self._state.model_copy(
                update={"armed_for_s": round(self.control.left_s, 2), "progress": progress}
            )

    def _change(self, **values: Any) -> None:
        with self._lock:
            if all(getattr(self._state, name) == value for name, value in values.items()):
                return
            self._state = self._state.model_copy(update={**values, "version": self._state.version + 1})
        self.watchers.tell()

    # -- what may be asked for, from any thread

    def open(self) -> Future[Health | None]:
        """Load the library, open the device and check it, on the thread."""
        return self._worker.submit(self._guarded, self._check)

    def check(self) -> Future[Health | None]:
        """Check the device again.

        Raises
        ------
        RefusedError
            A scan is running.
        """
        with self._lock:
            self._need_idle()
            self.control.disarm()  # a scan that starts meanwhile would be shown as none once this ends
            self._change(phase="starting", holder="", problem=None)
        return self._worker.submit(self._guarded, self._check)

    def use(self, device: str) -> Future[Health | None]:
        """Close the device and open another: training, or back.

        Raises
        ------
        RefusedError
            A scan is running.
        """
        with self._lock:
            self._need_idle()
            self.control.disarm()
            self.unit.setup = replace(self.unit.setup, device=device)
            self._item.forget()
            self._change(
                phase="starting",
                device=device,
                training=synthetic(device),
                health=None,
                problem=None,
                result=None,
                item=None,
            )

        def change() -> Health | None:
            self.unit.let_go()
            return self._check()

        return self._worker.submit(self._guarded, change)

    def log_in(self, operator: str, pin: str) -> LoggedIn:
        """Log an operator in.

        Raises
        ------
        RefusedError
            Name or PIN is wrong, or too many were.
        """
        return self.operators.logged_in(operator, pin)

    def choose(self, choice: str, login: str = "") -> Future[None]:
        """Decide by another policy from the next scan on; the choice is recorded and kept over a restart.

        Raises
        ------
        RefusedError
            There is no such policy, a scan is running, or who asks is not logged in as one who may choose.
        ParameterError
            Its file is none.
        """
        operator = self.operators.supervisor(login)
        self.unit.rules.of(choice)
        with self._lock:
            self._need_idle()
            self.disarm()

        def change() -> None:
            policy = choose(self.unit, choice, self.journal_path, operator or self.unit.setup.operator)
            with self._lock:
                if not self._busy:  # a scan that was started meanwhile keeps its item
                    self._item.forget()
                self._change(policy=policy.name, policy_sha256=policy.sha256, item=self._item.shown())

        return self._worker.submit(change)

    def arm(self, holder: str, login: str = "") -> Arming:
        """Give the right to start one scan, and say what must be known before.

        Raises
        ------
        RefusedError
            Nobody is logged in where that is asked for, a scan is running, the device is not there, its laser
            is not known to be off, its interlock is open, or somebody else has armed.
        DeviceError
            The device does not answer.
        """
        operator = self.operators.used(login)
        if self.operators.needed and not operator:
            raise not_logged_in()
        with self._lock:
            self._need_idle()
        warnings = self._worker.submit(self._warned).result(timeout=CANCEL_WAIT_S)
        with self._lock:
            self._need_idle()
            key = self.control.arm(holder)
            self._operator = operator
            self._change(phase="armed", holder=holder, problem=None)
            return Arming(arming=key, valid_s=self.control.valid_s, warnings=warnings)

    def disarm(self) -> None:
        """Take back an arming; a running scan goes on."""
        with self._lock:
            self.control.disarm()
            if self._state.phase == "armed":
                self._change(phase="idle", holder="")

    def start(self, request: Start) -> Future[None]:
        """Start the scan that was armed for; the state tells how it goes.

        Raises
        ------
        RefusedError
            Not armed with this key, expired, or a scan is running.
        """
        from spectriage.device.acquire.acquisition import CancelToken

        with self._lock:
            if self._busy:
                raise scanning()
            self._item.need(request)
            holder = self.control.redeem(request.arming)
            spot = self._item.begin(request, self._state.device)
            self._busy = True
            self._cancel = CancelToken()
            self._starter.begin(request.arming)
            begun = self._telling.begin()
            self._change(phase="scanning", holder=holder, progress=begun, result=None, problem=None)
            running = self._worker.submit(self._scan, request, self._cancel, spot)
        if request.hold_s is not None:
            self._starter.hold(running, request.hold_s, self._cancel)
        return running

    def cancel(self) -> State:
        """Stop whatever runs, the laser first, and return when it has ended; anybody may.

        The state returned says what was read back of the laser.
        """
        self.disarm()
        with self._lock:
            token = self._cancel
        if token is not None:
            stop(token)
            limit = time.monotonic() + CANCEL_WAIT_S
            while self._busy and time.monotonic() < limit:
                time.sleep(0.01)
        return self.state()

    def close(self) -> None:
        """Stop whatever runs, the laser first, and close the device.

        Raises
        ------
        DeviceUnsafeError
            The laser could not be verified to be off.
        """
        self._closing.set()
        self.cancel()
        try:
            with suppress(RuntimeError):
                self._worker.submit(self.unit.let_go).result(timeout=CANCEL_WAIT_S)
        finally:
            self._worker.shutdown(wait=False, cancel_futures=True)

    # -- on the thread

    def _need_idle(self) -> None:
        phase = self.state().phase
        if self._busy or phase == "scanning":
            raise scanning()
        if phase == "starting":
            raise RefusedError(
                "the instrument is being checked", remedy="wait for the end of the check", code="checking"
            )

    def _guarded(self, work: Callable[[], Health | None]) -> Health | None:
        try:
            return work()
        except Exception as error:
            problem = problem_of(typed(error))
            self._change(phase="failed", laser=self.unit.laser(), problem=problem)
            self._await_return(problem)
        return None

    def _check(self) -> Health:
        info, library = self.unit.opened().info, self.unit.engine_for().references
        self._change(
            model=f"{info.maker} {info.model}".strip(),
            serial=info.serial,
            training=info.origin != MEASURED,
            library={"name": library.name, "version": library.version, "sha256": library.sha256},
            policy=self.unit.rules.policy.name,
            policy_sha256=self.unit.rules.policy.sha256,
        )
        self.unit.strip_engine()
        self.unit.warm()
        health = self._with_axis(self.unit.check(self.journal_path))
        self._change(phase="idle", health=health, laser=self.unit.laser(), login_needed=self.operators.needed)
        return health

    def _with_axis(self, health: Health) -> Health:
        device = self.unit.opened()
        return with_axis(health, self._axis.checks(device.info.serial, device.clock.now(), self.unit.known()))

    def _warned(self) -> tuple[str, ...]:
        try:
            return self.unit.arming_warnings()
        finally:
            self._change(laser=self.unit.laser())

    def _scan(self, request: Start, cancel: CancelToken, spot: int) -> None:
        told = False

        def committed(record: Record, scan: ScanResult) -> None:
            nonlocal told
            result = shown(record, scan.raw.info.origin != MEASURED)
            self._ended(request, Answer(request.item, scan.identification), result, None)
            told = True

        try:
            self._taken(request, cancel, spot, committed)
            if not told:
                self._ended(request, Answer(request.standard), None, None)
        except Exception as error:
            said = typed(error)
            if told:  # the result is on the disk and shown; what came after it failed
                self._change(problem=problem_of(said))
            else:
                self._ended(request, Answer(request.item, error=said), None, problem_of(said))

    def _ended(self, request: Start, answer: Answer, result: Result | None, problem: Problem | None) -> None:
        """Show what came of a scan."""
        # the guard has read the laser back as off; this asks the device once more, for the screen
        laser = self.unit.laser()
        self.live.end()
        if problem is not None and self._starter.gone:
            problem = problem.model_copy(update={"what": self._starter.gone})
        if problem is not None and problem.type == LOST:
            with suppress(SpectriageError):
                self.unit.let_go()
        with self._lock:
            self._starter.end()
            self._busy, self._cancel = False, None
            strips = self.unit.strip_engine()
            self._item.ended(request, answer, result, problem, None if strips is None else strips.policy)
            phase = "failed" if laser in ("on", "unknown") and result is None else "idle"
            self._change(
                phase=phase,
                laser=laser,
                holder="",
                progress=None,
                result=result,
                problem=problem,
                item=self._item.shown(),
            )
        self._await_return(problem)

    def _await_return(self, problem: Problem | None) -> None:
        """Open a unit that was unplugged as soon as it is there again."""
        if problem is not None and problem.type == LOST:
            look_for(self.unit, self._worker.submit, self._closing, lambda: self._guarded(self._check))

    def _taken(
        self,
        request: Start,
        cancel: CancelToken,
        spot: int,
        committed: Callable[[Record, ScanResult], None],
    ) -> None:
        """Scan and record; the result is given out only after it is on the disk."""
        device = self.unit.opened()
        hooks = Hooks(
            countdown=lambda left: self._telling.countdown(device, left),
            progress=lambda progress: self._telling.progressed(device, progress),
            partial=self.live.take,
            cancel=cancel,
        )
        self.live.begin(self.unit.shift_cm())
        cancel.watch(device)
        cancel.check()
        if request.standard:
            found = checked_axis(self.unit, request.standard, hooks)
            self._axis.measured(device.info.serial, device.clock.now(), found)
            if self._state.health is not None:
                self._change(health=self._with_axis(self._state.health))
            return
        operator = self._operator or request.operator or self.unit.setup.operator
        kept = Recording(self.journal_path, operator, committed)
        scanned(self.unit, request, hooks, spot, kept)
