"""What every room's tests share: the measured spectra where there are any, and one warm engine."""

from pathlib import Path

import pytest
from hypothesis import settings

from spectriage.library.building.cache import default_library
from spectriage.spectra import ReferenceSet
from spectriage.spectra.identify import Identifier

# the first example of a kernel compiles it: how long one takes says nothing
settings.register_profile("unhurried", settings(), deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def measured() -> Path:
    """The measured spectra beside the project, never part of it; tests skip without them."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "measured"
    if not folder.is_dir():
        pytest.skip("no measured spectra beside the project")
    return folder


@pytest.fixture(scope="session")
def library_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of this test run alone, shared with the tests of the commands."""
    return tmp_path_factory.getbasetemp() / "command-cache"


@pytest.fixture(scope="session")
def library(library_cache: Path) -> ReferenceSet:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPECTRIAGE_CACHE", str(library_cache))
        return default_library()


@pytest.fixture(scope="session")
def engine(library: ReferenceSet) -> Identifier:
    return Identifier(library)
