"""The plot: a real picture, of the curves that made the decision."""

import numpy as np
import pytest

from spectriage.spectra.errors import ParameterError
from spectriage.spectra.report.picture import plot, require_matplotlib

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
    np.testing.assert_array_equal(bottom.lines[0].get_ydata(), traces.residual)
    labels = [line.get_label() for line in middle.lines]
    assert any("caffeine" in label for label in labels)
    assert any("(packaging)" in label for label in labels)
    assert bottom.get_xlabel() == "Raman shift (cm⁻¹)"


def test_bands_that_decided_are_labelled(result, figure):
    texts = {text.get_text() for text in figure.axes[1].texts}
    bands = {f"{band.shift_cm:.0f}" for part in result.components for band in part.bands if band.supports}
    assert texts
    assert texts & bands


def test_components_differ_by_more_than_colour(figure):
    styles = [(line.get_color(), str(line.get_linestyle())) for line in figure.axes[1].lines]
    assert len({style for _, style in styles}) == len(styles)


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
