"""Find the spectra in a NeXus file (HDF5), in a process of its own.

The HDF5 library loops for ever, or crashes, on some damaged files. It runs here apart from the caller's
process, which waits for a limited time: ``python -m spectriage.spectra.formats.binary.nexus_worker PATH``.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import FormatError
from spectriage.spectra.formats.binary.guard import damaged, typed_errors
from spectriage.spectra.formats.contents import unique_names
from spectriage.spectra.formats.source import Source, clip
from spectriage.spectra.spectrum import MAX_POINTS

REFUSED = 3
_MAX_GROUPS = 5_000
_MAX_NUMBERS = 16_000_000
_MAX_ADDRESS_BYTES = 4 * 2**30
_NANOMETRES = {"nm": 1.0, "nanometer": 1.0, "nanometre": 1.0, "m": 1e9, "um": 1e3, "angstrom": 0.1, "å": 0.1}


@dataclass(frozen=True)
class Found:
    """The spectra of a file: one axis, and intensities of shape (spectra, points)."""

    axis: FloatArray
    intensity: FloatArray
    errors: FloatArray | None
    names: tuple[str, ...]
    label: str
    signal: str
    laser_nm: float | None
    said: dict[str, str]


def _text(value: Any) -> str:
    if isinstance(value, h5py.Dataset):
        if value.size != 1 or value.dtype.itemsize > 10_000:
            return ""
        value = value[()]
    if isinstance(value, np.ndarray):
        value = value.ravel()[0] if value.size else ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip()[:2_000]
    return str(value).strip()[:2_000]


def _kind(group: Any) -> str:
    return _text(group.attrs.get("NX_class", ""))


def _groups(file: Any) -> Iterator[Any]:
    """Yield the groups of a file, never following a link into another file."""
    waiting, count = [file], 0
    while waiting:
        group = waiting.pop(0)
        yield group
        for name in group:
            count += 1
            if count > _MAX_GROUPS:
                return
            hard = isinstance(group.get(name, getlink=True), h5py.HardLink)
            if hard and group.get(name, getclass=True) is h5py.Group:
                waiting.append(group[name])


def _member(group: Any, name: str) -> Any:
    # "." says that a dimension has no axis; HDF5 has it for the group itself
    if name in ("", ".") or "/" in name or name not in group:
        return None
    link = group.get(name, getlink=True)
    found = None if isinstance(link, h5py.ExternalLink) else group[name]
    return found if isinstance(found, h5py.Dataset) and not found.external else None


def _numbers(source: Source, dataset: Any) -> FloatArray:
    if dataset.size > _MAX_NUMBERS or not np.issubdtype(dataset.dtype, np.number) or np.iscomplexobj(dataset):
        raise FormatError(
            f"the data set {clip(dataset.name)} holds {dataset.size:,} values of {dataset.dtype}, no spectra",
            where=source.where(),
            remedy="give a file with one spectrum or one map",
        )
    return np.asarray(dataset[()], dtype=np.float64)


def _axes(group: Any) -> list[str]:
    axes = group.attrs.get("axes", ())
    if isinstance(axes, str | bytes):
        return [_text(axes)]
    return [_text(name) for name in np.atleast_1d(axes)][:8]


def _data_groups(file: Any) -> list[Any]:
    """Return the NXdata groups with a signal and axes; one that is the default comes first."""
    found = [g for g in _groups(file) if _kind(g) == "NXdata" and "signal" in g.attrs and "axes" in g.attrs]
    group: Any = file
    for _ in range(4):
        name = _text(group.attrs.get("default", ""))
        if not name or "/" in name or group.get(name, getclass=True) is not h5py.Group:
            break
        group = group[name]
    return sorted(found, key=lambda g: g.name != group.name)


def _laser(file: Any) -> float | None:
    """Return the wavelength in nm of the beam that is named incident, or the only one."""
    found: dict[bool, set[float]] = {True: set(), False: set()}
    for group in _groups(file):
        if _kind(group) != "NXbeam":
            continue
        for name in ("wavelength", "incident_wavelength"):
            dataset = _member(group, name)
            unit = (
                _NANOMETRES.get(_text(dataset.attrs.get("units", "nm")).lower())
                if dataset is not None
                else None
            )
            if dataset is None or unit is None or dataset.size != 1:
                continue
            value = float(np.asarray(dataset[()]).ravel()[0]) * unit
            if 200.0 <= value <= 2_000.0:
                found["incident" in group.name].add(round(value, 9))
    lasers = found[True] or found[False]
    return lasers.pop() if len(lasers) == 1 else None


def _names(source: Source, group: Any, axes: list[str], shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return a name for each spectrum: its coordinates where they are stated, else its indexes from 1."""
    if not shape:
        return (source.stem,)
    scales: list[list[str]] = []
    for k, size in enumerate(shape):
        dataset = _member(group, axes[k]) if k < len(axes) - 1 else None
        if dataset is not None and dataset.shape == (size,) and np.issubdtype(dataset.dtype, np.number):
            scales.append([f"{value:.7g}" for value in np.asarray(dataset[()], dtype=np.float64)])
        else:
            scales.append([str(i + 1) for i in range(size)])
    return unique_names(
        [",".join(s[i] for s, i in zip(scales, at, strict=True)) for at in np.ndindex(*shape)]
    )


def _entry_said(file: Any) -> dict[str, str]:
    said: dict[str, str] = {}
    for group in _groups(file):
        if _kind(group) in (
            "NXentry",
            "NXsample",
            "NXfabrication",
            "NXinstrument",
            "NXdetector",
            "NXcollection",
        ):
            for name in group:
                dataset = _member(group, name)
                if dataset is not None and dataset.size == 1 and len(said) < 200:
                    said[f"{group.name}/{name}".lstrip("/")] = _text(dataset)
    return said


def find_spectra(source: Source, file: Any) -> Found:
    """Return the spectra of the group that is the file's default, or of its first; raises as `read_nexus`."""
    groups = _data_groups(file)
    if not groups:
        raise FormatError(
            "this is an HDF5 file without a NeXus spectrum (a group NXdata with signal and axes)",
            where=source.where(),
            remedy="if it is a library, give it as the library; else export the spectrum as NXraman or text",
        )
    said = _entry_said(file)
    kinds = {value for key, value in said.items() if key.endswith("/definition")}
    if kinds and not any("raman" in kind.lower() or kind == "NXoptical_spectroscopy" for kind in kinds):
        raise FormatError(
            f"it follows the definition {clip(kinds.pop())}; not a Raman spectrum",
            where=source.where(),
            remedy="give a Raman spectrum",
        )
    group = groups[0]
    axes = _axes(group)
    signal, scale = _member(group, _text(group.attrs["signal"])), _member(group, axes[-1] if axes else "")
    if signal is None or scale is None or scale.ndim != 1 or signal.ndim < 1:
        raise damaged(source, f"the group {clip(group.name)} names a signal or axis that is not there")
    intensity, axis = _numbers(source, signal), _numbers(source, scale)
    if intensity.shape[-1] != axis.size or not 1 <= axis.size <= MAX_POINTS:
        raise damaged(source, f"its axis has {axis.size:,} points, its spectra {intensity.shape[-1]:,}")
    errors = _member(group, f"{_text(group.attrs['signal'])}_errors")
    deviation = _numbers(source, errors) if errors is not None and errors.shape == signal.shape else None
    label = f"{_text(scale.attrs.get('long_name', axes[-1]))} ({_text(scale.attrs.get('units', ''))})"
    return Found(
        axis,
        intensity.reshape(-1, axis.size),
        None if deviation is None else deviation.reshape(-1, axis.size),
        _names(source, group, axes, intensity.shape[:-1]),
        label.replace(" ()", ""),
        _text(group.attrs["signal"]),
        _laser(file),
        said,
    )


def packed(found: Found) -> bytes:
    """Return what was found as the bytes of a NumPy archive."""
    said = {
        "names": found.names,
        "label": found.label,
        "signal": found.signal,
        "laser_nm": found.laser_nm,
        "said": found.said,
    }
    errors: dict[str, Any] = {} if found.errors is None else {"errors": found.errors}
    file = io.BytesIO()
    text = np.frombuffer(json.dumps(said).encode(), np.uint8)
    np.savez(file, axis=found.axis, intensity=found.intensity, said=text, **errors)
    return file.getvalue()


def unpacked(data: bytes) -> Found:
    """Return what `packed` made."""
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        said = json.loads(file["said"].tobytes())
        return Found(
            file["axis"],
            file["intensity"],
            file.get("errors"),
            tuple(said["names"]),
            said["label"],
            said["signal"],
            said["laser_nm"],
            said["said"],
        )


def main(path: str) -> int:
    """Write what is found in a file to standard output; or the error as JSON, with exit code `REFUSED`."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MAX_ADDRESS_BYTES, _MAX_ADDRESS_BYTES))
    source = Source(path, Path(path).name, [])
    try:
        with typed_errors(source, "HDF5"), h5py.File(path, "r") as file:
            data = packed(find_spectra(source, file))
    except FormatError as error:
        sys.stdout.buffer.write(json.dumps([error.what, error.remedy]).encode())
        return REFUSED
    sys.stdout.buffer.write(data)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
