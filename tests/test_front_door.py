"""What is public, where it is found, and that finding it loads nothing else."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import spectriage

ROOT = Path(__file__).resolve().parents[1]
TOPS = ("spectra", "library", "device", "bench")
ROOMS = sorted(
    ".".join(("spectriage", *path.parent.relative_to(ROOT).parts))
    for top in TOPS
    for path in (ROOT / top).rglob("__init__.py")
)
STARTS = {
    "Identification",
    "Identifier",
    "Policy",
    "SearchIndex",
    "Session",
    "Spectrum",
    "Target",
    "TopK",
    "Verdict",
    "__version__",
    "arpls",
    "open_device",
    "open_library",
    "read_spectrum",
}


def test_the_front_door_shows_what_each_kind_of_user_starts_with():
    assert set(spectriage.__all__) >= STARTS
    assert set(dir(spectriage)) >= STARTS
    assert spectriage.__version__
    assert [getattr(spectriage, name) for name in spectriage.__all__]


@pytest.mark.parametrize("room", ["spectriage", *ROOMS])
def test_every_public_name_of_a_room_is_there_once(room):
    module = importlib.import_module(room)
    names = getattr(module, "__all__", [])
    assert sorted(set(names)) == sorted(names)
    for name in names:
        assert getattr(module, name) is not None
        assert name in dir(module)
    # a function that a module shadows would be found or not by what was imported before
    assert not [name for name in names if importlib.util.find_spec(f"{room}.{name}") is not None]


@pytest.mark.parametrize("room", ["spectriage", *ROOMS])
def test_every_room_says_what_it_is_for(room):
    said = importlib.import_module(room).__doc__
    assert said
    assert said.splitlines()[0].endswith((".", ":"))


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = spectriage.nothing


HEAVY = {"numpy", "numba", "h5py", "scipy", "usb", "seabreeze", "wasatch", "matplotlib", "typer", "rich"}


@pytest.mark.parametrize(
    "room", ["spectriage", "spectriage.spectra", "spectriage.library", "spectriage.device"]
)
def test_opening_a_door_loads_no_driver_and_nothing_heavy(room):
    code = f"import sys, {room}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_the_session_loads_no_driver():
    code = (
        "import sys, spectriage; spectriage.Session, spectriage.open_device;"
        "print(*sorted({'usb', 'seabreeze', 'wasatch', 'matplotlib', 'tkinter'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
