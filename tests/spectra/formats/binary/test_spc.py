"""GRAMS SPC, written here byte by byte: every version and form of numbers, and damage."""

import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spectriage.spectra.errors import FormatError, NotAShiftAxisError, SeveralSpectraError
from spectriage.spectra.formats import read_spectra, read_spectrum

N = 50
X = np.linspace(200.0, 1_670.0, N)
Y = np.array([round(100.0 + 90.0 * np.sin(i / 3.0), 3) for i in range(N)])
UNEVEN = np.float32(200.0 + np.arange(N) ** 1.5).astype(float)


def ordinates(y, kind, order):
    """The bytes of the ordinates and their exponent: float32, or integers as fractions of a power of two."""
    if kind == "float":
        return np.asarray(y, f"{order}f4").tobytes(), -128
    bits = 32 if kind == "int32" else 16
    exponent = int(np.ceil(np.log2(np.abs(y).max()))) + 1
    whole = np.round(np.asarray(y) * 2.0 ** (bits - exponent))
    return whole.astype(f"{order}i{bits // 8}").tobytes(), exponent


def new_spc(traces, *, order="<", kind="float", axis="even", x_type=13, y_type=4, method=11, log="", x=X):
    """A file of the new version; `traces` are pairs of z and ordinates."""
    flags = (
        0x01 * (kind == "int16") | 0x04 * (len(traces) > 1) | {"even": 0, "shared": 0x80, "own": 0xC0}[axis]
    )
    body = np.asarray(x, f"{order}f4").tobytes() if axis == "shared" else b""
    main_exponent = -128 if kind == "float" else 0
    for i, (z, y) in enumerate(traces):
        data, exponent = ordinates(y, kind, order)
        main_exponent = exponent if len(traces) == 1 else main_exponent
        own = np.asarray(x, f"{order}f4").tobytes() if axis == "own" else b""
        points = len(y) if axis == "own" else 0
        sub = struct.pack(f"{order}BbHfffIIf4x", 0, exponent, i, z, z + 1, 0.0, points, 1, 0.0)
        body += sub + own + data
    tail = log.encode("latin-1") + b"\0" if log else b""
    header = struct.pack(
        f"{order}BBBbIddIBBBBI9s9sH8f130s30sIIBBHf48sfIfB187s",
        *(flags, 0x4B if order == "<" else 0x4C, method, main_exponent),
        *(0 if axis == "own" else len(traces[0][1]), float(x[0]), float(x[-1]), len(traces)),
        *(x_type, y_type, 0, 0, 2024 << 20 | 5 << 16 | 6 << 11 | 7 << 6 | 8, b"", b"GRAMS", 0, *[0.0] * 8),
        *(b"powder", b"", 512 + len(body) if log else 0, 0, 0, 0, 0, 0.0, b"", 0.0, 0, 0.0, 0, b""),
    )
    assert len(header) == 512
    if tail:
        tail = struct.pack(f"{order}5I44s", 64 + len(tail), 4096, 64, 0, 0, b"") + tail
    return header + body + tail


def old_spc(traces, *, kind="int32", x_type=13):
    """A file of the old version: the header of the first trace is the last part of the file's own."""
    body = b""
    for i, y in enumerate(traces):
        if kind == "int32":
            data, exponent = ordinates(y, kind, "<")
            words = np.frombuffer(data, "<u2").reshape(-1, 2)[:, ::-1]
            data = words.tobytes()
        else:
            data, exponent = ordinates(y, kind, "<")
        own = exponent & 0xFF
        body += struct.pack("<BBHfffIIf4x", 0, own, i, float(i), i + 1.0, 0.0, 0, 1, 0.0) + data
    flags = 0x04 * (len(traces) > 1) | 0x01 * (kind == "int16")
    first = struct.pack("<BBhfffBB", flags, 0x4D, exponent, len(traces[0]), X[0], X[-1], x_type, 4)
    return first + b"\0" * 46 + b"old powder".ljust(130, b"\0") + b"\0" * 30 + body


def format_error_of(read, path):
    """The FormatError of reading a path, or None; any other exception goes on."""
    try:
        read(path)
    except FormatError as error:
        return error
    return None


def written(tmp_path, data, name="scan.spc"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def tolerance(kind):
    return {"float": 1e-5, "int32": 1e-6, "int16": 0.01}[kind]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["float", "int32", "int16"])
@pytest.mark.parametrize("axis", ["even", "shared", "own"])
def test_new_versions(tmp_path, order, kind, axis):
    x = X if axis == "even" else UNEVEN
    read = read_spectrum(written(tmp_path, new_spc([(0.0, Y)], order=order, kind=kind, axis=axis, x=x)))
    np.testing.assert_allclose(read.shift, x, rtol=1e-12)
    np.testing.assert_allclose(read.intensity, Y, atol=tolerance(kind))
    assert read.metadata["format"] == "spc"
    assert read.metadata["date"] == "2024-05-06 07:08"
    assert (read.metadata["title"], read.metadata["instrument"]) == ("powder", "GRAMS")
    assert "axis_assumed" not in read.metadata


@pytest.mark.parametrize("axis", ["even", "shared", "own"])
@pytest.mark.parametrize("kind", ["float", "int32"])
def test_several_traces_go_by_their_z(tmp_path, axis, kind):
    x = X if axis == "even" else UNEVEN
    path = written(tmp_path, new_spc([(0.5, Y), (2.0, 2 * Y), (1.25, 3 * Y)], axis=axis, kind=kind, x=x))
    with pytest.raises(SeveralSpectraError) as caught:
        read_spectrum(path)
    assert caught.value.names == ("0.5", "2", "1.25")
    found = read_spectra(path)
    np.testing.assert_allclose(found["1.25"].intensity, 3 * Y, atol=1e-4)
    np.testing.assert_allclose(found["2"].shift, x)


@pytest.mark.parametrize("kind", ["float", "int32", "int16"])
@pytest.mark.parametrize("count", [1, 3])
def test_the_old_version(tmp_path, kind, count):
    path = written(tmp_path, old_spc([Y * (k + 1) for k in range(count)], kind=kind))
    found = list(read_spectra(path).values())
    assert len(found) == count
    for k, read in enumerate(found):
        np.testing.assert_allclose(read.intensity, Y * (k + 1), atol=(k + 1) * tolerance(kind) * 2)
        np.testing.assert_allclose(read.shift, X, rtol=1e-6)
    assert found[0].metadata["title"] == "old powder"


def test_the_package_on_the_registry_reads_the_same(tmp_path):
    spc_io = pytest.importorskip("spc_io")
    for data in (
        new_spc([(0.0, Y)]),
        new_spc([(0.0, Y)], kind="int32"),
        new_spc([(0.0, Y)], axis="shared", x=UNEVEN),
        new_spc([(0.0, Y), (1.0, 2 * Y)]),
    ):
        path = written(tmp_path, data)
        with path.open("rb") as file:
            theirs = list(spc_io.SPC.from_bytes_io(file))
        for ours, other in zip(read_spectra(path).values(), theirs, strict=True):
            np.testing.assert_allclose(ours.shift, other.xarray)
            np.testing.assert_allclose(ours.intensity, other.yarray)


def test_the_log_states_the_laser_for_an_axis_in_nm(tmp_path):
    nm = np.linspace(800.0, 900.0, N)
    data = new_spc([(0.0, Y)], x_type=3, x=nm, log="Laser wavelength=785.0 nm\r\nUser=a\r\n")
    read = read_spectrum(written(tmp_path, data))
    np.testing.assert_allclose(read.shift, 1e7 / 785.0 - 1e7 / nm)
    assert read.metadata["head"]["User"] == "a"
    with pytest.raises(NotAShiftAxisError, match="does not state the laser"):
        read_spectrum(written(tmp_path, new_spc([(0.0, Y)], x_type=3, x=nm)))


def test_an_axis_of_no_unit_is_assumed_and_said(tmp_path):
    read = read_spectrum(written(tmp_path, new_spc([(0.0, Y)], x_type=0)))
    assert read.metadata["axis_assumed"] == "Raman shift"


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        ({"y_type": 2}, "absorbance"),
        ({"y_type": 128}, "transmission"),
        ({"method": 9}, "mass spec"),
        ({"x_type": 10}, "axis type 10"),
    ],
)
def test_other_spectra_are_refused(tmp_path, labels, match):
    with pytest.raises(FormatError, match=match):
        read_spectrum(written(tmp_path, new_spc([(0.0, Y)], **labels)))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    which=st.integers(0, 3),
    cut=st.integers(0, 900),
    flips=st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), max_size=6),
)
def test_damage_is_a_typed_error(tmp_path, which, cut, flips):
    data = bytearray(
        [
            new_spc([(0.0, Y)]),
            new_spc([(0.0, Y), (1.0, Y)], axis="own", kind="int16"),
            old_spc([Y, Y]),
            new_spc([(0.0, Y)], log="a=b"),
        ][which]
    )
    for at, value in flips:
        data[at % len(data)] = value
    path = written(tmp_path, bytes(data[: len(data) - cut if cut < len(data) else None]))
    error = format_error_of(read_spectra, path)
    assert error is None or (str(path) in error.where and "the reader failed" not in error.what)
