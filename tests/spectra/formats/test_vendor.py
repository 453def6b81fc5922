"""Vendors' files, written here in their layouts: ENLIGHTEN, LabSpec, tables of lists."""

import zipfile

import numpy as np
import pytest

from spectriage.spectra.errors import FormatError, NotAShiftAxisError, SeveralSpectraError
from spectriage.spectra.formats import AxisOrderError, read_spectra, read_spectrum
from spectriage.spectra.formats.enlighten import shot_and_dark_variance

N = 40
SHIFT = np.round(np.linspace(200.0, 590.0, N), 2)
LASER = 785.12
WAVELENGTH = np.round(1e7 / (1e7 / LASER - SHIFT), 2)
RAW = np.round(900.0 + 50.0 * np.sin(np.arange(N)), 2)
DARK = np.round(800.0 + 3.0 * np.cos(7.0 * np.arange(N)), 2)
COLUMNS = {
    "Pixel": np.arange(N, dtype=float),
    "Wavelength": WAVELENGTH,
    "Wavenumber": SHIFT,
    "Processed": np.round(RAW - DARK, 2),
    "Raw": RAW,
    "Dark": DARK,
    "Reference": np.full(N, 7.0),
}
HEAD = {
    "ENLIGHTEN Version": "4.1.6",
    "Serial Number": "WP-00001",
    "Model": "WP-785X",
    "Detector": "S16011",
    "Label": "sugar, white",
    "Scan Averaging": "4",
    "Boxcar": "0",
    "Integration Time": "3000",
    "Timestamp": "2024-12-10 11:20:42",
    "CCD Gain": "1.9",
    "Laser Wavelength": "785.12",
    "Laser Power mW": "50.0",
}


def enlighten(tmp_path, names, head=HEAD, missing=(), separator=","):
    rows = [",".join(names)]
    for i in range(N):
        cells = [
            "NA"
            if i in missing and name not in ("Pixel", "Wavelength", "Wavenumber")
            else f"{COLUMNS[name][i]:.2f}"
            for name in names
        ]
        rows.append(",".join(cells))
    lines = [f'{key},"{value}"' if "," in value else f"{key},{value}" for key, value in head.items()]
    text = "\r\n".join([*lines, "", *rows, ""]) if head else "\n".join(rows)
    path = tmp_path / "scan.csv"
    path.write_text(text.replace(",", separator), newline="")
    return path


@pytest.mark.parametrize(
    "names",
    [
        ["Pixel", "Wavelength", "Wavenumber", "Raw", "Dark", "Reference", "Processed"],
        ["Pixel", "Wavenumber", "Processed"],
        ["Wavenumber", "Processed", "Raw"],
        ["Wavelength", "Processed"],
    ],
)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_enlighten_subsets_of_columns(tmp_path, names, separator):
    read = read_spectrum(enlighten(tmp_path, names, separator=separator))
    np.testing.assert_allclose(read.shift, SHIFT, atol=1e-9 if "Wavenumber" in names else 0.2)
    np.testing.assert_array_equal(read.intensity, COLUMNS["Processed"])
    known = {
        "format": "enlighten",
        "serial": "WP-00001",
        "instrument": "WP-785X",
        "detector": "S16011",
        "integration_ms": 3000.0,
        "accumulations": 4,
        "gain": "1.9",
        "column": "Processed",
        "date": "2024-12-10 11:20:42",
    }
    assert known.items() <= dict(read.metadata).items()
    assert read.metadata["head"]["Laser Power mW"] == "50.0"
    assert read.excitation_nm == LASER
    assert read.variance is None


@pytest.mark.parametrize("column", ["Raw", "dark", "Reference"])
def test_enlighten_column_as_asked(tmp_path, column):
    read = read_spectrum(enlighten(tmp_path, list(COLUMNS)), column=column)
    np.testing.assert_array_equal(read.intensity, COLUMNS[column.capitalize()])
    assert read.history[1] == f"intensity: {column.capitalize()}, as asked"


def test_enlighten_column_that_is_not_there(tmp_path):
    with pytest.raises(FormatError, match="'Raw'; there are Processed"):
        read_spectrum(enlighten(tmp_path, ["Wavenumber", "Processed"]), column="Raw")


def test_enlighten_subtracts_the_dark_only_without_processed(tmp_path):
    read = read_spectrum(enlighten(tmp_path, ["Wavenumber", "Raw", "Dark"]))
    np.testing.assert_allclose(read.intensity, RAW - DARK)
    assert "intensity: Raw minus Dark (no Processed)" in read.history
    bare = read_spectrum(enlighten(tmp_path, ["Wavenumber", "Raw"]))
    np.testing.assert_array_equal(bare.intensity, RAW)
    assert any("dark not subtracted" in step for step in bare.history)


def test_enlighten_missing_ends_are_dropped_and_said(tmp_path):
    read = read_spectrum(enlighten(tmp_path, list(COLUMNS), missing={0, 1, 2, N - 1}))
    np.testing.assert_array_equal(read.shift, SHIFT[3:-1])
    assert any(step.startswith("drop: 4 points") for step in read.history)


def test_enlighten_missing_in_the_middle_is_an_error(tmp_path):
    with pytest.raises(FormatError, match="missing") as caught:
        read_spectrum(enlighten(tmp_path, ["Wavenumber", "Processed"], missing={0, 20}))
    assert caught.value.where.endswith(f"line {len(HEAD) + 3 + 20}")


def test_enlighten_laser_from_its_two_axes(tmp_path):
    read = read_spectrum(enlighten(tmp_path, ["Wavelength", "Wavenumber", "Processed"], head={}))
    assert read.excitation_nm == pytest.approx(LASER, abs=0.011)
    assert any(step.startswith("excitation:") for step in read.history)
    assert read_spectrum(enlighten(tmp_path, ["Wavenumber", "Processed"], head={})).excitation_nm is None


def test_enlighten_axes_that_are_no_shift(tmp_path):
    with pytest.raises(NotAShiftAxisError, match="pixel axis only"):
        read_spectrum(enlighten(tmp_path, ["Pixel", "Processed"]))
    with pytest.raises(NotAShiftAxisError, match="does not state the laser"):
        read_spectrum(enlighten(tmp_path, ["Wavelength", "Processed"], head={}))


def test_enlighten_variance_needs_electrons_per_count(tmp_path):
    head = {**HEAD, "Gain (e-/count)": "4.0"}
    read = read_spectrum(enlighten(tmp_path, list(COLUMNS), head=head))
    np.testing.assert_allclose(read.variance, shot_and_dark_variance(RAW, DARK, 4.0, 4.0))
    assert any(
        step.startswith("variance: shot and dark noise, 4 electrons per count, 4 scans")
        for step in read.history
    )
    # Smoothed along the axis, or one column alone: another variance, not stated.
    assert read_spectrum(enlighten(tmp_path, list(COLUMNS), head={**head, "Boxcar": "2"})).variance is None
    assert read_spectrum(enlighten(tmp_path, list(COLUMNS), head=head), column="Raw").variance is None


def test_variance_against_simulated_counts():
    random = np.random.default_rng(5)
    gain, scans, read_noise, signal, n = 3.0, 4, 6.0, 2_000.0, 20_000

    def mean_of_scans(electrons):
        noise = random.normal(0.0, read_noise, (scans, n))
        return (random.poisson(electrons, (scans, n)) / gain + noise).mean(axis=0) + 500.0

    raw, dark = mean_of_scans(signal * gain), mean_of_scans(1e-9)
    expected = np.var(raw - dark)
    assert np.mean(shot_and_dark_variance(raw, dark, gain, scans)) == pytest.approx(expected, rel=0.05)


HORIBA = [
    "#Acq. time (s)=\t10",
    "#Accumulations=\t5",
    "#Range (cm-¹)=\t5...2000",
    "#Detector Gain=\tHigh Sensitivity",
    "#Instrument=\tOSD",
    "#Detector=\tSyncerity",
    "#Laser=\t532nm_Edge",
    "#Spectral res.(cm-¹)=\t7.4",
    "#Title=\tglass",
    "#Acquired=\t04.10.2024 11:29:49",
    "#AxisType[0]=Intens",
    "#AxisUnit[0]=Cnt",
    "#AxisType[1]=Spectr",
    "#AxisUnit[1]=1/cm",
]
POINTS = [f"{700.5 - 3 * i}\t{i}.5" for i in range(20)]


def horiba(tmp_path, head, rows, newline="\n"):
    path = tmp_path / "scan.txt"
    path.write_bytes(("\n".join(head) + "\n" + newline.join(rows) + newline).encode("latin-1"))
    return path


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_horiba_two_columns(tmp_path, newline):
    read = read_spectrum(horiba(tmp_path, HORIBA, POINTS, newline))
    np.testing.assert_array_equal(read.shift, [700.5 - 3 * i for i in reversed(range(20))])
    assert read.intensity[0] == 19.5
    assert (read.excitation_nm, read.resolution_cm) == (532.0, 7.4)
    known = {
        "format": "horiba",
        "integration_ms": 10_000.0,
        "accumulations": 5,
        "instrument": "OSD",
        "detector": "Syncerity",
        "gain": "High Sensitivity",
        "title": "glass",
        "date": "04.10.2024 11:29:49",
    }
    assert known.items() <= dict(read.metadata).items()
    assert read.metadata["head"]["Range (cm-¹)"] == "5...2000"
    assert read.history == ("read horiba", "order: descending axis reversed")


@pytest.mark.parametrize(
    ("key", "value", "excitation"),
    [
        ("Laser (nm)", "785 ", 785.0),
        ("Laser", "632.8nm", 632.8),
        ("Laser", "50%", None),
        ("Laser power", "785", None),
    ],
)
def test_horiba_laser(tmp_path, key, value, excitation):
    head = [line for line in HORIBA if not line.startswith("#Laser")]
    assert read_spectrum(horiba(tmp_path, [f"#{key}=\t{value}", *head], POINTS)).excitation_nm == excitation


def test_horiba_axis_units(tmp_path):
    rows = [f"{540.5 + i}\t{i}.5" for i in range(20)]
    in_nm = [line.replace("1/cm", "nm") for line in HORIBA]
    read = read_spectrum(horiba(tmp_path, in_nm, rows))
    np.testing.assert_allclose(read.shift, 1e7 / 532.0 - 1e7 / (540.5 + np.arange(20)))
    with pytest.raises(NotAShiftAxisError, match="does not state the laser"):
        read_spectrum(horiba(tmp_path, [line for line in in_nm if "Laser" not in line], rows))
    with pytest.raises(NotAShiftAxisError, match="eV"):
        read_spectrum(horiba(tmp_path, [line.replace("1/cm", "eV") for line in HORIBA], rows))
    with pytest.raises(NotAShiftAxisError, match="pixels"):
        read_spectrum(
            horiba(
                tmp_path,
                [line.replace("1/cm", "pixel") for line in HORIBA],
                [f"{i}\t1.5" for i in range(20)],
            )
        )


def test_horiba_errors_name_their_line(tmp_path):
    rows = [*POINTS]
    rows[5] = rows[4]
    with pytest.raises(AxisOrderError) as caught:
        read_spectrum(horiba(tmp_path, HORIBA, rows))
    assert caught.value.where.endswith(f"line {len(HORIBA) + 6}")
    rows[5] = "500\tNaN"
    with pytest.raises(FormatError) as caught:
        read_spectrum(horiba(tmp_path, HORIBA, rows))
    assert caught.value.where.endswith(f"line {len(HORIBA) + 6}")


MAP_HEAD = [*HORIBA, "#AxisType[2]=Column", "#AxisUnit[2]=Number", "#AxisType[3]=Row", "#AxisUnit[3]=Number"]
MAP_AXIS = "\t\t" + "\t".join(str(100 + 2 * i) for i in range(12))


def map_row(row, column):
    return f"{row}\t{column}\t" + "\t".join(f"{row}{column}.{i}" for i in range(12))


def test_horiba_map(tmp_path):
    rows = [MAP_AXIS, *(map_row(r, c) for r in (1, 2) for c in (1, 2, 3))]
    path = horiba(tmp_path, MAP_HEAD, rows)
    with pytest.raises(SeveralSpectraError) as caught:
        read_spectrum(path)
    assert caught.value.names == ("1,1", "1,2", "1,3", "2,1", "2,2", "2,3")
    read = read_spectrum(path, which="2,3")
    assert read.intensity[0] == 23.0
    assert read.metadata["column"] == "2,3"
    assert read_spectra(path)["2,3"] == read
    with pytest.raises(FormatError, match="no named columns"):
        read_spectrum(path, column="Raw")


@pytest.mark.parametrize(
    ("damage", "match"),
    [
        (lambda row: row.replace("12.5", "nan"), r"'nan' \(point 6\)"),
        (lambda row: row.rsplit("\t", 1)[0], "11 points, the axis 12"),
        (lambda row: row.replace("1\t2", "1\t1", 1), "two spectra"),
        (lambda row: row.replace("12.5", ""), "not a number"),
    ],
)
def test_horiba_map_errors_name_their_line(tmp_path, damage, match):
    rows = [MAP_AXIS, map_row(1, 1), damage(map_row(1, 2))]
    with pytest.raises(FormatError, match=match) as caught:
        read_spectra(horiba(tmp_path, MAP_HEAD, rows))
    assert caught.value.where.endswith(f"line {len(MAP_HEAD) + 3}")


LIST_ROWS = [
    "id,component,wavenumbers,intensity",
    '1,"acid, fatty","[450, 451, 452, 453, 454, 455, 456, 457]","[0, 1.5, 2, 3, 4, 5, 6, 7e-1]"',
    '2,melanin,"[450, 451, 452, 453, 454, 455, 456, 457]","[1, 1, 1, 1, 1, 1, 1, 2]"',
    '3,melanin,"[450, 451, 452, 453, 454, 455, 456, 457]","[1, 1, 1, 1, 1, 1, 1, 3]"',
]


def lists(tmp_path, rows):
    path = tmp_path / "db.csv"
    path.write_text("\n".join(rows))
    return path


def test_lists(tmp_path):
    path = lists(tmp_path, LIST_ROWS)
    with pytest.raises(SeveralSpectraError) as caught:
        read_spectrum(path)
    assert caught.value.names == ("acid, fatty", "melanin (id 2)", "melanin (id 3)")
    read = read_spectrum(path, which="acid, fatty")
    np.testing.assert_array_equal(read.shift, np.arange(450.0, 458.0))
    np.testing.assert_array_equal(read.intensity, [0, 1.5, 2, 3, 4, 5, 6, 0.7])
    assert read_spectrum(path, which="3").intensity[-1] == 3.0
    assert read.metadata["head"] == {"id": "1", "component": "acid, fatty"}
    assert len(read_spectra(path)) == 3


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("452, 453", "452", "axis has 7 points, the intensity 8"),
        ("2]", "nan]", "'nan' in the list 'intensity'"),
        ("452", "450", "turns|repeats"),
        ('"[1, 1', '"[1, , 1', "not a number"),
        ("2,melanin,", "2,", "3 cells and 2 lists"),
    ],
)
def test_lists_errors_name_their_line(tmp_path, old, new, match):
    rows = [*LIST_ROWS]
    rows[2] = rows[2].replace(old, new, 1)
    with pytest.raises(FormatError, match=match) as caught:
        read_spectra(lists(tmp_path, rows))
    assert "line 3" in caught.value.where


def test_lists_need_one_shift_column(tmp_path):
    rows = [LIST_ROWS[0].replace("wavenumbers", "x"), *LIST_ROWS[1:]]
    with pytest.raises(FormatError, match="Raman shift"):
        read_spectrum(lists(tmp_path, rows))


@pytest.mark.parametrize("name", ["table.xlsx", "notes.docx", "spectra.zip"])
def test_an_office_document_is_no_spc_file(tmp_path, name):
    """Both begin alike: the K of PK is the version of an SPC file."""
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>" * 100)
        archive.writestr("xl/worksheets/sheet1.xml", "<sheet/>" * 1000)
    with pytest.raises(FormatError, match="a ZIP archive or an office document"):
        read_spectrum(tmp_path / name)
