import pytest

from spectriage.device.laser.exits import resume


@pytest.fixture(autouse=True)
def _gate_open_again():
    """A test that switched everything off must not keep the next one from firing."""
    yield
    resume()
