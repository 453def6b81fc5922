"""Writing fitted bands as catalogue entries."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spectriage.library.bands.extraction import Extraction, FittedBand


def band_line(band: FittedBand) -> str:
    """Return one band as a line of TOML, with as many digits as its uncertainty deserves."""
    u = band.uncertainty
    shape = round(band.lorentz_fraction, 2)
    spread = ", ".join((f"{max(u[0], 0.05):.2g}", f"{u[1]:.2g}", f"{u[2]:.2g}", f"{min(u[3], 0.5):.2g}"))
    return (
        f"  {{ shift = {band.shift_cm:.1f}, height = {_height(band.height)}, fwhm = {band.fwhm_cm:.1f}, "
        f"shape = {shape:g}, u = [{spread}] }},"
    )


def _height(value: float) -> str:
    return "100" if value > 99.95 else f"{max(value, 0.01):.3g}"


def bands_text(extraction: Extraction) -> str:
    """Return the fields of an entry that the fit knows, as TOML."""
    bands, last = [], 0.0
    for band in extraction.bands:
        # Two bands that print at one position are told apart by nobody: the catalogue's must ascend.
        if round(band.shift_cm, 1) <= last:
            continue
        last = round(band.shift_cm, 1)
        bands.append(band_line(band))
    return "\n".join(
        [
            "resolution_cm = 0",
            f"instrument_cm = {extraction.resolution_cm:g}",
            f"range_cm = [{extraction.low_cm:g}, {extraction.high_cm:g}]",
            f"model_cosine = {min(extraction.cosine, 1.0):.3f}",
            f"model_v = {extraction.similarity:.3f}",
            "bands = [",
            *bands,
            "]",
        ]
    )


def entry_text(extraction: Extraction, fields: Mapping[str, Any]) -> str:
    """Return one catalogue entry as TOML.

    Parameters
    ----------
    extraction
        What was fitted.
    fields
        What else the entry says: at least ``id``, ``substance``, ``class``, ``tier``, ``confidence``,
        ``licence`` and ``citation``.
    """
    head = [f"{name} = {_value(value)}" for name, value in fields.items() if value not in ("", None, ())]
    return "\n".join(["[[entry]]", *head, bands_text(extraction)]) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return f"{value:g}"


def notes(extraction: Extraction) -> str:
    """Say how the table was made: packaging, axis, resolution."""
    parts = []
    if extraction.axis is not None:
        axis = extraction.axis
        parts.append(
            f"Axis read {axis.offset_cm:+.1f} ± {axis.uncertainty_cm:.1f} cm-1 by {len(axis.lines)} lines of "
            f"{axis.material}: subtracted."
        )
    for entry, share in extraction.packaging:
        parts.append(f"{entry.substance} ({entry.id}) was fitted along: {share:.0%} of the area.")
    parts.append(f"Widths without the instrument's {extraction.resolution_cm:g} cm-1.")
    return " ".join(parts)


def slug(text: str) -> str:
    """Return a text as an id."""
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-") or "entry"


def write_entries(path: Path, texts: Sequence[str], *, overwrite: bool = False) -> None:
    """Write entries into a catalogue file, whole or not at all, after reading them back.

    Raises
    ------
    LibraryError
        When the file exists or cannot be written.
    CatalogueError
        When an entry is not one.
    """
    from spectriage.library.catalogue import load_catalogue
    from spectriage.library.files.atomic import replacing

    with replacing(path, overwrite) as made:
        made.write_text("\n".join(texts), encoding="utf-8")
        load_catalogue([made])
