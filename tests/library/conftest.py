"""What tests of libraries share: a small library with everything derived, and folders of their own."""

from pathlib import Path

import pytest

from spectriage.library.building.build import Assembly, assemble
from spectriage.library.store.file import write_library


@pytest.fixture(scope="session")
def small_manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve spectra of as many made-up materials, two of them hazardous."""
    import numpy as np

    folder = tmp_path_factory.mktemp("small")
    shift = np.arange(250.0, 2000.0, 1.7)
    rng = np.random.default_rng(11)
    lines = ["path,substance,class,source"]
    for i in range(12):
        centres = rng.uniform(350.0, 1900.0, 9)
        heights = rng.uniform(0.2, 1.0, 9)
        bands = (heights / (1.0 + np.square((shift[:, None] - centres) / 5.0))).sum(axis=1)
        counts = 1000.0 * bands + rng.normal(0.0, 1.0, shift.size) + 50.0
        np.savetxt(folder / f"s{i}.csv", np.c_[shift, counts], "%.6g", ",")
        kind = ("fentanyl", "explosive")[i] if i < 2 else "other"
        lines.append(f"s{i}.csv,material {i},{kind},unit 1")
    (folder / "manifest.csv").write_text("\n".join(lines))
    return folder / "manifest.csv"


@pytest.fixture(scope="session")
def small(small_manifest: Path) -> Assembly:
    return assemble(small_manifest)


@pytest.fixture
def small_path(small: Assembly, tmp_path: Path) -> Path:
    path = tmp_path / "small.h5"
    write_library(path, small.references, small.natives, small.history)
    return path


@pytest.fixture(autouse=True)
def untried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries are parsed here at once: a process for each of thousands takes an hour; see `test_trial`."""
    monkeypatch.setattr("spectriage.library.store.opening.try_parsing", lambda held: None)


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads the user's trusted keys or remembers a release for them."""
    monkeypatch.setenv("SPECTRIAGE_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("SPECTRIAGE_STATE", str(tmp_path / "state"))
    for name in ("SPECTRIAGE_REQUIRE_SIGNATURE", "SPECTRIAGE_TRUSTED_KEYS", "SPECTRIAGE_KEY_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)
