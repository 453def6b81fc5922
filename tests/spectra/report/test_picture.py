"""The plot: a real picture, of the curves that made the decision."""

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectriage.spectra.errors import ParameterError
from spectriage.spectra.report import plot, plot_reference, require_matplotlib
from spectriage.spectra.report.drawing import LABEL_POINTS, Label, new_figure, place_labels

matplotlib = pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def result(engine, sample):
    mixed = sample({"caffeine-anhydrous-wasatch": 0.5, "polyethylene-hdpe-wasatch": 0.5}, seed=1)
    return engine.identify(mixed, traces=True)


@pytest.fixture
def figure(result, tmp_path, monkeypatch):
    """The figure that was saved."""
    from matplotlib.figure import Figure

    saved = []
    original = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *a, **k: (saved.append(self), original(self, *a, **k))[1]
    )
    plot(result, tmp_path / "a.png", title="a.csv")
    return saved[0]


def test_a_png_holds_a_picture(result, tmp_path):
    path = tmp_path / "out.png"
    plot(result, path, title="a.csv")
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert data[-8:-4] == b"IEND"
    pixels = matplotlib.image.imread(path)[..., :3]
    assert pixels.shape[0] > 500
    assert pixels.shape[1] > 800
    dark = np.mean(pixels.min(axis=-1) < 0.5)
    assert 0.005 < dark < 0.5
    # more than black and white: components have colours
    assert np.mean(np.ptp(pixels, axis=-1) > 0.3) > 0.001


@pytest.mark.parametrize(("name", "start"), [("a.svg", b"<?xml"), ("a.pdf", b"%PDF")])
def test_other_pictures(result, tmp_path, name, start):
    plot(result, tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)


def test_measured_baseline_fit_and_residual_are_drawn(result, figure):
    top, middle, bottom = figure.axes
    traces = result.traces
    lines = {line.get_label(): line.get_ydata() for line in top.lines}
    np.testing.assert_array_equal(lines["measured"], traces.measured)
    np.testing.assert_array_equal(lines["background"], traces.baseline)
    np.testing.assert_allclose(lines["fit"], traces.baseline + sum(traces.parts.values()))
    left = traces.measured - traces.baseline - sum(traces.parts.values())
    span = np.nanmax(traces.measured - traces.baseline)
    # the residual is in per cent of the strongest band
    np.testing.assert_allclose(bottom.lines[0].get_ydata(), 100.0 * left / span)
    labels = [line.get_label() for line in middle.lines]
    assert any("caffeine" in label for label in labels)
    assert any("(packaging)" in label for label in labels)
    assert bottom.get_xlabel() == "Raman shift (cm⁻¹)"


def test_bands_that_decided_are_labelled(result, figure):
    texts = {text.get_text() for text in figure.axes[1].texts}
    bands = {f"{band.shift_cm:.0f}" for part in result.components for band in part.bands if band.supports}
    assert texts
    assert texts & bands


def lanes(figure):
    return [line for line in figure.axes[1].lines if not line.get_label().startswith("_")]


def test_components_differ_by_more_than_colour(figure):
    styles = [(line.get_color(), str(line.get_linestyle())) for line in lanes(figure)]
    assert len({style for _, style in styles}) == len(styles) > 1


def saved_figure(result, path, monkeypatch):
    from matplotlib.figure import Figure

    saved = []
    original = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *a, **k: (saved.append(self), original(self, *a, **k))[1]
    )
    plot(result, path, title="alarm.csv", when=datetime(2026, 3, 4, tzinfo=UTC))
    return saved[-1]


@pytest.fixture
def alarming(engine, sample, tmp_path, monkeypatch):
    """A picture of an alarm, and the identification."""
    mixed = sample({"cocaine-hcl": 0.3, "mannitol-beta": 0.5, "polyethylene-hdpe-wasatch": 0.2}, seed=1)
    result = engine.identify(mixed, traces=True)
    assert result.verdict == "ALARM"
    return saved_figure(result, tmp_path / "alarm.png", monkeypatch), result


def test_what_alarms_stands_first_and_strongest(alarming):
    figure, result = alarming
    drawn = lanes(figure)
    strongest = max(drawn, key=lambda line: line.get_linewidth())
    assert "cocaine" in strongest.get_label()
    # highest on the page, and nothing else in its colour
    assert np.nanmin(strongest.get_ydata()) == max(np.nanmin(line.get_ydata()) for line in drawn)
    assert [line.get_color() for line in drawn].count(strongest.get_color()) == 1
    marks = {round(float(line.get_xdata()[0])) for line in figure.axes[0].lines if len(line.get_xdata()) == 2}
    bands = [band for band in result.components[0].bands if band.supports]
    assert len(marks) >= 3
    assert len(marks) <= len({round(band.shift_cm) for band in bands})


def test_the_picture_says_what_it_rests_on(alarming):
    figure, result = alarming
    words = " ".join(text.get_text() for text in figure.texts)
    for part in (
        "ALARM",
        "alarm.csv",
        "measured",
        "2026-03-04",
        result.library["name"],
        result.library["sha256"][:8],
    ):
        assert part in words


def test_labels_do_not_cross(alarming):
    """No label's box meets another's, in any lane; nor the curve that it stands above."""
    figure, _ = alarming
    axes = figure.axes[1]
    boxes = [text.get_window_extent() for text in axes.texts if text.get_rotation() == 90.0]
    assert len(boxes) > 5
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])


@given(st.lists(st.floats(300.0, 2000.0), max_size=60), st.integers(1, 20))
@settings(max_examples=25, deadline=None)
def test_placed_labels_keep_their_distance(shifts, most):
    figure = new_figure(8.0, 3.0, "a.png")
    axes = figure.add_axes((0.1, 0.1, 0.8, 0.8))
    axes.set_xlim(200.0, 2100.0)
    grid = np.linspace(200.0, 2100.0, 500)
    labels = [Label(f"{x:.0f}", x, 1.0, weight) for weight, x in enumerate(shifts)]
    placed = place_labels(axes, labels, np.ones(500), grid, colour="black", most=most)
    apart = LABEL_POINTS * 1900.0 / (8.0 * 0.8 * 72.0)
    assert len(placed) <= most
    assert all(b - a >= apart * (1 - 1e-9) for a, b in pairwise(sorted(placed)))
    if shifts and 200 + apart < shifts[-1] < 2100 - apart:
        # the weightiest is never the one left out
        assert shifts[-1] in placed


@pytest.mark.parametrize("name", ["a.png", "a.svg", "a.pdf"])
def test_a_reference_is_drawn(library, tmp_path, name):
    row = [record.id for record in library.records].index("cocaine-hcl")
    plot_reference(library, row, tmp_path / name, bands=[(1000.0, 1.0), (1712.0, 0.5)])
    data = (tmp_path / name).read_bytes()
    assert len(data) > 5000
    if name.endswith(".svg"):
        assert b"<!-- 1712 -->" in data
        assert b"well-known bands" in data


def test_without_traces_there_is_no_plot(engine, sample, tmp_path):
    bare = engine.identify(sample({"caffeine-anhydrous-wasatch": 1.0}, seed=1))
    with pytest.raises(ParameterError, match="no traces"):
        plot(bare, tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize("name", ["a.xyz", "a", ".png", "no/such/folder/a.png"])
def test_what_cannot_be_written_is_a_typed_error(result, tmp_path, name):
    with pytest.raises(ParameterError) as error:
        plot(result, tmp_path / name)
    assert error.value.where == str(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_matplotlib_names_the_extra(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ParameterError, match=r"spectriage\[plot\]"):
        require_matplotlib()
