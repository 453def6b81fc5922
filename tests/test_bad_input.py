"""Bad input through the whole program: a typed error, exit code 2, and nothing written anywhere."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from spectriage.library.building.cache import default_library
from spectriage.spectra import cli, errors


def curve(points: int = 600) -> list[tuple[float, float]]:
    shift = np.linspace(250.0, 1900.0, points)
    values = (
        100.0
        + 900.0 * np.exp(-(((shift - 777.0) / 9.0) ** 2))
        + 500.0 * np.exp(-(((shift - 1333.0) / 9.0) ** 2))
    )
    return list(zip(shift.tolist(), values.tolist(), strict=True))


def lines(pairs: list[tuple[object, object]]) -> bytes:
    return "".join(f"{x},{y}\n" for x, y in pairs).encode()


def replaced(index: int, pair: tuple[object, object]) -> bytes:
    pairs: list[tuple[object, object]] = list(curve())
    pairs[index] = pair
    return lines(pairs)


def duplicated() -> bytes:
    # one point twice is a rounded axis; all of them are two spectra
    return lines([pair for pair in curve() for _ in range(2)])


def unsorted() -> bytes:
    pairs = curve()
    pairs[100], pairs[400] = pairs[400], pairs[100]
    return lines(pairs)


def foreign_hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["data"] = np.arange(100.0)


CONTENTS: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "blank lines": lambda: b"\n \n\t\n",
    "binary": lambda: np.random.default_rng(1).bytes(5000),
    "zeros": lambda: bytes(4096),
    "a PDF": lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<</Type/Catalog>>\nendobj\ntrailer\n%%EOF\n",
    "one column": lambda: "".join(f"{y}\n" for _, y in curve()).encode(),
    "words": lambda: b"lorem ipsum\n" * 200,
    "NaN intensity": lambda: replaced(50, (curve()[50][0], "nan")),
    "infinite intensity": lambda: replaced(50, (curve()[50][0], "inf")),
    "NaN shift": lambda: replaced(50, ("nan", 3.0)),
    "empty cell": lambda: replaced(50, (curve()[50][0], "")),
    "duplicated axis": duplicated,
    "unsorted axis": unsorted,
    "three points": lambda: lines(curve()[:3]),
    "no overlap with the library": lambda: lines([(x + 2400.0, y) for x, y in curve()]),
    "pixels": lambda: lines([(i, y) for i, (_, y) in enumerate(curve())]),
    "all equal": lambda: lines([(x, 5.0) for x, _ in curve()]),
}


@pytest.fixture(scope="module", autouse=True)
def library(tmp_path_factory):
    """The shipped library, in the cache of this run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPECTRIAGE_CACHE", str(tmp_path_factory.getbasetemp() / "command-cache"))
        yield default_library()


@pytest.fixture
def work(tmp_path, monkeypatch) -> Path:
    """An empty folder to work in."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def folder(tmp_path) -> Path:
    made = tmp_path / "input"
    made.mkdir()
    return made


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(p): (p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(folder.rglob("*"))}


def refused(capsys, work: Path, *words: object, where: str = "") -> dict:
    """Run the program twice: as JSON and for people. Return the error."""
    before = snapshot(work.parent)
    told = []
    for extra in (["--json"], []):
        with pytest.raises(SystemExit) as end:
            cli.main(["identify", *(str(word) for word in words), *extra])
        assert end.value.code == 2
        captured = capsys.readouterr()
        told.append(captured)
        assert "Traceback" not in captured.out + captured.err
    assert snapshot(work.parent) == before
    assert list(work.iterdir()) == []
    assert told[1].out == ""
    assert told[1].err.startswith("spectriage: error:")
    assert where in told[1].err
    if not told[0].out:
        # not of one file but of the whole run: on standard error alone
        assert told[0].err == told[1].err
        return {"type": "", "what": told[0].err}
    (line,) = told[0].out.splitlines()
    made = json.loads(line)
    kind = getattr(errors, made["error"]["type"], None)
    assert kind is None or issubclass(kind, errors.SpectriageError)
    assert made["error"]["what"]
    assert made["error"]["what"] in told[1].err
    return made["error"]


@pytest.mark.parametrize("name", CONTENTS)
def test_bad_content_is_refused(capsys, work, folder, name):
    path = folder / "input.csv"
    path.write_bytes(CONTENTS[name]())
    refused(capsys, work, path)


SAYS = {
    "empty": "empty",
    "a PDF": "PDF",
    "one column": "column",
    "duplicated axis": "repeats",
    "three points": "3",
    "all equal": "flat",
    "pixels": "pixel",
}


@pytest.mark.parametrize("name", SAYS)
def test_the_reason_is_the_right_one(capsys, work, folder, name):
    path = folder / "input.csv"
    path.write_bytes(CONTENTS[name]())
    assert SAYS[name].casefold() in refused(capsys, work, path)["what"].casefold()


def test_a_good_file_is_not_refused(capsys, work, folder):
    """The other side of all of these: the same curve, whole."""
    path = folder / "input.csv"
    path.write_bytes(lines(curve()))
    with pytest.raises(SystemExit) as end:
        cli.main(["identify", str(path), "--json"])
    assert end.value.code in (0, 10, 11, 12)
    assert "verdict" in json.loads(capsys.readouterr().out)


def test_a_folder_is_refused(capsys, work, folder):
    assert "folder" in refused(capsys, work, folder)["what"] + refused(capsys, work, folder).get("remedy", "")


def test_a_missing_file_is_refused(capsys, work, folder):
    refused(capsys, work, folder / "nothing.csv", where="nothing.csv")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read anything")
def test_a_file_without_permission_is_refused(capsys, work, folder):
    path = folder / "input.csv"
    path.write_bytes(lines(curve()))
    path.chmod(0)
    refused(capsys, work, path, where="input.csv")


@pytest.mark.parametrize("name", ["foreign.h5", "foreign.csv"])
def test_an_hdf5_that_is_not_ours_is_no_spectrum(capsys, work, folder, name):
    foreign_hdf5(folder / name)
    assert "HDF5" in refused(capsys, work, folder / name)["what"]


@pytest.mark.parametrize("kind", ["foreign", "empty", "text", "folder", "missing", "truncated"])
def test_a_library_that_is_none_is_refused(capsys, work, folder, library, kind):
    path = folder / "library.h5"
    if kind == "foreign":
        foreign_hdf5(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "truncated":
        whole = next(Path(os.environ["SPECTRIAGE_CACHE"]).glob("catalogue-*.h5")).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    elif kind != "missing":
        path.write_bytes(b"" if kind == "empty" else b"no library\n")
    query = folder / "input.csv"
    query.write_bytes(lines(curve()))
    assert "library.h5" in refused(capsys, work, query, "--library", path)["what"]


def test_several_spectra_ask_which_one(capsys, work, folder):
    path = folder / "table.csv"
    rows = "".join(f"{x:.2f},{y:.3f},{2 * y + 1:.3f}\n" for x, y in curve())
    path.write_text("Raman shift (cm-1),first,second\n" + rows)
    told = refused(capsys, work, path)
    assert told["type"] == "SeveralSpectraError"
    assert "first" in str(told)
    assert "second" in str(told)


def test_one_bad_file_among_good_ones(capsys, work, folder):
    (folder / "good.csv").write_bytes(lines(curve()))
    (folder / "bad.csv").write_bytes(b"")
    with pytest.raises(SystemExit) as end:
        cli.main(["identify", str(folder / "bad.csv"), str(folder / "good.csv"), "--json"])
    bad, good = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert end.value.code in (0, 10, 11, 12)
    assert "error" in bad
    assert "verdict" in good


def test_two_million_lines_are_refused(capsys, work, folder):
    path = folder / "long.csv"
    path.write_text("".join(f"{i * 1e-3:.3f},1\n" for i in range(2_000_000)))
    assert "point" in refused(capsys, work, path)["what"]


@pytest.mark.full
def test_ten_million_points_are_refused(capsys, work, folder):
    path = folder / "long.csv"
    block = "".join(f"{i * 1e-4:.4f},1\n" for i in range(10_000_000))
    path.write_text(block)
    refused(capsys, work, path)
