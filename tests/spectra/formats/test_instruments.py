"""Tables as instruments and their programs write them: which columns are meant, heads, feet, lasers, axes."""

import numpy as np
import pytest

from spectriage.spectra.errors import FormatError, NotAShiftAxisError, SeveralSpectraError
from spectriage.spectra.formats import AxisOrderError, read_spectra, read_spectrum
from spectriage.spectra.formats import head as heads

N = 160
SHIFT = np.round(np.linspace(180.0, 1770.0, N), 2)
COUNTS = np.round(400.0 + 300.0 * np.exp(-0.5 * ((SHIFT - 1001.0) / 8.0) ** 2), 2)
LASER = 784.6
ABSOLUTE = np.round(1e7 / LASER - SHIFT, 2)
WAVELENGTH = np.round(1e7 / ABSOLUTE, 2)


def written(tmp_path, lines, name="scan.txt", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes("\n".join(lines).encode(encoding))
    return path


def rows(separator="\t", axis=SHIFT, counts=COUNTS):
    return [f"{x}{separator}{y}" for x, y in zip(axis, counts, strict=True)]


def same(read, axis=SHIFT, counts=COUNTS):
    np.testing.assert_array_equal(read.shift, axis)
    np.testing.assert_array_equal(read.intensity, counts)


BW_NAMES = [
    *("Pixel", "Wavelength", "Wavenumber", "Raman Shift", "Dark #1", "Reference #1", "Raw data #1"),
    *("Dark Subtracted #1", "%TR #1", "Absorbance #1", "Irradiance (W/cm^2/nm) #1"),
]


def bwspec(separator, decimal, names=BW_NAMES, before=9, after=14, end=True):
    head = {
        "File Version": "BWSpec4.03_22",
        "Date": "2023-05-04 13:14:15",
        "model": "BTC661E-785H-SYS",
        "intigration times(ms)": "1500",
        "average number": "3",
        "laser_wavelength": str(LASER),
        "laser_powerlevel": "40",
        "coefs_a0": "782.9",
    }
    lines = [f"{key}{separator}{value}".replace(".", decimal) for key, value in head.items()]
    lines.append(separator.join(names) + (separator if end else ""))
    for i in range(-before, N + after):
        inside = 0 <= i < N
        known = {
            "Pixel": f"{i + before}",
            "Wavelength": f"{WAVELENGTH[i]:.2f}" if inside else "   ",
            "Wavenumber": f"{ABSOLUTE[i]:.2f}" if inside else "   ",
            "Raman Shift": f"{SHIFT[i]:.2f}" if inside else "   ",
            "Dark": "1000.0000",
            "Reference": "65535.0000",
            "Raw": f"{COUNTS[i] + 1000.0:.4f}" if inside else "1001.0000",
            "Dark Subtracted": f"{COUNTS[i]:.4f}" if inside else "1.0000",
        }
        cells = [
            next((known[key] for key in sorted(known, key=len, reverse=True) if n.startswith(key)), "0.0000")
            for n in names
        ]
        lines.append((separator.join(cells) + (separator if end else "")).replace(".", decimal))
    return lines


@pytest.mark.parametrize(
    ("separator", "decimal"), [(";", "."), (";", ","), (",", "."), ("\t", "."), ("\t", ",")]
)
@pytest.mark.parametrize("end", [True, False])
def test_bwspec(tmp_path, separator, decimal, end):
    path = written(tmp_path, bwspec(separator, decimal, end=end))
    read = read_spectrum(path)
    same(read)
    assert read.excitation_nm == LASER
    assert "axis_assumed" not in read.metadata
    assert (read.metadata["integration_ms"], read.metadata["accumulations"]) == (1500.0, 3)
    assert any(step.startswith("drop: 23 points at the ends") for step in read.history)
    np.testing.assert_allclose(read_spectrum(path, column="Raw data #1").intensity, COUNTS + 1000.0)
    with pytest.raises(FormatError, match="infrared"):
        read_spectrum(path, column="Absorbance #1")


def test_bwspec_without_processed_subtracts_the_dark(tmp_path):
    names = ["Pixel", "Raman Shift", "Dark #1", "Raw data #1", "%TR #1"]
    read = read_spectrum(written(tmp_path, bwspec(";", ".", names)))
    np.testing.assert_allclose(read.intensity, COUNTS)
    assert "intensity: Raw data #1 minus Dark #1" in read.history


def test_bwspec_absolute_wavenumbers_become_shifts_by_the_stated_laser(tmp_path):
    names = ["Pixel", "Wavenumber", "Dark #1", "Dark Subtracted #1"]
    read = read_spectrum(written(tmp_path, bwspec(";", ".", names)))
    np.testing.assert_allclose(read.shift, SHIFT, atol=0.02)
    assert any("absolute wavenumber" in step for step in read.history)
    no_laser = [line for line in bwspec(";", ".", names) if "laser" not in line]
    with pytest.raises(NotAShiftAxisError, match="beyond"):
        read_spectrum(written(tmp_path, no_laser))


def test_a_value_missing_between_points_is_an_error(tmp_path):
    lines = bwspec(";", ".")
    at = next(i for i, line in enumerate(lines) if line.startswith("60;"))
    lines[at] = lines[at].replace(f"{SHIFT[51]:.2f}", " ")
    with pytest.raises(FormatError, match="missing") as caught:
        read_spectrum(written(tmp_path, lines))
    assert caught.value.where.endswith(f"line {at + 1}")


def test_several_measurements_of_an_instrument(tmp_path):
    names = ["Pixel", "Raman Shift", "Dark #1", "Dark Subtracted #1", "Dark #2", "Dark Subtracted #2"]
    with pytest.raises(SeveralSpectraError) as caught:
        read_spectrum(written(tmp_path, bwspec(";", ".", names)))
    assert caught.value.names == ("Dark Subtracted #1", "Dark Subtracted #2")


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 0, 1)])
def test_the_shift_is_the_axis_where_absolute_wavenumbers_stand_beside_it(tmp_path, order):
    names = ["Wavenumbers (1/cm)", "Raman_Shift", "Signal"]
    table = [[f"{a}", f"{x}", f"{y}"] for a, x, y in zip(ABSOLUTE, SHIFT, COUNTS, strict=True)]
    lines = [",".join(cells[i] for i in order) for cells in [names, *table]]
    same(read_spectrum(written(tmp_path, lines)))


def test_pairs_of_columns_are_spectra(tmp_path):
    lines = ["Raman shift\tsugar\tRaman shift\tsalt"]
    lines += [f"{x}\t{y}\t{x + 1}\t{2 * y}" for x, y in zip(SHIFT, COUNTS, strict=True)]
    found = read_spectra(written(tmp_path, lines))
    same(found["sugar"])
    same(found["salt"], SHIFT + 1, 2 * COUNTS)


FEET = {
    "settings": [
        "",
        "",
        "Date and Time:   Mon Jan 01 10:00:00 2024",
        "Exposure Time (secs):   2.5",
        "Model:  DU970",
    ],
    "no blank": ["Exposure Time (secs):\t2.5", "Temperature (C):\t-60"],
    "extended": ["", "##### Extended Information", "[Comments]", "Sample name\taspirin", "Exposure\t2.5 sec"],
    "mark": [">>>>>End Processed Spectral Data<<<<<"],
    "comments": ["; end of data", "; exposure: 2.5 s"],
    "words": ["[EOF]"],
}


@pytest.mark.parametrize("foot", FEET)
def test_text_after_the_numbers_ends_them_and_is_kept(tmp_path, foot):
    read = read_spectrum(written(tmp_path, ["Raman shift\tcounts", *rows(), *FEET[foot]]))
    same(read)
    kept = " ".join(f"{key} {value}" for key, value in read.metadata["foot"].items())
    assert FEET[foot][-1].strip(";# ").split()[-1].strip(":") in kept
    if foot in ("settings", "no blank"):
        assert read.metadata["integration_ms"] == 2500.0


@pytest.mark.parametrize("last", ["1780.1", "1780.1\tabc", "1780.1\t", "nan\t5", "-\t5", "1780.1\t5\t6"])
def test_a_damaged_last_row_is_no_foot(tmp_path, last):
    with pytest.raises(FormatError) as caught:
        read_spectrum(written(tmp_path, [*rows(), last]))
    assert caught.value.where.endswith(f"line {N + 1}")


def test_text_between_the_numbers_is_an_error(tmp_path):
    lines = [*rows(), "Second spectrum", *rows()]
    with pytest.raises(FormatError, match=r"columns|not a number") as caught:
        read_spectrum(written(tmp_path, lines))
    assert caught.value.where.endswith(f"line {N + 1}")


LASERS = {
    "# 633 nm, 5 mW": None,
    "633 nm, 5 mW": None,
    "; laser 633 nm": None,
    "sample B\texcited at 633 nm": None,
    "LaserWavelength_nm\t633": None,
    "_raman_measurement_device.excitation_laser_wavelength 633": None,
    "wl,633nm": None,
    "laser_wavelength;633,0": None,
    "Laser: HeNe 633 nm": None,
    "Excitation Wavelength [nm]: 633": None,
    "Anregungswellenlänge: 633 nm": None,
    "Laser power: 633": "none",
    "LaserTemp: 633": "none",
    "# grating blaze 633 nm": "none",
    "# range 533-733 nm": "none",
    "# filter 633 nm": "none",
}


@pytest.mark.parametrize("line", LASERS)
def test_a_head_line_states_the_laser_and_is_no_header(tmp_path, line):
    read = read_spectrum(written(tmp_path, [line, *rows()]))
    same(read)
    assert read.excitation_nm == (None if LASERS[line] else 633.0)
    assert read.metadata["axis_assumed"] == "Raman shift"
    assert "33" in " ".join(map(str, read.metadata["head"].items()))


def test_a_cif_loop_names_its_columns(tmp_path):
    lines = [
        "data_1000000",
        "_raman_measurement_device.excitation_laser_wavelength 532",
        "_chemical_name 'soda'",
        "loop_",
        "_raman_spectrum.raman_shift",
        "_raman_spectrum.intensity",
        *rows(" "),
        "",
        "loop_",
        "_author_name",
        "'A. Author'",
    ]
    read = read_spectrum(written(tmp_path, lines, "a.rod"))
    same(read)
    assert read.excitation_nm == 532.0
    assert read.metadata["axis"] == "_raman_spectrum.raman_shift"
    assert "axis_assumed" not in read.metadata


def test_perkin_elmer_ascii(tmp_path):
    head = [
        "PE IR       SUBTECH     SPECTRUM    ASCII       PEDS        4.00       ",
        "-1",
        "a.sp",
        "20/04/23",
    ]
    head += [
        "10:15:00.00",
        "#HDR",
        "-1",
        "-1",
        "#GR",
        "CM-1",
        "INT",
        "1.000000",
        "0.000000",
        "1770.0",
        "-10.0",
    ]
    head += [f"{N}", "#DATA"]
    read = read_spectrum(written(tmp_path, [*head, *rows("  ")[::-1]]))
    same(read)
    assert "axis_assumed" not in read.metadata
    with pytest.raises(FormatError, match="infrared"):
        read_spectrum(written(tmp_path, [line.replace("INT", "%T") for line in head] + rows()))


@pytest.mark.parametrize("start", [0, 1, 37])
@pytest.mark.parametrize(
    "name",
    ["Raman shift", "wavenumber [cm-1]", "Ramanverschiebung", "Déplacement Raman (cm⁻¹)", "拉曼位移", "波数"],
)
def test_a_named_axis_may_start_anywhere_and_in_any_language(tmp_path, start, name):
    axis = np.arange(start, start + 50.0)
    lines = [f"{name},I", *(f"{x:g},{y}" for x, y in zip(axis, COUNTS[:50], strict=True))]
    read = read_spectrum(written(tmp_path, lines))
    np.testing.assert_array_equal(read.shift, axis)
    assert "axis_assumed" not in read.metadata


@pytest.mark.parametrize(
    "name", ["wl", "Wellenlänge", "Longueur d'onde", "longitud de onda", "波长", "lambda / nm", "nm"]
)
def test_a_wavelength_in_any_language_needs_a_laser(tmp_path, name):
    lines = [f"{name};I", *rows(";", WAVELENGTH)]
    with pytest.raises(NotAShiftAxisError, match="wavelength"):
        read_spectrum(written(tmp_path, lines))
    read = read_spectrum(written(tmp_path, [f"Laser;{LASER} nm", *lines]))
    np.testing.assert_allclose(read.shift, 1e7 / LASER - 1e7 / WAVELENGTH)


@pytest.mark.parametrize("head", [[], [f"# Laser wavelength: {LASER} nm"], ["Sample: a"]])
def test_an_axis_without_a_name_that_fits_nm_better_is_refused(tmp_path, head):
    with pytest.raises(NotAShiftAxisError, match="may be a wavelength"):
        read_spectrum(written(tmp_path, [*head, *rows(axis=np.round(np.linspace(797.0, 912.0, N), 2))]))


@pytest.mark.parametrize(
    "said", ["# X axis: wavelength in nm", "x unit: nm", "Columns: wavelength (nm), counts"]
)
def test_a_head_that_names_the_axis_is_heard(tmp_path, said):
    read = read_spectrum(written(tmp_path, [f"Laser: {LASER} nm", said, "", *rows(axis=WAVELENGTH)]))
    np.testing.assert_allclose(read.shift, 1e7 / LASER - 1e7 / WAVELENGTH)


def test_a_shift_in_nm_is_refused(tmp_path):
    with pytest.raises(NotAShiftAxisError, match="may be either"):
        read_spectrum(written(tmp_path, ["Raman shift (nm),I", *rows(",")]))


@pytest.mark.parametrize(
    "head",
    [
        ["Fichier SpectraSuite", "+++++++++++", ">>>>>Début<<<<<"],
        [">>>>> Datos Espectrales Comienzan <<<<<"],
        ["Data from OceanView", "Date: today"],
    ],
)
def test_ocean_optics_in_any_language_does_not_state_its_axis(tmp_path, head):
    with pytest.raises(NotAShiftAxisError, match="does not say"):
        read_spectrum(written(tmp_path, [*head, *rows(), ">>>>>Fin<<<<<"], encoding="latin-1"))
    read = read_spectrum(written(tmp_path, ["XAxis mode: Raman Shifts", *head, *rows(), ">>>>>Fin<<<<<"]))
    same(read)


def test_pixels_are_converted_by_the_coefficients_in_the_file(tmp_path):
    pixel = np.arange(N)
    nm = 790.0 + 0.9 * pixel - 1e-4 * pixel**2
    head = [
        f"laser_wavelength;{LASER}",
        "coefs_a0;790.0",
        "coefs_a1;0.9",
        "coefs_a2;-1e-4",
        "Pixel;Dark Subtracted #1",
    ]
    read = read_spectrum(written(tmp_path, [*head, *rows(";", pixel)]))
    np.testing.assert_allclose(read.shift, 1e7 / LASER - 1e7 / nm)
    with pytest.raises(NotAShiftAxisError, match="pixels"):
        read_spectrum(written(tmp_path, [*head[1:], *rows(";", pixel)]))


EMPTY = {
    "trailing columns": (["Raman shift;Intensity;;;"], lambda row: row + ";;;"),
    "trailing columns in some rows": (["Raman shift;Intensity"], lambda row: row + ";;"),
}


@pytest.mark.parametrize("kind", EMPTY)
@pytest.mark.parametrize("decimal", [".", ","])
def test_empty_columns_and_rows_are_left_out(tmp_path, kind, decimal):
    head, change = EMPTY[kind]
    lines = [*head, *(change(row.replace(".", decimal)) for row in rows(";")), ";;;", ";", ""]
    same(read_spectrum(written(tmp_path, lines)))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_byte_order_marks(tmp_path, encoding):
    same(read_spectrum(written(tmp_path, ["Raman shift (cm⁻¹)\tIntensité", *rows()], encoding=encoding)))
    big = b"\xfe\xff" + "\n".join(rows()).encode("utf-16-be")
    path = tmp_path / "big.txt"
    path.write_bytes(big)
    same(read_spectrum(path))


GROUPED = {
    "dots": [
        f"{x:.2f}".replace(".", ",") + ";" + f"{y:,.2f}".translate({44: 46, 46: 44})
        for x, y in zip(SHIFT, 10 * COUNTS, strict=True)
    ],
    "quoted": [f'"{x:,.2f}","{y:,.2f}"' for x, y in zip(SHIFT, 10 * COUNTS, strict=True)],
    "blanks": [
        f"{x:.2f};{y:,.2f}".replace(",", " ").replace(".", ",")
        for x, y in zip(SHIFT, 10 * COUNTS, strict=True)
    ],
    "narrow blanks": [
        f"{x:.2f}\t{y:,.2f}".replace(",", "\u202f") for x, y in zip(SHIFT, 10 * COUNTS, strict=True)
    ],
    "apostrophes": [f"{x:.2f}\t{y:,.2f}".replace(",", "'") for x, y in zip(SHIFT, 10 * COUNTS, strict=True)],
    "whole with commas": [f"{x:.0f}\t{y:,.0f}" for x, y in zip(SHIFT, 2 * COUNTS, strict=True)],
    "whole with points": [
        f"{x:.0f}\t{y:,.0f}".replace(",", ".") for x, y in zip(SHIFT, 2 * COUNTS, strict=True)
    ],
    "whole in quotes": [f'"{x:.0f}","{y:,.0f}"' for x, y in zip(SHIFT, 2 * COUNTS, strict=True)],
}


@pytest.mark.parametrize("kind", GROUPED)
def test_digit_groups_are_never_decimals(tmp_path, kind):
    with pytest.raises(FormatError, match="thousands separators"):
        read_spectrum(
            written(tmp_path, ["Raman shift;Intensity" if ";" in GROUPED[kind][0] else "", *GROUPED[kind]])
        )


@pytest.mark.parametrize("mark", [".", ","])
@pytest.mark.parametrize("axis", [np.linspace(210.0, 990.0, 60), np.linspace(210.0, 1790.0, 60)])
def test_three_decimals_are_no_groups(tmp_path, mark, axis):
    counts = np.linspace(101.125, 899.875, 60)
    lines = [f"{x:.3f}\t{y:.3f}".replace(".", mark) for x, y in zip(axis, counts, strict=True)]
    read = read_spectrum(written(tmp_path, lines))
    np.testing.assert_allclose(read.intensity, np.round(counts, 3))


def test_rounded_axes_are_averaged_where_they_repeat(tmp_path):
    axis = SHIFT.copy()
    axis[60] = axis[61]
    for turn in (1, -1):
        read = read_spectrum(written(tmp_path, ["Raman shift\tI", *rows(axis=axis)[::turn]]))
        assert len(read) == N - 1
        np.testing.assert_allclose(read.intensity[60], (COUNTS[60] + COUNTS[61]) / 2)
        assert any("repeated axis value averaged" in step for step in read.history)


@pytest.mark.parametrize("turn", [1, -1])
def test_a_detector_seam_is_sorted_into_place(tmp_path, turn):
    first, second = SHIFT[:83], np.round(SHIFT[80:] + 4.3, 2)
    axis = np.concatenate([first, second])
    counts = np.arange(axis.size) + 0.5
    read = read_spectrum(written(tmp_path, ["Raman shift\tI", *rows(axis=axis, counts=counts)[::turn]]))
    order = np.argsort(axis)
    same(read, axis[order], counts[order])
    assert any("1 seam" in step for step in read.history)


def test_rows_that_were_never_filled_are_left_out(tmp_path):
    lines = ["0.0\t200.0"] * 4 + rows()
    read = read_spectrum(written(tmp_path, lines))
    same(read)
    assert "drop: 4 points at the ends whose axis is 0" in read.history


def test_shuffled_axes_and_stacked_spectra_are_refused(tmp_path):
    random = np.random.default_rng(4)
    with pytest.raises(AxisOrderError, match="turns"):
        read_spectrum(written(tmp_path, rows(axis=random.permutation(SHIFT))))
    with pytest.raises(AxisOrderError, match="turns"):
        read_spectrum(written(tmp_path, rows() + rows()))
    with pytest.raises(AxisOrderError, match="repeats"):
        read_spectrum(written(tmp_path, rows(axis=np.repeat(SHIFT[::2], 2))))


def test_a_detector_that_sees_beyond_any_shift_is_read(tmp_path):
    axis = np.linspace(120.0, 6_630.0, N)
    assert read_spectrum(written(tmp_path, rows(axis=axis))).shift[-1] == 6_630.0
    with pytest.raises(NotAShiftAxisError, match="beyond"):
        read_spectrum(written(tmp_path, rows(axis=axis + 3_000.0)))


@pytest.mark.parametrize("coordinates", [1, 2])
def test_maps_without_a_head(tmp_path, coordinates):
    empty = "\t" * coordinates
    lines = [empty + "\t".join(map(str, SHIFT))]
    for k in range(3):
        at = "\t".join([str(k + 1), "2"][:coordinates])
        lines.append(f"{at}\t" + "\t".join(f"{y + k:.2f}" for y in COUNTS))
    found = read_spectra(written(tmp_path, lines))
    assert list(found) == (["1", "2", "3"] if coordinates == 1 else ["1,2", "2,2", "3,2"])
    np.testing.assert_allclose(list(found.values())[2].intensity, COUNTS + 2)


@pytest.mark.parametrize("shared", [True, False])
def test_several_measurements_in_one_enlighten_file(tmp_path, shared):
    group = "Processed,Raw,Dark"
    axes = "Wavelength,Wavenumber"
    names = f"{axes},{group},{group}" if shared else f"{axes},{group},{axes},{group}"
    gap = ",,," if shared else ",,,,,"
    lead = ",," if shared else ","
    lines = ["ENLIGHTEN Version,4.1", f"Label,{lead}sugar{gap}salt".replace(",,,sugar", ",,sugar")]
    lines += [f"Laser Wavelength,{LASER}", "", names]
    for nm, x, y in zip(WAVELENGTH, SHIFT, COUNTS, strict=True):
        one, two = f"{y:.2f},{y + 5:.2f},5", f"{2 * y:.2f},{2 * y + 5:.2f},5"
        lines.append(f"{nm},{x},{one},{two}" if shared else f"{nm},{x},{one},{nm},{x},{two}")
    found = read_spectra(written(tmp_path, lines, "two.csv"))
    assert list(found) == ["sugar", "salt"]
    same(found["sugar"])
    same(found["salt"], SHIFT, 2 * COUNTS)
    assert found["salt"].excitation_nm == LASER


@pytest.mark.parametrize(
    ("key", "value", "ms"),
    [
        ("Exposure Time (secs)", "2.5", 2500.0),
        ("Integration Time (ms)", "100", 100.0),
        ("Exposure_ms", "111", 111.0),
        ("Integration Time", "250 msec", 250.0),
        ("Tiempo", "5 s", None),
        ("integ_time", "15000", None),
        ("Integration time (usec)", "3000000 (QEB0000)", 3000.0),
    ],
)
def test_integration_times_need_a_unit(key, value, ms):
    assert heads.integration_ms({key: value}) == ms


@pytest.mark.parametrize("turn", [1, -1])
def test_a_wire_map_in_text_goes_by_coordinates(tmp_path, turn):
    lines = ["#X\t\t#Y\t\t#Wave\t\t#Intensity"]
    for x, y in ((0.5, -1.0), (1.5, -1.0), (0.5, 2.0)):
        lines += [f"{x}\t{y}\t{s}\t{c + x + y}" for s, c in list(zip(SHIFT, COUNTS, strict=True))[::turn]]
    found = read_spectra(written(tmp_path, lines))
    assert list(found) == ["0.5,-1", "1.5,-1", "0.5,2"]
    np.testing.assert_allclose(found["0.5,2"].intensity, COUNTS + 2.5)
    with pytest.raises(FormatError, match="fewer than 8 points"):
        read_spectra(written(tmp_path, lines[: N + 4]))


def test_what_no_reader_foresaw_is_a_typed_error(tmp_path, monkeypatch):
    def fails(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("spectriage.spectra.formats.detect.read_table", fails)
    with pytest.raises(FormatError, match="the reader failed on it: ZeroDivisionError") as caught:
        read_spectrum(written(tmp_path, rows()))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize(
    "head",
    [
        ["A(X)\tB(Y)", "Raman Shift\tIntensity", "cm-1\ta.u."],
        ["Raman Shift\tIntensity", "cm-1\ta.u.", "\tsample A"],
        ["Raman Shift (cm-1)\tIntensity", "first\tsecond"],
    ],
)
def test_names_units_and_comments_in_lines_of_their_own(tmp_path, head):
    read = read_spectrum(written(tmp_path, [*head, *rows()]))
    same(read)
    assert "Raman Shift" in read.metadata["axis"]
    assert "axis_assumed" not in read.metadata


def test_fewer_units_than_names(tmp_path):
    lines = ["Wave   ;Sample   ;Dark     ;Reference;Scope", "[nm]   ;[counts] ;[counts] ;[counts]", ""]
    lines += [f"{x};{y + 10};10;0;{y}" for x, y in zip(WAVELENGTH, COUNTS, strict=True)]
    found = read_spectra(written(tmp_path, [f"Laser: {LASER} nm", *lines]))
    np.testing.assert_allclose(found["Scope"].shift, 1e7 / LASER - 1e7 / WAVELENGTH)


def test_a_public_mineral_file(tmp_path):
    head = ["##NAMES=Quartz", "##OWNER=A", "##STATUS=known", "##RAMAN WAVELENGTH=532"]
    read = read_spectrum(written(tmp_path, [*head, *rows(", "), "##END=", ""]))
    same(read)
    assert read.excitation_nm == 532.0
