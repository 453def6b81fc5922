"""HDF5 stores of many spectra: a NeXus group NXdata with one axis, read a row at a time.

Small files of this kind are read as a whole, in a process of their own, by `spectriage.spectra.formats`. A
store may be larger than memory. It is given by name, as the input of a batch, and its rows are read where
they lie: of the group that is the file's default, or of its first with ``signal`` and ``axes``, the signal of
shape (…, points), and the last axis of shape (points,). Only data sets of the file itself are read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np

from spectriage.library.files.places import file_system, is_url, typed_access
from spectriage.library.inputs.item import Item, Kind
from spectriage.spectra.errors import FormatError
from spectriage.spectra.spectrum import MAX_POINTS, Spectrum

MAX_GROUPS = 5_000
LABEL_CHARS = 200
_REMEDY = "a store is an NXdata group with signal (spectra, points) and axes, the last of which (points)"


@contextmanager
def _opened(path: str) -> Iterator[Any]:
    import h5py

    with typed_access(path):
        source: Any = path
        if is_url(path):
            system, inner = file_system(path)
            source = system.open(inner, "rb")
        with h5py.File(source, "r") as file:
            yield file


def is_store(path: str) -> bool:
    """Whether an HDF5 file has a NeXus group of spectra; a library has none."""
    with _opened(path) as file:
        return "format" not in file.attrs and next(_data_groups(file), None) is not None


def store_items(path: str) -> Iterator[Item]:
    """Yield the spectra of a store by their numbers from 1.

    Raises
    ------
    FormatError
        When it is none.
    """
    rows = StoreRows(path)
    for row in range(len(rows)):
        yield Item(str(row + 1), path, row=row, kind=Kind.STORE)


class StoreRows:
    """The spectra of one store."""

    def __init__(self, path: str) -> None:
        self.path = path
        with _opened(path) as file:
            signal, scale = self._found(file)
            self._shape = tuple(int(n) for n in signal.shape)
            self.axis = np.asarray(scale[()], dtype=np.float64)
            name = str(_text(scale.attrs.get("long_name", "")) or scale.name.rpartition("/")[2])
            unit = _text(scale.attrs.get("units", ""))
            self.label = f"{name} ({unit})" if unit else name
            self._laser_nm = _laser(file)
        self._axis_sha = hashlib.sha256(self.axis.tobytes()).digest()
        self._block = (0, np.empty((0, self.axis.size)))

    def __len__(self) -> int:
        return int(np.prod(self._shape[:-1], dtype=np.int64))

    def _found(self, file: Any) -> tuple[Any, Any]:
        group = next(_data_groups(file), None)
        if group is None:
            raise FormatError("this HDF5 file holds no spectra", where=self.path, remedy=_REMEDY)
        axes = [_text(name) for name in np.atleast_1d(group.attrs["axes"])]
        signal = _own(group, _text(group.attrs["signal"]))
        scale = _own(group, axes[-1] if axes else "")
        if signal is None or scale is None or signal.ndim < 2 or scale.shape != signal.shape[-1:]:
            raise FormatError(f"{group.name} is no store", where=self.path, remedy=_REMEDY)
        if not 1 <= scale.size <= MAX_POINTS:
            raise FormatError(f"its axis has {scale.size:,} points", where=self.path, remedy=_REMEDY)
        return signal, scale

    def _row(self, row: int) -> Any:
        """Return one spectrum's numbers; some that follow are read with it."""
        start, block = self._block
        if not start <= row < start + len(block):
            if not 0 <= row < len(self):
                raise FormatError(f"the store has no spectrum {row + 1}", where=self.path, remedy=_REMEDY)
            inner = self._shape[-2]
            outer, first = divmod(row, inner)
            last = min(inner, first + max(1, 2**20 // self.axis.size))
            with _opened(self.path) as file:
                signal, _ = self._found(file)
                at = np.unravel_index(outer, self._shape[:-2]) if len(self._shape) > 2 else ()
                block = np.asarray(signal[(*map(int, at), slice(first, last))], dtype=np.float64)
            start = row
            self._block = (start, block)
        return block[row - start]

    def digest(self, row: int) -> str:
        """Return the hash of a spectrum's axis and intensities."""
        return hashlib.sha256(self._axis_sha + self._row(row).astype("<f8").tobytes()).hexdigest()

    def spectrum(self, row: int) -> Spectrum:
        """Return one spectrum, its axis read as `spectriage.spectra.formats` reads axes.

        Raises
        ------
        FormatError, SpectrumError
            When it is none.
        """
        from spectriage.spectra.formats.axis import Role, role_of, to_spectrum
        from spectriage.spectra.formats.source import Source

        source = Source(f"{self.path}, spectrum {row + 1}", self.path.rpartition("/")[2], [])
        intensity = self._row(row)
        if not (np.all(np.isfinite(intensity)) and np.all(np.isfinite(self.axis))):
            raise FormatError("a value is not finite", where=source.where(), remedy="leave the row out")
        role = role_of(self.label)
        return to_spectrum(
            source,
            self.axis,
            intensity,
            lambda i: f"{source.where()}, point {i + 1}",
            role=role if role is not Role.INTENSITY else Role.OTHER,
            name=self.label,
            metadata={"format": "nexus", "axis": self.label},
            history=(f"read nexus: spectrum {row + 1}",),
            excitation_nm=self._laser_nm,
        )


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        value = value.ravel()[0] if value.size else ""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.strip()[:LABEL_CHARS]


def _own(group: Any, name: str) -> Any:
    """Return a data set of the file itself; None for a link elsewhere, or anything else."""
    import h5py

    if name in ("", ".") or "/" in name:
        return None
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        return None
    found = group[name]
    own = isinstance(found, h5py.Dataset) and not found.external and not found.is_virtual
    return found if own and np.issubdtype(found.dtype, np.number) else None


def _groups(file: Any) -> Iterator[Any]:
    import h5py

    waiting = [file]
    while waiting:
        group = waiting.pop(0)
        yield group
        for name in group:
            hard = isinstance(group.get(name, getlink=True), h5py.HardLink)
            if hard and group.get(name, getclass=True) is h5py.Group:
                waiting.append(group[name])


def _data_groups(file: Any) -> Iterator[Any]:
    """Yield the NXdata groups with a signal and axes, the file's default first."""
    found = [
        group
        for group in islice(_groups(file), MAX_GROUPS)
        if _text(group.attrs.get("NX_class", "")) == "NXdata"
        and "signal" in group.attrs
        and "axes" in group.attrs
    ]
    default = "/" + "/".join(_default(file))
    yield from sorted(found, key=lambda group: group.name != default)


def _default(file: Any) -> Iterator[str]:
    import h5py

    group = file
    for _ in range(4):
        name = _text(group.attrs.get("default", ""))
        if not name or "/" in name or group.get(name, getclass=True) is not h5py.Group:
            return
        yield name
        group = group[name]


def _laser(file: Any) -> float | None:
    """Return the only wavelength of a beam that the file states in nm; None where it states none."""
    found = set()
    for group in islice(_groups(file), MAX_GROUPS):
        if _text(group.attrs.get("NX_class", "")) != "NXbeam":
            continue
        for name in ("wavelength", "incident_wavelength"):
            dataset = _own(group, name)
            if dataset is not None and dataset.size == 1 and _text(dataset.attrs.get("units", "nm")) == "nm":
                found.add(float(np.asarray(dataset[()]).ravel()[0]))
    lasers = [value for value in found if 200.0 <= value <= 2000.0]
    return lasers[0] if len(lasers) == 1 else None
