"""What a library derives from its references, as the parts of a file: named groups of plain arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.derived import Coarse, Derived, NullScores, Projection
from spectriage.spectra.errors import LibraryError

PLAIN_NUMBERS = ("<f4", "<f8", "<i4", "<i8", "<u2", "|i1")
NULL, SERS_NULL, COARSE, PROJECTION = "null", "null sers", "coarse", "projection "
NULL_ARRAYS = ("levels", "wrong", "right", "added_wrong", "added_right")
PROJECTION_ARRAYS = ("basis", "first", "second", "scales", "tails")
OLD_NULL, OLD_COARSE, OLD_PROJECTION = "contrast-", "looks-", "topk "
"""How the names of groups began in files of schema 1."""


class Part(NamedTuple):
    """A group of a file.

    Parameters
    ----------
    about
        Numbers and texts, kept as JSON.
    arrays
        By name.
    """

    about: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


def parts_of(derived: Derived) -> dict[str, Part]:
    """Return the groups under ``/derived`` by name, in order."""
    parts = {}
    if derived.coarse is not None:
        parts[COARSE] = Part({"method": derived.coarse.method}, {"rows": derived.coarse.rows})
    for name, null in ((NULL, derived.null), (SERS_NULL, derived.sers_null)):
        if null is not None:
            about = {
                "method": null.method,
                "seed": null.seed,
                "simulated": "from the library's own references",
            }
            parts[name] = Part(about, {array: getattr(null, array) for array in NULL_ARRAYS})
    for key, projection in derived.projections.items():
        parts[PROJECTION + key] = Part({}, {name: getattr(projection, name) for name in PROJECTION_ARRAYS})
    return dict(sorted(parts.items()))


def derived_from(parts: Mapping[str, Part]) -> Derived:
    """Return what the groups of a file of schema 2 hold.

    Raises
    ------
    LibraryError
        When a group is of no such kind, or one of its arrays is missing or one too many.
    """
    nulls: dict[str, NullScores] = {}
    coarse, projections = None, {}
    for name, part in parts.items():
        if name in (NULL, SERS_NULL):
            about = part.about
            arrays = _arrays(name, part, NULL_ARRAYS)
            nulls[name] = NullScores(**arrays, method=str(about["method"]), seed=int(about["seed"]))
        elif name == COARSE:
            coarse = Coarse(**_arrays(name, part, ("rows",)), method=str(part.about["method"]))
        elif name.startswith(PROJECTION):
            projection = Projection(**_arrays(name, part, PROJECTION_ARRAYS))
            projections[name.removeprefix(PROJECTION)] = projection
        else:
            raise LibraryError(f"/derived/{name} is nothing that a library derives")
    return Derived(nulls.get(NULL), coarse, projections, nulls.get(SERS_NULL))


def derived_from_schema_1(parts: Mapping[str, Part]) -> Derived:
    """Return what the groups under ``/null`` of a file of schema 1 hold; others were kept and never read.

    Raises
    ------
    LibraryError
        When an array of one of them is missing.
    """
    renamed = {}
    for name, (about, arrays) in parts.items():
        if name.startswith(OLD_NULL):
            renamed[NULL] = Part({"method": name, "seed": about.get("seed", 0)}, arrays)
        elif name.startswith(OLD_COARSE):
            method = f"{COARSE}-{name.removeprefix(OLD_COARSE)}"
            renamed[COARSE] = Part({"method": method}, arrays)
        elif name.startswith(OLD_PROJECTION):
            # four codes stood in each number
            codes = {key: arrays[key].view(np.int8) for key in ("first", "second") if key in arrays}
            renamed[PROJECTION + name.removeprefix(OLD_PROJECTION)] = Part({}, {**arrays, **codes})
    return derived_from(renamed)


def _arrays(name: str, part: Part, wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
    if set(part.arrays) != set(wanted):
        raise LibraryError(
            f"/derived/{name} holds {', '.join(sorted(part.arrays)) or 'nothing'}, not {', '.join(wanted)}"
        )
    return dict(part.arrays)


def check_parts(parts: Mapping[str, Part], may_name: Callable[[str], object]) -> None:
    """Refuse groups whose names or arrays a file cannot hold; `may_name` says of a name whether it can."""
    for key, part in parts.items():
        for name, array in part.arrays.items():
            if not (may_name(key) and may_name(name)) or name == "about" or "." in (key, name):
                raise LibraryError(f"{key!r}, {name!r} cannot name what a library derives")
            if array.dtype.str not in PLAIN_NUMBERS or not 1 <= array.ndim <= 3 or not array.size:
                raise LibraryError(f"what is derived, {key!r}, has an array {name!r} not of plain numbers")
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise LibraryError(f"what is derived, {key!r}, has an array {name!r} that is not finite")
