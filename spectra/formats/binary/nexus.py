"""NeXus files (HDF5) with a Raman spectrum: the application definition NXraman, and others like it.

Source: the NeXus definitions NXraman, NXoptical_spectroscopy and NXdata, https://manual.nexusformat.org.
"""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np

from spectriage.spectra.errors import FormatError
from spectriage.spectra.formats import head as heads
from spectriage.spectra.formats.axis import Role, role_of, to_spectrum
from spectriage.spectra.formats.binary.guard import check_count, damaged, point
from spectriage.spectra.formats.binary.nexus_worker import REFUSED, Found, unpacked
from spectriage.spectra.formats.contents import Contents
from spectriage.spectra.formats.source import Source
from spectriage.spectra.spectrum import Spectrum

WORKER = "spectriage.spectra.formats.binary.nexus_worker"
MAX_SECONDS = 30


def _extracted(source: Source) -> Found:
    """Return what the worker finds in the file; give it up after a while."""
    command = [sys.executable, "-m", WORKER, source.path]
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=MAX_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise damaged(
            source, f"the HDF5 library does not come to an end with it in {MAX_SECONDS} s"
        ) from None
    except OSError as error:
        raise FormatError(
            f"a process to read HDF5 in cannot be started: {error.strerror}",
            where=source.where(),
            remedy="export the spectrum as text",
        ) from None
    if done.returncode == REFUSED:
        what, remedy = json.loads(done.stdout)
        raise FormatError(str(what), where=source.where(), remedy=str(remedy))
    if done.returncode != 0:
        raise damaged(source, "the HDF5 library fails on it")
    return unpacked(done.stdout)


def _ending(said: dict[str, str], *ends: str) -> str | None:
    return next((value for end in ends for key, value in said.items() if key.endswith(end) and value), None)


def read_nexus(source: Source) -> Contents:
    """Read the Raman spectra of a NeXus file; those of a map go by their coordinates.

    Raises
    ------
    FormatError
        For an HDF5 file without an NXdata group, another technique, and arrays that do not fit one another.
    NotAShiftAxisError
        When the axis is neither a Raman shift, nor a wavelength with a stated laser.
    """
    found = _extracted(source)
    check_count(source, len(found.names))
    role = role_of(found.label)
    resolution = heads.number(
        found.said, *(key for key in found.said if key.endswith("/as_stated/resolution"))
    )
    seconds = heads.number(found.said, *(key for key in found.said if key.endswith("/count_time")))

    def load(i: int) -> Spectrum:
        intensity, deviation = found.intensity[i], None if found.errors is None else found.errors[i]
        if not (np.all(np.isfinite(found.axis)) and np.all(np.isfinite(intensity))):
            raise damaged(source, "a value is not finite")
        known = deviation is not None and bool(np.all(np.isfinite(deviation)))
        return to_spectrum(
            source,
            found.axis,
            intensity,
            point(source),
            role=role if role is not Role.INTENSITY else Role.OTHER,
            name=found.label,
            metadata={
                **heads.described(
                    format="nexus",
                    path=source.name,
                    axis=found.label or None,
                    column=found.signal,
                    title=_ending(found.said, "/title", "/sample/name"),
                    date=_ending(found.said, "/start_time", "/end_time", "/as_stated/date"),
                    instrument=_ending(found.said, "/device_information/model", "/instrument/name"),
                    serial=_ending(found.said, "/serial_number"),
                    integration_ms=None if seconds is None else 1e3 * seconds,
                ),
                "head": found.said,
            },
            history=("read nexus" if len(found.names) == 1 else f"read nexus: spectrum {found.names[i]!r}",),
            variance=deviation**2 if known and deviation is not None else None,
            excitation_nm=found.laser_nm,
            resolution_cm=resolution if resolution is not None and 0.0 < resolution <= 200.0 else None,
        )

    return Contents(source, found.names, load)
