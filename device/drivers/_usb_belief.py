"""What of a USB device's answers can be believed: its memory and its frames."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from spectriage.device.contract.errors import DeviceProtocolError
from spectriage.device.contract.spectrometer import Axis
from spectriage.spectra.arrays import FloatArray


def checked_axis(wavelength_nm: FloatArray, where: str) -> Axis:
    """Return the axis read from a device's memory, shape (n,), in nm.

    Raises
    ------
    DeviceProtocolError
        When it is not finite, monotonic, between 150 and 2600 nm and at least 20 nm wide.
    """
    low, high = float(np.min(wavelength_nm)), float(np.max(wavelength_nm))
    sound = bool(np.all(np.isfinite(wavelength_nm))) and low >= 150.0 and high <= 2_600.0
    if sound:
        step = np.diff(wavelength_nm)
        sound = bool(np.all(step > 0) or np.all(step < 0)) and high - low >= 20.0
    if not sound:
        raise DeviceProtocolError(
            f"the wavelengths in the memory, {low:g} to {high:g} nm, are not those of a Raman spectrometer",
            where=where,
            remedy="the memory may be blank or corrupt: calibrate the device again",
        )
    return Axis(wavelength_nm=wavelength_nm, source=f"memory of {where}")


def memory_hash(*parts: bytes) -> str:
    """Return the SHA-256 of a device's calibration memory, to pin it to a serial number."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(4, "little"))
        digest.update(part)
    return digest.hexdigest()


def isolated_outliers(frame: FloatArray) -> NDArray[np.intp]:
    """Return the pixels that do not fit their four neighbours: a corrupt byte, a cosmic ray, a hot pixel.

    A pixel is compared with the cubic through two neighbours on each side. It stands out when it differs by
    more than 12 times the robust noise of the frame and by more than half the range of those neighbours, so
    that a Raman line of three pixels or more is not taken for one. What hides on a steeper flank, or changes
    a pixel by less than that, is not seen: neither protocol carries a check sum of its spectra.

    Parameters
    ----------
    frame
        Counts, shape (n,).

    Returns
    -------
    ndarray of int, shape (k,)
    """
    if frame.size < 16:
        return np.zeros(0, dtype=np.intp)
    left2, left1, right1, right2 = frame[:-4], frame[1:-3], frame[3:-1], frame[4:]
    predicted = (4.0 * (left1 + right1) - left2 - right2) / 6.0
    residual = np.abs(frame[2:-2] - predicted)
    noise = 1.4826 * float(np.median(residual)) + 1.0
    near = np.stack((left2, left1, right1, right2))
    span = near.max(axis=0) - near.min(axis=0)
    stands_out = (residual > 12.0 * noise) & (residual > 0.5 * span)
    # A wild pixel spoils the prediction of its neighbours: only the wildest of five is meant.
    padded = np.pad(residual, 2)
    wildest = residual >= np.lib.stride_tricks.sliding_window_view(padded, 5).max(axis=1)
    return np.flatnonzero(stands_out & wildest) + 2


def confirm(
    first: FloatArray, second: FloatArray, suspects: NDArray[np.intp]
) -> tuple[FloatArray, tuple[int, ...]]:
    """Decide by a second exposure which outliers are real.

    Parameters
    ----------
    first, second
        Two frames of one exposure time, shape (n,).
    suspects
        Outliers of the first; two pixels on either side are looked at as well.

    Returns
    -------
    tuple
        The first frame, with the value of the second where the two disagree at a suspect, shape (n,); and the
        pixels where neither can be believed.
    """
    noise = 1.4826 * float(np.median(np.abs(first - second))) + 1.0
    beside = (suspects[:, None] + np.arange(-2, 3)).ravel()
    suspects = np.unique(beside[(beside >= 0) & (beside < first.size)])
    differs = suspects[np.abs(first[suspects] - second[suspects]) > 8.0 * noise]
    merged = first.copy()
    merged[differs] = second[differs]
    both = np.intersect1d(differs, isolated_outliers(second))
    return merged, tuple(int(i) for i in both)
