"""The attacks of `spectriage bench laser`: a few in every run, all of them in a full one."""

import sys

import pytest
from typer.testing import CliRunner

from spectriage.bench.app.commands_bench import app
from spectriage.bench.laser import deaths
from spectriage.bench.laser.attacks import ATTACKS, Tally, run_attacks
from spectriage.bench.laser.deaths import DEATHS, LASERS
from spectriage.bench.laser.lies import LIES
from spectriage.bench.laser.outcome import NotPossibleError, Outcome
from spectriage.bench.laser.races import RACES
from spectriage.device.laser.exits import resume

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="tested on POSIX systems")
SLOW = ("late on", "the off thread dies", "fired again")
OFTEN = ("SIGKILL while scanning", "SIGSTOP, then SIGCONT", "supervisor killed")


@pytest.fixture(autouse=True)
def _gate_open_again():
    yield
    resume()


@pytest.fixture
def patient(monkeypatch):
    """The bound itself is measured by the command, on a computer that does nothing else."""
    monkeypatch.setattr(deaths, "BOUND_S", 4.0)


def attempt(name, model):
    try:
        return ATTACKS[name](model)
    except NotPossibleError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", OFTEN)
def test_the_unit_is_off_when_the_program_or_its_supervisor_is_gone(name, patient):
    outcome = attempt(name, "wasatch-wp785")
    assert not outcome.failed, outcome


@pytest.mark.parametrize("name", [n for n in {**LIES, **RACES} if not n.startswith(SLOW)])
def test_no_race_and_no_lie_leaves_light_on_or_unknown_to_the_guard(name):
    outcome = attempt(name, "wasatch-wp785xs")
    assert not outcome.failed, outcome


@pytest.mark.full
@pytest.mark.parametrize("model", LASERS)
@pytest.mark.parametrize("name", ATTACKS)
def test_no_attack_leaves_light_on(name, model, patient):
    outcome = attempt(name, model)
    assert not outcome.failed, outcome


def test_an_attack_that_succeeds_is_counted(monkeypatch):
    monkeypatch.setitem(ATTACKS, "made up", lambda model: Outcome(model == "wasatch-wp785", off_ms=5.0))
    (tally,) = run_attacks(["made up"], LASERS, times=3)
    assert (tally.runs, tally.on, tally.unlatched, tally.slowest_off_ms) == (12, 3, 0, 5.0)


def test_the_judge_of_deaths_sees_a_light_that_stays_on(monkeypatch, patient):
    """Without a supervisor a killed program leaves its laser on: were that not seen, nothing would count."""
    monkeypatch.setattr(deaths, "BOUND_S", 0.5)
    way = DEATHS["SIGKILL while scanning"]
    monkeypatch.setattr(deaths, "SUPERVISED", False)
    assert way("wasatch-wp785").on


def test_the_command_prints_a_table_and_counts():
    result = CliRunner().invoke(app, ["laser", "-m", "wasatch-wp785", "-a", "two guards", "--no-cost"])
    assert result.exit_code == 0, result.output
    assert "| two guards, one unit | 1 | 0 | 0 | – |" in result.output
    assert CliRunner().invoke(app, ["laser", "-m", "nothing"]).exit_code == 2
    assert Tally("x").runs == 0
