"""How a native spectrum remembers what it was read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spectriage.library.importing.found import Found, Original
from spectriage.spectra.spectrum import Spectrum


def with_original(found: Found) -> Spectrum:
    """Return a spectrum that says in its metadata which file it was read from, and which part of it."""
    if found.original is None:
        return found.spectrum
    about = {"sha256": found.original.sha256, "name": found.original.name, "which": found.which}
    return replace(found.spectrum, metadata={**found.spectrum.metadata, "original": about})


def kept_original(
    native: Spectrum, originals: Mapping[str, NDArray[np.uint8]]
) -> tuple[Original | None, str]:
    """Return the file that a native spectrum was read from, and which part of it; None when none is kept."""
    about = native.metadata.get("original")
    if not isinstance(about, Mapping) or about.get("sha256") not in originals:
        return None, ""
    content = originals[about["sha256"]].tobytes()
    return Original(str(about.get("name", "")), content), str(about.get("which", ""))


def native_key(native: Spectrum) -> str:
    """Return the `Found.key` that a native spectrum was imported under; empty when it was not imported."""
    import hashlib

    about = native.metadata.get("original")
    if not isinstance(about, Mapping):
        return ""
    return hashlib.sha256(f"{about.get('sha256')}\0{about.get('which')}".encode()).hexdigest()
