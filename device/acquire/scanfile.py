"""Write a scan as a CSV with a head, one line a pixel, that `read_spectrum` reads with its variance.

The layout is the column-ordered one of handheld vendors: ``key,value`` lines, then ``Pixel``, ``Wavelength``,
``Wavenumber``, ``Raw``, ``Dark`` and ``Processed`` (raw minus dark).
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from spectriage.device.contract.files import write_whole
from spectriage.device.contract.rawscan import RawScan


def scan_csv(raw: RawScan) -> str:
    """Return a scan as CSV text, pixels ascending in shift.

    Raises
    ------
    CalibrationError
        When no shift axis is known.
    """
    shift = raw.axis.shift(raw.excitation_nm)
    columns = {"Pixel": np.arange(shift.size, dtype=np.float64)}
    if raw.axis.wavelength_nm is not None:
        columns["Wavelength"] = raw.axis.wavelength_nm
    columns["Wavenumber"] = shift
    columns["Raw"] = raw.counts
    if raw.dark is not None:
        columns["Dark"] = raw.dark
        columns["Processed"] = raw.counts - raw.dark
    order = slice(None) if shift[0] < shift[-1] else slice(None, None, -1)
    out = io.StringIO()
    for key, value in _head(raw).items():
        out.write(f"{key},{value}\n")
    out.write(",".join(columns) + "\n")
    np.savetxt(out, np.column_stack(list(columns.values()))[order], fmt="%.10g", delimiter=",")
    return out.getvalue()


def _head(raw: RawScan) -> dict[str, str]:
    info, detector = raw.info, raw.info.detector
    head = {
        "Origin": str(info.origin),
        "Serial Number": info.serial,
        "Model": f"{info.maker} {info.model}",
        "Detector": detector.name,
        "Timestamp": raw.started.isoformat(),
        "Integration Time": f"{raw.integration_ms:g}",
        "Scan Averaging": str(raw.accumulations),
        "Dark Averaging": str(raw.dark_accumulations),
        "Saturation Level": f"{detector.saturation_counts:g}",
        "Saturated Pixels": str(int(np.count_nonzero(raw.saturated))),
    }
    optional = {
        "Laser Wavelength": raw.excitation_nm,
        "Resolution": info.resolution_cm,
        "gain (electrons per count)": detector.gain_e,
        "Read Noise (electrons)": detector.read_noise_e,
        "Bias": detector.bias_counts,
    }
    head |= {key: f"{value:.10g}" for key, value in optional.items() if value is not None}
    if "perturbation" in raw.metadata:
        head["Perturbation"] = str(raw.metadata["perturbation"])
    head["Device"] = info.uri
    return {key: " ".join(value.split()) for key, value in head.items()}


def write_scan(raw: RawScan, path: Path) -> None:
    """Write a scan to `path`, whole or not at all.

    Raises
    ------
    ScanFileError
        When it cannot be written.
    """
    write_whole(scan_csv(raw), path)
