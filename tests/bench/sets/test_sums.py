import numpy as np
import pytest

from spectriage.bench.sets.names import Names
from spectriage.bench.sets.references import library_of
from spectriage.bench.sets.states import is_solid
from spectriage.bench.sets.sums import Aligner, add_parts, area, band_count, highest, make_part
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.signal import DEFAULT_GRID
from spectriage.spectra.spectrum import Spectrum


def _bands(places, heights, low=250.0, high=2100.0):
    shift = np.arange(low, high, 1.0)
    values = sum(h / (1 + ((shift - p) / 4.0) ** 2) for p, h in zip(places, heights, strict=True))
    return Spectrum(shift, 50.0 + values)


def test_shares_are_shares_of_the_area_between_400_and_1800():
    first = make_part(_bands([500, 900, 1950], [100, 50, 900]), "a", "unit", "area")
    second = make_part(_bands([700, 1300], [30, 80]), "b", "unit", "area")
    assert first is not None
    assert second is not None
    assert area(first.values) == pytest.approx(1.0)
    total = add_parts((first, second), (0.8, 0.2))
    # an oracle of its own: integrate what each band region holds
    shift, values = total.shift, np.maximum(total.intensity, 0.0)
    mine = sum(values[(shift > p - 60) & (shift < p + 60)].sum() for p in (700, 1300))
    all_of_it = values[(shift >= 400) & (shift <= 1800)].sum()
    assert mine / all_of_it == pytest.approx(0.2, abs=0.03)


def test_noise_is_as_said_and_repeats_with_its_seed():
    part = make_part(_bands([600, 1000], [100, 60]), "a", "unit", "area")
    assert part is not None
    sigma = highest(part) / 30.0
    one, two = (add_parts((part,), (1.0,), noise=sigma, seed=(1, k)) for k in (1, 2))
    clean = add_parts((part,), (1.0,))
    assert np.std(one.intensity - clean.intensity) == pytest.approx(clean.intensity.max() / 30.0, rel=0.1)
    assert not np.array_equal(one.intensity, two.intensity)
    again = add_parts((part,), (1.0,), noise=sigma, seed=(1, 1))
    assert np.array_equal(one.intensity, again.intensity)


@pytest.mark.parametrize("moved", [-7.0, -2.5, 0.0, 3.25, 9.0])
def test_the_aligner_finds_by_how_much_an_axis_is_off(world, moved):
    references = library_of(world.second, companions=False)
    aligner = Aligner(references, world.first.names)
    item = world.first.items[0]
    right = aligner.offset(item.spectrum, item.substance)
    spectrum = item.spectrum.with_step("off", shift=item.spectrum.shift + moved)
    assert aligner.offset(spectrum, item.substance) == pytest.approx(right - moved, abs=0.3)


def test_what_resembles_nothing_of_its_name_stays_where_it_is(world):
    aligner = Aligner(library_of(world.second, companions=False), world.first.names)
    assert aligner.offset(_bands([555], [10]), "substance a") == 0.0
    assert aligner.offset(world.first.items[0].spectrum, "unheard of") == 0.0


def test_bands_are_counted_above_five_percent():
    part = make_part(_bands([500, 700, 900, 1100], [100, 50, 10, 2]), "a", "unit", "area")
    assert part is not None
    assert band_count(part) == 3


def test_a_flat_spectrum_is_no_part_and_an_unknown_norm_is_refused():
    flat = Spectrum(DEFAULT_GRID.shift, np.full(len(DEFAULT_GRID), 7.0))
    assert make_part(flat, "a", "unit", "area") is None
    with pytest.raises(ParameterError):
        make_part(flat, "a", "unit", "height")


def test_states():
    assert is_solid("Caffeine")
    assert is_solid("sodium_carbonate")
    assert not is_solid("Benzyl Alcohol")
    assert not is_solid("linseed oil")
    assert not is_solid("Silicon")
    assert Names().substance("ethanol") == "ethanol"
    assert not is_solid("ethanol")
