"""Batches: the same bytes whatever the workers, and whenever they were killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from spectriage.library.inputs.listing import batch_items
from spectriage.library.service import batch
from spectriage.library.service.batch import Setup, run_batch
from spectriage.library.store.file import write_library
from spectriage.spectra.errors import FormatError, ParameterError
from spectriage.spectra.reference import Reference, ReferenceSet

SHIFT = 200.0 + 2.0 * np.arange(256)
FILES = 24


def bands(seed):
    rng = np.random.default_rng(seed)
    centres, heights = rng.uniform(250, 680, 8), rng.uniform(0.2, 1.0, 8)
    return (heights[:, None] / (1 + ((SHIFT - centres[:, None]) / 6.0) ** 2)).sum(axis=0)


def write_scan(path, seed):
    values = 1000 * bands(seed % 5) + 100 + np.random.default_rng(seed).normal(0, 3.0, SHIFT.size)
    rows = "\n".join(f"{x},{y:.3f}" for x, y in zip(SHIFT, values, strict=True))
    path.write_text(f"Raman shift (cm-1),Intensity\n{rows}\n")


@pytest.fixture(scope="module")
def setup(tmp_path_factory):
    path = tmp_path_factory.mktemp("library") / "library.h5"
    records = tuple(Reference(f"made-{i}", f"made up {i}") for i in range(5))
    spectra = np.array([bands(i) for i in range(5)], np.float32)
    spectra[1, :20] = np.nan
    write_library(path, ReferenceSet(records, SHIFT, spectra, name="made up"))
    return Setup(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("scans")
    (made / "deeper").mkdir()
    for i in range(FILES):
        write_scan(made / ("deeper" if i % 4 == 1 else ".") / f"scan-{i:02d}.csv", i)
    (made / "a-note.txt").write_text("not a spectrum")
    (made / ".hidden").write_text("not seen")
    several = "Raman shift (cm-1),first,second\n" + "\n".join(
        f"{x},{a},{b}" for x, a, b in zip(SHIFT, bands(1), bands(2), strict=True)
    )
    (made / "several.csv").write_text(several)
    return made


@pytest.fixture(scope="module")
def whole(setup, folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "results.jsonl"
    steps = []
    summary = run_batch(folder, out, setup, progress=lambda _, *step: steps.append(tuple(step)))
    assert steps == [(i, FILES + 2) for i in range(FILES + 3)]
    assert (summary.inputs, summary.resumed, summary.errors) == (FILES + 2, 0, 1)
    assert sum(summary.verdicts.values()) == FILES + 2
    return out.read_bytes()


def test_results_in_the_order_of_the_inputs(whole, folder):
    results = [json.loads(line) for line in whole.splitlines()]
    files = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and p.name[0] != ".")
    assert [result["name"] for result in results if result["last"]] == files
    assert "error" in results[0]
    by_name = {result["name"]: result for result in results if "spectrum" not in result}
    for i in range(FILES):
        name = f"{'deeper/' if i % 4 == 1 else ''}scan-{i:02d}.csv"
        assert by_name[name]["candidates"][0]["reference_id"] == f"made-{i % 5}"
    several = [result for result in results if result["name"] == "several.csv"]
    assert [result["spectrum"] for result in several] == ["first", "second"]
    assert [result["last"] for result in several] == [False, True]
    assert b"elapsed" not in whole


def test_the_same_bytes_with_workers(whole, setup, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "CHUNK", 3)
    monkeypatch.setattr(batch, "WAITING_CHUNKS", 1)
    before = dict(os.environ)
    run_batch(folder, tmp_path / "out.jsonl", setup, workers=2)
    assert (tmp_path / "out.jsonl").read_bytes() == whole
    assert dict(os.environ) == before


def test_resumed_from_any_byte(whole, setup, folder, tmp_path):
    out = tmp_path / "out.jsonl"
    cuts = {0, 1, len(whole) - 1, len(whole), *np.random.default_rng(0).integers(0, len(whole), 6).tolist()}
    # between the two lines of the file with two spectra
    cuts.add(whole.index(b'"second"') - 200)
    for cut in sorted(cuts):
        out.write_bytes(whole[:cut])
        summary = run_batch(folder, out, setup)
        assert out.read_bytes() == whole
        assert summary.errors == 1
        assert sum(summary.verdicts.values()) == FILES + 2
    assert summary.resumed == FILES + 2


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_and_started_again(whole, setup, folder, tmp_path, workers):
    out = tmp_path / "out.jsonl"
    command = [sys.executable, "-m", "spectriage.spectra.cli", "identify", "--batch", str(folder)]
    command += ["-o", str(out), "-l", str(setup.library), "--workers", str(workers)]
    process = subprocess.Popen(command, start_new_session=True)
    deadline = time.monotonic() + 60
    while (not out.exists() or out.stat().st_size < 3000) and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    while any_left(process.pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any_left(process.pid)
    left = out.read_bytes()
    assert whole.startswith(left)
    assert left
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    assert out.read_bytes() == whole


def any_left(session):
    """Whether a process of the killed session still lives: its workers must end with it."""
    try:
        os.killpg(session, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_manifest(setup, folder, tmp_path):
    manifest = tmp_path / "set.csv"
    name = os.path.relpath(folder, tmp_path)
    manifest.write_text(
        f"path,which,column\n{name}/scan-04.csv,,\n\n{name}/several.csv,second,\n{name}/gone.csv,,\n"
    )
    run_batch(manifest, tmp_path / "out.jsonl", setup)
    results = [json.loads(line) for line in (tmp_path / "out.jsonl").read_bytes().splitlines()]
    assert [r["candidates"][0]["reference_id"] for r in results[:2]] == ["made-4", "made-2"]
    assert results[1]["name"] == f"{name}/several.csv#second"
    assert results[2]["sha256"] == ""
    assert "no such file" in results[2]["error"]["what"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a manifest"),
        ("file\na.csv\n", "not a manifest"),
        ("path,path\na,b\n", "not a manifest"),
        ("path,weight\na,b\n", "unknown column 'weight'"),
        ("path,which\na\n", "fields"),
        ('path\n""\n', "empty"),
        ('path\n"unclosed\n', "cannot be read"),
        (b"path\n\xff\n", "cannot be read"),
        ("path\n" + "x" * 5000 + "\n", "fields"),
    ],
)
def test_refuses_what_is_no_manifest(setup, tmp_path, text, message):
    path = tmp_path / "set.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FormatError, match=message):
        list(batch_items(path))
    with pytest.raises(FormatError, match="cannot be read"):
        list(batch_items(tmp_path / "nothing"))


def test_a_library_file(setup, tmp_path):
    run_batch(setup.library, tmp_path / "out.jsonl", setup)
    results = [json.loads(line) for line in (tmp_path / "out.jsonl").read_bytes().splitlines()]
    assert [r["name"] for r in results] == [f"made-{i}" for i in range(5)]
    assert [r["candidates"][0]["reference_id"] for r in results] == [f"made-{i}" for i in range(5)]
    assert len({r["sha256"] for r in results}) == 5


def test_results_may_lie_in_the_folder(setup, tmp_path):
    write_scan(tmp_path / "scan.csv", 3)
    for _ in range(2):
        run_batch(tmp_path, tmp_path / "out.jsonl", setup)
    (line,) = (tmp_path / "out.jsonl").read_bytes().splitlines()
    assert json.loads(line)["name"] == "scan.csv"


def test_refuses_to_go_on_with_what_is_not_its_own(whole, setup, folder, tmp_path):
    out = tmp_path / "out.jsonl"
    out.write_bytes(whole)
    with pytest.raises(ParameterError, match="another library, version or policy"):
        run_batch(folder, out, Setup(setup.library, lod=0.2))
    assert out.read_bytes() == whole
    for text in (b"{}\n", b"hello\n", b"[]\n", b'{"run": 3, "name": "", "sha256": "", "last": true}\n'):
        out.write_bytes(text)
        with pytest.raises(ParameterError, match="something other"):
            run_batch(folder, out, setup)
        assert out.read_bytes() == text
    scans = tmp_path / "scans"
    scans.mkdir()
    for i in range(3):
        write_scan(scans / f"{i}.csv", i)
    out.unlink()
    run_batch(scans, out, setup)
    results = out.read_bytes()
    write_scan(scans / "1.csv", 7)
    with pytest.raises(ParameterError, match=r"'1\.csv' has changed"):
        run_batch(scans, out, setup)
    write_scan(scans / "1.csv", 1)
    write_scan(scans / "0-new.csv", 1)
    with pytest.raises(ParameterError, match=r"hold '0\.csv' where the inputs have '0-new\.csv'"):
        run_batch(scans, out, setup)
    (scans / "0-new.csv").unlink()
    (scans / "2.csv").unlink()
    with pytest.raises(ParameterError, match="ended"):
        run_batch(scans, out, setup)
    assert out.read_bytes() == results


def test_one_writer_at_a_time(setup, folder, tmp_path):
    fcntl = pytest.importorskip("fcntl")
    out = tmp_path / "out.jsonl"
    with out.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ParameterError, match="another process"):
            run_batch(folder, out, setup)
    with pytest.raises(ParameterError, match="cannot be written"):
        run_batch(folder, tmp_path, setup)
    with pytest.raises(ParameterError, match="workers"):
        run_batch(folder, out, setup, workers=0)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
@pytest.mark.parametrize("workers", [1, 2])
def test_no_input_ends_or_stops_a_batch(setup, tmp_path, workers):
    """FIFOs, devices, loops of links and their like are lines with an error; what follows is identified."""
    folder = tmp_path / "in"
    folder.mkdir()
    write_scan(folder / "a.csv", 1)
    os.mkfifo(folder / "b-fifo")
    os.symlink("/dev/zero", folder / "c-zero")
    os.symlink("d-loop", folder / "d-loop")
    os.symlink(".", folder / "e-itself")
    os.symlink("/nowhere", folder / "f-gone")
    (folder / "g-empty").write_bytes(b"")
    (folder / "h-binary").write_bytes(bytes(range(256)) * 40)
    (folder / "i-no-permission").write_text("1,2\n")
    os.chmod(folder / "i-no-permission", 0)
    (folder / os.fsdecode(b"j-\xff\xfe.csv")).write_text("no numbers")
    write_scan(folder / "z.csv", 2)
    out = tmp_path / "out.jsonl"
    summary = run_batch(folder, out, setup, workers=workers)
    lines = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert [line["name"][0] for line in lines] == list("abcdefghijz")
    for line in lines:
        assert ("verdict" in line) == (line["name"] in ("a.csv", "z.csv"))
        if "error" in line:
            assert set(line["error"]) == {"type", "what", "where", "remedy"}
            assert line["schema"] == 1
    assert summary.errors == 9


def test_a_manifest_of_things_that_are_no_files(setup, tmp_path):
    write_scan(tmp_path / "a.csv", 1)
    names = [
        "a.csv",
        "/dev/zero",
        "/dev/stdin",
        "/dev/tty",
        "/proc/kmsg",
        "/proc/self/mem",
        ".",
        "m.csv",
        "a.csv",
    ]
    manifest = tmp_path / "m.csv"
    manifest.write_text("path,which\n" + "".join(f"{name},\n" for name in names))
    out = tmp_path / "out.jsonl"
    run_batch(manifest, out, setup)
    lines = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert [line["name"] for line in lines] == names
    assert ["verdict" in line for line in lines] == [name == "a.csv" for name in names]


def test_an_untyped_error_of_a_reader_is_a_line(setup, tmp_path, monkeypatch):
    for name in ("a.csv", "b.csv", "c.csv"):
        write_scan(tmp_path / name, 1)
    original = batch.Reader.spectra

    def failing(self, item):
        if item.name == "b.csv":
            raise IndexError("a reader's own mistake")
        return original(self, item)

    monkeypatch.setattr(batch.Reader, "spectra", failing)
    out = tmp_path / "out.jsonl"
    run_batch(tmp_path, out, setup)
    lines = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert [("verdict" in line) for line in lines] == [True, False, True]
    assert "a reader's own mistake" in lines[1]["error"]["what"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_source_that_is_no_file_is_refused(setup, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(FormatError, match="device, pipe or socket"):
        list(batch_items(tmp_path / "fifo"))
