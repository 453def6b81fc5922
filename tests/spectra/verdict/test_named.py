"""What is too few lines to rule anything out by."""

import pytest

from spectriage.spectra.fitting.band_support import BandSupport
from spectriage.spectra.reference import Reference
from spectriage.spectra.verdict.component import Component
from spectriage.spectra.verdict.named import rests_on_few_lines


def part(name: str, lines: int) -> Component:
    """A component of which so many separate bands are needed."""
    bands = tuple(
        BandSupport(shift_cm=400.0 + 200.0 * place, height=1.0, remaining=0.0, shared_phenyl=False)
        for place in range(lines)
    )
    return Component(Reference(name, name), name, 0.5, 0.4, 0.6, 0.5, 1.0, bands=bands)


@pytest.mark.parametrize(
    ("lines", "offset_cm", "few"),
    [
        ((1,), 0.0, True),
        ((2,), 0.0, False),
        ((2,), 5.0, True),
        ((3,), 5.0, False),
        ((1, 1), 0.0, True),
        ((1, 1, 1), 0.0, True),
        ((2, 1), 0.0, False),
        ((), 0.0, True),
    ],
)
def test_several_materials_of_one_line_each_are_too_few(lines, offset_cm, few):
    parts = [part(f"material {place}", count) for place, count in enumerate(lines)]
    assert rests_on_few_lines(parts, offset_cm) is few
