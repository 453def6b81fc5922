"""What the guide claims is there: the files that it names, and the code that it shows."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
PACKAGES = ("spectra", "library", "device", "bench")


def rooms(package: str) -> set[str]:
    return {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}


def boxes(package: str) -> list[list[str]]:
    """The boxes of a package in the map, from top to bottom, each with the names in it."""
    part = re.search(rf'subgraph {package}\[".*?"\]\n(.*?)\n  end', TEXT, re.DOTALL).group(1)
    found = re.findall(r'\w+\[(?:"([^"]+)"|(\w+))\]', part)
    return [re.findall(r"\w+", quoted or plain) for quoted, plain in found]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_map_has_every_room_and_no_other(package):
    shown = {name for box in boxes(package) for name in box}
    files = {path.stem for path in (ROOT / package).glob("*.py")}
    assert rooms(package) - shown == set()
    assert shown - rooms(package) - files == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_the_map_is_in_the_order_of_the_contracts(package):
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (contract,) = [c for c in linter["contracts"] if c.get("containers") == [f"spectriage.{package}"]]
    assert contract["exhaustive"]
    layers = [re.findall(r"\w+", layer) for layer in contract["layers"]]
    place = {name: number for number, layer in enumerate(layers) for name in layer}
    shown = boxes(package)
    lowest = [max(place[name] for name in box) for box in shown]
    highest = [min(place[name] for name in box) for box in shown]
    assert all(below >= above for above, below in zip(lowest, highest[1:], strict=False))


def test_its_paths_exist():
    paths = re.findall(r"`((?:spectra|library|device|bench|tests)/[\w/.*-]*)`", TEXT)
    assert len(paths) > 20
    missing = [path for path in paths if not list(ROOT.glob(path.rstrip("/")))]
    assert missing == []


def test_the_hooks_are_checks_of_ci_and_fetch_nothing():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"repo: (\S+)", hooks) == ["local"]
    assert set(re.findall(r"language: (\S+)", hooks)) == {"system"}
    script = (ROOT / ".ci/run").read_text()
    for command in ("ruff check", "ruff format --check", "lint-imports", "mypy --strict -p spectriage"):
        assert command in hooks
        assert command in script


def test_it_names_no_word_that_the_code_has_lost():
    """Words of the glossary in code font are names of the code."""
    code = "\n".join(path.read_text() for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    names = re.findall(r"`([A-Z]\w*[a-z]\w*)(?:\.(\w+))?`", TEXT)
    assert len(names) > 10
    for name, attribute in names:
        assert re.search(rf"\b{name}\b", code), name
        assert re.search(rf"\b{attribute or name}\b", code), attribute
