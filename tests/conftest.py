from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def measured() -> Path:
    """The folder of measured spectra, which is never part of the project; tests that use it skip without it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "measured"
    if not folder.is_dir():
        pytest.skip("no measured spectra beside the project")
    return folder
