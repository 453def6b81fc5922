"""ramanchada2's exchange files (``.cha``): HDF5, a dataset of two rows (axis, counts) a spectrum.

Its attributes are texts and numbers. Only plain numbers of bounded size are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spectriage.spectra.errors import FormatError, SpectrumError
from spectriage.spectra.spectrum import MAX_POINTS, Spectrum

MAX_SPECTRA = 10_000


def read_cha(path: Path) -> dict[str, Spectrum]:
    """Read the spectra of a ``.cha`` file, by the name of their dataset.

    Raises
    ------
    FormatError
        When it is none, or a dataset is no spectrum.
    """
    import h5py

    where = str(path)
    found: dict[str, Spectrum] = {}
    try:
        with h5py.File(path, "r", locking=False) as file:
            names: list[str] = []
            file.visititems(lambda name, node: names.append(name) if isinstance(node, h5py.Dataset) else None)
            for name in names[:MAX_SPECTRA]:
                found[name] = _spectrum(file[name], name, where)
    except (OSError, RuntimeError, KeyError) as error:
        raise FormatError(f"is no file of ramanchada2: {error}", where=where) from None
    if not found:
        raise FormatError("holds no spectra", where=where)
    return found


def _spectrum(dataset: Any, name: str, where: str) -> Spectrum:
    shape = dataset.shape
    plain = dataset.dtype.kind in "fiu" and not dataset.external
    if len(shape) != 2 or shape[0] != 2 or not plain or not 8 <= shape[1] <= MAX_POINTS:
        raise FormatError(f"/{name} is not an axis and as many counts", where=where)
    table = np.asarray(dataset[()], dtype=np.float64)
    metadata = {str(key): str(value) for key, value in dataset.attrs.items()}
    laser = metadata.get("laser_wl") or metadata.get("wavelength") or ""
    excitation = float(laser) if laser.replace(".", "", 1).isdigit() and 200 <= float(laser) <= 2000 else None
    try:
        return Spectrum(
            table[0], table[1], None, excitation, None, {"format": "cha", "head": metadata}, ("read cha",)
        )
    except SpectrumError as error:
        raise FormatError(f"/{name}: {error}", where=where) from None


def write_cha(path: Path, spectra: Mapping[str, Spectrum]) -> None:
    """Write spectra as ramanchada2 reads them; the file must not exist.

    Raises
    ------
    FormatError
        When it exists or cannot be written.
    """
    import h5py

    try:
        with h5py.File(path, "x") as file:
            for name, spectrum in spectra.items():
                dataset = file.create_dataset(name, data=np.stack([spectrum.shift, spectrum.intensity]))
                dataset.attrs["Original file"] = str(spectrum.metadata.get("path", name))
                if spectrum.excitation_nm is not None:
                    dataset.attrs["laser_wl"] = f"{spectrum.excitation_nm:g}"
                for step, text in enumerate(spectrum.history):
                    dataset.attrs[f"history {step:03d}"] = text
    except (OSError, ValueError) as error:
        raise FormatError(f"cannot be written: {error}", where=str(path)) from None
