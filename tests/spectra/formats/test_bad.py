"""Files that are no spectra: each is refused with what, where and a remedy, and never read for ever."""

import io
import os
import stat
import zipfile

import h5py
import numpy as np
import pytest

from spectriage.spectra.errors import FormatError
from spectriage.spectra.formats import MAX_BYTES, read_spectra, read_spectrum
from spectriage.spectra.formats.numbers import MAX_COLUMNS
from spectriage.spectra.formats.source import MAX_LINE_CHARS
from spectriage.spectra.spectrum import MAX_POINTS

ROWS = "\n".join(f"{100 + 2 * i},{i % 5}.5" for i in range(20))


def zipped() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("a.csv", ROWS)
    return data.getvalue()


BAD = {
    "empty": (b"", "empty"),
    "blanks": (b" \n\n\t\n", "only blanks"),
    "only a bom": (b"\xef\xbb\xbf", "only blanks"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "PDF"),
    "zip": (zipped(), "ZIP"),
    "gzip": (b"\x1f\x8b\x08\x00abc", "gzip"),
    "png": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "PNG"),
    "jpeg": (b"\xff\xd8\xff\xe0\x00\x10JFIF", "JPEG"),
    "binary": (bytes(range(256)) * 8, "binary"),
    "nul among numbers": (b"100,1\n101,\x002\n", "NUL byte at offset 10"),
    "control character": (b"100,1\n101,2\n102,\x073\n", "control character 0x07"),
    "utf-16 that is none": (b"\xff\xfe" + bytes(range(256)) * 8, "control character|no two columns"),
    "utf-16 without": (ROWS.encode("utf-16-le"), "binary"),
    "html": (b"<!DOCTYPE html><html></html>", "web page"),
    "json": (b'{"shift": [1, 2]}', "JSON"),
    "prose": (b"It was a dark night.\nNothing happened in 1984, or 85.\n", "no two columns"),
    "one column": (b"\n".join(b"%d" % i for i in range(50)), "one column"),
    "three points": (b"100,1\n200,2\n300,3\n", "3 points; a spectrum has at least 8"),
    "seven points": (b"\n".join(b"%d,1" % (100 * i) for i in range(2, 9)), "7 points"),
    "transposed": (
        b"\n".join(b",".join(b"%d.5" % (i * k) for i in range(1, 100)) for k in (1, 2)),
        "2 points",
    ),
    "text in the middle": (ROWS.encode() + b"\nthe end\n" + ROWS.encode(), "is not a number|columns"),
    "row-ordered enlighten": (b"Dash Output v2.1,ENLIGHTEN version: 4,Row\n1,2,3\n", "one spectrum a row"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_content(tmp_path, name):
    content, match = BAD[name]
    path = tmp_path / "spectrum.csv"
    path.write_bytes(content)
    for read in (read_spectrum, read_spectra):
        with pytest.raises(FormatError, match=match) as caught:
            read(path)
        assert str(path) in caught.value.where
        assert caught.value.remedy


def test_an_hdf5_file_is_named(tmp_path):
    path = tmp_path / "library.txt"
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(10)
    with pytest.raises(FormatError, match="HDF5"):
        read_spectrum(path)


def test_a_missing_path(tmp_path):
    with pytest.raises(FormatError, match="no such file"):
        read_spectrum(tmp_path / "none.csv")


def test_a_path_through_a_file(tmp_path):
    (tmp_path / "a").write_text(ROWS)
    with pytest.raises(FormatError, match="cannot be read"):
        read_spectrum(tmp_path / "a" / "b")


@pytest.mark.parametrize("path", ["a\0b", "x" * 10_000])
def test_an_impossible_path(path):
    with pytest.raises(FormatError, match="cannot be read"):
        read_spectrum(path)


def test_a_folder(tmp_path):
    with pytest.raises(FormatError, match="folder"):
        read_spectrum(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")
def test_a_fifo_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FormatError, match="pipe"):
        read_spectrum(tmp_path / "pipe")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")
def test_a_fifo_that_takes_the_place_of_a_file_does_not_hang(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text(ROWS)
    as_file = os.stat(tmp_path / "file")
    monkeypatch.setattr(os, "stat", lambda *_, **__: as_file)
    with pytest.raises(FormatError, match="pipe"):
        read_spectrum(tmp_path / "pipe")


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no such device on this system")
def test_an_endless_device_does_not_hang():
    with pytest.raises(FormatError, match="device"):
        read_spectrum("/dev/zero")


def test_no_permission(tmp_path, monkeypatch):
    path = tmp_path / "secret.csv"
    path.write_text(ROWS)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(FormatError, match="no permission"):
        read_spectrum(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_no_permission_in_earnest(tmp_path):
    path = tmp_path / "secret.csv"
    path.write_text(ROWS)
    path.chmod(0)
    with pytest.raises(FormatError, match="no permission"):
        read_spectrum(path)


def test_a_huge_file_is_refused_unread(tmp_path, monkeypatch):
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert stat.S_ISREG(path.stat().st_mode)
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("it was opened"))
    with pytest.raises(FormatError, match="more than the"):
        read_spectrum(path)


def test_a_file_that_grows_is_not_read_for_ever(tmp_path, monkeypatch):
    path = tmp_path / "grows.csv"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    small = tmp_path / "small.csv"
    small.write_text(ROWS)
    status = small.stat()
    monkeypatch.setattr(os, "stat", lambda *_, **__: status)
    monkeypatch.setattr(os, "fstat", lambda *_: status)
    with pytest.raises(FormatError, match="grows"):
        read_spectrum(path)


def test_ten_million_points_are_refused_before_they_are_parsed(tmp_path, monkeypatch):
    path = tmp_path / "many.csv"
    path.write_bytes(b"1 1\n" * 10_000_000)
    monkeypatch.setattr("spectriage.spectra.formats.source._decoded", lambda _: pytest.fail("it was decoded"))
    with pytest.raises(FormatError, match="10,000,000 lines") as caught:
        read_spectrum(path)
    assert f"{MAX_POINTS:,}" in str(caught.value)


def test_an_extremely_long_line_is_refused(tmp_path):
    path = tmp_path / "long.csv"
    path.write_bytes(b"1 " * MAX_LINE_CHARS)
    with pytest.raises(FormatError, match="characters"):
        read_spectrum(path)


def test_too_many_columns_are_refused(tmp_path):
    path = tmp_path / "wide.csv"
    path.write_text("\n".join(["1.5\t" * (MAX_COLUMNS + 1)] * 10))
    with pytest.raises(FormatError, match="columns"):
        read_spectrum(path)


def test_messages_do_not_repeat_a_whole_line(tmp_path):
    path = tmp_path / "sample.csv"
    path.write_text(ROWS + "\n" + "x" * 100_000 + ",1\n")
    with pytest.raises(FormatError) as caught:
        read_spectrum(path)
    assert len(str(caught.value)) < 500


def test_terminal_escapes_do_not_come_out_in_messages(tmp_path):
    path = tmp_path / "sample.csv"
    path.write_text(ROWS + "\n\N{RIGHT-TO-LEFT OVERRIDE}evil,\x9b1m\n")
    with pytest.raises(FormatError) as caught:
        read_spectrum(path)
    assert all(character.isprintable() for character in caught.value.what)
