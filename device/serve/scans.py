"""`Scans`: one scan at a time over a `Session`, recorded before its result is shown."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spectriage.device.serve.control import Control, RefusedError
from spectriage.device.serve.models import Arming, Health, Laser, Problem, Progress, Result, Start, State
from spectriage.device.session.plan import ScanPlan
from spectriage.spectra.errors import SpectriageError

if TYPE_CHECKING:
    from spectriage.device.acquire.acquisition import CancelToken
    from spectriage.device.acquire.acquisition import Progress as Acquired
    from spectriage.device.calibration.unit import UnitCalibration
    from spectriage.device.contract.spectrometer import Spectrometer
    from spectriage.device.session.session import ScanResult, Session
    from spectriage.library.journal import Record
    from spectriage.spectra.identify import Identifier

CANCEL_WAIT_S = 15.0
HOLD_CHECK_S = 0.2
MEASURED = "measured"


@dataclass(frozen=True)
class Setup:
    """What a service scans with.

    Parameters
    ----------
    device
        URI.
    journal
        SQLite file of measured scans; what a simulator answers goes into ``training-…`` beside it.
    library
        File; the shipped one if None.
    calibration
        File; the unit's stored one if None.
    plan
        What every scan has in common.
    operator, place
        Recorded where a scan says nothing else, as the settings allow.
    """

    device: str
    journal: Path
    library: Path | None = None
    calibration: Path | None = None
    plan: ScanPlan = field(default_factory=lambda: ScanPlan(auto=True))
    operator: str = ""
    place: str = ""


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
        self.setup = setup
        self.own_device = setup.device
        self.control = Control()
        self._engine = engine
        self._engines: dict[str, Identifier] = {}
        self._device: Spectrometer | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="spectriage-scans")
        self._lock = threading.RLock()
        self._preparing = threading.Lock()
        self._cancel: CancelToken | None = None
        self._busy = False
        self._seen_s = 0.0
        self._scanning_key = ""
        self._left_at: tuple[float, float] | None = None
        self._state = State(
            version=0,
            phase="starting",
            training=_synthetic(setup.device),
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
        path = self.setup.journal
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
            self.setup = replace(self.setup, device=device)
            self._change(
                phase="starting",
                device=device,
                training=_synthetic(device),
                health=None,
                problem=None,
                result=None,
            )

        def change() -> Health | None:
            self._let_go()
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
        warnings = self._worker.submit(self._arming_warnings).result(timeout=CANCEL_WAIT_S)
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
        """Stop whatever runs, the laser first, and close the device."""
        self.cancel()
        with suppress(RuntimeError):
            self._worker.submit(self._let_go).result(timeout=CANCEL_WAIT_S)
        self._worker.shutdown(wait=False, cancel_futures=True)

    def engine_for(self, packaging: str = "auto") -> Identifier:
        """Return the engine that considers a packaging; the library is shared.

        Raises
        ------
        ParameterError
            The library has no such packaging.
        """
        from spectriage.library.service import make_engine
        from spectriage.spectra.identify import Identifier

        with self._preparing:
            if self._engine is None:
                self._engine = make_engine(self.setup.library)
            engine = self._engine
            if packaging in ("", "auto"):
                return engine
            if packaging not in self._engines:
                self._engines[packaging] = Identifier(engine.references, engine.policy, packaging=packaging)
            return self._engines[packaging]

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

    def _opened(self) -> Spectrometer:
        from spectriage.device.contract.registry import open_device

        if self._device is None or self._device.closed:
            self._device = open_device(self.setup.device)
            info = self._device.info
            self._change(
                model=f"{info.maker} {info.model}".strip(), serial=info.serial, training=_is_training(info)
            )
        return self._device

    def _let_go(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            device.close()

    def _known(self, device: Spectrometer) -> UnitCalibration:
        from spectriage.device.calibration.unit import UnitCalibration

        return UnitCalibration.of(device.info, device.clock.now(), self.setup.calibration)

    def _check(self) -> Health:
        from spectriage.device.contract.errors import DeviceLostError
        from spectriage.device.serve.health import check_health, read_laser

        device, engine = self._opened(), self.engine_for()
        try:
            health = check_health(device, engine, self._known(device), self.journal_path)
        except DeviceLostError:
            self._let_go()
            raise
        library = engine.references
        self._change(
            phase="idle",
            health=health,
            laser=read_laser(device),
            library={"name": library.name, "version": library.version, "sha256": library.sha256},
        )
        return health

    def _arming_warnings(self) -> tuple[str, ...]:
        from spectriage.device.contract.capabilities import InterlockReadback, LaserGateLine, LaserWatchdog
        from spectriage.device.serve.health import read_laser

        device = self._opened()
        laser: Laser = read_laser(device)
        self._change(laser=laser)
        if laser == "on" or (laser == "unknown" and not isinstance(device, LaserGateLine)):
            raise RefusedError(
                "the laser cannot be verified to be off", remedy="switch it off at its key, then check again"
            )
        if laser == "not controlled":
            return ("light-not-controlled",)
        if isinstance(device, InterlockReadback) and not device.interlock_closed():
            raise RefusedError("the interlock is open", remedy="close the cover or the safety loop")
        found = [] if isinstance(device, InterlockReadback) else ["interlock-unreadable"]
        if not isinstance(device, LaserWatchdog):
            found.append("no-watchdog")
        return tuple(found)

    def _scan(self, request: Start, cancel: CancelToken) -> None:
        from spectriage.device.serve.health import read_laser

        problem: Problem | None = None
        result: Result | None = None
        try:
            result = self._taken(request, cancel)
        except SpectriageError as error:
            problem = problem_of(error)
        except Exception as error:
            problem = problem_of(SpectriageError(f"{type(error).__name__}: {error}"))
        device = self._device
        # the guard has read the laser back as off; this asks the device once more, for the screen
        laser: Laser = "unknown" if device is None or device.closed else read_laser(device)
        if problem is not None and problem.type == "DeviceLostError":
            with suppress(SpectriageError):
                self._let_go()
        with self._lock:
            self._busy, self._cancel, self._scanning_key = False, None, ""
            phase = "failed" if laser in ("on", "unknown") and result is None else "idle"
            self._change(phase=phase, laser=laser, holder="", progress=None, result=result, problem=problem)

    def _taken(self, request: Start, cancel: CancelToken) -> Result:
        """Scan and record; the result is given out only after it is on the disk."""
        from spectriage.device.session.session import Session

        engine, device = self.engine_for(request.packaging), self._opened()
        known = self._known(device)
        plan = replace(self.setup.plan, seconds=request.seconds, delay_s=request.delay_s)
        session = Session(
            device,
            engine,
            known,
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
        from spectriage.device.record import scan_entry
        from spectriage.library.journal import recording

        operator = request.operator or self.setup.operator
        with recording(
            self.journal_path, operator=operator, place=self.setup.place, item=request.item
        ) as recorder:
            record = recorder.keep(lambda context: scan_entry(session, scan, context=context))
        assert record is not None, "a journal was named"
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


def _synthetic(uri: str) -> bool:
    return uri.partition(":")[0] in ("sim", "emulated")


def _is_training(info: Any) -> bool:
    return str(info.origin) != MEASURED


def problem_of(error: SpectriageError) -> Problem:
    """Return an error as the API gives it."""
    return Problem(type=type(error).__name__, what=error.what, where=error.where, remedy=error.remedy)


def shown(record: Record, training: bool) -> Result:
    """Return a recorded scan as it is shown: everything comes from the record."""
    said = json.loads(record.payload)
    problems = said.get("calibration") or {}
    return Result(
        record=record.number,
        hash=record.hash.hex(),
        time=str(said["time"]),
        item=str(said.get("item") or ""),
        operator=str(said.get("operator") or ""),
        training=training,
        limited=str(said.get("limited") or ""),
        calibration=str(problems.get("problem") or problems.get("overridden") or ""),
        result=said["result"],
    )
