"""What the screen says: in every language, all of it used, and answers that keep to the result."""

import ast
import importlib
import json
import re
import string
from pathlib import Path

import pytest

from spectriage.device.contract.registry import open_device
from spectriage.device.serve.health import _failed
from spectriage.device.session import Session
from spectriage.device.wording.answering import answers, facts
from spectriage.device.wording.words import LANGUAGES, Words, keys, names
from spectriage.library.signing.errors import InvalidSignatureError
from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.policy import load_policy
from spectriage.spectra.reference import Hazard
from spectriage.spectra.signal.quality import Quality
from spectriage.spectra.verdict.rules import Evidence, _unresolved

ROOT = Path(__file__).parents[3]
SPEAKERS = [ROOT / "device" / room for room in ("serve", "wording", "report")]


def code_of(*folders: Path) -> str:
    return "\n".join(path.read_text() for folder in folders for path in sorted(folder.rglob("*.py")))


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_word_is_there_in_every_language_with_the_same_values():
    for key, said in keys().items():
        assert set(said) == set(LANGUAGES), key
        assert len({frozenset(fields(text)) for text in said.values()}) == 1, key
        assert all(text.strip() for text in said.values()), key


def test_every_word_that_the_code_asks_for_is_there_and_no_other():
    code = code_of(*SPEAKERS).replace("'", '"')
    asked = set(re.findall(r'words(?:\.get)?\(\s*"([\w-]+)"', code)) | set(
        re.findall(r'"((?:laser|limits|interlock|found)_\w+)"', code)
    )
    built = set(re.findall(r'f"(\w+_)\{', code))
    known = set(keys())
    assert {key for key in asked if key not in known and not key.startswith("laser_read")} == set()
    unused = {key for key in known - asked if not key.startswith(tuple(built)) and f'"{key}"' not in code}
    assert unused - {"no_watchdog", "interlock_unreadable", "light_not_controlled"} == set()


def test_every_reason_that_the_rules_give_has_words():
    rules = (ROOT / "spectra" / "verdict" / "rules.py").read_text()
    reasons = set(re.findall(r'_unclear\(\s*"([\w-]+)"', rules)) | {"identified"}
    artefacts = (ROOT / "spectra" / "signal" / "artefacts.py").read_text()
    disturbed = set(re.findall(r'Artefact\(\s*"([\w-]+)"', artefacts))
    assert len(disturbed) == 4
    assert {reason for reason in disturbed if f"next_{reason}" not in keys()} == set()
    reasons |= disturbed
    assert len(reasons) > 10
    assert {reason for reason in reasons if f"summary_{reason}" not in keys()} == set()


def test_every_refusal_and_every_finding_of_the_check_has_words():
    code = code_of(ROOT / "device" / "serve")
    refusals = set(re.findall(r'code="([\w-]+)"\s*,?\s*\)', code))
    assert {"pin-wrong", "interlock-open", "no-item"} <= refusals
    assert {name for name in refusals if f"problem_{name}" not in keys()} == set()
    assert {("interlock", "open"), ("axis", "off"), ("calibration", "never")} <= set(findings(code))
    assert {f"found_{code}_{case}" for code, case in findings(code) if case != "error"} <= set(keys())


def errors_of(*modules: str) -> set[str]:
    """Return the names of the typed errors that modules define."""
    found = set()
    for module in map(importlib.import_module, modules):
        found |= {
            name
            for name, each in vars(module).items()
            if isinstance(each, type)
            and issubclass(each, SpectriageError)
            and each.__module__ == module.__name__
        }
    return found


def test_every_error_that_a_unit_a_library_or_a_journal_raises_has_words():
    raised = errors_of(
        "spectriage.spectra.errors",
        "spectriage.library.signing.errors",
        "spectriage.library.journal.errors",
        "spectriage.device.contract.errors",
        "spectriage.device.contract.files",
        "spectriage.device.supervisor.client",
        "spectriage.device.record.alerting",
    )
    # a refusal has a code of its own; what reads files and catalogues is no part of a service
    raised -= {
        "SpectriageError",
        "FormatError",
        "NotAShiftAxisError",
        "SeveralSpectraError",
        "CatalogueError",
    }
    assert len(raised) > 25
    assert {name for name in raised if f"problem_{name}" not in keys()} == set()


def test_a_check_that_failed_on_an_error_says_which_in_spanish():
    error = InvalidSignatureError("the signature is wrong", where="library.h5")
    failed = _failed("signature", error)
    assert "library.h5" in Words("en").checked(failed)
    assert Words("es").checked(failed) == Words("es")("problem_InvalidSignatureError")
    # what nobody foresaw is named by its type, and not by its English
    unforeseen = _failed("signature", type("OddError", (SpectriageError,), {})("odd"))
    assert Words("es").checked(unforeseen) == Words("es")("problem_other", type="OddError")


def findings(code: str) -> list[tuple[str, str]]:
    """Return code and case of every `Checked` that is made in some source."""
    found = []
    for call in ast.walk(ast.parse(code.replace("from __future__ import annotations", ""))):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Checked":
            said = {each.arg: each.value for each in call.keywords}
            code_of_it = ast.literal_eval(said["code"]) if isinstance(said["code"], ast.Constant) else "error"
            cases = (
                [said["case"].body, said["case"].orelse]
                if isinstance(said["case"], ast.IfExp)
                else [said["case"]]
            )
            found += [(code_of_it, each.value) for each in cases if isinstance(each, ast.Constant)]
    return found


@pytest.mark.parametrize("policy", ["border", "drug-checking", "explosives"])
def test_all_that_is_watched_for_has_a_spanish_name(policy):
    assert f"advice_{policy}" in keys()
    assert {target.name for target in load_policy(policy).targets} - set(names()["es"]) == set()


def test_all_that_is_hazardous_has_a_spanish_name(library):
    hazards = [each for each in library.records if each.hazard is not Hazard.NONE]
    assert {each.substance for each in hazards} | {each.family for each in hazards} <= set(names()["es"])


def test_nothing_of_the_engines_english_is_left_in_spanish(engine):
    """Real answers: whatever sentence the engine made, the Spanish answer and page hold none of its words."""
    words, seen = Words("es"), set()
    for uri in (
        "sim:street-sample?seed=1",
        "sim:xylazine-hcl:0.5+caffeine?seed=1",
        "sim:oxidiser?seed=1",
        "sim:genuine-pill?seed=1",
        "sim:caffeine?seed=2",
        "sim:dark-powder?seed=1",
        "sim:empty-bag?seed=1",
    ):
        with open_device(uri) as device:
            result = json.loads(json.dumps(Session(device, engine).run().identification.to_json()))
        seen.add(result["verdict"])
        found = answers(result, words)
        said = " ".join([found.title, found.means, *found.what, *found.sure, *found.missed, *found.now])
        said += " ".join(facts(result, words))
        english = " ".join([result["summary"], *result["facts"], result["next_step"]])
        known = set(re.findall(r"[\w-]+", " ".join(names()["es"].values()).casefold()))
        ours = set(re.findall(r"[a-záéíóúñ-]{4,}", said.casefold())) - known
        assert ours & ENGLISH == set(), uri
        assert english not in said
    assert len(seen) >= 3


SENTENCES = [
    "with this that have been scan could seen signal laboratory sample avoid contact dust consistent",
    "possible beside unverified reference amounts test strip immunoassay they nothing watched down limits",
    "listed only packaging exposure times noise library matches well enough nearest something resembles",
    "evidence name another spot more light would change other smaller excluded grains find agreement",
]
ENGLISH = {word for line in SENTENCES for word in line.split()}


EVIDENCE = Evidence((), (), (), 0.5, False, Quality(50.0, "variance", 0.1, False, 200.0, 2300.0))
MASS = {"low": 0.02, "middle": 0.1, "high": 0.34, "response_assumed": False}
RESULT = {
    "verdict": "ALARM",
    "reason": "controlled:fentanyl-class",
    "summary": "Consistent with fentanyl-class, beside caffeine.",
    "next_step": "Presumptive result: send a sample to a laboratory for confirmation.",
    "components": [
        {"substance": "caffeine", "hazard": "none", "spectral_fraction": 0.7, "tier": "measured"},
        {
            "substance": "fentanyl-class",
            "hazard": "controlled",
            "spectral_fraction": 0.3,
            "tier": "recalled",
            "probability": 0.9991,
            "alternatives": ["acetylfentanyl"],
        },
    ],
    "targets": [
        {"target": "xylazine", "found": False, "lod": 0.11},
        {"target": "cocaine", "found": False, "lod": None},
        {"target": "fentanyl-class", "found": True, "lod": 0.02},
    ],
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_five_answers(language):
    found = answers(RESULT, Words(language))
    assert found.verdict == "ALARM"
    name = Words(language).name
    assert name("fentanyl-class") in found.what[0]
    assert found.sure[0].startswith(f"{name('fentanyl-class')}: > 99%")
    # nothing may be claimed with certainty, and what can be in any amount comes first
    assert "100%" not in " ".join(found.sure)
    assert name("cocaine") in found.missed[0]
    assert f"{name('xylazine')} 11%" in found.missed[1]
    assert found.now[0]
    assert found.others == (name("acetylfentanyl"),)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_controlled_is_always_among_the_alternatives_and_first(language):
    alternatives = ["a", "b", "c", "d", "e", "x", "y"]
    known = {each: (each, "controlled" if each in "xy" else "none") for each in alternatives}
    part = {"substance": "caffeine", "hazard": "none", "spectral_fraction": 1.0, "tier": "measured"}
    result = {
        **RESULT,
        "verdict": "NO_ALARM",
        "reason": "identified",
        "components": [{**part, "alternatives": alternatives}],
    }
    assert answers(result, Words(language), known).others == ("x", "y", "a")
    # where nothing is named, what the scan resembles most
    nearest = [{"reference_id": each, "substance": each} for each in alternatives]
    nothing = {**result, "components": [], "candidates": nearest, "reason": "unknown"}
    assert answers(nothing, Words(language), known).others == ("x", "y", "a")


def test_what_a_scan_resembles_is_named(engine):
    policy = engine.policy
    ruling = _unresolved(["heroin", "cocaine"], EVIDENCE, policy)
    result = {"verdict": str(ruling.verdict), "reason": ruling.reason, "summary": ruling.summary}
    assert "heroína, cocaína" in answers(result, Words("es")).what[0]
    assert "heroin, cocaine" in answers(result, Words("en")).what[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_newer_engine_says_is_shown_and_not_lost(language):
    newer = {
        "verdict": "WATCH",
        "reason": "something-new",
        "summary": "A new sentence.",
        "next_step": "A new step.",
        "components": [],
        "targets": [
            {
                "target": "xylazine",
                "found": False,
                "lod": 0.1,
                "mass_limit": MASS,
                "not_covered": ["carfentanil"],
            }
        ],
    }
    found = answers(newer, Words(language))
    assert found.title == "WATCH"
    assert found.what == ("A new sentence.",)
    assert found.now == ("A new step.",)
    assert "10–34%" in found.missed[0]
    assert "carfentanil" in " ".join(found.missed)


def test_spanish_says_possible_where_the_engine_does():
    possible = {**RESULT, "verdict": "WARNING", "summary": "Possible fentanyl-class, unverified reference."}
    assert answers(possible, Words("es")).what[0].startswith("Posible")
