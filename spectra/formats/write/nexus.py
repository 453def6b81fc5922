"""Spectra as NeXus: the application definition NXraman.

Source: the NeXus definitions NXraman and NXoptical_spectroscopy, https://manual.nexusformat.org.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import h5py
import numpy as np

from spectriage.spectra.formats.source import StrPath
from spectriage.spectra.formats.write.whole import WriteError, whole_file
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.version import __version__

DEFINITION_VERSION = "v2024.02"
_URL = "https://manual.nexusformat.org/classes/applications/NXraman.html"
_NOT_STATED = "not stated"


def _group(parent: Any, name: str, kind: str) -> Any:
    group = parent.create_group(name)
    group.attrs["NX_class"] = kind
    return group


def _number(parent: Any, name: str, value: Any, units: str) -> Any:
    dataset = parent.create_dataset(name, data=np.asarray(value))
    dataset.attrs["units"] = units
    return dataset


def _time(date: object) -> str | None:
    """Return a date with its time zone as ISO 8601; None for others, which the definition does not allow."""
    text = re.sub(r"^(\d{4}-\d{2}-\d{2}) ", r"\1T", str(date or "").strip())
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if time.tzinfo is None else time.isoformat()


def _instrument(entry: Any, spectrum: Spectrum) -> None:
    metadata = spectrum.metadata
    instrument = _group(entry, "instrument", "NXinstrument")
    instrument["scattering_configuration"] = _NOT_STATED
    beam = _group(instrument, "beam_incident", "NXbeam")
    beam["parameter_reliability"] = "nominal"
    for name in ("wavelength", "incident_wavelength"):
        _number(beam, name, spectrum.excitation_nm, "nm")
    source = _group(instrument, "source_laser", "NXsource")
    source["type"] = "Laser"
    source["associated_beam"] = "/entry/instrument/beam_incident"
    detector = _group(instrument, "detector_spectrometer", "NXdetector")
    detector["detector_channel_type"] = "multichannel"
    if metadata.get("integration_ms") is not None:
        _number(detector, "count_time", float(metadata["integration_ms"]) / 1e3, "s")
    if metadata.get("instrument") or metadata.get("serial"):
        device = _group(instrument, "device_information", "NXfabrication")
        device["model"] = str(metadata.get("instrument", _NOT_STATED))
        if metadata.get("serial"):
            device["serial_number"] = str(metadata["serial"])


def _as_stated(entry: Any, spectrum: Spectrum) -> None:
    """Keep what the definition has no place for: a date without time zone, a resolution, a verdict."""
    stated = _group(entry, "as_stated", "NXcollection")
    for name in ("date", "record", "verdict"):
        if spectrum.metadata.get(name):
            stated[name] = str(spectrum.metadata[name])
    if spectrum.resolution_cm is not None:
        _number(stated, "resolution", spectrum.resolution_cm, "1/cm")


def _data(entry: Any, spectrum: Spectrum) -> None:
    data = _group(entry, "data", "NXdata")
    data.attrs["signal"] = "intensity"
    data.attrs["axes"] = ["raman_shift"]
    data.attrs["raman_shift_indices"] = [0]
    shift = _number(data, "raman_shift", spectrum.shift, "1/cm")
    shift.attrs["long_name"] = "Raman shift"
    intensity = _number(data, "intensity", spectrum.intensity, "counts")
    intensity.attrs["long_name"] = "Intensity"
    if spectrum.variance is not None:
        _number(data, "intensity_errors", np.sqrt(spectrum.variance), "counts")


def write_nexus(spectrum: Spectrum, path: StrPath, *, sample: str = "") -> None:
    """Write a spectrum as NeXus with the fields that NXraman requires.

    Shift and intensity read back the same to the last bit, the variance to rounding: NeXus keeps its root.

    Parameters
    ----------
    spectrum
        What to write; its laser wavelength must be known.
    path
        The file; an old one is replaced.
    sample
        Name of the sample; the spectrum's title when empty.

    Raises
    ------
    WriteError
        When the laser wavelength is not known, which the definition requires, or the file cannot be written.
    """
    if spectrum.excitation_nm is None:
        raise WriteError(
            "NXraman requires the wavelength of the laser, and the spectrum does not state it",
            where=str(path),
            remedy="give the spectrum an excitation_nm, or write CSV or JCAMP-DX",
        )
    title = str(spectrum.metadata.get("title") or spectrum.metadata.get("path") or "Raman spectrum")
    with whole_file(path) as name, h5py.File(name, "w") as file:
        file.attrs["NX_class"] = "NXroot"
        file.attrs["default"] = "entry"
        file.attrs["creator"] = f"Spectriage {__version__}"
        entry = _group(file, "entry", "NXentry")
        entry.attrs["default"] = "data"
        entry["definition"] = "NXraman"
        entry["definition"].attrs["version"] = DEFINITION_VERSION
        entry["definition"].attrs["URL"] = _URL
        entry["title"] = title
        start = _time(spectrum.metadata.get("date"))
        if start is not None:
            entry["start_time"] = start
        entry["experiment_type"] = "Raman spectroscopy"
        entry["raman_experiment_type"] = _NOT_STATED
        # none of the types that the definition lists
        entry["raman_experiment_type"].attrs["custom"] = True
        _instrument(entry, spectrum)
        _group(entry, "sample", "NXsample")["name"] = sample or title
        notes = _group(entry, "history", "NXnote")
        notes["description"] = "\n".join(spectrum.history) or "as measured"
        _as_stated(entry, spectrum)
        _data(entry, spectrum)
