"""The whole engine on samples it has not drawn itself, and on measured spectra where they are at hand."""

from dataclasses import replace

import numpy as np
import pytest

from spectriage.library.catalogue import load_catalogue
from spectriage.spectra import Reference, ReferenceSet, Spectrum, Tier
from spectriage.spectra import identify as module
from spectriage.spectra.derived import Derived
from spectriage.spectra.errors import ParameterError, SpectrumError
from spectriage.spectra.formats import read_spectrum
from spectriage.spectra.identify import Identifier
from spectriage.spectra.policy.policy import Policy, Target
from spectriage.spectra.search.index import SearchIndex
from spectriage.spectra.verdict.identification import Identification
from spectriage.spectra.verdict.verdict import Verdict

CAFFEINE, PARACETAMOL = "caffeine-anhydrous-wasatch", "acetaminophen-form-1-wasatch"
HDPE = "polyethylene-hdpe-wasatch"


def without(library: ReferenceSet, *sets: str) -> ReferenceSet:
    """The library without what was extracted from these measured sets."""
    kept = {entry.id for entry in load_catalogue(leave_out=sets)}
    return library.subset(np.array([record.id in kept for record in library.records]))


# --- simulated: perturbed references -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "verdict", "reason"),
    [
        ({"fentanyl-hcl": 0.5, "mannitol-beta": 0.5}, Verdict.ALARM, "controlled:fentanyl-class"),
        ({"cocaine-hcl": 1.0}, Verdict.ALARM, "controlled:cocaine"),
        ({"rdx-alpha": 1.0}, Verdict.ALARM, "explosive:RDX"),
        ({"xylazine-hcl": 1.0}, Verdict.WARNING, "adulterant:xylazine"),
        ({"isotonitazene-base": 1.0}, Verdict.WARNING, "controlled:nitazene-class"),
        ({HDPE: 1.0}, Verdict.INCONCLUSIVE, "packaging-only"),
    ],
)
def test_the_verdict(engine, sample, parts, verdict, reason):
    for seed in range(3):
        result = engine.identify(sample(parts, seed=seed))
        assert (result.verdict, result.reason) == (verdict, reason), result.summary


def test_a_material_that_the_library_lacks_is_unknown(library, sample):
    kept = np.array([record.family not in ("caffeine", "theophylline") for record in library.records])
    engine = Identifier(library.subset(kept))
    for seed in range(4):
        result = engine.identify(sample({CAFFEINE: 1.0}, seed=seed))
        assert result.verdict is Verdict.INCONCLUSIVE
        assert result.reason in ("unknown", "partly-unknown")


def test_a_target_that_only_computed_references_show_is_not_watched(library, sample):
    records = tuple(
        replace(record, tier=Tier.COMPUTED) if record.family == "cocaine" else record
        for record in library.records
    )
    policy = Policy(targets=(Target("cocaine", ("cocaine",)),), lod=0.9)
    spectrum = sample({CAFFEINE: 1.0}, times=0.1)
    assert Identifier(library, policy).identify(spectrum).verdict is Verdict.NO_ALARM
    result = Identifier(replace(library, records=records), policy).identify(spectrum)
    assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, "limit-of-detection")
    assert "cocaine (not in the library)" in result.summary


def test_a_scan_leaves_nothing_behind_for_the_next(library, sample):
    # a target by the name of a hazard that nobody watches for
    policy = Policy(targets=(Target("cocaine", ("heroin",)),))
    used = Identifier(library, policy)
    used.identify(sample({"cocaine-hcl": 1.0}))
    heroin = sample({"heroin-hcl": 1.0})
    assert used.identify(heroin).to_json() == Identifier(library, policy).identify(heroin).to_json()


@pytest.mark.parametrize("offset", [-6.0, 0.0, 5.0])
def test_the_axis_error_is_reported(engine, sample, offset):
    result = engine.identify(sample({PARACETAMOL: 1.0}, seed=1, times=0.1, offset_cm=offset))
    assert result.components[0].claim == "acetaminophen"
    assert result.axis_offset_cm == pytest.approx(-offset, abs=2.0)


def test_an_implausible_axis_is_reported_not_absorbed(engine, sample):
    result = engine.identify(sample({PARACETAMOL: 1.0}, seed=1, times=0.1, offset_cm=30.0))
    assert result.verdict is Verdict.INCONCLUSIVE
    assert abs(result.axis_offset_cm) <= 8.0


def test_health_forbids_a_conclusion_but_not_an_alarm(engine, sample):
    benign = engine.identify(sample({CAFFEINE: 1.0}, seed=1), health="Calibration out of date.")
    assert (benign.verdict, benign.reason) == (Verdict.INCONCLUSIVE, "instrument")
    assert "Calibration out of date." in benign.summary
    alarm = engine.identify(sample({"cocaine-hcl": 1.0}, seed=1), health="Calibration out of date.")
    assert alarm.verdict is Verdict.ALARM


def test_a_saturated_scan_is_inconclusive(engine, sample):
    seen = sample({CAFFEINE: 1.0}, seed=1)
    clipped = seen.with_step("clip", intensity=np.minimum(seen.intensity, 0.5 * seen.intensity.max()))
    result = engine.identify(clipped)
    assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, "saturated")
    assert result.quality.saturated


def test_packaging_can_be_named_or_left_out(library, sample):
    bagged = sample({PARACETAMOL: 0.6, HDPE: 0.4}, seed=1)
    for packaging, seen in (("auto", True), ("polyethylene", True), ("none", False), (["glass"], False)):
        result = Identifier(library, packaging=packaging).identify(bagged)
        assert any("polyethylene" in part.reference.id for part in result.packaging) is seen
        assert "acetaminophen" in {part.claim for part in result.components}
    with pytest.raises(ParameterError, match="no packaging adamantium"):
        Identifier(library, packaging="adamantium")


def test_packaging_is_not_counted_in_the_fractions(engine, sample):
    result = engine.identify(sample({PARACETAMOL: 0.5, HDPE: 0.5}, seed=1))
    assert sum(part.spectral_fraction for part in result.components) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(("share", "low", "high"), [(0.3, 0.15, 0.5), (0.5, 0.3, 0.7), (0.7, 0.5, 0.85)])
def test_fractions_follow_what_was_put_in(engine, sample, share, low, high):
    parts = {CAFFEINE: share, "sucrose-crystalline-wasatch": 1.0 - share}
    fractions, covered = [], 0
    for seed in range(8):
        result = engine.identify(sample(parts, seed=seed))
        part = next(part for part in result.components if part.claim == "caffeine")
        fractions.append(part.spectral_fraction)
        covered += part.fraction_low <= share <= part.fraction_high
    assert low < np.median(fractions) < high
    assert covered >= 6


def test_candidates_carry_probabilities_that_leave_room_for_none(engine, sample):
    result = engine.identify(sample({CAFFEINE: 1.0}, seed=1))
    best = result.candidates[0]
    assert best.reference.family == "caffeine"
    assert best.probability is not None
    by_substance = {c.reference.substance: c.probability for c in result.candidates}
    assert 0.5 < best.probability < 1.0
    assert sum(by_substance.values()) <= 1.0 + 1e-9


def test_a_library_without_a_null_gives_no_probabilities(library, sample):
    bare = replace(library, derived=Derived())
    result = Identifier(bare).identify(sample({CAFFEINE: 1.0}, seed=1))
    assert result.candidates[0].probability is None
    assert result.components[0].p_value is None


def test_traces_add_up_to_the_measurement(engine, sample):
    seen = sample({CAFFEINE: 0.6, "sucrose-crystalline-wasatch": 0.4}, seed=1)
    traces = engine.identify(seen, traces=True).traces
    assert traces is not None
    measured = np.isfinite(traces.measured)
    np.testing.assert_allclose(
        traces.measured[measured], np.interp(traces.shift[measured], seen.shift, seen.intensity), rtol=0.3
    )
    fit = traces.baseline + sum(traces.parts.values())
    left, whole = (traces.measured - fit)[measured], (traces.measured - traces.baseline)[measured]
    # mismatch between instruments leaves a part, not the bands themselves
    assert np.linalg.norm(left) < 0.6 * np.linalg.norm(whole)
    assert engine.identify(seen).traces is None


@pytest.mark.parametrize(("level", "slope"), [(0.0, 0.0), (5.0, 0.0), (-3.0, 0.0), (100.0, 3.0)])
def test_a_constant_or_a_line_is_an_error(engine, level, slope):
    shift = np.arange(250.0, 1900.0, 2.0)
    with pytest.raises(SpectrumError, match="flat"):
        engine.identify(Spectrum(shift, level + slope * shift))


@pytest.mark.parametrize("factor", [1e-9, 1e9])
def test_the_unit_of_the_intensity_does_not_matter(engine, sample, factor):
    plain = sample({"cocaine-hcl": 0.5, "mannitol-beta": 0.5}, seed=1)
    scaled = Spectrum(plain.shift, factor * plain.intensity, factor**2 * plain.variance)
    one, other = engine.identify(plain), engine.identify(scaled)
    assert one.verdict is other.verdict
    assert [part.reference.id for part in one.components] == [part.reference.id for part in other.components]


def test_an_empty_library_is_an_error(library, sample):
    empty = library.subset(np.zeros(len(library), bool))
    with pytest.raises(ParameterError, match="no references"):
        Identifier(empty).identify(sample({CAFFEINE: 1.0}))


def test_no_overlap_is_an_error(engine):
    shift = np.arange(2600.0, 3400.0, 2.0)
    with pytest.raises(SpectrumError, match="shares fewer"):
        engine.identify(Spectrum(shift, np.random.default_rng(1).normal(size=shift.size)))


# --- measured ----------------------------------------------------------------------------------------------

SETS = ("wasatch-785-2024", "wasatch-785xs-2026")


HAZARDS = ("ammonium nitrate", "hydrogen peroxide")


@pytest.fixture(scope="module")
def whole(measured, engine) -> dict[str, Identification]:
    """Every measured spectrum of two units, by the shipped library."""
    paths = [path for name in SETS for path in sorted((measured / name).glob("*.csv"))]
    return {f"{path.parent.name}/{path.stem}": engine.identify(read_spectrum(path)) for path in paths}


@pytest.fixture(scope="module")
def left_out(measured, library) -> dict[str, Identification]:
    """The same, by a library without what was extracted from the set in question: many are unknown to it."""
    found = {}
    for name in SETS:
        engine = Identifier(without(library, name))
        for path in sorted((measured / name).glob("*.csv")):
            found[f"{name}/{path.stem}"] = engine.identify(read_spectrum(path))
    return found


def raised(answers: dict[str, Identification]) -> dict[str, str]:
    return {
        name: f"{result.verdict}: {result.summary}"
        for name, result in answers.items()
        if result.verdict in (Verdict.ALARM, Verdict.WARNING) and not name.endswith(HAZARDS)
    }


def test_the_sets_are_whole(whole):
    assert len(whole) == 105


def test_ammonium_nitrate_raises_its_warning(whole, left_out):
    for answers in (whole, left_out):
        result = answers["wasatch-785-2024/ammonium nitrate"]
        assert result.verdict is Verdict.WARNING
        assert result.reason.startswith("oxidiser:")


def test_no_benign_material_raises_anything(whole):
    assert raised(whole) == {}


def test_no_benign_material_of_another_unit_raises_anything(left_out):
    """The set of mixed origin, of which the library that remains knows most."""
    assert {name: why for name, why in raised(left_out).items() if name.startswith(SETS[0])} == {}


def test_few_materials_that_the_library_lacks_raise_anything(left_out):
    """Most of this set is then unknown. None should raise anything; no more than two of eighty may."""
    assert len({name: why for name, why in raised(left_out).items() if name.startswith(SETS[1])}) <= 2


def test_most_known_materials_are_named(whole):
    """Of those that are found to hold one substance or more, by the library that has them all."""
    named = [result for result in whole.values() if result.components or result.packaging]
    assert len(named) >= 0.9 * len(whole)


@pytest.mark.parametrize("name", ["Polyethylene", "Polypropylene", "PET", "PTFE"])
def test_packaging_alone_is_only_packaging(measured, library, name):
    result = Identifier(library).identify(read_spectrum(measured / "wasatch-785xs-2026" / f"{name}.csv"))
    assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, "packaging-only"), result.summary
    assert result.components == ()
    assert any(
        name.casefold() in part.reference.substance.casefold() or name.casefold() in part.reference.id
        for part in result.packaging
    )


PLAIN = [
    ("wasatch-785-2024", "acetaminophen.csv", None, "acetaminophen"),
    ("wasatch-785-2024", "sucrose.csv", None, "sucrose"),
    ("wasatch-785-2024", "lactose.csv", None, "lactose"),
    ("wasatch-785-2024", "urea.csv", None, "urea"),
    ("wasatch-785-2024", "toluene.csv", None, "toluene"),
    ("wasatch-785xs-2026", "sucrose.csv", None, "sucrose"),
    ("wasatch-785xs-2026", "lactose.csv", None, "lactose"),
    ("ramanbiolib", "raman_spectra_db.csv", "d-(+)-sucrose", "sucrose"),
    ("ramanbiolib", "raman_spectra_db.csv", "d-(+)-lactose monohydrate", "lactose"),
    ("ramanbiolib", "raman_spectra_db.csv", "lactose", "lactose"),
]


@pytest.mark.parametrize(("folder", "file", "which", "family"), PLAIN)
def test_a_plain_score_ranks_the_right_one_first(measured, library, folder, file, which, family):
    """Second derivative and cosine, by a library without what was extracted from the queried set."""
    index = SearchIndex(without(library, folder), "deriv2")
    best = index.search(read_spectrum(measured / folder / file, which=which), 3)
    assert best[0].reference.family == family, [match.reference.id for match in best]


@pytest.mark.parametrize("packaging", [["auto", "none"], ["none", "PET"], ["auto", "PET"]])
def test_packaging_is_auto_or_none_or_names(library, packaging):
    with pytest.raises(ParameterError, match="either auto, or none, or names"):
        Identifier(library, packaging=packaging)


def test_a_part_of_a_library_has_not_the_hash_of_the_whole(library, sample):
    keep = np.arange(len(library)) % 3 > 0
    result = Identifier(library.subset(keep)).identify(sample({CAFFEINE: 1.0}))
    assert result.library["sha256"] == ""
    assert result.library["name"].endswith("(part)")
    assert library.subset(np.ones(len(library), bool)).sha256 == library.sha256


def test_a_watched_reference_without_bands_or_area_is_never_visible(library):
    """A constant has no area; its limit is not a number that one could divide by."""
    shift = library.shift
    rng = np.random.default_rng(2)
    bands = (np.exp(-(((shift - rng.uniform(300, 2100, (8, 1))) / 9.0) ** 2))).sum(axis=0)
    records = (Reference("constant", "constant"), Reference("other", "other"))
    references = ReferenceSet(records, shift, np.array([np.full(shift.size, 5.0), bands], np.float32))
    engine = Identifier(references, Policy(targets=(Target("constant", ("constant",)),)))
    for seed in range(5):
        scan = Spectrum(shift, 100.0 + np.random.default_rng(seed).normal(size=shift.size))
        assert [target.lod for target in engine.identify(scan).targets] == [np.inf]


def test_an_axis_that_was_only_assumed_is_said(engine, sample):
    from dataclasses import replace

    from spectriage.spectra.verdict.identification import AXIS_ASSUMED

    spectrum = sample({"caffeine-anhydrous-wasatch": 1.0}, seed=1)
    assumed = replace(spectrum, metadata={**spectrum.metadata, "axis_assumed": "Raman shift"})
    assert AXIS_ASSUMED not in engine.identify(spectrum).notes
    result = engine.identify(assumed)
    assert AXIS_ASSUMED in result.notes
    assert AXIS_ASSUMED in result.to_json()["notes"]


@pytest.mark.parametrize("threads", [1, 2])
def test_many_are_identified_as_each_alone_in_their_order_with_errors_in_their_places(
    engine, sample, monkeypatch, threads
):
    monkeypatch.setattr(module, "TOGETHER", 3)
    scans = [sample({name: 1.0}, seed=seed) for seed, name in enumerate((CAFFEINE, PARACETAMOL) * 5)]
    scans[4] = Spectrum(scans[4].shift, np.full(len(scans[4]), 3.0))
    found = list(engine.identify_each(iter(scans), threads=threads))
    assert len(found) == len(scans)
    for place, (scan, made) in enumerate(zip(scans, found, strict=True)):
        if place == 4:
            assert isinstance(made, SpectrumError)
        else:
            assert made.json_text() == engine.identify(scan).json_text()


@pytest.mark.parametrize("threads", [1, 2])
def test_of_many_no_more_are_taken_than_are_under_way(engine, sample, monkeypatch, threads):
    monkeypatch.setattr(module, "TOGETHER", 2)
    scan, taken = sample({CAFFEINE: 1.0}, seed=1), []

    def endless():
        while True:
            taken.append(scan)
            yield scan

    answers = engine.identify_each(endless(), threads=threads)
    next(answers)
    answers.close()
    assert len(taken) <= 2 * threads * (module.WAITING + 1)


def test_fewer_threads_than_one_are_refused(engine):
    with pytest.raises(ParameterError, match="0 threads"):
        engine.identify_each([], threads=0)
