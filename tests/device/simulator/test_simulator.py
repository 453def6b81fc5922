import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectriage.device.contract.clock import Deadline
from spectriage.device.contract.errors import DeviceError, DeviceNotFoundError, DeviceURIError
from spectriage.device.contract.uri import parse_uri
from spectriage.device.simulator.lines import lines_of
from spectriage.device.simulator.mixture import PACKAGINGS, find_material, parse_mixture
from spectriage.device.simulator.perturbation import (
    MEASURED,
    MEASURED_OFFSETS_CM,
    MEASURED_RESIDUALS,
    draw_unit,
    perturb_lines,
)
from spectriage.device.simulator.simulator import open_simulator
from spectriage.device.testing.permits import bench_permit
from spectriage.library.building.render import render
from spectriage.library.catalogue import find_entry
from spectriage.spectra.baseline.methods import arpls

GRID = np.arange(410.0, 1800.0, 2.0)


def opened(text):
    return open_simulator(parse_uri(text))


def spectrum_of(text):
    device = opened(text)
    dark = device.acquire(Deadline.after(1e6, device.clock))
    device.laser_on(bench_permit())
    return device.acquire(Deadline.after(1e6, device.clock)).with_dark(dark).to_spectrum()


# -- reproducible, labelled -----------------------------------------------------------------------

URI = "sim:acetaminophen+polyethylene:0.3?packaging=ldpe&integration_ms=1000&seed=1"


def test_one_uri_gives_the_same_bytes():
    first, second = spectrum_of(URI), spectrum_of(URI)
    assert first == second
    assert first.intensity.tobytes() == second.intensity.tobytes()


def test_another_seed_gives_another_scan_and_unit():
    a, b = opened("sim:caffeine?seed=1"), opened("sim:caffeine?seed=2")
    assert a.info.serial != b.info.serial
    assert not np.array_equal(
        spectrum_of("sim:caffeine?seed=1").shift, spectrum_of("sim:caffeine?seed=2").shift
    )
    same = [spectrum_of(f"sim:caffeine?seed={seed}&unit=7") for seed in (1, 2)]
    assert np.array_equal(same[0].shift, same[1].shift)
    assert not np.array_equal(same[0].intensity, same[1].intensity)


def test_every_scan_says_that_it_is_simulated_and_how():
    spectrum = spectrum_of(URI)
    assert spectrum.metadata["origin"] == "simulated"
    assert spectrum.metadata["perturbation"] == "measured"
    assert spectrum.metadata["simulated_sample"] == (("acetaminophen", 0.7), ("polyethylene", 0.3))
    plain = opened("sim:caffeine?perturbation=none")
    assert any("unperturbed" in note for note in plain.info.notes)
    assert spectrum_of("sim:caffeine?perturbation=none").metadata["perturbation"] == "unperturbed"


def test_a_dark_shows_no_sample():
    device = opened("sim:caffeine")
    dark = device.acquire(Deadline.after(1e6, device.clock))
    assert dark.metadata["laser_mw"] == 0.0
    assert np.percentile(dark.counts, 99) < 1100.0


# -- as different from its reference as instruments are from each other ---------------------------


def residual(a, b):
    """Relative residual norm after baseline, best scale and best shift; and that shift."""
    a, b = a - arpls(a, lam=1e5), b - arpls(b, lam=1e5)
    best = (np.inf, 0.0)
    for offset in np.arange(-10.0, 10.1, 0.5):
        moved = np.interp(GRID, GRID + offset, b)
        cosine = (a @ moved) / np.sqrt((a @ a) * (moved @ moved))
        best = min(best, (np.sqrt(max(0.0, 1.0 - cosine**2)), offset))
    return best


PAIRED = (
    *("acetaminophen", "acetone", "acetonitrile", "benzene", "calcium carbonate", "cyclohexane", "ethanol"),
    *("glucose", "glycerol", "isopropanol", "lactose", "methanol", "sucrose", "toluene", "urea"),
)


def simulated_residuals(count, extra=""):
    found = []
    for i, name in enumerate(PAIRED):
        entry = find_entry(name)
        reference = render(
            entry.bands,
            GRID,
            resolution_cm=8.0,
            lorentz_fraction=entry.lorentz_fraction,
            contained_resolution_cm=entry.resolution_cm,
        )
        for seed in range(count):
            scan = spectrum_of(f"sim:{entry.id}?seed={1000 * i + seed}{extra}")
            found.append(residual(np.interp(GRID, scan.shift, scan.intensity), reference))
    return np.array(found)


def test_simulated_scans_differ_from_references_as_real_instruments_do():
    from scipy.stats import ks_2samp

    found = simulated_residuals(6)
    assert np.median(found[:, 0]) == pytest.approx(np.median(MEASURED_RESIDUALS), abs=0.04)
    assert ks_2samp(found[:, 0], MEASURED_RESIDUALS).pvalue > 0.05
    measured_rms = np.sqrt(np.mean(np.square(MEASURED_OFFSETS_CM)))
    assert np.sqrt(np.mean(found[:, 1] ** 2)) == pytest.approx(measured_rms, rel=0.3)


def test_unperturbed_scans_do_not():
    found = simulated_residuals(1, "&perturbation=none")
    assert np.median(found[:, 0]) < 0.5 * np.median(MEASURED_RESIDUALS)


def test_the_measured_residuals_are_those_of_the_measured_spectra(measured):
    """Where `MEASURED_RESIDUALS` comes from: two instruments, the same materials."""
    from spectriage.spectra.formats import read_spectrum

    found = []
    for path in sorted((measured / "wasatch-785-2024").glob("*.csv")):
        other = measured / "wasatch-785xs-2026" / path.name
        if not other.is_file() or path.stem in ("fructose", "linseed oil"):
            continue
        pair = [read_spectrum(p) for p in (path, other)]
        found.append(residual(*(np.interp(GRID, s.shift, s.intensity) for s in pair)))
    values, offsets = np.array(found).T
    assert np.allclose(np.sort(values), MEASURED_RESIDUALS, atol=0.01)
    assert np.allclose(np.sort(offsets), np.sort(MEASURED_OFFSETS_CM), atol=0.5)


def test_a_perturbed_sample_keeps_its_summed_intensity():
    lines = lines_of(find_entry("caffeine"))
    other = perturb_lines(lines, MEASURED, np.random.default_rng(3))
    assert other.total == pytest.approx(lines.total)
    assert np.std(other.shift_cm - lines.shift_cm) > 0.3
    assert not np.allclose(other.area / other.total, lines.area / lines.total, rtol=0.05)


def test_units_differ_by_the_stated_axis_error():
    errors = [draw_unit(MEASURED, np.random.default_rng(i)).axis_error_cm[0] for i in range(2000)]
    assert np.std(errors) == pytest.approx(MEASURED.offset_cm, rel=0.1)


# -- mixtures -------------------------------------------------------------------------------------


def fractions(path):
    return [component.fraction for component in parse_mixture(parse_uri(f"sim:{path}"))]


def test_unnamed_fractions_share_what_is_left():
    assert fractions("a") == [1.0]
    assert fractions("a+b:0.1") == pytest.approx([0.9, 0.1])
    assert fractions("a+b+c:0.5") == pytest.approx([0.25, 0.25, 0.5])
    assert fractions("a:0.25+b:0.75") == [0.25, 0.75]


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("", "no sample"),
        ("a+", "has no name"),
        ("a:x", "'x' of 'a'"),
        ("a:0+b", "above 0"),
        ("a:-0.5+b", "above 0"),
        ("a:nan+b", "above 0"),
        ("a:0.7+b:0.7", "sum to 1.4"),
        ("a:1+b", "leave nothing"),
        ("a:0.3+b:0.3", "sum to 0.6"),
        ("a+A", "twice"),
        ("+".join("abcdefghijklmnopq"), "more than 16"),
    ],
)
def test_bad_mixtures_are_refused(path, problem):
    with pytest.raises(DeviceURIError, match=problem):
        parse_mixture(parse_uri(f"sim:{path}"))


@given(st.lists(st.one_of(st.none(), st.floats(0.001, 0.5)), min_size=1, max_size=6))
def test_fractions_always_sum_to_one_or_are_refused(given_fractions):
    path = "+".join(
        f"m{i}" if value is None else f"m{i}:{value!r}" for i, value in enumerate(given_fractions)
    )
    try:
        found = fractions(path)
    except DeviceURIError:
        return
    assert sum(found) == pytest.approx(1.0)
    assert all(value > 0.0 for value in found)


def test_a_signal_fraction_is_a_share_of_the_raman_photons():
    """Calcite's line at 1086 and polystyrene's at 1001 do not overlap: their areas are the fractions."""
    common = "perturbation=none&fluorescence=0&integration_ms=2000"

    def area(text, low, high):
        spectrum = spectrum_of(f"sim:{text}?{common}")
        keep = (spectrum.shift > low) & (spectrum.shift < high)
        counts = spectrum.intensity[keep]
        return counts.sum() - np.median(np.sort(counts)[:10]) * counts.size, spectrum.intensity.sum()

    pure, pure_total = area("calcite", 1065.0, 1108.0)
    mixed, mixed_total = area("calcite:0.4+polystyrene", 1065.0, 1108.0)
    assert (mixed / mixed_total) / (pure / pure_total) == pytest.approx(0.4, abs=0.06)


def test_a_material_without_bands_cannot_be_a_fraction_of_the_signal():
    with pytest.raises(DeviceURIError, match="sodium chloride"):
        opened("sim:sodium chloride:0.5+caffeine")
    assert spectrum_of("sim:sodium chloride").intensity.std() > 0.0


def test_unknown_names_and_options_are_typed_errors():
    with pytest.raises(DeviceNotFoundError, match="caffeine"):
        opened("sim:cafeine")
    for text, part in [
        ("sim:caffeine?sede=1", "sede"),
        ("sim:caffeine?packaging=wood", "wood"),
        ("sim:caffeine?packaging=ldpe:x", "strength"),
        ("sim:caffeine?packaging=ldpe:99", "between 0 and 10"),
        ("sim:caffeine?preset=532", "preset"),
        ("sim:caffeine?integration_ms=1e9", "integration_ms"),
        ("sim:caffeine?perturbation=some", "perturbation"),
        ("sim:caffeine?seed=-1", "seed"),
        ("sim:caffeine?laser_mw=1e4", "laser_mw"),
    ]:
        with pytest.raises(DeviceURIError, match=part):
            opened(text)


@pytest.mark.parametrize("name", [name for name in PACKAGINGS if name != "none"])
def test_every_packaging_is_in_the_catalogue(name):
    assert lines_of(find_material(PACKAGINGS[name].entry, "here")).total > 0.0


@given(st.text(max_size=40), st.text(max_size=20))
@settings(max_examples=50, deadline=None)
def test_any_uri_opens_or_is_a_typed_error(path, option):
    with contextlib.suppress(DeviceError):
        opened(f"sim:{path}?{option}").close()
