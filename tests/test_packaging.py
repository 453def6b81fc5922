"""What is shipped: the declared packages are those there are; a wheel holds them, their data and no more."""

import importlib
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOPS = ("spectra", "library", "device", "bench")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

try:
    MODERN = int(metadata.version("setuptools").split(".")[0]) >= 77
except metadata.PackageNotFoundError:
    MODERN = False


def folders() -> dict[str, Path]:
    """Every package folder of the tree by the name it is installed under."""
    found = {"spectriage": ROOT}
    for top in TOPS:
        for init in sorted((ROOT / top).rglob("__init__.py")):
            parts = init.parent.relative_to(ROOT).parts
            found[".".join(("spectriage", *parts))] = init.parent
    return found


def test_every_package_of_the_tree_is_declared():
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]) == sorted(folders())


@pytest.mark.parametrize("top", TOPS)
def test_every_top_package_is_typed(top):
    assert (ROOT / top / "py.typed").is_file()


def test_every_module_lies_in_a_package():
    """A folder of modules without __init__.py would not be shipped."""
    packages = set(folders().values())
    lost = [
        path
        for top in TOPS
        for path in (ROOT / top).rglob("*.py")
        if path.parent not in packages and not {"examples", "__pycache__"} & set(path.parts)
    ]
    assert lost == []


@pytest.mark.parametrize(
    ("group", "name", "target"),
    [
        (group, name, target)
        for group, points in PROJECT["project"]["entry-points"].items()
        for name, target in points.items()
    ]
    + [("console_scripts", name, target) for name, target in PROJECT["project"]["scripts"].items()],
)
def test_entry_points_lead_somewhere(group, name, target):
    module, attribute = target.split(":")
    assert hasattr(importlib.import_module(module), attribute)


def test_the_licence_and_the_notice_are_shipped():
    for name in PROJECT["project"]["license-files"]:
        assert (ROOT / name).stat().st_size > 500
    assert PROJECT["project"]["license"] == "MIT"


def test_nothing_heavy_is_required():
    """Drivers, plots and web frameworks are extras; the core's own list is closed."""
    required = {text.split(">")[0].split("[")[0].strip() for text in PROJECT["project"]["dependencies"]}
    assert required <= {
        "numpy",
        "scipy",
        "numba",
        "h5py",
        "pybaselines",
        "typer",
        "rich",
        "platformdirs",
        "cryptography",
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel of what git knows, built aside so that nothing is left in the tree."""
    work = tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        source, target = ROOT / name, work / "source" / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    isolation = ["--no-build-isolation"] if MODERN else []
    built = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            *isolation,
            "-w",
            str(work / "out"),
            ".",
        ],
        cwd=work / "source",
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (path,) = (work / "out").glob("spectriage-*.whl")
    return zipfile.ZipFile(path)


# without a setuptools that knows the project's metadata one must be downloaded first
built = [] if MODERN else [pytest.mark.full]


class TestWheel:
    pytestmark = built

    def test_it_is_pure_and_whole(self, wheel):
        assert wheel.testzip() is None
        assert wheel.filename is not None
        assert wheel.filename.endswith("-py3-none-any.whl")

    def test_it_holds_every_module_and_no_other(self, wheel):
        names = {name for name in wheel.namelist() if name.endswith(".py")}
        listed = subprocess.run(
            ["git", "ls-files", "__init__.py", *TOPS], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.splitlines()
        packages = set(folders().values())
        tracked = {name for name in listed if name.endswith(".py") and (ROOT / name).parent in packages}
        assert names == {f"spectriage/{name}" for name in tracked}

    def test_it_holds_its_data(self, wheel):
        names = set(wheel.namelist())
        for top in TOPS:
            assert f"spectriage/{top}/py.typed" in names
        for path in (ROOT / "library" / "catalogue").glob("*.toml"):
            assert f"spectriage/library/catalogue/{path.name}" in names
        assert "spectriage/device/drivers/udev/60-spectriage.rules" in names

    def test_it_holds_no_tests_and_no_measured_data(self, wheel):
        names = [name.casefold() for name in wheel.namelist()]
        assert not [name for name in names if "test_" in name or "/tests/" in name or "conftest" in name]
        data = (".csv", ".txt", ".jdx", ".dx", ".h5", ".hdf5", ".npz", ".npy", ".spc")
        kept = [n for n in names if n.endswith(data) and ".dist-info/" not in n]
        assert kept == []
        assert sum(info.file_size for info in wheel.infolist()) < 20_000_000

    def test_its_entry_points_are_the_projects(self, wheel):
        (name,) = (n for n in wheel.namelist() if n.endswith(".dist-info/entry_points.txt"))
        text = wheel.read(name).decode()
        assert "spectriage = spectriage.spectra.cli:main" in text
        for group, points in PROJECT["project"]["entry-points"].items():
            assert f"[{group}]" in text
            for key, target in points.items():
                assert f"{key} = {target}" in text

    def test_it_carries_licence_and_notice(self, wheel):
        names = [Path(name).name for name in wheel.namelist() if ".dist-info/" in name]
        assert {"LICENSE", "NOTICE"} <= set(names)
