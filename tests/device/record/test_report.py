"""The report of a record: the same words on the page and on paper, one page, nothing loaded from outside."""

import io
import json
import re
import shutil
import subprocess

import pytest

from spectriage.device.contract.registry import open_device
from spectriage.device.record import replay_record, scan_entry
from spectriage.device.report import html_report, pdf_report, pictures, report_content
from spectriage.device.session import ScanPlan, Session
from spectriage.device.wording.words import keys as words_of
from spectriage.library.journal import Context, Entry, Journal, JournalError, unit_key
from spectriage.spectra.errors import ParameterError

WHO = Context("J. Doe <officer>", "lane 4", "A1")
ALARM = "sim:fentanyl hcl:0.3+caffeine:0.3+lactose?packaging=ldpe&seed=3&integration_ms=4000"


@pytest.fixture(scope="module")
def kept(tmp_path_factory, engine):
    """A journal with an alarm and a harmless scan."""
    folder = tmp_path_factory.mktemp("journal")
    with Journal(folder / "j.db", unit_key(folder / "unit.key")) as journal:
        for uri in (ALARM, "sim:caffeine?seed=1"):
            with open_device(uri) as device:
                session = Session(device, engine, plan=ScanPlan(delay_s=0.0))
                journal.append(scan_entry(session, session.run(), context=WHO))
        journal.append(Entry("note", {"text": "bag was open"}))
        yield journal


def test_the_page_says_what_the_record_says(kept, engine):
    record = kept.record(1)
    said = json.loads(record.payload)["result"]
    page = html_report(report_content(record, pictures(kept, record, engine)))
    for text in (
        said["summary"].split(",")[0],
        "PRESUMPTIVE",
        "simulated, not a measurement",
        record.hash.hex(),
    ):
        assert text in page
    for text in (said["library"]["sha256"], "J. Doe &lt;officer&gt;", "lane 4", "A1"):
        assert text in page
    assert all(target["target"] in page for target in said["targets"] if not target["found"])
    # nothing is loaded, nothing runs
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", page)
    assert "<script" not in page


def test_the_picture_speaks_the_language_of_its_page(kept, engine):
    record = kept.record(1)
    english, spanish = (pictures(kept, record, engine, language)["svg"].decode() for language in ("en", "es"))
    # matplotlib says beside each drawn text what it reads
    said = [set(re.findall(r"<!-- (.+?) -->", svg, re.DOTALL)) for svg in (english, spanish)]
    keys = [key for key in words_of() if key.startswith("picture_") and "{" not in words_of()[key]["en"]]
    shown = [key for key in keys if any(words_of()[key]["en"].split("\n")[0] in text for text in said[0])]
    assert len(shown) >= 5
    for key in shown:
        first, theirs = words_of()[key]["en"].split("\n")[0], words_of()[key]["es"].split("\n")[0]
        assert any(theirs in text for text in said[1]), key
        assert not any(text == first for text in said[1]), key
    read = " ".join(said[1])
    for text in ("ALARMA", "de la señal", "envoltura", "cafeína", "simulado, no es una", "presuntivo"):
        assert text in read
    for text in ("ALARM:", "signal", "packaging", "caffeine", "Simulated", "library"):
        assert text not in read


def test_the_page_speaks_spanish_from_the_records_codes(kept):
    record = kept.record(1)
    said = json.loads(record.payload)["result"]
    page = html_report(report_content(record, language="es"))
    for text in (
        'lang="es"',
        "ALARMA",
        "PRESUNTIVO",
        "simulado, no es una medición",
        "Compatible con",
        "en masa",
    ):
        assert text in page
    for english in (
        said["summary"],
        said["next_step"],
        *said["notes"],
        "What was found",
        "Operator",
        "not stated",
    ):
        assert english not in page
    # what would have been seen is stated by mass too, and what no reference stands for
    assert re.search(r"desde \d+–\d+%", page)
    assert "No cubierto" in page
    with pytest.raises(ParameterError, match="no language"):
        report_content(record, language="fr")


def test_operator_and_place_can_be_left_out(kept):
    page = html_report(report_content(kept.record(1), private=False))
    assert "Doe" not in page
    assert "lane 4" not in page


@pytest.mark.parametrize("paper", ["a4", "letter"])
@pytest.mark.parametrize("number", [1, 2])
def test_paper_holds_the_same_on_one_page(kept, engine, paper, number, tmp_path):
    record = kept.record(number)
    data = pdf_report(report_content(record, pictures(kept, record, engine)), paper=paper)
    assert data.startswith(b"%PDF")
    assert len(re.findall(rb"/Type /Page\b", data)) == 1
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext on this machine")
    (tmp_path / "r.pdf").write_bytes(data)
    text = subprocess.run(
        ["pdftotext", "-layout", str(tmp_path / "r.pdf"), "-"], capture_output=True, text=True, check=True
    ).stdout
    said = json.loads(record.payload)["result"]
    assert said["verdict"].replace("_", " ") in text
    assert "PRESUMPTIVE" in text
    assert "SIMULATED, NOT A MEASUREMENT" in text
    assert record.hash.hex()[:16] in text


def test_a_page_that_is_too_full_for_a_picture_is_still_one_page(kept):
    record = kept.record(1)
    content = report_content(record, {})
    assert len(re.findall(rb"/Type /Page\b", pdf_report(content))) == 1


def test_the_qr_code_is_the_records_hash(kept):
    zxingcpp = pytest.importorskip("zxingcpp")
    from PIL import Image

    from spectriage.device.report.page import qr_png

    record = kept.record(1)
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(qr_png(record.hash.hex()))))
    assert found.text == record.hash.hex()


def test_a_note_has_no_report(kept):
    with pytest.raises(JournalError, match="made of a scan"):
        report_content(kept.record(3))


def test_a_scan_is_decided_again_to_the_same_bytes(kept, engine):
    for number in (1, 2):
        made = replay_record(kept, kept.record(number), engine)
        assert made is not None
        assert made.same, made
        assert not made.versions
    assert replay_record(kept, kept.record(3), engine) is None


def test_another_policy_is_named_where_the_answer_differs(kept, engine, library):
    from dataclasses import replace

    from spectriage.spectra.identify import Identifier

    other = Identifier(library, replace(engine.policy, lod=0.9))
    made = replay_record(kept, kept.record(2), other)
    assert made is not None
    assert "policy sha256" in made.versions
    assert "library sha256" not in made.versions
    assert made.explained
    assert pictures(kept, kept.record(1), engine)
    if not made.same:
        assert pictures(kept, kept.record(2), other) == {}
