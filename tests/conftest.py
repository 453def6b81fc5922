from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def measured() -> Path:
    """The measured spectra beside the project, never part of it; tests skip without them."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "measured"
    if not folder.is_dir():
        pytest.skip("no measured spectra beside the project")
    return folder
