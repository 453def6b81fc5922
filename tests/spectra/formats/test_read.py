"""Tables of numbers: every dialect comes back as it was written, and what is ambiguous is refused."""

import string

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from spectriage.spectra.errors import FormatError, NotAShiftAxisError, SeveralSpectraError
from spectriage.spectra.formats import AxisOrderError, read_spectra, read_spectrum

AXIS = np.array([100.5, 101.25, 103.0, 104.5, 106.0, 109.75, 200.5, 301.0, 402.5])
COUNTS = np.array([1.5, -2.25, 3.0, 400.0, 5.125, 6.0, 7.5, 8.0, 9.5])

reuses_tmp_path = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def format_error_of(read, path):
    """The FormatError of reading a path, or None; any other exception goes on."""
    try:
        read(path)
    except FormatError as error:
        return error
    return None


def written(tmp_path, text, name="sample.txt"):
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def table(separator=",", decimal=".", axis=AXIS, counts=COUNTS):
    rows = [f"{x!r}{separator}{y!r}" for x, y in zip(axis.tolist(), counts.tolist(), strict=True)]
    return [row.replace(".", decimal) for row in rows]


spectra = st.integers(8, 40).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(-20_000, 500_000), min_size=n, max_size=n, unique=True).map(
            lambda values: np.sort(np.array(values) / 128.0 + 0.5)
        ),
        st.lists(st.floats(-1e9, 1e9).map(lambda v: round(v, 4)), min_size=n, max_size=n).map(np.array),
    )
)


@reuses_tmp_path
@given(
    spectrum=spectra,
    separator=st.sampled_from([",", ", ", " , ", ";", "; ", "\t", "\t\t", " ", "   ", " \t"]),
    decimal=st.sampled_from([".", ","]),
    descending=st.booleans(),
    header=st.sampled_from([None, "plain", "quoted", "units", "comment"]),
    preamble=st.booleans(),
    comments=st.booleans(),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    bom=st.booleans(),
    end=st.booleans(),
)
def test_every_dialect_comes_back(
    tmp_path, spectrum, separator, decimal, descending, header, preamble, comments, newline, bom, end
):
    axis, counts = spectrum
    if decimal == "," and "," in separator:
        separator = ";"
    order = slice(None, None, -1) if descending else slice(None)
    rows = table(separator, decimal, axis[order], counts[order])
    mark = separator if separator.strip() or "\t" in separator else "  "
    names = {
        None: [],
        "plain": [f"Raman shift{mark}Intensity"],
        "quoted": [f'"Raman shift"{mark}"Intensity"'],
        "units": [f"Raman shift{mark}Intensity", f"cm-1{mark}counts"],
        "comment": [f"# Raman shift{mark}Intensity"],
    }[header]
    head = ["# excitation: 785 nm", "Operator: A"] if preamble else []
    if comments:
        rows[3:3] = ["# in between", ""]
    text = newline.join([*head, *names, *rows]) + (newline if end else "")
    path = written(tmp_path, ("\ufeff" if bom else "") + text)
    read = read_spectrum(path)
    np.testing.assert_array_equal(read.shift, axis)
    np.testing.assert_array_equal(read.intensity, counts)
    assert read.excitation_nm == (785.0 if preamble else None)
    assert ("order: descending axis reversed" in read.history) == descending
    assert ("axis_assumed" in read.metadata) == (header is None)
    assert read.metadata["path"] == "sample.txt"
    if preamble:
        assert read.metadata["head"]["Operator"] == "A"


@pytest.mark.parametrize(
    ("separator", "decimal"),
    [(";", ","), (" ", ","), ("\t", ","), (",", "."), (";", "."), (" ", "."), ("\t", "."), (", ", ".")],
)
def test_rules_of_separator_and_decimal_mark(tmp_path, separator, decimal):
    read = read_spectrum(written(tmp_path, "\n".join(table(separator, decimal))))
    np.testing.assert_array_equal(read.shift, AXIS)
    np.testing.assert_array_equal(read.intensity, COUNTS)


def test_whole_numbers_with_a_comma_are_two_columns(tmp_path):
    read = read_spectrum(written(tmp_path, "\n".join(f"{100 + i},{2 * i}" for i in range(10))))
    np.testing.assert_array_equal(read.shift, np.arange(100.0, 110.0))
    np.testing.assert_array_equal(read.intensity, np.arange(0.0, 20.0, 2.0))


def test_quotes_tell_a_decimal_comma_from_a_separating_one(tmp_path):
    rows = [f'"{x}","{y}"'.replace(".", ",") for x, y in zip(AXIS, COUNTS, strict=True)]
    read = read_spectrum(written(tmp_path, "\n".join(rows)))
    np.testing.assert_array_equal(read.shift, AXIS)
    np.testing.assert_array_equal(read.intensity, COUNTS)


@pytest.mark.parametrize("header", [[], ["shift,intensity"]])
def test_decimal_and_separating_commas_are_ambiguous(tmp_path, header):
    rows = [f"{100 + i},5,{i},5" for i in range(10)]
    with pytest.raises(FormatError, match="column") as caught:
        read_spectrum(written(tmp_path, "\n".join(header + rows)))
    assert "separat" in caught.value.remedy
    assert not isinstance(caught.value, SeveralSpectraError)


def test_three_whole_columns_without_a_header_are_ambiguous(tmp_path):
    rows = [f"{100 + i},{i},5" for i in range(10)]
    with pytest.raises(FormatError, match="decimal commas"):
        read_spectrum(written(tmp_path, "\n".join(rows)))
    names = read_spectra(written(tmp_path, "\n".join(["shift,a,b", *rows])))
    assert list(names) == ["a", "b"]


def test_mixed_decimal_marks_name_the_line(tmp_path):
    rows = table(";", ",")
    rows[4] = rows[4].replace(",", ".")
    with pytest.raises(FormatError, match="mixes") as caught:
        read_spectrum(written(tmp_path, "\n".join(rows)))
    assert caught.value.where.endswith("line 5")


def test_thousands_are_not_guessed(tmp_path):
    rows = [f"{x};1.234,5" for x in range(100, 110)]
    with pytest.raises(FormatError):
        read_spectrum(written(tmp_path, "\n".join(rows)))


@pytest.mark.parametrize(
    "bad", ["NaN", "nan", "inf", "-inf", "abc", "1_0", "0x10", "1e", "--", "NA", "١٢", "1.2.3"]
)
@pytest.mark.parametrize("row", [1, 5, 9])
@pytest.mark.parametrize("column", [0, 1])
def test_what_is_no_number_names_its_line(tmp_path, bad, row, column):
    rows = [row.split(",") for row in table()]
    rows[row - 1][column] = bad
    if bad == "abc" and row == 1 and column == 0:
        pytest.skip("a word and a number before the table are a line of the head: see the next test")
    with pytest.raises(FormatError) as caught:
        read_spectrum(written(tmp_path, "\n".join(map(",".join, rows))))
    assert caught.value.where.endswith(f"line {row}")


def test_a_head_line_is_kept_not_dropped(tmp_path):
    read = read_spectrum(written(tmp_path, "\n".join(["Power,20", *table()])))
    assert read.metadata["head"] == {"Power": "20"}
    assert len(read) == AXIS.size


def test_a_missing_cell_names_its_line(tmp_path):
    rows = table("\t")
    rows[6] = "200.5"
    with pytest.raises(FormatError, match="1 columns, the table 2") as caught:
        read_spectrum(written(tmp_path, "\n".join(rows)))
    assert caught.value.where.endswith("line 7")


def test_an_overflowing_number_is_refused(tmp_path):
    rows = table()
    rows[2] = "103.0,1e999"
    with pytest.raises(FormatError, match="too large") as caught:
        read_spectrum(written(tmp_path, "\n".join(rows)))
    assert caught.value.where.endswith("line 3")


@pytest.mark.parametrize("header", [0, 2])
def test_a_repeated_shift_names_its_line_and_index(tmp_path, header):
    rows = table()
    rows[5] = rows[4]
    with pytest.raises(AxisOrderError, match=r"repeats 106 \(index 4 and 5\)") as caught:
        read_spectrum(written(tmp_path, "\n".join(["# a comment"] * header + rows)))
    assert caught.value.where.endswith(f"line {6 + header}")


@pytest.mark.parametrize("descending", [False, True])
def test_an_unsorted_axis_names_its_line(tmp_path, descending):
    rows = table()[:: -1 if descending else 1]
    rows[3], rows[4] = rows[4], rows[3]
    with pytest.raises(AxisOrderError, match="turns at index 4") as caught:
        read_spectrum(written(tmp_path, "\n".join(rows)))
    assert caught.value.where.endswith("line 5")


def test_negative_shifts_are_legal(tmp_path):
    read = read_spectrum(written(tmp_path, "\n".join(table(axis=AXIS - 300.0))))
    assert read.shift[0] == -199.5


def test_the_minus_sign_is_read(tmp_path):
    rows = [row.replace("-", "\N{MINUS SIGN}") for row in table(axis=AXIS - 300.0)]
    np.testing.assert_array_equal(read_spectrum(written(tmp_path, "\n".join(rows))).shift, AXIS - 300.0)


@pytest.mark.parametrize("name", ["Pixel", "Pixels #", "pixel number", "px"])
def test_a_pixel_axis_is_no_shift_axis(tmp_path, name):
    rows = [f"{i},{i % 7}.5" for i in range(5, 50)]
    with pytest.raises(NotAShiftAxisError, match="pixels"):
        read_spectrum(written(tmp_path, "\n".join([f"{name},Intensity", *rows])))


def test_an_axis_named_pixel_that_cannot_be_pixels_is_read_and_said(tmp_path):
    rows = table(axis=AXIS - 300.0)
    read = read_spectrum(written(tmp_path, "\n".join(["Pixel,Intensity", *rows])))
    assert any("'Pixel' but holds fractions" in step for step in read.history)
    assert read.metadata["axis"] == "Pixel"
    assert read.metadata["axis_assumed"] == "Raman shift"


@pytest.mark.parametrize("first", [0, 1])
def test_an_unnamed_count_may_be_pixels(tmp_path, first):
    rows = [f"{i},{i % 7}.5" for i in range(first, 60)]
    with pytest.raises(NotAShiftAxisError, match="may be pixels"):
        read_spectrum(written(tmp_path, "\n".join(rows)))
    read = read_spectrum(written(tmp_path, "\n".join(["shift (cm-1),intensity", *rows])))
    assert read.shift[0] == first


@pytest.mark.parametrize("laser", ["# Laser wavelength: 785 nm", "Excitation (nm),785", "Laser=785nm_Edge"])
def test_a_wavelength_axis_is_converted_where_the_laser_is_stated(tmp_path, laser):
    wavelength = np.linspace(800.0, 900.0, 21)
    rows = [f"{x},{i}.5" for i, x in enumerate(wavelength)]
    read = read_spectrum(written(tmp_path, "\n".join([laser, "Wavelength (nm),Intensity", *rows])))
    np.testing.assert_allclose(read.shift, 1e7 / 785.0 - 1e7 / wavelength, rtol=0, atol=1e-9)
    assert read.excitation_nm == 785.0
    assert "axis: Raman shift from wavelength, excitation 785 nm" in read.history
    with pytest.raises(NotAShiftAxisError, match="does not state the laser") as caught:
        read_spectrum(written(tmp_path, "\n".join(["Wavelength (nm),Intensity", *rows])))
    assert "785 nm" in caught.value.remedy


def test_two_lasers_are_none(tmp_path):
    head = ["# laser: 785 nm", "# excitation: 532 nm", "shift,intensity"]
    assert read_spectrum(written(tmp_path, "\n".join(head + table()))).excitation_nm is None


@pytest.mark.parametrize(
    ("header", "error", "match"),
    [
        ("Wavenumber,Absorbance", FormatError, "infrared"),
        ("Wavenumber,%T", FormatError, "infrared"),
        ("Energy (meV),Intensity", NotAShiftAxisError, "not a Raman shift"),
        ("2theta,Intensity", NotAShiftAxisError, "not a Raman shift"),
        ("Time (s),Intensity", NotAShiftAxisError, "not a Raman shift"),
        ("Shift,Shift", FormatError, "2 columns are named"),
    ],
)
def test_other_quantities_are_refused(tmp_path, header, error, match):
    with pytest.raises(error, match=match):
        read_spectrum(written(tmp_path, "\n".join([header, *table()])))


def test_absolute_wavenumbers_are_refused(tmp_path):
    rows = table(axis=AXIS + 9_000.0)
    with pytest.raises(NotAShiftAxisError, match="no Raman shift is beyond"):
        read_spectrum(written(tmp_path, "\n".join(["wavenumber,intensity", *rows])))


def test_the_axis_is_found_by_its_name(tmp_path):
    rows = [f"{i},{y},{x}" for i, (x, y) in enumerate(zip(AXIS, COUNTS, strict=True))]
    read = read_spectrum(written(tmp_path, "\n".join([",Intensity,Raman shift", *rows])))
    np.testing.assert_array_equal(read.shift, AXIS)
    np.testing.assert_array_equal(read.intensity, COUNTS)
    assert read.metadata["column"] == "Intensity"


def test_a_table_of_several_asks_which_one(tmp_path):
    rows = [f"{x}\t{y}\t{2 * y}" for x, y in zip(AXIS, COUNTS, strict=True)]
    path = written(tmp_path, "\n".join(["Shift\tsugar\tsalt", *rows]))
    with pytest.raises(SeveralSpectraError) as caught:
        read_spectrum(path)
    assert caught.value.names == ("sugar", "salt")
    np.testing.assert_array_equal(read_spectrum(path, which="salt").intensity, 2 * COUNTS)
    np.testing.assert_array_equal(read_spectrum(path, column="SALT").intensity, 2 * COUNTS)
    assert [s.metadata["column"] for s in read_spectra(path).values()] == ["sugar", "salt"]
    with pytest.raises(FormatError, match="no spectrum is named 'pepper'"):
        read_spectrum(path, which="pepper")
    with pytest.raises(FormatError, match="no column is named 'pepper'"):
        read_spectrum(path, column="pepper")


def test_a_header_may_name_spectra_by_numbers(tmp_path):
    rows = [f"{x},{y},{2 * y}" for x, y in zip(AXIS, COUNTS, strict=True)]
    assert list(read_spectra(written(tmp_path, "\n".join(["wavenumber,1,2", *rows])))) == ["1", "2"]


def test_one_spectrum_goes_by_the_file_name(tmp_path):
    path = written(tmp_path, "\n".join(table()), "acetone.scan.csv")
    assert list(read_spectra(path)) == ["acetone.scan"]
    assert read_spectrum(path, which="acetone.scan") == read_spectrum(path)


def test_the_extension_does_not_matter(tmp_path):
    text = "\n".join(table())
    kept = [read_spectrum(written(tmp_path, text, name)) for name in ("a.csv", "a.pdf", "a", "a.jdx")]
    assert all(np.array_equal(s.shift, AXIS) for s in kept)


def test_ocean_optics_marks_are_understood(tmp_path):
    rows = [">>>>>Begin Spectral Data<<<<<", *table("\t"), ">>>>>End Spectral Data<<<<<"]
    read = read_spectrum(written(tmp_path, "\n".join(["XAxis mode: Raman Shifts", *rows])))
    np.testing.assert_array_equal(read.intensity, COUNTS)
    with pytest.raises(NotAShiftAxisError, match="wavelength"):
        read_spectrum(written(tmp_path, "\n".join(["XAxis mode: Wavelengths", *rows])))
    with pytest.raises(NotAShiftAxisError, match="does not say"):
        read_spectrum(written(tmp_path, "\n".join(["Spectrometer: X", *rows])))


likely = st.text(alphabet=string.digits + '.,;\t +-eE#\n\r"[]=naNA', max_size=400)
lines = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "##TITLE=a",
                "##DATA TYPE=RAMAN SPECTRUM",
                "##XUNITS=1/CM",
                "##FIRSTX=100",
                "##LASTX=108",
                "##NPOINTS=9",
                "##XYDATA=(X++(Y..Y))",
                "##XYPOINTS=(XY..XY)",
                "##END=",
                "100 1 2 3 4 5 6 7 8 9",
                "100A1B2J%S@s",
                "#AxisType[0]=Intens",
                "#AxisType[1]=Spectr",
                "#AxisUnit[1]=1/cm",
                "#AxisType[2]=X",
                "#Laser=532nm",
                "\t100\t101\t102",
                "1\t1\t2\t3",
                "Pixel,Wavelength,Wavenumber,Processed,Raw,Dark",
                "1,800.0,100.0,5,NA,6",
                "Laser Wavelength,785",
                "id,component,wavenumbers,intensity",
                '1,a,"[1, 2, 3]","[4, 5, 6]"',
                "shift,intensity",
                "Dash Output v2.1",
                ">>>>>Begin Spectral Data<<<<<",
            ]
        ),
        st.tuples(st.floats(allow_nan=True), st.floats()).map(lambda p: f"{p[0]}\t{p[1]}"),
        likely,
    ),
    max_size=30,
).map("\n".join)


@reuses_tmp_path
@given(content=st.one_of(st.binary(max_size=400), likely.map(str.encode), lines.map(str.encode)))
@example(content=b"##TITLE=a\n##DATA TYPE=RAMAN SPECTRUM\n##XYDATA=(X++(Y..Y))\n1 SSSS\n##END=")
@example(content=b"1" * 300_000)
@example(content=b"," * 300_000)
@example(content=b"\t" * 300_000)
@example(content=b"#a=\t1\n" * 3 + b"\t" * 1000 + b"1\n")
@example(content=b'"' * 300_001)
@example(content=b"1 1\n1 1\n")
def test_nothing_but_a_format_error_comes_out(tmp_path, content):
    path = written(tmp_path, content)
    for read in (read_spectrum, read_spectra):
        error = format_error_of(read, path)
        assert error is None or (str(path) in error.where and "the reader failed" not in error.what)
