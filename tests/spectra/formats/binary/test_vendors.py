"""Renishaw WDF, Bruker OPUS, Andor SIF and Princeton SPE, written here byte by byte, and damaged."""

import struct
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spectriage.spectra.errors import FormatError, NotAShiftAxisError, SeveralSpectraError
from spectriage.spectra.formats import read_spectra, read_spectrum
from spectriage.spectra.formats.binary import opus as module

N = 64
SHIFT = np.float32(np.linspace(150.0, 1_725.0, N)).astype(float)
COUNTS = np.float32(500.0 + 400.0 * np.exp(-0.5 * ((SHIFT - 1001.0) / 30.0) ** 2)).astype(float)
LASER = 785.0


def format_error_of(read, path):
    """The FormatError of reading a path, or None; any other exception goes on."""
    try:
        read(path)
    except FormatError as error:
        return error
    return None


def written(tmp_path, data, name="scan.bin"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def block(name, content, uid=0):
    return struct.pack("<4sIQ", name, uid, 16 + len(content)) + content


def wdf(spectra=(COUNTS,), *, unit=1, axis=SHIFT, places=None):
    """A WiRE file; `places` are the x and y of each point of a map."""
    count = len(spectra)
    header = bytearray(512 - 16)
    origins = 0 if places is None else 2
    struct.pack_into("<IQQIIII", header, 60 - 16, N, count, count, 3, 1, N, origins)
    struct.pack_into("<24s4HII", header, 96 - 16, b"WiRE", 4, 4, 0, 6602, 2, 3 if places else 1)
    struct.pack_into("<If", header, 152 - 16, 6, 1e7 / LASER)
    struct.pack_into("<32s", header, 208 - 16, b"user")
    struct.pack_into("<160s", header, 240 - 16, b"aspirin")
    data = block(b"WDF1", bytes(header), 1)
    data += block(b"DATA", np.asarray(spectra, "<f4").tobytes())
    data += block(b"YLST", struct.pack("<IIf", 0, 16, 0.0))
    data += block(b"XLST", struct.pack("<II", 1, unit) + np.asarray(axis, "<f4").tobytes())
    if places is not None:
        content = struct.pack("<I", 2)
        for kind, values in zip((3, 4), np.transpose(places), strict=True):
            content += (
                struct.pack("<II16s", kind, 5, b"XY"[kind - 3 : kind - 2])
                + np.asarray(values, "<f8").tobytes()
            )
        data += block(b"ORGN", content)
    return data


def test_wdf(tmp_path):
    pytest.importorskip("renishawWiRE")
    read = read_spectrum(written(tmp_path, wdf(axis=SHIFT[::-1], spectra=[COUNTS[::-1]])))
    np.testing.assert_array_equal(read.shift, SHIFT)
    np.testing.assert_array_equal(read.intensity, COUNTS)
    assert read.excitation_nm == pytest.approx(LASER, abs=1e-3)
    assert (read.metadata["title"], read.metadata["accumulations"]) == ("aspirin", 3)


def test_wdf_map_goes_by_coordinates(tmp_path):
    pytest.importorskip("renishawWiRE")
    places = [(x, y) for y in (0.0, 2.5) for x in (-1.0, 0.5, 2.0)]
    path = written(tmp_path, wdf([COUNTS * (k + 1) for k in range(6)], places=places))
    with pytest.raises(SeveralSpectraError) as caught:
        read_spectrum(path)
    assert caught.value.names == ("-1,0", "0.5,0", "2,0", "-1,2.5", "0.5,2.5", "2,2.5")
    np.testing.assert_allclose(read_spectrum(path, which="0.5,2.5").intensity, COUNTS * 5)


def test_wdf_series_and_nanometres(tmp_path):
    pytest.importorskip("renishawWiRE")
    assert list(read_spectra(written(tmp_path, wdf([COUNTS, 2 * COUNTS])))) == ["1", "2"]
    nm = np.float32(np.linspace(800.0, 900.0, N)).astype(float)
    read = read_spectrum(written(tmp_path, wdf(unit=3, axis=nm)))
    np.testing.assert_allclose(read.shift, 1e7 / read.excitation_nm - 1e7 / nm)


def parameter(key, value):
    if isinstance(value, int):
        kind, content = 0, struct.pack("<i", value)
    elif isinstance(value, float):
        kind, content = 1, struct.pack("<d", value)
    else:
        content = value.encode("latin-1") + b"\0"
        kind, content = 2, content + b"\0" * (len(content) % 2)
    return key.encode() + b"\0" + struct.pack("<hh", kind, len(content) // 2) + content


def opus(*, kind=10, axis=SHIFT, counts=COUNTS, scale=2.0, unit="WN", laser=1e7 / 1064.0):
    status = b"".join(
        parameter(key, value)
        for key, value in {
            "DPF": 1,
            "NPT": len(counts),
            "FXV": float(axis[0]),
            "LXV": float(axis[-1]),
            "CSF": scale,
            "MXY": float(counts.max() * scale),
            "MNY": float(counts.min() * scale),
            "DAT": "01/02/2024",
            "TIM": "10:11:12.0 (GMT+1)",
            "DXU": unit,
        }.items()
    )
    end = b"END\0" + b"\0" * 8
    sample = parameter("SNM", "aspirin") + parameter("INS", "MultiRAM") + parameter("RLW", laser)

    def code(a, b, c, d, e=0, f=0):
        return a | b << 2 | c << 4 | d << 10 | e << 17 | f << 19

    parts = [
        (code(3, 1, 1, kind), status + end),
        (code(3, 1, 0, kind), np.asarray(counts, "<f4").tobytes()),
        (code(0, 0, 2, 0), sample + end),
    ]
    parts = [(number, content + b"\0" * (-len(content) % 4)) for number, content in parts]
    at = 24 + 12 * 10
    directory = struct.pack("<III", code(0, 0, 0, 13), 12 * 10 // 4, 24)
    body = b""
    for number, content in parts:
        directory += struct.pack("<III", number, len(content) // 4, at + len(body))
        body += content
    header = b"\n\n\xfe\xfe" + struct.pack("<diii", 920622.0, 24, 10, len(parts) + 1)
    return header + directory.ljust(12 * 10, b"\0") + body


def test_opus(tmp_path):
    pytest.importorskip("brukeropus")
    path = written(tmp_path, opus())
    read = read_spectrum(path)
    np.testing.assert_allclose(read.shift, np.linspace(SHIFT[0], SHIFT[-1], N))
    np.testing.assert_allclose(read.intensity, 2.0 * COUNTS)
    assert read.excitation_nm == pytest.approx(1064.0)
    assert (read.metadata["title"], read.metadata["instrument"]) == ("aspirin", "MultiRAM")
    from brukeropus import read_opus

    np.testing.assert_allclose(read_opus(str(path)).rasm.y, read.intensity)


def test_what_others_print_while_opus_is_read_is_printed(tmp_path, monkeypatch, capsys):
    """Another thread begins to read while this one does, and ends after it."""
    pytest.importorskip("brukeropus")
    path, real, others = written(tmp_path, opus()), module._blocks, []
    within, go_on = threading.Event(), threading.Event()

    def blocks(source, data):
        if threading.current_thread() is threading.main_thread():
            others.append(pool.submit(read_spectrum, path))
            assert within.wait(10)
            print("an answer")
        else:
            within.set()
            assert go_on.wait(10)
        return real(source, data)

    monkeypatch.setattr(module, "_blocks", blocks)
    with ThreadPoolExecutor(1) as pool:
        read = read_spectrum(path)
        go_on.set()
        np.testing.assert_array_equal(others[0].result().intensity, read.intensity)
    print("another")
    assert capsys.readouterr().out == "an answer\nanother\n"


def test_opus_absolute_wavenumbers_and_infrared(tmp_path):
    pytest.importorskip("brukeropus")
    absolute = 1e7 / 1064.0 - SHIFT
    read = read_spectrum(written(tmp_path, opus(axis=absolute)))
    np.testing.assert_allclose(read.shift, np.linspace(SHIFT[0], SHIFT[-1], N), atol=1e-6)
    with pytest.raises(FormatError, match="absorbance; not a Raman"):
        read_spectrum(written(tmp_path, opus(kind=4)))


def sif(frames=(COUNTS,), *, coefficients=(790.0, 2.0, 0.0, 0.0), laser=LASER, rows=1):
    """A Solis file of version 65567, as its parser goes through it."""
    width = len(frames[0]) // rows
    name = b"C:\\scan.sif"
    head = b"Andor Technology Multi-Channel File\n65538 1\n"
    head += b"65567 0 0 1 1540956289 -60.0 " + b" " * 10 + b"0 2.5 2.5 2.5 1 \0 0.0 1e-06 0 1 1.0 0 0 1e-09 "
    head += b"0 " * 16 + b"500.0 rest\n"
    head += b"DU970P\n" + b"%d 200\n" % width + b"%d\n" % len(name) + name + b" \n"
    head += b"65538 0\n" + b"\n" + b"65538 " + b"\x01 \0 \x01 \0 " + b"0.0 0.0\n"
    head += (
        b"line\n" * 8
        + b"65539 SR303i rest\n"
        + b"line\n"
        + b"1.0 2.0 3.0 4.0 5.0 6.0 7.0 8.0\n"
        + b"line\n" * 8
    )
    head += b"65539 " + b" ".join(b"%r" % c for c in coefficients) + b"\n0 1 0 0\n0 1 0 0\n"
    head += b"%r\n422\n13\n13\n" % laser
    for text in (b"Wavelength", b"Counts", b"Rows"):
        head += b"%d\n" % len(text) + text
    head += b"65541 1 %d %d 1 %d 1 %d %d\n" % (
        rows,
        width,
        len(frames),
        width * rows * len(frames),
        width * rows,
    )
    head += b"65538 1 %d %d 1 1 1 0\n" % (rows, width) + b"0\n" * len(frames)
    return head + np.asarray(frames, "<f4").tobytes()


def test_sif(tmp_path):
    parser = pytest.importorskip("sif_parser")
    path = written(tmp_path, sif())
    read = read_spectrum(path)
    nm = 790.0 + 2.0 * np.arange(1, N + 1)
    np.testing.assert_allclose(read.shift, 1e7 / LASER - 1e7 / nm)
    np.testing.assert_array_equal(read.intensity, COUNTS)
    assert read.metadata["integration_ms"] == 2_500.0
    data, _ = parser.np_open(str(path))
    np.testing.assert_array_equal(data.ravel(), read.intensity)


def test_sif_series_images_and_axes(tmp_path):
    pytest.importorskip("sif_parser")
    assert list(read_spectra(written(tmp_path, sif([COUNTS, 2 * COUNTS])))) == ["1", "2"]
    with pytest.raises(FormatError, match="images of 2 rows"):
        read_spectrum(written(tmp_path, sif(rows=2)))
    with pytest.raises(NotAShiftAxisError, match="does not state the laser"):
        read_spectrum(written(tmp_path, sif(laser=0.0)))
    with pytest.raises(NotAShiftAxisError, match="pixels"):
        read_spectrum(written(tmp_path, sif(coefficients=(0.0, 0.0, 0.0, 0.0))))


def spe(frames=(COUNTS,), *, kind=0, unit=3, coefficients=(790.0, 2.0), laser=1e7 / LASER, rows=1, xml=None):
    """A file of version 2, or of 3 with its XML."""
    types = {0: "<f4", 1: "<i4", 2: "<i2", 3: "<u2", 5: "<f8", 6: "u1", 8: "<u4"}
    header = bytearray(4100)
    struct.pack_into("<f", header, 10, 1.5)
    header[20:29] = b"01Jan2024"
    struct.pack_into("<H", header, 42, len(frames[0]) // rows)
    struct.pack_into("<h", header, 108, kind)
    struct.pack_into("<H", header, 656, rows)
    struct.pack_into("<i", header, 1446, len(frames))
    struct.pack_into("<f", header, 1992, 2.5 if xml is None else 3.0)
    header[3098], header[3100], header[3101] = 1, unit, len(coefficients) - 1
    struct.pack_into(f"<{len(coefficients)}d", header, 3263, *coefficients)
    struct.pack_into("<d", header, 3311, laser)
    struct.pack_into("<H", header, 4098, 0x5555)
    body = np.asarray(frames).astype(types[kind]).tobytes()
    if xml is not None:
        struct.pack_into("<Q", header, 678, 4100 + len(body))
        body += xml.encode()
    return bytes(header) + body


@pytest.mark.parametrize("kind", [0, 1, 2, 3, 5, 8])
def test_spe(tmp_path, kind):
    read = read_spectrum(written(tmp_path, spe(kind=kind)))
    nm = 790.0 + 2.0 * np.arange(1, N + 1)
    np.testing.assert_allclose(read.shift, 1e7 / LASER - 1e7 / nm)
    np.testing.assert_allclose(read.intensity, COUNTS, atol=0 if kind in (0, 5) else 1)
    assert (read.metadata["integration_ms"], read.metadata["date"]) == (1_500.0, "01Jan2024")


def test_spe_of_raman_shift_frames_and_refusals(tmp_path):
    read = read_spectrum(written(tmp_path, spe(unit=5, coefficients=(100.0, 20.0, 0.01))))
    pixel = np.arange(1, N + 1)
    np.testing.assert_allclose(read.shift, 100.0 + 20.0 * pixel + 0.01 * pixel**2)
    assert list(read_spectra(written(tmp_path, spe([COUNTS, 2 * COUNTS])))) == ["1", "2"]
    for data, match in (
        (spe(laser=0.0), "does not state the laser"),
        (spe(rows=2), "images of 2 rows"),
        (spe(coefficients=(0.0, 0.0)), "pixels"),
        (spe()[:-10], "end beyond the file"),
    ):
        with pytest.raises(FormatError, match=match):
            read_spectrum(written(tmp_path, data))


def test_spe_3_takes_the_wavelengths_of_its_footer(tmp_path):
    nm = np.linspace(800.0, 900.0, N)
    mapping = (
        f'<WavelengthMapping laserLine="785.0"><Wavelength>{",".join(map(repr, nm.tolist()))}</Wavelength>'
    )
    read = read_spectrum(
        written(tmp_path, spe(xml=f"<SpeFormat version='3.0'>{mapping}</WavelengthMapping></SpeFormat>"))
    )
    np.testing.assert_allclose(read.shift, 1e7 / 785.0 - 1e7 / nm)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    which=st.integers(0, 4),
    cut=st.integers(0, 3_000),
    flips=st.lists(
        st.tuples(st.integers(0, 5_000), st.sampled_from([0, 1, 127, 128, 255, 32, 10])), max_size=8
    ),
)
def test_damage_is_a_typed_error(tmp_path, which, cut, flips):
    data = bytearray([wdf(), wdf([COUNTS] * 2, places=[(0, 0), (1, 1)]), opus(), sif(), spe()][which])
    for at, value in flips:
        data[at % len(data)] = value
    path = written(tmp_path, bytes(data[: max(len(data) - cut, 40)]))
    error = format_error_of(read_spectra, path)
    assert error is None or (str(path) in error.where and "the reader failed" not in error.what)


@pytest.mark.parametrize(
    ("data", "package"), [(wdf(), "renishawWiRE"), (opus(), "brukeropus"), (sif(), "sif_parser")]
)
def test_a_missing_package_names_the_extra(tmp_path, monkeypatch, data, package):
    import importlib

    real = importlib.import_module

    def without(name, *rest):
        if name.split(".")[0] == package:
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(FormatError, match="not installed") as caught:
        read_spectrum(written(tmp_path, data))
    assert "spectriage[formats]" in caught.value.remedy


@pytest.mark.parametrize(
    ("opening", "match", "remedy"),
    [
        (b"Spectral Data File\r\n\0", "OMNIC", "JCAMP"),
        (b"PEPE2D constant interval\0", "Perkin-Elmer", "ASCII"),
        (b"WIT^PRCT\0\0", "WITec project", "ASCII"),
        (b"LabSpec6 \0", "LabSpec 6", "XML"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0", "JASCO JWS", "JCAMP"),
    ],
)
def test_formats_that_are_not_read_are_named_with_their_export(tmp_path, opening, match, remedy):
    with pytest.raises(FormatError, match=match) as caught:
        read_spectrum(written(tmp_path, opening + b"\0" * 600))
    assert remedy in caught.value.remedy


def opus_series(count, size, *, info=144, stored=0, spectra=(COUNTS,)):
    """A block of a series as OPUS writes it: a header, then each spectrum with what is known of it."""
    header = struct.pack("<6i", 0, count, 24 + 8 * stored, size, info, stored) + b"\0" * 8 * stored
    return header + b"".join(np.asarray(y, "<f4").tobytes() + b"\0" * info for y in spectra)


@pytest.mark.parametrize(("count", "size"), [(67_109_120, 0), (2**31 - 1, 256), (-1, 256), (1, -4)])
def test_an_opus_series_that_never_ends_is_refused(count, size):
    pytest.importorskip("brukeropus")
    from brukeropus.file.block import FileBlock

    from spectriage.spectra.formats.binary.opus import _check_series
    from spectriage.spectra.formats.source import Source

    source = Source("scan.0", "scan.0", [])
    data = opus_series(count, size)
    damaged = FileBlock(filebytes=data, block_type=(3, 1, 0, 10, 0, 2), size=len(data), start=0)
    with pytest.raises(FormatError, match="does not fit"):
        _check_series(source, damaged)
    data = opus_series(2, 4 * N, spectra=(COUNTS, COUNTS))
    _check_series(source, FileBlock(filebytes=data, block_type=(3, 1, 0, 10, 0, 2), size=len(data), start=0))
