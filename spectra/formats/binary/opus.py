"""Bruker OPUS, through the package `brukeropus`: the Raman spectra of a file, one or a series.

The package's own way in also decodes test reports, and trusts the sizes and counts in a file: a damaged one
makes it loop for ever. So its blocks are taken one by one, and their sizes are looked at first.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import FormatError
from spectriage.spectra.formats import head as heads
from spectriage.spectra.formats.axis import Role, to_spectrum
from spectriage.spectra.formats.binary.guard import check_count, damaged, package, point, typed_errors
from spectriage.spectra.formats.contents import Contents, unique_names
from spectriage.spectra.formats.source import Source
from spectriage.spectra.spectrum import MAX_POINTS, Spectrum

_MAX_BLOCKS = 200
_MAX_SERIES_BYTES = 64 * 2**20
_RAMAN = 10
_KINDS = {2: "an interferogram", 4: "absorbance", 5: "transmittance", 6: "Kubelka-Munk", 12: "reflectance"}
_AXES = {"WN": (Role.SHIFT, "Wavenumber (cm-1)"), "RS": (Role.SHIFT, "Raman shift (cm-1)")}


def _check_parameters(source: Source, block: Any) -> None:
    """Refuse parameters whose sizes do not lead on to the next."""
    at, raw = 0, block.bytes
    while at + 8 <= len(raw) and raw[at : at + 3] != b"END":
        words = struct.unpack_from("<h", raw, at + 6)[0]
        if words < 0:
            raise damaged(source, f"a parameter has a size of {2 * words} bytes")
        at += 8 + 2 * words


def _check_series(source: Source, block: Any) -> None:
    if len(block.bytes) < 24:
        raise damaged(source, "a series of spectra has no header")
    _, count, offset, size, info, stored = struct.unpack_from("<6i", block.bytes, 0)
    # Spectra of no bytes would be counted on for ever; not all that are counted need be stored.
    sane = count >= 1 and size >= 4 and min(offset, info, stored) >= 0
    if not sane or count * size > _MAX_SERIES_BYTES or max(size, 8 * stored) > len(block.bytes):
        raise damaged(source, f"a series of {count:,} spectra of {size:,} bytes does not fit into its block")


def _blocks(source: Source, data: bytes) -> list[Any]:
    """Return the decoded blocks of parameters and data."""
    parse = package("brukeropus.file.parse", source, "Bruker OPUS")
    block_of = package("brukeropus.file.block", source, "Bruker OPUS").FileBlock
    _, start, most, _ = parse.parse_header(data)
    if not 0 < start < len(data) or not 0 < most <= _MAX_BLOCKS:
        raise damaged(source, f"its directory of {most:,} blocks is at byte {start:,}")
    found = []
    for kind, size, at in parse.parse_directory(data[start : start + 12 * most]):
        if size < 0 or at + size > len(data):
            raise damaged(source, f"a block of {size:,} bytes at byte {at:,} does not fit into the file")
        block = block_of(filebytes=data, block_type=kind, size=size, start=at)
        if block.is_param():
            _check_parameters(source, block)
        elif block.is_data_series():
            _check_series(source, block)
        elif not block.is_data():
            continue
        block.parse()
        if block.parse_error:
            raise damaged(source, f"a block at byte {at:,} cannot be decoded")
        found.append(block)
    return found


def _refuse_other(source: Source, blocks: list[Any]) -> FormatError:
    kinds = {
        _KINDS[b.type[3] % 32]
        for b in blocks
        if (b.is_data() or b.is_data_series()) and b.type[3] % 32 in _KINDS
    }
    held = ", ".join(sorted(kinds)) or "no spectrum"
    return FormatError(
        f"the file holds {held}; not a Raman spectrum",
        where=source.where(),
        remedy="give a Raman spectrum, or export it from OPUS as a data point table",
    )


def _excitation(parameters: dict[str, Any]) -> float | None:
    """Return the wavelength in nm of the Raman laser, whose wavenumber OPUS keeps as RLW."""
    value = parameters.get("rlw")
    if isinstance(value, float) and 5_000.0 <= value <= 50_000.0:
        return 1e7 / value
    return None


def _arrays(source: Source, spectrum: Any) -> tuple[FloatArray, FloatArray]:
    """Return the axis and the intensities, shape (spectra, points)."""
    y = np.atleast_2d(np.asarray(spectrum.y, dtype=np.float64))
    x = np.asarray(spectrum.x, dtype=np.float64)
    if x.ndim != 1 or y.shape[1] < x.size or x.size > MAX_POINTS:
        raise damaged(source, f"its axis has {x.size:,} points, its spectra {y.shape[1]:,}")
    return x, y[:, : x.size]


def read_opus(source: Source, data: bytes) -> Contents:
    """Read the Raman spectra of an OPUS file.

    Raises
    ------
    FormatError
        For a file without a Raman spectrum, a damaged one, and when the package is missing.
    """
    with typed_errors(source, "Bruker OPUS"):
        blocks = _blocks(source, data)
        parameters: dict[str, Any] = {}
        for block in blocks:
            if isinstance(block.data, dict) and block.is_param() and not block.is_data_status():
                parameters.update(block.data)
        pair = package("brukeropus.file.block", source, "Bruker OPUS").pair_data_and_status_blocks
        classes = package("brukeropus.file.data", source, "Bruker OPUS")
        found: list[tuple[FloatArray, FloatArray, str, dict[str, Any]]] = []
        raman = [b for b in blocks if b.is_data_status() or b.type[3] % 32 == _RAMAN]
        for block, status in pair(raman):
            known = dict(status.data)
            if not 1 <= int(known.get("npt", 0)) <= MAX_POINTS:
                raise damaged(source, f"a spectrum has {known.get('npt')} points")
            kind = classes.Data if block.is_data() else classes.DataSeries
            x, y = _arrays(source, kind(block, status, key="ra", vel=0))
            found.extend((x, row, str(known.get("dxu", "")), known) for row in y)
    if not found:
        raise _refuse_other(source, blocks)
    check_count(source, len(found))
    return _contents(source, found, parameters)


def _contents(
    source: Source,
    found: list[tuple[FloatArray, FloatArray, str, dict[str, Any]]],
    parameters: dict[str, Any],
) -> Contents:
    names = unique_names([str(i + 1) for i in range(len(found))]) if len(found) > 1 else (source.stem,)
    said = {key.upper(): str(value)[:2_000] for key, value in parameters.items()}
    laser = _excitation(parameters)

    def load(i: int) -> Spectrum:
        x, y, unit, known = found[i]
        role, name = _AXES.get(unit, (Role.OTHER, unit or "axis without a unit"))
        return to_spectrum(
            source,
            x,
            y,
            point(source),
            role=role,
            name=name,
            metadata={
                **heads.described(
                    format="opus",
                    path=source.name,
                    axis=name,
                    title=said.get("SNM"),
                    date=str(known["dat"]) if "dat" in known else None,
                    instrument=said.get("INS"),
                ),
                "head": said,
            },
            history=("read opus" if len(found) == 1 else f"read opus: spectrum {names[i]}",),
            excitation_nm=laser,
        )

    return Contents(source, names, load)
