"""The screen for people: the words without the colours."""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from spectriage.spectra.report.screen import MARKS, show
from spectriage.spectra.verdict.verdict import Verdict


def screen(result, *, colour: bool = False, explain: bool = False, title: str = "") -> str:
    out = io.StringIO()
    console = Console(
        file=out,
        force_terminal=colour,
        no_color=not colour,
        width=200,
        color_system="truecolor" if colour else None,
    )
    show(result, console, title=title, explain=explain)
    return out.getvalue()


@pytest.fixture(scope="module")
def results(engine, sample):
    return {
        "alarm": engine.identify(sample({"fentanyl-hcl": 0.5, "mannitol-beta": 0.5}, seed=1)),
        "bag": engine.identify(sample({"polyethylene-hdpe-wasatch": 1.0}, seed=1)),
        "benign": engine.identify(sample({"caffeine-anhydrous-wasatch": 1.0}, seed=1)),
    }


def test_the_verdict_comes_first_in_words(results):
    for name, word in (("alarm", "[!!] ALARM"), ("bag", "[? ] INCONCLUSIVE")):
        lines = screen(results[name], title="scan.csv").splitlines()
        assert lines[0] == "scan.csv"
        assert lines[1].startswith(word)
        assert results[name].summary in lines[1]


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_has_its_own_mark(results, verdict):
    text = screen(replace(results["benign"], verdict=verdict))
    mark = MARKS[verdict][0]
    assert text.startswith(f"{mark} {verdict.replace('_', ' ')}")
    assert len({MARKS[other][0] for other in Verdict}) == 4


@pytest.mark.parametrize("name", ["alarm", "bag", "benign"])
def test_colour_adds_nothing_but_colour(results, name):
    plain, coloured = screen(results[name]), screen(results[name], colour=True)
    assert "\x1b[" not in plain
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_the_order_is_verdict_components_why_next(results):
    text = screen(results["alarm"])
    places = [text.index(word) for word in ("ALARM", "of the signal", "Why:", "Next:")]
    assert places == sorted(places)
    words = " ".join(text.split())
    for fact in results["alarm"].facts:
        assert fact in words
    assert results["alarm"].next_step in words
    assert "Presumptive" in text


def test_what_was_not_found_is_printed_with_its_limit(results):
    for name in ("bag", "benign"):
        text = " ".join(screen(results[name]).split())
        for target in results[name].targets:
            if not target.covered:
                assert f"{target.guessed[0]}" in text[text.index("Not covered") :]
            else:
                limit = f"≥ {target.mass.middle:.0%}"
                assert f"{target.name} {limit}" in text or f"{target.name} in no amount" in text
    assert "fentanyl-class ≥" not in screen(results["alarm"])


def test_packaging_is_told_apart(results):
    assert "packaging" in screen(results["bag"])


def test_bars_follow_the_fractions(results):
    for part in results["alarm"].components:
        line = next(
            line for line in screen(results["alarm"]).splitlines() if part.claim in line and "█" in line
        )
        assert abs(line.count("█") - 24 * part.spectral_fraction) <= 0.5


def test_explaining_lists_bands_and_intervals(results):
    short, long = screen(results["benign"]), screen(results["benign"], explain=True)
    assert len(long.splitlines()) > len(short.splitlines())
    part = results["benign"].components[0]
    assert part.reference.id in long
    assert f"{part.bands[0].shift_cm:.0f}" in long
    assert f"{part.fraction_low:.0%} to {part.fraction_high:.0%}" in long


def test_markup_in_names_is_not_markup(results):
    text = screen(replace(results["benign"], summary="[bold]x[/bold] [red]"), title="[link]a[/link].csv")
    assert "[bold]x[/bold] [red]" in text
    assert "[link]a[/link].csv" in text
