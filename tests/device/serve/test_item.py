"""The item in hand, the operators, and what is shown while a scan goes on: without a browser."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectriage.device.acquire.acquisition import Partial, Progress, Stage
from spectriage.device.contract.registry import open_device
from spectriage.device.contract.spectrometer import ScanSettings
from spectriage.device.serve.control import RefusedError
from spectriage.device.serve.item import ItemInHand
from spectriage.device.serve.live import MOST_POINTS, Live
from spectriage.device.serve.models import Start
from spectriage.device.serve.operators import FIRST_WAIT_S, FREE_TRIES, LOGIN_S, Operators
from spectriage.device.serve.timing import time_left_s
from spectriage.device.session import ScanPlan, Session
from spectriage.library.service import Answer
from spectriage.spectra.errors import ParameterError, SpectriageError
from spectriage.spectra.verdict import Verdict


@pytest.fixture(scope="module")
def answered(engine):
    """One answer a verdict."""
    found = {}
    for uri in ("sim:heroin hcl?seed=1", "sim:caffeine?seed=1", "sim:dark-powder?seed=1"):
        with open_device(uri) as device:
            made = Session(device, engine, plan=ScanPlan(auto=True)).run().identification
        found[made.verdict] = Answer(uri, made)
    assert set(found) == {Verdict.ALARM, Verdict.NO_ALARM, Verdict.INCONCLUSIVE}
    return found


FIRST, SPOT, STRIP = (
    Start(arming="k"),
    Start(arming="k", another_spot=True),
    Start(arming="k", step="strip"),
)
FAILED = Answer("", error=SpectriageError("cancelled"))


def scanned(item, request, answer, policy=None):
    item.need(request)
    number = item.begin(request, "sim:x")
    item.ended(request, answer, None, None, policy)
    return number


def test_the_most_serious_spot_is_the_items(answered):
    item = ItemInHand()
    assert item.shown() is None
    assert scanned(item, FIRST, answered[Verdict.NO_ALARM]) == 1
    assert item.shown().verdict == "NO_ALARM"
    assert scanned(item, SPOT, answered[Verdict.ALARM]) == 2
    assert scanned(item, SPOT, answered[Verdict.NO_ALARM]) == 3
    shown = item.shown()
    assert (shown.verdict, shown.decided_by_spot, shown.spots_asked) == ("ALARM", 2, 3)
    assert [part.verdict for part in shown.spots] == ["NO_ALARM", "ALARM", "NO_ALARM"]
    # a new item forgets the one before
    scanned(item, FIRST, answered[Verdict.NO_ALARM])
    assert item.shown().verdict == "NO_ALARM"


def test_a_spot_that_was_cancelled_counts_against_the_item_until_it_is_measured(answered):
    item = ItemInHand()
    scanned(item, FIRST, answered[Verdict.NO_ALARM])
    scanned(item, SPOT, FAILED)
    assert (item.shown().verdict, len(item.shown().spots)) == ("INCONCLUSIVE", 2)
    assert scanned(item, SPOT, answered[Verdict.NO_ALARM]) == 2
    assert (item.shown().verdict, item.shown().spots_asked) == ("NO_ALARM", 2)


def test_a_strip_that_is_asked_for_counts_until_it_is_taken_and_takes_nothing_away(answered, engine):
    item, policy = ItemInHand(), engine.policy
    with pytest.raises(RefusedError, match="no item"):
        item.need(STRIP)
    with pytest.raises(RefusedError, match="no item"):
        item.need(SPOT)
    scanned(item, FIRST, answered[Verdict.NO_ALARM], policy)
    assert item.shown().strip_asked
    assert item.shown().verdict == "INCONCLUSIVE"
    scanned(item, STRIP, answered[Verdict.NO_ALARM], policy)
    assert item.shown().verdict == "NO_ALARM"
    assert item.shown().strip.number == 1
    scanned(item, STRIP, answered[Verdict.ALARM], policy)
    assert item.shown().verdict == "ALARM"
    assert len(item.shown().spots) == 1


def test_without_references_for_it_no_strip_is_asked_for(answered):
    item = ItemInHand()
    scanned(item, FIRST, answered[Verdict.NO_ALARM], None)
    assert not item.shown().strip_asked


# -- operators


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def operators(tmp_path):
    made = Operators(tmp_path / "operators.json", Clock())
    made.add("J. Doe", "271828")
    return made


def test_a_pin_lets_in_and_a_log_in_ends_unused(operators):
    key = operators.log_in("J. Doe", "271828")
    assert operators.who(key) == operators.used(key) == "J. Doe"
    operators._now_s.now = LOGIN_S - 1.0
    assert operators.used(key) == "J. Doe"
    operators._now_s.now = 2.0 * LOGIN_S - 2.0
    # looking does not keep it alive, arming does
    assert operators.who(key) == "J. Doe"
    operators._now_s.now = 2.0 * LOGIN_S
    assert operators.used(key) == ""
    assert operators.who("") == operators.who("x") == ""


def test_wrong_pins_close_an_operator_for_longer_and_longer_and_nobody_else(operators):
    operators.add("M. Ruiz", "314159")
    for _ in range(FREE_TRIES):
        with pytest.raises(RefusedError, match="wrong") as wrong:
            operators.log_in("J. Doe", "000000")
        assert wrong.value.code == "pin-wrong"
    # now the right one is refused too
    with pytest.raises(RefusedError, match="too many"):
        operators.log_in("J. Doe", "271828")
    assert operators.log_in("M. Ruiz", "314159")
    operators._now_s.now = FIRST_WAIT_S + 1.0
    with pytest.raises(RefusedError, match="wrong"):
        operators.log_in("J. Doe", "000000")
    operators._now_s.now += FIRST_WAIT_S + 1.0
    with pytest.raises(RefusedError, match="too many"):
        operators.log_in("J. Doe", "271828")
    operators._now_s.now += 2.0 * FIRST_WAIT_S
    assert operators.log_in("J. Doe", "271828")


def test_names_that_are_not_there_do_not_grow_and_say_nothing(operators):
    for row in range(FREE_TRIES):
        with pytest.raises(RefusedError, match="name or PIN is wrong"):
            operators.log_in(f"nobody {row}", "271828")
    assert len(operators._failures) == 1


@pytest.mark.parametrize("pin", ["", "123", "12345a", "1" * 13, "１２３４"])
def test_what_is_no_pin_is_refused(operators, pin):
    with pytest.raises(ParameterError, match="digits"):
        operators.add("X", pin)


def test_a_damaged_file_lets_nobody_arm(operators, tmp_path):
    (tmp_path / "operators.json").write_text("{")
    assert operators.needed
    with pytest.raises(ParameterError, match="cannot be read"):
        operators.log_in("J. Doe", "271828")
    assert not Operators(None).needed
    assert not Operators(tmp_path / "none.json").needed


# -- while a scan goes on


@given(
    st.integers(3, 3000),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_a_thinned_spectrum_loses_no_line_and_ascends(pixels, descending, seed):
    rng = np.random.default_rng(seed)
    counts, shift = rng.normal(100.0, 3.0, pixels), np.linspace(200.0, 2300.0, pixels)
    highest = int(
        rng.integers(pixels // max(1, -(-pixels // MOST_POINTS)) * max(1, -(-pixels // MOST_POINTS)))
    )
    counts[highest] = 5000.0
    shift = shift[::-1] if descending else shift
    live = Live()
    live.begin(shift)
    assert live.shown() is None
    live.take(Partial(Stage.DARK, counts, 1, 100.0, None))
    assert live.shown() is None
    live.take(Partial(Stage.SCAN, counts, 1, 100.0, np.full(pixels, 10.0)))
    shown = live.shown()
    assert len(shown.counts) <= MOST_POINTS + 1
    assert list(shown.shift_cm) == sorted(shown.shift_cm)
    assert max(shown.counts) == 4990.0
    assert shown.shift_cm[int(np.argmax(shown.counts))] == round(float(shift[highest]), 1)
    live.end()
    assert live.shown() is None


def test_the_time_left_falls_from_stage_to_stage():
    settings = ScanSettings(500.0, 4)
    left = [
        time_left_s(Progress(stage, done, 4, 0.0), settings)
        for stage, done in (
            (Stage.EXPOSURE, 0),
            (Stage.EXPOSURE, 1),
            (Stage.DARK, 0),
            (Stage.SCAN, 0),
            (Stage.DECIDE, 1),
        )
    ]
    assert left == sorted(left, reverse=True)
    assert time_left_s(Progress(Stage.SCAN, 0, 4, 0.0), None) is None
