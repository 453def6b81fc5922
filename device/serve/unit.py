"""`Unit`: the spectrometer, its calibration and the engine that one service works with."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spectriage.device.contract.rawscan import Axis
from spectriage.device.serve.control import RefusedError
from spectriage.device.serve.kept import Kept
from spectriage.device.serve.models import Health, Laser
from spectriage.device.serve.rules import Rules
from spectriage.device.session.plan import ScanPlan
from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import ParameterError, SpectriageError

if TYPE_CHECKING:
    from spectriage.device.calibration.unit import UnitCalibration
    from spectriage.device.contract.spectrometer import Spectrometer
    from spectriage.device.wording.answering import Known
    from spectriage.library.service import Engines
    from spectriage.spectra.identify import Identifier


DETECTOR_POINTS = (1024,)
"""As many as a handheld's detector has, about."""


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
    policy
        Name of a shipped policy, or the path of a file; another may be chosen on the screen.
    operator, place
        Recorded where a scan says nothing else, as the settings allow.
    operators
        File of those who may arm, by PIN; nobody has to log in where it is not there.
    """

    device: str
    journal: Path
    library: Path | None = None
    calibration: Path | None = None
    plan: ScanPlan = field(default_factory=lambda: ScanPlan(auto=True))
    policy: str = "border"
    operator: str = ""
    place: str = ""
    operators: Path | None = None


class Unit:
    """The device is opened when it is first used and again after it was lost; one thread alone uses it.

    Parameters
    ----------
    setup
        What is scanned with.
    engine
        Prepared, over the library; made when it is first asked for if None.
    kept
        Where the chosen policy is kept over a restart.
    """

    def __init__(self, setup: Setup, engine: Identifier | None = None, kept: Kept | None = None) -> None:
        self.setup = setup
        self.rules = Rules(setup.policy, kept or Kept(None))
        self.device: Spectrometer | None = None
        self._engines = None if engine is None else _engines_over(engine)
        self._strip_engines: Engines | None = None
        self._strip_sought = False
        self._preparing = threading.Lock()
        self._warm = ""
        self._substances: Known = {}

    def engines(self) -> Engines:
        """Return the engines over the library, which is opened when they are first asked for.

        Raises
        ------
        LibraryError, ParameterError
            The library or the policy cannot be used.
        """
        from spectriage.library.service import Engines, make_engine

        with self._preparing:
            if self._engines is None:
                self._engines = Engines(make_engine(self.setup.library, policy=self.rules.chosen))
            return self._engines

    def engine_for(self, packaging: str = "auto") -> Identifier:
        """Return the engine that decides by the chosen policy and considers a packaging.

        Raises
        ------
        ParameterError
            The library has no such packaging.
        """
        return self.engines().of(self.rules.policy, packaging or "auto")

    def strip_engine(self) -> Identifier | None:
        """Return the engine that explains SERS strips; None where the library has no references for one."""
        from spectriage.library.service import Engines, make_engine
        from spectriage.spectra.technique import Technique

        with self._preparing:
            if not self._strip_sought:
                with suppress(ParameterError):
                    self._strip_engines = Engines(make_engine(self.setup.library, technique=Technique.SERS))
                self._strip_sought = True
        return None if self._strip_engines is None else self._strip_engines.of(self.rules.policy)

    def shift_cm(self) -> FloatArray:
        """Return the calibrated shift of each pixel, cm⁻¹; empty where the axis is not known."""
        device, calibration = self.opened(), self.known().calibration
        try:
            if calibration is None or calibration.wavelength is None:
                return device.axis.shift(device.info.excitation_nm)
            laser = calibration.laser.laser_nm if calibration.laser is not None else None
            axis = Axis(wavelength_nm=calibration.wavelength.wavelength_nm())
            return axis.shift(laser or device.info.excitation_nm)
        except SpectriageError:
            return np.zeros(0)

    def warm(self) -> None:
        """Load what the first scan and its record need, once: no result has to wait for that."""
        from spectriage.device.wording.answering import answers
        from spectriage.device.wording.words import LANGUAGES, Words
        from spectriage.library.journal import said_by
        from spectriage.library.service import warm_engine

        policy = self.rules.policy.sha256
        if self._warm == policy:
            return
        import spectriage.device.record.alerting
        import spectriage.device.record.scanned
        import spectriage.device.session.session  # noqa: F401

        engine = self.engine_for()
        shift = np.unique(self.shift_cm())
        result = warm_engine(engine, DETECTOR_POINTS, shift if shift.size > 1 else None)
        if result is not None:
            said = said_by(engine, result, None)
            for language in LANGUAGES:
                answers(said["result"], Words(language), self.substances())
        self._warm = policy

    def substances(self) -> Known:
        """Return substance and hazard of each reference of the library, by its id."""
        if not self._substances:
            records = self.engine_for().references.records
            self._substances = {each.id: (each.substance, str(each.hazard)) for each in records}
        return self._substances

    def opened(self) -> Spectrometer:
        """Return the device, opened where it is not.

        Raises
        ------
        DeviceError
            It cannot be opened.
        """
        from spectriage.device.contract.registry import open_device

        if self.device is None or self.device.closed:
            self.device = open_device(self.setup.device)
        return self.device

    def let_go(self) -> None:
        """Close the device."""
        device, self.device = self.device, None
        if device is not None:
            device.close()

    def known(self) -> UnitCalibration:
        """Return what is known of the calibration now."""
        from spectriage.device.calibration.unit import UnitCalibration

        device = self.opened()
        return UnitCalibration.of(device.info, device.clock.now(), self.setup.calibration)

    def check(self, journal: Path) -> Health:
        """Check the device with its laser off; a lost one is closed, to be opened again."""
        from spectriage.device.contract.errors import DeviceLostError
        from spectriage.device.serve.health import check_health

        device, engine = self.opened(), self.engine_for()
        try:
            return check_health(device, engine, self.known(), journal, self.setup.library)
        except DeviceLostError:
            self.let_go()
            raise

    def laser(self) -> Laser:
        """Return what the device says of its laser now; unknown where it is gone."""
        from spectriage.device.serve.health import read_laser

        return "unknown" if self.device is None or self.device.closed else read_laser(self.device)

    def arming_warnings(self) -> tuple[str, ...]:
        """Return what must be known before arming, as stable codes.

        Raises
        ------
        RefusedError
            The laser is not known to be off, or the interlock is open.
        DeviceError
            The device does not answer.
        """
        from spectriage.device.contract.capabilities import (
            InterlockReadback,
            LaserGateLine,
            LaserSupervised,
            LaserWatchdog,
        )

        device, laser = self.opened(), self.laser()
        if laser == "on" or (laser == "unknown" and not isinstance(device, LaserGateLine)):
            raise RefusedError(
                "the laser cannot be verified to be off",
                remedy="switch it off at its key, then check again",
                code="laser-not-off",
            )
        if laser == "not controlled":
            return ("light-not-controlled",)
        if isinstance(device, InterlockReadback) and not device.interlock_closed():
            raise RefusedError(
                "the interlock is open", remedy="close the cover or the safety loop", code="interlock-open"
            )
        found = [] if isinstance(device, InterlockReadback) else ["interlock-unreadable"]
        supervised = isinstance(device, LaserSupervised) and device.light_supervised()
        if not isinstance(device, LaserWatchdog) and not supervised:
            found.append("no-watchdog")
        return tuple(found)


def _engines_over(engine: Identifier) -> Engines:
    from spectriage.library.service import Engines

    return Engines(engine)


def synthetic(uri: str) -> bool:
    """Whether a URI is of a device that measures nothing, as far as can be told before it is opened."""
    return uri.partition(":")[0] in ("sim", "emulated")
