"""Which components may be named, and what is too few lines to rule anything out by."""

from types import SimpleNamespace

import pytest

from spectriage.spectra.evidence.sighting import Sighting
from spectriage.spectra.fitting.band_list import BandSupport
from spectriage.spectra.policy import Policy
from spectriage.spectra.reference import Reference
from spectriage.spectra.verdict.component import Component
from spectriage.spectra.verdict.named import may_be_named, rests_on_few_lines

FIT = SimpleNamespace(similarity=0.8, axis=SimpleNamespace(offset_cm=0.0))


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


@pytest.mark.parametrize(
    ("probability", "sighting", "fraction", "named"),
    [
        (0.9, Sighting(12.0, 1.0, 0.0, 5, 5), 1.0, True),
        (0.5, Sighting(12.0, 1.0, 0.0, 5, 5), 1.0, False),
        # nearly every band of many is there: evident, whatever the whole looks like
        (0.5, Sighting(30.0, 0.97, 0.03, 21, 19), 1.0, True),
        (0.5, Sighting(30.0, 0.97, 0.08, 21, 19), 1.0, False),
        (0.5, Sighting(30.0, 0.97, 0.03, 7, 7), 1.0, False),
        # bands that would have to show are not there
        (0.99, Sighting(-2.0, 0.7, 0.3, 7, 2), 1.0, False),
        # those of a small part hide beside others
        (0.99, Sighting(2.0, 0.7, 0.3, 7, 2), 0.1, True),
    ],
)
def test_a_name_needs_its_bands(probability, sighting, fraction, named):
    own = part("sucrose", 4)._replace(probability=probability, sighting=sighting, spectral_fraction=fraction)
    assert may_be_named(own, [own], frozenset(), FIT, Policy()) is named
