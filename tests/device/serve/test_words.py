"""What the screen says: in every language, all of it used, and answers that keep to the result."""

import re
import string
from pathlib import Path

import pytest

from spectriage.device.serve.screen.answering import answers
from spectriage.device.serve.screen.words import LANGUAGES, Words, keys

SCREEN = Path(__file__).parents[3] / "device" / "serve" / "screen"


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_word_is_there_in_every_language_with_the_same_values():
    for key, said in keys().items():
        assert set(said) == set(LANGUAGES), key
        assert len({frozenset(fields(text)) for text in said.values()}) == 1, key
        assert all(text.strip() for text in said.values()), key


def test_every_word_that_the_code_asks_for_is_there_and_no_other():
    code = "\n".join(path.read_text() for path in SCREEN.glob("*.py")).replace("'", '"')
    asked = set(re.findall(r'words\(\s*"([\w-]+)"', code)) | set(
        re.findall(r'"((?:laser|limits|interlock)_\w+)"', code)
    )
    built = set(re.findall(r'f"(\w+_)\{', code))
    known = set(keys())
    assert {key for key in asked if key not in known} == set()
    unused = {key for key in known - asked if not key.startswith(tuple(built)) and f'"{key}"' not in code}
    assert unused - {"no_watchdog", "interlock_unreadable", "light_not_controlled"} == set()


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
    assert "fentanyl-class" in found.what[0]
    assert found.sure[0].startswith("fentanyl-class: > 99%")
    # nothing may be claimed with certainty, and what can be in any amount comes first
    assert "100%" not in " ".join(found.sure)
    assert "cocaine" in found.missed[0]
    assert "xylazine 11%" in found.missed[1]
    assert found.now[0]
    assert found.others == ("acetylfentanyl",)


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
