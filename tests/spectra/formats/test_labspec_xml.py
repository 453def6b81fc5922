"""LabSpec 6's XML and WITec's text, written here in their layouts."""

import numpy as np
import pytest

from spectriage.spectra.errors import FormatError, NotAShiftAxisError
from spectriage.spectra.formats import read_spectra, read_spectrum

N = 20
SHIFT = 100.0 + 7.5 * np.arange(N)
COUNTS = np.array([round(50.0 + 40.0 * np.sin(i), 2) for i in range(N)])


def text_of(values):
    return " ".join(f"{value:g}" for value in values)


def xml(rows, *, unit="1/cm", beside=(), laser="785 nm"):
    def axis(name, unit, values):
        return (
            f'<LSX Format="9" ID="0x1"><LSX Format="8" ID="0x2">{name}</LSX>'
            f'<LSX Format="8" ID="0x3">{unit}</LSX>'
            f'<LSX Format="5" ID="0x4" Size="{len(values)}">{text_of(values)}</LSX></LSX>'
        )

    axes = axis("Intens", "Cnt", [0, 1]) + axis("Spectr", unit, SHIFT) + "".join(axis(*a) for a in beside)
    matrix = "".join(f"<LSX_Row>{text_of(row)}</LSX_Row>" for row in rows)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<LSX_Data><LSX_Tree><LSX Format="9" ID="0x0">'
        f'<LSX Format="8">Laser (nm)</LSX><LSX Format="8">{laser}</LSX>'
        f'<LSX Format="9" ID="0x7B697861">{axes}</LSX></LSX></LSX_Tree>'
        f'<LSX Format="6" ID="0x9"><LSX_Matrix>{matrix}</LSX_Matrix></LSX></LSX_Data>'
    )


def written(tmp_path, text):
    path = tmp_path / "scan.xml"
    path.write_text(text)
    return path


def test_one_spectrum(tmp_path):
    read = read_spectrum(written(tmp_path, xml([COUNTS])))
    np.testing.assert_array_equal(read.shift, SHIFT)
    np.testing.assert_array_equal(read.intensity, COUNTS)
    assert read.excitation_nm == 785.0
    assert "axis_assumed" not in read.metadata


def test_a_series_goes_by_its_coordinate_and_a_map_by_number(tmp_path):
    rows = [COUNTS, COUNTS + 1, COUNTS + 2, COUNTS + 3]
    series = read_spectra(written(tmp_path, xml(rows, beside=[("Time", "s", [0, 1.5, 3, 4.5])])))
    assert list(series) == ["0", "1.5", "3", "4.5"]
    places = [("X", "um", [0, 1]), ("Y", "um", [0, 2])]
    found = read_spectra(written(tmp_path, xml(rows, beside=places)))
    assert list(found) == ["1", "2", "3", "4"]
    np.testing.assert_array_equal(found["4"].intensity, COUNTS + 3)


@pytest.mark.parametrize(
    ("text", "error", "match"),
    [
        (xml([COUNTS[:-1]]), FormatError, "row 1 has 19 numbers, the axis 20"),
        (xml([]), FormatError, "no intensities"),
        (xml([COUNTS], unit="eV"), NotAShiftAxisError, "not a Raman shift"),
        (xml([COUNTS], unit="nm", laser=""), NotAShiftAxisError, "does not state the laser"),
        (xml([COUNTS])[:-20], FormatError, "XML is damaged"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]>\n" + xml([COUNTS]), FormatError, "web page or XML|entities"),
        (
            xml([COUNTS]).replace("<LSX_Data>", "<!DOCTYPE a [<!ENTITY b 'c'>]><LSX_Data>"),
            FormatError,
            "entities",
        ),
    ],
)
def test_refusals(tmp_path, text, error, match):
    with pytest.raises(error, match=match):
        read_spectrum(written(tmp_path, text))


def truematch(*titles, unit="1/cm"):
    lines = ["[WITEC_TRUEMATCH_ASCII_HEADER]", "Version = 2.0", ""]
    for k, title in enumerate(titles, start=1):
        lines += [
            "[SpectrumHeader]",
            f"Title = {title}",
            "ExcitationWavelength = 532.0",
            f"SpectrumSize = {N}",
        ]
        lines += [
            f"XDataKind = {unit}",
            "",
            "[SampleMetaData]",
            "double IntegrationTime = 0.5",
            "",
            "[SpectrumData]",
        ]
        lines += [f"{x}\t{k * y}" for x, y in zip(SHIFT, COUNTS, strict=True)]
        lines.append("")
    return "\n".join(lines)


def test_witec_truematch(tmp_path):
    read = read_spectrum(written(tmp_path, truematch("sugar")))
    np.testing.assert_array_equal(read.shift, SHIFT)
    np.testing.assert_array_equal(read.intensity, COUNTS)
    assert (read.excitation_nm, read.metadata["title"]) == (532.0, "sugar")
    found = read_spectra(written(tmp_path, truematch("sugar", "salt", "salt")))
    assert list(found) == ["sugar", "salt", "salt (2)"]
    np.testing.assert_allclose(found["salt (2)"].intensity, 3 * COUNTS)
    text = truematch("a", unit="nm")
    for x in SHIFT:
        text = text.replace(f"\n{x}\t", f"\n{x + 450}\t")
    in_nm = read_spectrum(written(tmp_path, text))
    assert any("from wavelength, excitation 532 nm" in step for step in in_nm.history)


def test_witec_errors_name_their_line(tmp_path):
    text = truematch("sugar", "salt").replace(f"{SHIFT[5]}\t{2 * COUNTS[5]}", f"{SHIFT[5]}\tabc")
    with pytest.raises(FormatError, match="'abc'") as caught:
        read_spectra(written(tmp_path, text))
    bad = next(i for i, line in enumerate(text.splitlines(), 1) if line.endswith("abc"))
    assert caught.value.where.endswith(f"line {bad}")
    with pytest.raises(FormatError, match="SpectrumData"):
        read_spectra(written(tmp_path, truematch("a").replace("[SpectrumData]", "")))


def test_witec_table_is_a_plain_table(tmp_path):
    lines = ["X-Axis (rel. 1/cm)\tsugar\tsalt"]
    lines += [f"{x}\t{y}\t{2 * y}" for x, y in zip(SHIFT, COUNTS, strict=True)]
    found = read_spectra(written(tmp_path, "\n".join(lines)))
    assert list(found) == ["sugar", "salt"]
    np.testing.assert_allclose(found["salt"].intensity, 2 * COUNTS)
