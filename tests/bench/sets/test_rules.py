import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectriage.bench.evidence.field import shipped_rules
from spectriage.bench.sets.rules import material_of, read_field, read_rules
from spectriage.spectra.errors import FormatError


@pytest.fixture
def folder(tmp_path):
    base = tmp_path / "spectra"
    for name in ("drugs/Bad.txt", "plastics/pe__red__a.csv", "plastics/pe__blue__b.csv", "notes.md"):
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = "\n".join(f"{300 + i},{(i * 7) % 31}" for i in range(400))
        path.write_text("no spectrum" if name.endswith("md") else rows)
    return base


def _rules(tmp_path, text):
    path = tmp_path / "rules.toml"
    path.write_text(text)
    return path


def test_every_rule_that_matches_applies_and_the_first_to_set_a_field_counts(folder, tmp_path):
    rules = read_rules(
        _rules(
            tmp_path,
            """
            [[spectra]]
            files = "plastics/PE__red*"
            may_raise = ["Oxidiser"]
            [[spectra]]
            files = ["plastics/pe__*", "other/*"]
            material = "polyethylene"
            may_raise = ["nothing of this"]
            """,
        )
    )
    found, left_out = read_field(folder, rules)
    by_path = {item.path: item for item in found}
    red, blue = by_path["plastics/pe__red__a.csv"], by_path["plastics/pe__blue__b.csv"]
    assert red.material == blue.material == "polyethylene"
    assert red.may_raise == ("oxidiser",)
    assert blue.may_raise == ("nothing of this",)
    assert (by_path["drugs/Bad.txt"].material, by_path["drugs/Bad.txt"].kind) == ("bad", "drugs")
    assert by_path["drugs/Bad.txt"].may_raise == ()
    assert len(left_out) == 1
    assert left_out[0].startswith("notes.md: ")


def test_a_skipped_spectrum_is_listed_with_its_reason(folder, tmp_path):
    rules = read_rules(_rules(tmp_path, '[[spectra]]\nfiles = "drugs/*"\nskip = "mislabelled"\n'))
    found, left_out = read_field(folder, rules)
    assert "drugs/Bad.txt: mislabelled" in left_out
    assert all(not item.path.startswith("drugs") for item in found)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("spectra = 3", r"\[\[spectra\]\]"),
        ('[[spectra]]\nmaterial = "x"', "has no files"),
        ('[[spectra]]\nfiles = ["a", 3]', "pattern"),
        ('[[spectra]]\nfiles = "a"\nallowed = ["x"]', "allowed"),
        ('[[spectra]]\nfiles = "a"\nmay_raise = "x"', "list of names"),
        ('[[spectra]]\nfiles = "a"\nmay_raise = [3]', "list of names"),
        ("files = [", "TOML"),
    ],
)
def test_a_bad_rule_is_named(tmp_path, text, what):
    with pytest.raises(FormatError, match=what):
        read_rules(_rules(tmp_path, text))


def test_missing_files_and_empty_folders_are_said(tmp_path):
    with pytest.raises(FormatError, match="cannot be read"):
        read_rules(tmp_path / "nowhere.toml")
    with pytest.raises(FormatError, match="not a folder"):
        read_field(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match="no spectra"):
        read_field(tmp_path / "empty")


@pytest.mark.parametrize(
    ("stem", "material"),
    [
        ("Niter_KNO3_532nm_unoriented", "niter kno3"),
        ("Felsite1(x)_ 780nm", "felsite1(x)"),
        ("Talc1", "talc"),
        ("Sulphur_785nm_unoriented", "sulphur"),
        ("785nm", "785nm"),
    ],
)
def test_scans_of_one_material_share_its_name(stem, material):
    assert material_of(stem) == material


@given(st.text(min_size=1, max_size=40))
def test_every_name_has_a_material(stem):
    assert material_of(stem) or not stem.casefold()


def test_the_shipped_rules_can_be_read_and_allow_what_they_should():
    rules = read_rules(shipped_rules())
    allowed = [rule for rule in rules if rule.settings.get("may_raise")]
    assert any(rule.matches("drugs/Fentanyl.txt") for rule in allowed)
    assert not any(rule.matches("drugs/Propranolol.txt") for rule in allowed)
    assert not any(rule.matches("plastics/pe__blue__Polyethylene 7.csv") for rule in allowed)
