"""Auto-exposure: 60-85 % of full scale in at most four exposures, or the reason why not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from spectriage.device.acquire.acquisition import Acquirer, Stage
from spectriage.device.contract.clock import Deadline
from spectriage.device.contract.rawscan import RawScan
from spectriage.device.contract.spectrometer import ScanSettings
from spectriage.spectra.errors import ParameterError

LOW, HIGH, AIM = 0.60, 0.85, 0.72
"""Wanted range of the brightest pixel over full scale, and what is aimed at."""

MAX_EXPOSURES = 4

SATURATED_STEPS = (0.1, 0.02, 0.02)
"""Factors on an exposure that saturated, once, twice, …: how much too long it was is not known."""

DARK_PART = 0.5
"""More of full scale than this from dark current and room light: a longer exposure only fills up with it."""


class ExposureEnd(StrEnum):
    """How auto-exposure ended."""

    REACHED = "reached"
    TOO_FAINT = "too faint"
    TOO_BRIGHT = "too bright"
    DARK_LIMITED = "dark-limited"
    UNSTABLE = "unstable"


@dataclass(frozen=True)
class ExposureResult:
    """What auto-exposure found.

    Parameters
    ----------
    settings
        Now in force.
    level
        Brightest pixel over full scale at them, from the last exposure.
    end, reason
        Whether the range was reached, and if not, why.
    tried
        Exposures in ms and the levels that they gave.
    """

    settings: ScanSettings
    level: float
    end: ExposureEnd
    reason: str
    tried: tuple[tuple[float, float], ...]

    @property
    def reached(self) -> bool:
        """Whether the brightest pixel lies in the wanted range."""
        return self.end is ExposureEnd.REACHED


def auto_expose(
    acquirer: Acquirer, deadline: Deadline, *, max_integration_ms: float | None = None
) -> ExposureResult:
    """Find an exposure that puts the brightest pixel at 60-85 % of full scale, and set it.

    Parameters
    ----------
    acquirer
        Its light is on only during the exposures.
    deadline
        For all exposures together.
    max_integration_ms
        Longest exposure; the device's limit by default.

    Raises
    ------
    ParameterError
        The device does not know its full scale.
    DeviceError
        What went wrong; the light is out.

    Notes
    -----
    Signal above the bias grows in proportion to the exposure, so that one measurement gives the next. The
    level is that of `brightest`, which neither a cosmic ray nor a hot pixel moves.
    """
    device = acquirer.device
    info = device.info
    if not np.isfinite(info.detector.saturation_counts):
        raise ParameterError("the device does not know its full scale", where=info.uri)
    longest = min(info.max_integration_ms, max_integration_ms or info.max_integration_ms)
    accumulations = acquirer.settings.accumulations
    settings = replace(acquirer.settings, accumulations=1)
    settings = replace(settings, integration_ms=info.nearest_integration_ms(settings.integration_ms, longest))
    tried: list[tuple[float, float]] = []
    end, reason = ExposureEnd.UNSTABLE, f"no exposure of {MAX_EXPOSURES} gave a level in range"
    with acquirer.light(device, deadline.remaining_s):
        while len(tried) < MAX_EXPOSURES:
            device.configure(settings)
            acquirer.report(
                Stage.EXPOSURE, len(tried), MAX_EXPOSURES, f"trying {settings.integration_ms:g} ms"
            )
            with acquirer.watched(Stage.EXPOSURE):
                raw = device.acquire(deadline)
            level = brightest(raw)
            tried.append((settings.integration_ms, level))
            if LOW <= level <= HIGH:
                end, reason = ExposureEnd.REACHED, ""
                break
            wanted = settings.integration_ms * _factor(tried)
            allowed = info.nearest_integration_ms(wanted, longest)
            if allowed == settings.integration_ms:
                end, reason = _at_the_limit(level, allowed)
                break
            if len(tried) < MAX_EXPOSURES:
                settings = replace(settings, integration_ms=allowed)
    if end is not ExposureEnd.REACHED:
        settings, level = _best(settings, tried)
    settings = replace(settings, accumulations=accumulations)
    device.configure(settings)
    end, reason = _dark_limited(acquirer, deadline, end, reason)
    return ExposureResult(settings, level, end, reason, tuple(tried))


def brightest(raw: RawScan) -> float:
    """Return the level of the brightest feature, 0 at the bias and 1 at saturation.

    A feature is three neighbouring pixels: their median is not moved by one cosmic ray or hot pixel.
    """
    detector = raw.info.detector
    counts = np.where(raw.saturated, detector.saturation_counts, raw.counts)
    middle = np.median(np.stack([counts[:-2], counts[1:-1], counts[2:]]), axis=0)
    bias = detector.bias_counts or 0.0
    return float(min((middle.max() - bias) / (detector.saturation_counts - bias), 1.0))


def _factor(tried: list[tuple[float, float]]) -> float:
    """Return the factor on the last exposure tried."""
    level = tried[-1][1]
    saturated = sum(1 for _, seen in tried if seen >= 1.0)
    if level >= 1.0:
        return SATURATED_STEPS[min(saturated, len(SATURATED_STEPS)) - 1]
    return AIM / max(level, 1e-6)


def _at_the_limit(level: float, integration_ms: float) -> tuple[ExposureEnd, str]:
    if level < LOW:
        return (
            ExposureEnd.TOO_FAINT,
            f"the longest exposure, {integration_ms:g} ms, gives {100 * level:.0f} % of full scale",
        )
    return (
        ExposureEnd.TOO_BRIGHT,
        f"the shortest exposure, {integration_ms:g} ms, gives {100 * level:.0f} % of full scale",
    )


def _best(settings: ScanSettings, tried: list[tuple[float, float]]) -> tuple[ScanSettings, float]:
    """Return the longest exposure that did not saturate, else the shortest tried."""
    usable = [(ms, level) for ms, level in tried if level <= HIGH]
    ms, level = max(usable) if usable else min(tried)
    return replace(settings, integration_ms=ms), level


def _dark_limited(
    acquirer: Acquirer, deadline: Deadline, end: ExposureEnd, reason: str
) -> tuple[ExposureEnd, str]:
    """Say so where dark current or room light, not the sample, fills the detector: the dark is taken here."""
    dark = acquirer.dark(deadline)
    if dark is not None and brightest(dark) > DARK_PART:
        return ExposureEnd.DARK_LIMITED, (
            f"without the laser {dark.integration_ms:g} ms give {100 * brightest(dark):.0f} % of full "
            "scale: shade the sample or cool the detector"
        )
    return end, reason
