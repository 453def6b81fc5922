"""Every measured file is read with its lines where they belong, or refused for the right reason."""

from pathlib import PurePosixPath

import numpy as np
import pytest

from spectriage.spectra.errors import FormatError, NotAShiftAxisError, SeveralSpectraError
from spectriage.spectra.formats import read_spectra, read_spectrum

# By pattern, first that fits: the format that is read, or the error and a part of what it says.
EXPECTED = (
    ("README.md", (FormatError, "not a spectrum")),
    ("field/powders/Amylose.txt", "spc"),
    ("field/*/*", "table"),
    ("acetonitrile-5-instruments/Horiba_MacroRAM/*.txt", "horiba"),
    ("acetonitrile-5-instruments/OpenRAMAN/*.csv", (NotAShiftAxisError, "pixels")),
    ("acetonitrile-5-instruments/Renishaw_Qontor/*.txt", "table"),
    ("acetonitrile-5-instruments/Wasatch_WP532X/*.csv", "table"),
    ("acetonitrile-5-instruments/Wasatch_WP785X/*.csv", "enlighten"),
    ("charisma-horiba-785/*.txt", "table"),
    ("openspecy-hdpe/*.csv", "table"),
    ("paracetamol-glass/glass_reference.txt", "horiba"),
    ("paracetamol-glass/*_multiwell.txt", (SeveralSpectraError, "96 spectra")),
    ("ramanbiolib/metadata_db.csv", (FormatError, "not a spectrum")),
    ("ramanbiolib/raman_spectra_db.csv", (SeveralSpectraError, "202 spectra")),
    ("wasatch-785-2024/*.csv", ("table", "enlighten")),
    ("wasatch-785xs-2026/*.csv", "enlighten"),
)

# Strong lines in cm⁻¹ (literature), and the tolerance that the instrument's own axis error asks for.
LINES = (
    ("acetonitrile-5-instruments/Horiba_MacroRAM/acetonitrile.txt", (379, 920, 2253, 2942), 5),
    ("acetonitrile-5-instruments/Renishaw_Qontor/acetonitrile_5x.txt", (379, 920, 2253, 2942), 5),
    ("acetonitrile-5-instruments/Wasatch_WP785X/acetonitrile.csv", (379, 920, 2253, 2942), 5),
    ("acetonitrile-5-instruments/Wasatch_WP532X/acetonitrile.csv", (379, 920, 2253, 2942), 10),
    ("wasatch-785-2024/acetonitrile.csv", (379, 920, 2253), 5),
    ("wasatch-785xs-2026/acetonitrile.csv", (379, 920, 2253), 5),
    ("wasatch-785xs-2026/polystyrene.csv", (621, 1001, 1031, 1602), 3),
    ("charisma-horiba-785/PST10_iR785_OP01_40000msx4.txt", (621, 1001, 1031, 1602), 5),
    ("charisma-horiba-785/PST10_iR785_OP02_50000msx2.txt", (621, 1001, 1031, 1602), 5),
    ("charisma-horiba-785/Sil10_iR785_OP01_6000msx4.txt", (520,), 3),
    ("charisma-horiba-785/sCAL10_iR785_OP01_4000msx4.txt", (1086,), 3),
    ("openspecy-hdpe/raman_hdpe.csv", (1295, 2882), 3),
    ("wasatch-785-2024/ammonium nitrate.csv", (1043,), 3),
    ("wasatch-785-2024/benzene.csv", (992,), 3),
    ("wasatch-785xs-2026/cyclohexane.csv", (801,), 3),
)


def highest_near(spectrum, line_cm, reach_cm=15):
    """Shift of the highest point around a line; a true maximum, not the rim of another line."""
    near = np.flatnonzero(np.abs(spectrum.shift - line_cm) <= reach_cm)
    top = near[np.argmax(spectrum.intensity[near])]
    assert near[0] < top < near[-1], f"no maximum near {line_cm} cm⁻¹"
    return spectrum.shift[top]


def test_every_file_is_read_or_refused_for_the_right_reason(measured):
    seen = {pattern: 0 for pattern, _ in EXPECTED}
    for path in sorted(p for p in measured.rglob("*") if p.is_file()):
        name = PurePosixPath(path.relative_to(measured).as_posix())
        pattern, outcome = next((p, o) for p, o in EXPECTED if name.match(p))
        seen[pattern] += 1
        if isinstance(outcome, tuple) and isinstance(outcome[0], type):
            with pytest.raises(outcome[0], match=outcome[1]) as caught:
                read_spectrum(path)
            assert type(caught.value) is outcome[0], name
            assert caught.value.remedy
            continue
        spectrum = read_spectrum(path)
        assert spectrum.metadata["format"] in outcome, name
        if name.parts[0] == "field":
            assert -100 < spectrum.shift[0] < 1300, name
            continue
        assert len(spectrum) >= 500
        assert spectrum.shift[0] < 800 < 1800 < spectrum.shift[-1]
        if spectrum.metadata["format"] == "enlighten":
            assert spectrum.excitation_nm == pytest.approx(785.0, abs=0.2), name
    assert all(seen.values()), seen


@pytest.mark.parametrize(("name", "lines", "tolerance"), LINES)
def test_lines_fall_where_they_belong(measured, name, lines, tolerance):
    spectrum = read_spectrum(measured / name)
    for line in lines:
        assert highest_near(spectrum, line) == pytest.approx(line, abs=tolerance)


def test_an_axis_called_pixel_that_is_a_shift_axis_says_so(measured):
    spectrum = read_spectrum(measured / "acetonitrile-5-instruments/Wasatch_WP532X/acetonitrile.csv")
    assert spectrum.shift[0] < -600
    assert spectrum.metadata["axis"] == "Pixel"
    assert spectrum.metadata["axis_assumed"] == "Raman shift"
    assert any("'Pixel'" in step for step in spectrum.history)


def test_heads_of_real_instruments(measured):
    wasatch = read_spectrum(measured / "acetonitrile-5-instruments/Wasatch_WP785X/acetonitrile.csv")
    assert (wasatch.excitation_nm, len(wasatch)) == (785.041, 2038)
    assert wasatch.metadata["serial"] == "WP-02071"
    assert (wasatch.metadata["integration_ms"], wasatch.metadata["accumulations"]) == (1000.0, 2)
    assert any(step.startswith("drop: 10 points") for step in wasatch.history)
    assert wasatch.variance is None
    horiba = read_spectrum(measured / "acetonitrile-5-instruments/Horiba_MacroRAM/acetonitrile.txt")
    assert (horiba.excitation_nm, horiba.metadata["accumulations"]) == (785.0, 5)
    assert horiba.metadata["integration_ms"] == 10_000.0
    glass = read_spectrum(measured / "paracetamol-glass/glass_reference.txt")
    assert (glass.excitation_nm, glass.resolution_cm) == (532.0, 7.4)


def test_the_wells_of_a_plate(measured):
    path = measured / "paracetamol-glass/plate1_60mgml_multiwell.txt"
    wells = read_spectra(path)
    assert list(wells) == [f"{row},{column}" for row in range(1, 9) for column in range(1, 13)]
    assert read_spectrum(path, which="4,5") == wells["4,5"]
    for line in (1324, 1610, 1648):
        assert highest_near(wells["4,5"], line) == pytest.approx(line, abs=6)


def test_a_table_of_digitised_spectra(measured):
    path = measured / "ramanbiolib/raman_spectra_db.csv"
    spectra = read_spectra(path)
    assert len(spectra) == 202
    assert all(s.shift[0] == 450 and s.shift[-1] == 1800 and len(s) == 1351 for s in spectra.values())
    assert highest_near(spectra["l-phenylalanine"], 1003) == pytest.approx(1003, abs=3)
    assert read_spectrum(path, which="202").metadata["title"] == "ethinylestradiol"
