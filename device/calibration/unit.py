"""What is known of a unit's calibration now: its file, its validity, and the spectrum it makes of a scan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from spectriage.device.calibration.calibration import Calibration, calibration_problem, load_calibration
from spectriage.device.contract.errors import CalibrationError
from spectriage.device.contract.rawscan import DeviceInfo, RawScan
from spectriage.spectra.spectrum import Spectrum


def calibration_path(serial: str) -> Path:
    """Return where the calibration of a unit is kept: the user's data folder."""
    from platformdirs import user_data_path

    safe = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in serial)
    return user_data_path("spectriage") / "calibration" / f"{safe or 'unnamed'}.json"


def known_calibration(serial: str, path: Path | None) -> Calibration | None:
    """Return the calibration in a file, or the unit's stored one; None where there is none.

    Raises
    ------
    CalibrationError
        When there is one that cannot be read.
    """
    file = path or calibration_path(serial)
    if path is None and not file.is_file():
        return None
    return load_calibration(file)


@dataclass(frozen=True)
class UnitCalibration:
    """A unit's calibration, and why it may not be relied on.

    Parameters
    ----------
    calibration
        None where there is none that can be read: the factory axis is kept.
    problem
        One sentence that forbids a conclusion; empty when nothing does. A unit that was never calibrated has
        no problem, but is not `valid` either.
    overridden
        The problem that somebody chose to conclude in spite of.
    """

    calibration: Calibration | None = None
    problem: str = ""
    overridden: str = ""

    @property
    def valid(self) -> bool:
        """Whether the axis is known to be right: what full laser power asks for."""
        return self.calibration is not None and not self.problem and not self.overridden

    @classmethod
    def of(
        cls, info: DeviceInfo, now: datetime, path: Path | None = None, *, force: bool = False
    ) -> UnitCalibration:
        """Return what is known of a unit.

        Parameters
        ----------
        info
            The unit.
        now
            UTC, on the device's clock.
        path
            Calibration file; the unit's stored one when None.
        force
            Conclude in spite of a problem; the spectrum's metadata then says so.
        """
        try:
            known = known_calibration(info.serial, path)
            problem = "" if known is None else calibration_problem(known, info, now)
        except CalibrationError as error:
            known, problem = None, f"The calibration cannot be used: {error.what}."
        return cls(known, "", problem) if force else cls(known, problem)

    def apply(self, raw: RawScan) -> tuple[Spectrum, str]:
        """Return the spectrum of a scan on the best axis there is, and why no conclusion may follow.

        An expired calibration of this very unit is still the best axis there is.
        """
        problem, overridden = self.problem, self.overridden
        spectrum = None
        if self.calibration is not None:
            try:
                spectrum = self.calibration.apply(raw)
            except CalibrationError as error:
                said = f"The calibration cannot be applied: {error.what}."
                if overridden:
                    overridden = overridden or said
                else:
                    problem = problem or said
        if spectrum is None:
            spectrum = raw.to_spectrum()
        if overridden:
            metadata = {**spectrum.metadata, "health_overridden": overridden}
            spectrum = spectrum.with_step("override health", metadata=metadata)
        return spectrum, problem
