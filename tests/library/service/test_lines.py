"""The lines of some inputs: those of each alone, and few inputs held."""

from __future__ import annotations

import hashlib
import json
import weakref
from pathlib import Path
from types import SimpleNamespace

import pytest

from spectriage.library.inputs import reader as reader_module
from spectriage.library.inputs.item import Item
from spectriage.library.inputs.reader import Reader
from spectriage.library.service import lines as module
from spectriage.library.service.lines import READ_TRIES, lines_of_items
from spectriage.spectra.errors import SpectrumError

SIZES = {"one": 1, "five": 5, "none": 0, "bad": -1, "nine": 9, "two": 2, "three": 3, "last": 1}


class Scan:
    """Stands for a spectrum: its name."""

    def __init__(self, name: str) -> None:
        self.name = name


class Shelf:
    """Reads inputs of so many scans, and knows the most that were held when one was read."""

    def __init__(self) -> None:
        self.alive: weakref.WeakSet[Scan] = weakref.WeakSet()
        self.most = 0

    def digest(self, item: Item) -> str:
        return f"hash of {item.name}"

    def holds(self, item: Item) -> bool:
        return False

    def spectra(self, item: Item) -> dict[str, Scan]:
        size = SIZES[item.name]
        if size < 0:
            raise ValueError("no file at all")
        self.most = max(self.most, len(self.alive))
        scans = {str(number): Scan(f"{item.name} {number}") for number in range(size)}
        self.alive.update(scans.values())
        return scans


class Engine:
    """Says of a scan its name; of one that it is wrong, and at one it breaks, which ends a group."""

    def __init__(self, wrong: str = "", broken: str = "") -> None:
        self.wrong, self.broken = wrong, broken
        self.groups: list[int] = []

    def identify(self, scan: Scan) -> SimpleNamespace:
        if scan.name == self.wrong:
            raise SpectrumError("the spectrum is flat")
        if scan.name == self.broken:
            raise MemoryError("too much")
        text = json.dumps({"verdict": "NO_ALARM", "scan": scan.name})
        return SimpleNamespace(verdict="NO_ALARM", json_text=lambda input_name: text)

    def identify_each(self, scans: list[Scan]):
        self.groups.append(len(scans))
        for scan in scans:
            try:
                yield self.identify(scan)
            except SpectrumError as error:
                yield error


def told(engine: Engine, shelf: Shelf, names) -> list[list[dict]]:
    items = [Item(name, name) for name in names]
    return [[json.loads(line.text) for line in own] for own in lines_of_items(engine, shelf, items, "run")]


@pytest.mark.parametrize("together", [1, 4, 100])
def test_lines_are_those_of_each_input_alone(monkeypatch, together):
    alone = [told(Engine("five 3", "nine 4"), Shelf(), [name])[0] for name in SIZES]
    monkeypatch.setattr(module, "TOGETHER", together)
    engine = Engine("five 3", "nine 4")
    found = told(engine, Shelf(), SIZES)
    assert found == alone
    assert max(engine.groups) <= together
    for (name, size), lines in zip(SIZES.items(), found, strict=True):
        assert [line["name"] for line in lines] == [name] * max(size, 1)
        assert [line["last"] for line in lines] == [False] * (max(size, 1) - 1) + [True]
        wrong = [place for place, line in enumerate(lines) if "error" in line]
        assert wrong == {"five": [3], "none": [0], "bad": [0], "nine": [4]}.get(name, [])


def test_no_more_inputs_are_held_than_are_identified_together(monkeypatch):
    monkeypatch.setattr(module, "TOGETHER", 4)
    shelf = Shelf()
    told(Engine(), shelf, SIZES)
    # when an input is read: less than are identified together
    assert 0 < shelf.most < 4


@pytest.mark.parametrize("changes", range(READ_TRIES + 2))
def test_the_hash_is_that_of_what_was_read(tmp_path, monkeypatch, changes):
    """Somebody writes the file just after it was read, so many times."""
    path = tmp_path / "scan.csv"
    write(path, 0)
    read, times = reader_module._of_file, []

    def written_after(*asked):
        found = read(*asked)
        times.append(found)
        if len(times) <= changes:
            write(path, len(times))
        return found

    monkeypatch.setattr(reader_module, "_of_file", written_after)
    ((line,),) = lines_of_items(Height(), Reader(), [Item("scan.csv", str(path))], "run")
    told = json.loads(line.text)
    assert told["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest() or "error" in told
    if changes < READ_TRIES:
        assert told["height"] == changes
    else:
        assert "changed" in json.dumps(told["error"])
        assert len(times) == READ_TRIES


def write(path: Path, height: int) -> None:
    path.write_text("shift,intensity\n" + "".join(f"{x},{height}\n" for x in range(200, 1800, 2)))


class Height:
    """Says of a scan how high it is."""

    def identify_each(self, scans):
        for scan in scans:
            text = json.dumps({"verdict": "NO_ALARM", "height": float(scan.intensity.max())})
            yield SimpleNamespace(verdict="NO_ALARM", json_text=lambda input_name, text=text: text)
