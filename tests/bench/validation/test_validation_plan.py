import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectriage.bench.validation.panels import benign_materials, expand, parse_matrix, trials_sha256
from spectriage.bench.validation.plan_file import load_plan, parse_plan, shipped_plans
from spectriage.bench.validation.run import check_sizes
from spectriage.bench.validation.trial import check_materials
from spectriage.device.contract.uri import parse_uri
from spectriage.device.simulator.options import read_options
from spectriage.spectra.errors import FormatError, ParameterError

HEAD = 'schema = 1\nname = "p"\ntitle = "P"\nseed = 3\n'
PANEL = '[[panel]]\nname = "a"\ntargets = ["fentanyl hcl"]\nlevels = [0.1, 0.5]\nmatrices = ["lactose"]\n'
BLANK = '[[panel]]\nname = "b"\npurpose = "blank"\nmatrices = ["lactose", "caffeine"]\n'

EXPECTED = {
    *("fentanyl-e3290", "xylazine-medetomidine", "cutting-agents", "false-alarms", "packaging"),
    *("instrument-transfer", "robustness", "repeatability"),
}


def test_all_plans_ship():
    assert set(shipped_plans()) == EXPECTED


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_shipped_plan_can_be_run_and_met(name):
    plan = load_plan(name)
    trials = expand(plan)
    check_materials(plan, trials)
    check_sizes(plan, trials)
    assert plan.criteria
    for trial in trials[:: max(1, len(trials) // 40)]:
        options = read_options(parse_uri(trial.uri))
        assert [(c.name, pytest.approx(c.fraction)) for c in options.components] == list(trial.sample)
        assert sum(share for _, share in trial.sample) == pytest.approx(1.0)


def test_trials_follow_from_the_plan_alone():
    plan = parse_plan(HEAD + PANEL + "replicates = 5\n")
    assert trials_sha256(expand(plan)) == trials_sha256(expand(plan))
    other = parse_plan(HEAD.replace("seed = 3", "seed = 4") + PANEL + "replicates = 5\n")
    assert trials_sha256(expand(plan)) != trials_sha256(expand(other))
    seeds = [parse_uri(trial.uri).options["seed"] for trial in expand(plan)]
    assert len(set(seeds)) == len(seeds) == 10


def test_draws_come_from_the_cells_evenly():
    text = HEAD + PANEL.replace('["lactose"]', '["lactose", "caffeine", "urea"]')
    plan = parse_plan(text + 'packaging = ["none", "ldpe"]\ndraws = 15\n')
    trials = expand(plan)
    assert len(trials) == 30
    cells = [(t.factors["matrix"], t.factors["packaging"]) for t in trials if t.factors["level"] == 0.1]
    assert {cells.count(cell) for cell in set(cells)} == {2, 3}


def test_a_paired_panel_has_the_same_samples_under_every_condition():
    vary = "vary = { axis_offset_cm = [0, 4] }\nreplicates = 3\n"
    for paired, distinct in (("true", 6), ("false", 12)):
        trials = expand(parse_plan(HEAD + PANEL + vary + f"paired = {paired}\n"))
        assert len({parse_uri(trial.uri).options["seed"] for trial in trials}) == distinct
        assert all("axis_offset_cm" not in trial.uri for trial in trials)


def test_the_same_samples_go_round_all_units():
    trials = expand(parse_plan(HEAD + PANEL + "units = 4\n"))
    options = [parse_uri(trial.uri).options for trial in trials]
    assert len({option["seed"] for option in options}) == 2
    assert len({option["unit"] for option in options}) == 4


def test_unperturbed_panels_are_a_chapter_of_their_own():
    plan = parse_plan(HEAD + PANEL + 'perturbation = "none"\n' + BLANK)
    assert [panel.chapter for panel in plan.panels] == ["unperturbed", "simulated"]


def test_benign_materials_hold_no_hazard():
    names = benign_materials()
    assert {"lactose", "caffeine", "acetone"} <= set(names)
    assert not {"fentanyl", "ammonium nitrate", "polyethylene", "xylazine"} & set(names)


@given(st.lists(st.floats(0.01, 1.0), min_size=1, max_size=6))
def test_a_matrix_sums_to_one(weights):
    total = sum(weights)
    parts = [f"m{i}:{weight / total / 1.0001!r}" for i, weight in enumerate(weights)]
    assert sum(share for _, share in parse_matrix("+".join([*parts, "rest"]))) == pytest.approx(1.0)


@pytest.mark.parametrize("text", ["a:0.5", "a:0.5+b:0.6", "a:1+b", "a:x+b", "+a", ""])
def test_a_matrix_that_does_not_is_refused(text):
    with pytest.raises(ParameterError):
        parse_matrix(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "schema is missing"),
        ("schema = 2\n", "newer schema"),
        ("schema = [\n", "is not TOML"),
        (HEAD, "no panel"),
        (HEAD + PANEL + "repllicates = 3\n", "unknown key 'repllicates'"),
        (HEAD + PANEL + "levels = [0.1]\n", "is not TOML"),
        (HEAD + PANEL.replace("0.1, 0.5", "0.1, 0.1"), "names something twice"),
        (HEAD + PANEL.replace("0.5", "1.5"), "not between"),
        (HEAD + PANEL.replace("0.5", "true"), "not a list of numbers"),
        (HEAD + PANEL + "exposures = [[0, 1]]\n", "exposures is a list"),
        (HEAD + PANEL + "exposures = [[5.0, 1.5]]\n", "exposures is a list"),
        (HEAD + PANEL + 'purpose = "blank"\n', "no targets"),
        (HEAD + PANEL + "draws = 3\npaired = true\n", "draws goes with neither"),
        (HEAD + PANEL + 'set = "x"\n', "belong to measured panels"),
        (HEAD + '[[panel]]\nname = "m"\nsource = "measured"\n', "names its set"),
        (HEAD + PANEL + PANEL, "two panels"),
        (HEAD + PANEL + "vary = { spot = [] }\n", "vary.spot"),
    ],
)
def test_a_wrong_plan_is_refused_by_name(text, said):
    with pytest.raises(FormatError, match=said):
        parse_plan(text)


CRITERION = '[[criterion]]\nname = "c"\npanel = "a"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CRITERION + 'kind = "pod"\nat_least = 0.9\n', "states its confidence"),
        (CRITERION + 'kind = "pod"\nat_most = 0.9\nconfidence = 0.95\n', "is at_least"),
        (CRITERION + 'kind = "pod"\nconfidence = 0.95\n', "has one limit"),
        (CRITERION + 'kind = "pod"\nat_least = 0.9\nevents = 1\nconfidence = 0.95\n', "events belongs"),
        (CRITERION + 'kind = "loss"\nat_most = 0.02\n', "measured against"),
        (CRITERION + 'kind = "auc"\nat_least = 0.9\n', "names its target"),
        (CRITERION.replace('"a"', '"z"') + 'kind = "precision"\nat_least = 0.9\n', "no panel 'z'"),
        (CRITERION + 'kind = "magic"\nat_least = 0.9\n', "not one of"),
    ],
)
def test_a_wrong_criterion_is_refused_by_name(text, said):
    with pytest.raises(FormatError, match=said):
        parse_plan(HEAD + PANEL + BLANK + text)


def test_evidence_of_two_kinds_is_never_held_against_each_other():
    auc = CRITERION + 'kind = "auc"\nblanks = "b"\ntarget = "fentanyl-class"\nat_least = 0.9\n'
    parse_plan(HEAD + PANEL + BLANK + auc)
    with pytest.raises(FormatError, match="pools simulated and unperturbed"):
        parse_plan(HEAD + PANEL + BLANK + 'perturbation = "none"\n' + auc)


def test_a_plan_too_small_for_its_criterion_is_refused():
    pod = CRITERION + 'kind = "pod"\nat_least = 0.95\nconfidence = 0.95\nwhere = { level = 0.5 }\n'
    for draws in (58, 59):
        plan = parse_plan(HEAD + PANEL + f"draws = {draws}\n" + pod)
        if draws == 59:
            check_sizes(plan, expand(plan))
        else:
            with pytest.raises(ParameterError, match="58 trials cannot show"):
                check_sizes(plan, expand(plan))


def test_a_material_that_nobody_knows_is_refused_before_the_run():
    plan = parse_plan(HEAD + PANEL.replace("lactose", "unobtainium"))
    with pytest.raises(ParameterError, match="unobtainium"):
        check_materials(plan, expand(plan))


@given(st.text(max_size=60))
def test_any_text_is_a_plan_or_a_clear_error(text):
    with pytest.raises(FormatError):
        parse_plan(text)


def test_neither_file_nor_shipped(tmp_path):
    with pytest.raises(FormatError, match="shipped plan"):
        load_plan("no-such-plan")
    (tmp_path / "p.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(FormatError, match="UTF-8"):
        load_plan(tmp_path / "p.toml")
