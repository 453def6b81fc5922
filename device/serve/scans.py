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

from spectriage.device.serve.control import Control, RefusedError
from spectriage.device.serve.models import Arming, Health, Problem, Progress, Result, Start, State
from spectriage.device.serve.shown import MEASURED, problem_of, shown
from spectriage.device.serve.unit import Setup, Unit, synthetic
from spectriage.spectra.errors import SpectriageError

if TYPE_CHECKING:
    from spectriage.device.acquire.acquisition import CancelToken
    from spectriage.device.acquire.acquisition import Progress as Acquired
    from spectriage.device.contract.spectrometer import Spectrometer
    from spectriage.device.session.session import ScanResult, Session
    from spectriage.library.journal import Record
    from spectriage.spectra.identify import Identifier

CANCEL_WAIT_S = 15.0
HOLD_CHECK_S = 0.2


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
        self.unit = Unit(setup, engine)
        self.own_device = setup.device
        self.control = Control()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="spectriage-scans")
        self._lock = threading.RLock()
        self._cancel: CancelToken | None = None
        self._busy = False
        self._seen_s = 0.0
        self._scanning_key = ""
        self._left_at: tuple[float, float] | None = None
        self._state = State(
            version=0,
            phase="starting",
            training=synthetic(setup.device),
            device=setup.device,
            model="",
            serial="",
            laser="unknown",
            holder="",
            armed_for_s=0.0,
            progress=None,
            result=None,
            problem=None,
            health=None,
            library={},
        )

    # -- what is known

    @property
    def journal_path(self) -> Path:
        """Where the next scan is recorded; training never mixes with evidence."""
        path = self.unit.setup.journal
        return path.with_name(f"training-{path.name}") if self._state.training else path

    def state(self, arming: str = "") -> State:
        """Return the service's state; asked with its arming, a scan's starter is seen to be there."""
        with self._lock:
            if arming and arming == self._scanning_key:
                self._seen_s = time.monotonic()
            if self._state.phase == "armed" and self.control.left_s <= 0.0:
                self._change(phase="idle", holder="")
            progress = self._state.progress
            if progress is not None and self._left_at is not None:
                at, left = self._left_at
                progress = progress.model_copy(update={"left_s": max(0.0, left - (time.monotonic() - at))})
            return self._state.model_copy(
                update={"armed_for_s": round(self.control.left_s, 2), "progress": progress}
            )

    def _change(self, **values: Any) -> None:
        with self._lock:
            if all(getattr(self._state, name) == value for name, value in values.items()):
                return
            self._state = self._state.model_copy(update={**values, "version": self._state.version + 1})

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
            self._change(phase="starting", problem=None)
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
            self._change(
                phase="starting",
                device=device,
                training=synthetic(device),
                health=None,
                problem=None,
                result=None,
            )

        def change() -> Health | None:
            self.unit.let_go()
            return self._check()

        return self._worker.submit(self._guarded, change)

    def arm(self, holder: str) -> Arming:
        """Give the right to start one scan, and say what must be known before.

        Raises
        ------
        RefusedError
            A scan is running, the device is not there, its laser is not known to be off, its interlock is
            open, or somebody else has armed.
        DeviceError
            The device does not answer.
        """
        with self._lock:
            self._need_idle()
        warnings = self._worker.submit(self._warned).result(timeout=CANCEL_WAIT_S)
        with self._lock:
            self._need_idle()
            key = self.control.arm(holder)
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
                raise RefusedError("a scan is running", remedy="wait for its end, or cancel it")
            holder = self.control.redeem(request.arming)
            self._busy = True
            self._cancel = CancelToken()
            self._scanning_key = request.arming
            self._seen_s = time.monotonic()
            self._left_at = None
            begun = Progress(stage="start", message="", elapsed_s=0.0, left_s=None)
            self._change(phase="scanning", holder=holder, progress=begun, result=None, problem=None)
            running = self._worker.submit(self._scan, request, self._cancel)
        if request.hold_s is not None:
            arguments = (running, request.hold_s, self._cancel)
            threading.Thread(target=self._hold, args=arguments, daemon=True).start()
        return running

    def cancel(self) -> State:
        """Stop whatever runs, the laser first, and return when it has ended; anybody may.

        The state returned says what was read back of the laser.
        """
        self.disarm()
        with self._lock:
            token = self._cancel
        if token is not None:
            _stop(token)
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
            raise RefusedError("a scan is running", remedy="wait for its end, or cancel it")
        if phase == "starting":
            raise RefusedError("the instrument is being checked", remedy="wait for the end of the check")

    def _guarded(self, work: Callable[[], Health | None]) -> Health | None:
        try:
            return work()
        except SpectriageError as error:
            self._change(phase="failed", problem=problem_of(error))
        except Exception as error:
            self._change(
                phase="failed", problem=problem_of(SpectriageError(f"{type(error).__name__}: {error}"))
            )
        return None

    def _check(self) -> Health:
        info, library = self.unit.opened().info, self.unit.engine_for().references
        self._change(
            model=f"{info.maker} {info.model}".strip(),
            serial=info.serial,
            training=info.origin != MEASURED,
            library={"name": library.name, "version": library.version, "sha256": library.sha256},
        )
        health = self.unit.check(self.journal_path)
        self._change(phase="idle", health=health, laser=self.unit.laser())
        return health

    def _warned(self) -> tuple[str, ...]:
        try:
            return self.unit.arming_warnings()
        finally:
            self._change(laser=self.unit.laser())

    def _scan(self, request: Start, cancel: CancelToken) -> None:
        problem: Problem | None = None
        result: Result | None = None
        try:
            result = self._taken(request, cancel)
        except SpectriageError as error:
            problem = problem_of(error)
        except Exception as error:
            problem = problem_of(SpectriageError(f"{type(error).__name__}: {error}"))
        # the guard has read the laser back as off; this asks the device once more, for the screen
        laser = self.unit.laser()
        if problem is not None and problem.type == "DeviceLostError":
            with suppress(SpectriageError):
                self.unit.let_go()
        with self._lock:
            self._busy, self._cancel, self._scanning_key = False, None, ""
            phase = "failed" if laser in ("on", "unknown") and result is None else "idle"
            self._change(phase=phase, laser=laser, holder="", progress=None, result=result, problem=problem)

    def _taken(self, request: Start, cancel: CancelToken) -> Result:
        """Scan and record; the result is given out only after it is on the disk."""
        from spectriage.device.session.session import Session

        engine, device = self.unit.engine_for(request.packaging), self.unit.opened()
        plan = replace(self.unit.setup.plan, seconds=request.seconds, delay_s=request.delay_s)
        session = Session(
            device,
            engine,
            self.unit.known(),
            plan,
            countdown=lambda left: self._told(device, "countdown", f"{left:.0f}", 0.0, left),
            progress=lambda progress: self._progressed(device, progress),
            cancel=cancel,
        )
        cancel.check()
        scan = session.run()
        cancel.check()
        record = self._recorded(session, scan, request)
        return shown(record, scan.raw.info.origin != MEASURED)

    def _recorded(self, session: Session, scan: ScanResult, request: Start) -> Record:
        from spectriage.device.record import alert, scan_entry
        from spectriage.library.journal import recording

        operator = request.operator or self.unit.setup.operator
        with recording(
            self.journal_path, operator=operator, place=self.unit.setup.place, item=request.item
        ) as recorder:
            record = recorder.keep(lambda context: scan_entry(session, scan, context=context))
        assert record is not None, "a journal was named"
        alert(record, scan.identification.verdict)
        return record

    def _progressed(self, device: Spectrometer, progress: Acquired) -> None:
        settings, left = device.settings, None
        if settings is not None:
            one = settings.integration_ms * 1e-3 * (settings.accumulations + 1)
            left = {"dark": 2.0 * one, "scan": one}.get(str(progress.stage))
        self._told(device, str(progress.stage), progress.message, progress.elapsed_s, left)

    def _told(
        self, device: Spectrometer, stage: str, message: str, elapsed_s: float, left_s: float | None
    ) -> None:
        from spectriage.device.contract.capabilities import LaserGateLine, LaserSource

        # "on" from before it is switched until it has been read back as off: never the other way round
        lit = isinstance(device, LaserSource | LaserGateLine) and stage in ("exposure", "scan")
        self._left_at = None if left_s is None else (time.monotonic(), left_s)
        shown_now = Progress(stage=stage, message=message, elapsed_s=round(elapsed_s, 2), left_s=left_s)
        self._change(
            progress=shown_now, laser="on" if lit else self._state.laser if stage != "dark" else "off"
        )

    def _hold(self, running: Future[None], hold_s: float, cancel: CancelToken) -> None:
        """Cancel a scan whose starter is gone."""
        while not running.done():
            if time.monotonic() - self._seen_s > hold_s:
                _stop(cancel)
                return
            time.sleep(HOLD_CHECK_S)


def _stop(token: CancelToken) -> None:
    # a device that cannot be told to stop is read back, and shown as unknown, by the thread that scans
    with suppress(SpectriageError):
        token.cancel()
