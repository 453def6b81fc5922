"""JCAMP-DX: every form of ordinates comes back, and labels that do not fit the data are refused."""

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spectriage.spectra.errors import FormatError, NotAShiftAxisError, SeveralSpectraError
from spectriage.spectra.formats import read_spectra, read_spectrum


def jcamp(tmp_path, data, name="scan.jdx", **labels):
    head = {
        "TITLE": "sugar",
        "JCAMP-DX": "5.01",
        "DATA TYPE": "RAMAN SPECTRUM",
        "XUNITS": "1/CM",
        "YUNITS": "COUNTS",
        "FIRSTX": "100",
        "LASTX": "109",
        "NPOINTS": "10",
        "XFACTOR": "1",
        "YFACTOR": "2",
        "$EXCITATION WAVELENGTH NM": "785",
        "RESOLUTION": "4",
        "XYDATA": "(X++(Y..Y))",
    }
    for key, value in labels.items():
        key = key.replace("_", " ")
        head.pop(key, None)
        if value is not None:
            head[key] = value
    data_label = "XYPOINTS" if "XYPOINTS" in labels else "XYDATA"
    if data_label == "XYPOINTS":
        head.pop("XYDATA", None)
    last = head.pop(data_label)
    path = tmp_path / name
    lines = [*(f"##{key}={value}" for key, value in head.items()), f"##{data_label}={last}", *data, "##END="]
    path.write_text("\n".join(lines))
    return path


PLAIN = ["100 1 2 3 4 5", "105 6 7 8 9 10"]


def test_jcamp(tmp_path):
    read = read_spectrum(jcamp(tmp_path, PLAIN))
    np.testing.assert_allclose(read.shift, np.arange(100.0, 110.0))
    np.testing.assert_allclose(read.intensity, 2.0 * np.arange(1.0, 11.0))
    assert (read.excitation_nm, read.resolution_cm) == (785.0, 4.0)
    assert read.metadata["format"] == "jcamp"
    assert read.metadata["title"] == "sugar"


def test_jcamp_squeezed_form(tmp_path):
    # A letter A to I holds the sign and the first digit of a value: A1 is 11.
    read = read_spectrum(jcamp(tmp_path, ["100A1B2C3D4E5", "105F6G7H8I9A10"], YFACTOR="1"))
    np.testing.assert_array_equal(read.intensity, [11, 22, 33, 44, 55, 66, 77, 88, 99, 110])


def test_jcamp_difference_form(tmp_path):
    # J to R and j to r hold a difference; each line begins with the last value of the line before.
    path = jcamp(tmp_path, ["100A0J0K0j0%L0", "105F0J0K0J0j0"], YFACTOR="1")
    read = read_spectrum(path)
    np.testing.assert_array_equal(read.intensity, [10, 20, 40, 30, 30, 60, 70, 90, 100, 90])
    with pytest.raises(FormatError, match="damaged"):
        read_spectrum(jcamp(tmp_path, ["100A0J0K0j0%L0", "105D0J0K0J0j0"], YFACTOR="1"))


def test_jcamp_repeated_differences(tmp_path):
    # T and U: the difference before it stands two and three times in all.
    read = read_spectrum(jcamp(tmp_path, ["100A0J0T%U", "105C0J0j0J0%"], YFACTOR="1"))
    np.testing.assert_array_equal(read.intensity, [10, 20, 30, 30, 30, 30, 40, 30, 40, 40])


def test_jcamp_repeats_of_values_and_long_counts(tmp_path):
    # T after a squeezed value: it stands twice in all; S2 after the check value: twelve times in all.
    path = jcamp(tmp_path, ["100A0TJ0J0", "103C0S2"], NPOINTS="15", LASTX="114", YFACTOR="1")
    np.testing.assert_array_equal(read_spectrum(path).intensity, [10, 10, 20, *[30] * 12])


# The one example that the standard itself writes in every form (McDonald and Wilks 1988, table III).
STANDARD = [1, 2, 3, 3, 2, 1, 0, -1, -2, -3]


@pytest.mark.parametrize(
    "line",
    [
        " 1 2 3 3 2 1 0 -1 -2 -3",
        "+1+2+3+3+2+1+0-1-2-3",
        " 1+2+3+3+2+1+0-1-2-3",
        " 1BCCBA@abc",
        "ABCTBA@abc",
        " 1JJ%jjjjjj",
        " 1JT%jX",
        "AJT%jX",
    ],
)
def test_jcamp_the_forms_of_the_standard(tmp_path, line):
    path = jcamp(tmp_path, [f"100{line}"], YFACTOR="1")
    np.testing.assert_array_equal(read_spectrum(path).intensity, STANDARD)


def in_digits(value, plus, minus):
    """A number whose first digit is a letter that holds the sign as well."""
    digits = str(abs(value))
    letter = minus[int(digits[0])] if value < 0 else plus[int(digits[0])]
    return letter + digits[1:]


def squeezed(value):
    return in_digits(value, "@ABCDEFGHI", "@abcdefghi")


def difference(value):
    return in_digits(value, "%JKLMNOPQR", "%jklmnopqr")


def repeated(tokens):
    """Tokens with runs written as counts."""
    out = []
    for token, run in itertools.groupby(tokens):
        count = len(list(run))
        out.append(token + (in_digits(count, " STUVWXYZs", "") if count > 1 else ""))
    return "".join(out)


def encoded(first_x, step, values, form, per_line):
    """The lines of (X++(Y..Y)) of whole numbers, in one of the standard's forms."""
    lines, at = [], 0
    differences = form in ("dif", "difdup")
    while at < len(values):
        # after differences a line begins with the last value again, at that value's abscissa
        check = differences and at > 0
        begin = at - 1 if check else at
        part = values[begin : at + per_line]
        x = f"{first_x + begin * step:.6f}".rstrip("0").rstrip(".")
        if form == "affn":
            text = " " + " ".join(map(str, part))
        elif form == "pac":
            text = "".join(f"{value:+d}" for value in part)
        elif form in ("sqz", "sqzdup"):
            tokens = [squeezed(value) for value in part]
            text = repeated(tokens) if form == "sqzdup" else "".join(tokens)
        else:
            steps = [difference(b - a) for a, b in itertools.pairwise(part)]
            text = squeezed(part[0]) + (repeated(steps) if form == "difdup" else "".join(steps))
        lines.append(x + text)
        at += per_line
    if differences:
        lines.append(f"{first_x + (len(values) - 1) * step:.6f}{squeezed(values[-1])}")
    return lines


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(
        st.one_of(st.integers(-3, 3), st.integers(-99_999, 999_999)), min_size=8, max_size=120
    ).flatmap(lambda v: st.permutations(v) | st.just([value for value in v for _ in range(13)])),
    form=st.sampled_from(["affn", "pac", "sqz", "sqzdup", "dif", "difdup"]),
    step=st.sampled_from([1.0, -1.0, 0.25, -3.5]),
    per_line=st.integers(3, 30),
    ntuples=st.booleans(),
)
def test_jcamp_every_form_comes_back(tmp_path, values, form, step, per_line, ntuples):
    n = len(values)
    last = 2_000.0 + step * (n - 1)
    data = encoded(2_000.0, step, values, form, per_line)
    if ntuples:
        head = [
            "##TITLE=a",
            "##DATA TYPE=RAMAN SPECTRUM",
            "##NTUPLES=RAMAN SPECTRUM",
            "##VAR_NAME=SHIFT, INTENSITY, PAGE",
            "##SYMBOL=X, Y, N",
            f"##VAR_DIM={n}, {n}, 1",
            "##UNITS=1/CM, COUNTS, ",
            "##FACTOR=1, 0.5, 1",
            "##FIRST=2000, 0, 1",
            f"##LAST={last}, 0, 1",
            "##PAGE=N=1",
            "##DATA TABLE=(X++(Y..Y)), XYDATA",
        ]
        path = tmp_path / "n.jdx"
        path.write_text("\n".join([*head, *data, "##END NTUPLES=RAMAN SPECTRUM", "##END="]))
    else:
        labels = {"FIRSTX": "2000", "LASTX": f"{last}", "NPOINTS": f"{n}", "YFACTOR": "0.5"}
        path = jcamp(tmp_path, data, **labels)
    read = read_spectrum(path)
    order = slice(None, None, -1) if step < 0 else slice(None)
    np.testing.assert_allclose(read.shift, np.linspace(2000.0, last, n)[order])
    np.testing.assert_array_equal(read.intensity, 0.5 * np.array(values, dtype=float)[order])


def test_jcamp_pairs_in_xydata(tmp_path):
    rows = ["; ".join(f"{100 + i * i}, {i}.5" for i in range(k, k + 5)) for k in (0, 5)]
    read = read_spectrum(jcamp(tmp_path, rows, XYDATA="(XY..XY)", YFACTOR="1", FIRSTX=None, LASTX=None))
    np.testing.assert_array_equal(read.shift, [100 + i * i for i in range(10)])
    np.testing.assert_array_equal(read.intensity, np.arange(10) + 0.5)


def test_jcamp_last_x_follows_from_delta_x(tmp_path):
    read = read_spectrum(jcamp(tmp_path, PLAIN, LASTX=None, DELTAX="1"))
    np.testing.assert_array_equal(read.shift, np.arange(100.0, 110.0))
    with pytest.raises(FormatError, match="LASTX is missing, and DELTAX"):
        read_spectrum(jcamp(tmp_path, PLAIN, LASTX=None))


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        ({"LASTX": "118"}, "line begins at 105 where"),
        ({"DELTAX": "2"}, "DELTAX is 2, but FIRSTX, LASTX and NPOINTS make it 1"),
        ({"LASTX": "118", "DELTAX": "2"}, "line begins at 105 where"),
    ],
)
def test_jcamp_labels_must_fit_the_table(tmp_path, labels, match):
    with pytest.raises(FormatError, match=match):
        read_spectrum(jcamp(tmp_path, PLAIN, **labels))


def test_jcamp_one_spectrum_beside_peaks_and_a_structure_needs_no_name(tmp_path):
    one = jcamp(tmp_path, PLAIN).read_text()
    beside = one.replace("##END=", "##PEAK TABLE=(XY..XY)\n105,3; 107,4\n##END=")
    path = tmp_path / "link.jdx"
    path.write_text(
        "##TITLE=all\n##DATA TYPE=LINK\n##BLOCKS=3\n##TITLE=drawing\n##JCAMP-CS=3.7\n##MOLFORM=C2\n##END=\n"
        f"{beside}\n##TITLE=peaks\n##DATA TYPE=RAMAN PEAK TABLE\n##XUNITS=1/CM\n##PEAK TABLE=(XY..XY)\n"
        "105,3; 107,4\n##END=\n##END=\n"
    )
    np.testing.assert_array_equal(read_spectrum(path).intensity, 2.0 * np.arange(1.0, 11.0))


def test_jcamp_pages_are_spectra(tmp_path):
    path = tmp_path / "pages.jdx"
    pages = "\n".join(
        f"##PAGE=N={k}\n##DATA TABLE=(X++(Y..Y)), XYDATA\n100 {' '.join([str(k)] * 10)}" for k in (1, 2)
    )
    path.write_text(
        "##TITLE=a\n##DATA TYPE=RAMAN SPECTRUM\n##NTUPLES=RAMAN SPECTRUM\n##SYMBOL=X,Y,N\n##VAR_DIM=10,10,2\n"
        f"##UNITS=1/CM,COUNTS,\n##FACTOR=1,1,1\n##FIRST=100,1,1\n##LAST=109,1,2\n{pages}\n##END=\n"
    )
    found = read_spectra(path)
    assert list(found) == ["a, N=1", "a, N=2"]
    assert found["a, N=2"].intensity[0] == 2.0


def test_jcamp_of_very_many_blocks_is_listed_not_parsed(tmp_path):
    one = "##TITLE=t\n##DATA TYPE=RAMAN SPECTRUM\n##XUNITS=1/CM\n##XYPOINTS=(XY..XY)\n1,2\n##END=\n"
    path = tmp_path / "many.jdx"
    path.write_text(one * 20_000)
    with pytest.raises(SeveralSpectraError, match="20,000 spectra") as caught:
        read_spectrum(path)
    assert len(set(caught.value.names)) == 20_000


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ("100%" + "s" * 2_000, "difference to nothing"),
        ("100A" + "s9999" * 700, "repeats beyond"),
        ("100A s99999999", "is no count"),
        ("100A0 s J0 x", "is no ordinate"),
        ("100 s", "repeats nothing"),
        ("A1 2 3", "does not begin with an abscissa"),
        ("100 1 2 ? 4", "point 3 is missing"),
        ("100 " + "1 " * 3_000, "characters"),
    ],
)
def test_jcamp_lines_that_are_damaged_or_swell(tmp_path, line, match):
    with pytest.raises(FormatError, match=match) as caught:
        read_spectrum(jcamp(tmp_path, [line]))
    assert caught.value.where.endswith("line 14")


def test_jcamp_more_data_than_points(tmp_path):
    with pytest.raises(FormatError, match="far more values"):
        read_spectrum(jcamp(tmp_path, ["100" + " 1" * 500] * 3))


@pytest.mark.parametrize("direction", [1, -1])
def test_jcamp_descending_with_x_factor(tmp_path, direction):
    axis = np.arange(100.0, 110.0)[::direction]
    table = [f"{axis[0] * 10:.0f} 1 2 3 4 5", f"{axis[5] * 10:.0f} 6 7 8 9 10"]
    path = jcamp(tmp_path, table, FIRSTX=f"{axis[0]}", LASTX=f"{axis[-1]}", XFACTOR="0.1", YFACTOR="1")
    read = read_spectrum(path)
    np.testing.assert_allclose(read.shift, np.arange(100.0, 110.0))
    np.testing.assert_array_equal(read.intensity, np.arange(1.0, 11.0)[::direction])
    assert ("order: descending axis reversed" in read.history) == (direction < 0)


def test_jcamp_points(tmp_path):
    rows = [f"{100 + i * i}, {i}.5" for i in range(10)]
    read = read_spectrum(jcamp(tmp_path, rows, XYPOINTS="(XY..XY)", YFACTOR="1"))
    np.testing.assert_array_equal(read.shift, [100 + i * i for i in range(10)])
    rows[4] = "oops"
    with pytest.raises(FormatError, match="'oops'"):
        read_spectrum(jcamp(tmp_path, rows, XYPOINTS="(XY..XY)"))


@pytest.mark.parametrize(
    ("labels", "error", "match"),
    [
        ({"DATA_TYPE": "INFRARED SPECTRUM"}, FormatError, "INFRARED"),
        ({"DATA_TYPE": "MASS SPECTRUM"}, FormatError, "MASS"),
        ({"DATA_TYPE": None}, FormatError, "does not state its data type"),
        ({"YUNITS": "ABSORBANCE"}, FormatError, "infrared"),
        (
            {"XUNITS": "NANOMETERS", "$EXCITATION_WAVELENGTH_NM": None},
            NotAShiftAxisError,
            "does not state the laser",
        ),
        ({"XUNITS": "MICROMETERS"}, NotAShiftAxisError, "not a Raman shift"),
        ({"XUNITS": "HZ"}, NotAShiftAxisError, "not a Raman shift"),
        ({"XUNITS": None}, FormatError, "XUNITS is missing"),
        ({"NPOINTS": "11"}, FormatError, "NPOINTS is 11 but there are 10"),
        ({"NPOINTS": "1000000000000"}, FormatError, "NPOINTS is 1e"),
        ({"NPOINTS": None}, FormatError, "missing"),
        ({"FIRSTX": "500", "LASTX": "509"}, FormatError, "begins at 100 but FIRSTX is 500"),
        ({"XFACTOR": "0.5"}, FormatError, "begins at 50 but FIRSTX is 100"),
        ({"FIRSTX": "abc"}, FormatError, "FIRSTX"),
        ({"XYDATA": "(X++(R..R))"}, FormatError, "form"),
    ],
)
def test_jcamp_refusals(tmp_path, labels, error, match):
    with pytest.raises(error, match=match):
        read_spectrum(jcamp(tmp_path, PLAIN, **labels))


def test_jcamp_wavelengths_are_converted_with_a_stated_laser(tmp_path):
    path = jcamp(
        tmp_path, ["800 1 2 3 4 5", "805 6 7 8 9 10"], XUNITS="NANOMETERS", FIRSTX="800", LASTX="809"
    )
    read = read_spectrum(path)
    np.testing.assert_allclose(read.shift, 1e7 / 785.0 - 1e7 / np.arange(800.0, 810.0))


def test_jcamp_compound_files_ask_which_one(tmp_path):
    one = jcamp(tmp_path, PLAIN).read_text()
    two = one.replace("sugar", "salt").replace("RAMAN SPECTRUM", "INFRARED SPECTRUM")
    path = tmp_path / "both.jdx"
    path.write_text(f"##TITLE=both\n##DATA TYPE=LINK\n##BLOCKS=2\n{one}\n{two}\n##END=\n")
    with pytest.raises(SeveralSpectraError) as caught:
        read_spectrum(path)
    assert caught.value.names == ("sugar", "salt")
    assert len(read_spectrum(path, which="sugar")) == 10
    with pytest.raises(FormatError, match="INFRARED"):
        read_spectrum(path, which="salt")


def test_jcamp_says_nothing_on_standard_output(tmp_path, capsys):
    with pytest.raises(FormatError, match="damaged"):
        read_spectrum(jcamp(tmp_path, ["100 1 2 3 4 5", "180 6 7 8 9 10"]))
    assert capsys.readouterr().out == ""
