"""`spectriage doctor` on installations that are broken in one way each: it says what, and what to do."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spectriage.device.drivers._usb import udev_rules
from spectriage.device.serve import doctor

CANNOT_WRITE = Path("/sys/spectriage")
"""A folder that not even root can make."""


@pytest.fixture
def home(tmp_path, monkeypatch, library_cache, library):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("SPECTRIAGE_CONFIG", str(tmp_path / "settings.toml"))
    monkeypatch.setenv("SPECTRIAGE_CACHE", str(library_cache))
    return tmp_path


def found(**named):
    return {finding.about: finding for finding in doctor.examine(**named)}


def test_a_whole_installation_is_called_so(home):
    findings = found()
    assert {finding.about for finding in findings.values() if finding.state == "failed"} == set()
    assert "references" in findings["library"].said
    assert str(home / "data") in findings["journal"].said


def test_a_missing_extra_is_named_with_its_command(home, monkeypatch):
    there = doctor.find_spec
    monkeypatch.setattr(
        doctor, "find_spec", lambda name: None if name in ("fpdf", "seabreeze") else there(name)
    )
    findings = found()
    assert (findings["extra report"].state, findings["extra ocean"].state) == ("failed", "attention")
    assert findings["extra report"].remedy == 'pip install "spectriage[report]"'
    # what else there is is looked at all the same
    assert findings["library"].state == "ok"


def test_an_extra_that_cannot_be_loaded_is_named(home, monkeypatch):
    (home / "fpdf.py").write_text("raise ImportError('libsomething.so.1: cannot open shared object file')")
    monkeypatch.syspath_prepend(str(home))
    monkeypatch.delitem(sys.modules, "fpdf", raising=False)
    finding = found()["extra report"]
    assert finding.state == "failed"
    assert "libsomething" in finding.said
    assert "--force-reinstall" in finding.remedy
    sys.modules.pop("fpdf", None)


@pytest.mark.parametrize("damage", ["cut", "text", "missing"])
def test_a_broken_library_is_named(home, library_cache, damage):
    (whole,) = list(library_cache.glob("catalogue-*.h5"))[:1]
    broken = home / "broken.h5"
    if damage == "cut":
        broken.write_bytes(whole.read_bytes()[:50_000])
    elif damage == "text":
        broken.write_text("not a library")
    finding = found(library=broken)["library"]
    assert finding.state == "failed"
    assert "broken.h5" in finding.said
    assert finding.remedy


@pytest.mark.skipif(not CANNOT_WRITE.parent.is_dir(), reason="no /sys here")
def test_folders_that_cannot_be_written_are_named(home, monkeypatch):
    monkeypatch.setenv("SPECTRIAGE_CACHE", str(CANNOT_WRITE))
    monkeypatch.setattr(doctor, "_library", lambda path: iter(()))
    findings = found(journal=CANNOT_WRITE / "journal.db")
    for about, what in (("cache", "SPECTRIAGE_CACHE"), ("journal", "--journal")):
        assert findings[about].state == "failed"
        assert str(CANNOT_WRITE) in findings[about].said
        assert what in findings[about].remedy


def test_a_journal_that_is_none_is_named(home):
    (home / "journal.db").write_text("not a journal")
    finding = found(journal=home / "journal.db")["journal"]
    assert finding.state == "failed"
    assert finding.remedy


def test_settings_that_cannot_be_read_are_named(home):
    (home / "settings.toml").write_text("[journal]\npth = 'x'\n")
    finding = found()["journal"]
    assert finding.state == "failed"
    assert "settings.toml" in finding.said


def test_udev_rules_missing_old_and_right(home, monkeypatch):
    def said(folder):
        (finding,) = doctor._udev((str(folder),))
        return finding

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert said(home).state == "attention"
    assert "sudo cp" in said(home).remedy
    assert "60-spectriage.rules" in said(home).remedy
    (home / doctor.RULES).write_text("# of an earlier version\n")
    assert "not that of this version" in said(home).said
    (home / doctor.RULES).write_text(udev_rules())
    assert said(home).state == "ok"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert said(home / "nowhere").state == "ok"


def test_a_unit_that_may_not_be_opened_is_named_with_the_remedy(home, monkeypatch):
    from spectriage.device.drivers import wasatch
    from spectriage.device.testing.emulation.bus import EmulatedBus
    from spectriage.device.testing.emulation.faults import apply_fault
    from spectriage.device.testing.emulation.open import make_model

    model = make_model("wasatch-wp785")
    apply_fault(model, "no-permission")
    monkeypatch.setattr(wasatch, "usb_backend", lambda extra, order: EmulatedBus(model))
    finding = next(each for about, each in found().items() if about.startswith("wasatch:"))
    assert finding.state == "failed"
    assert "udev" in finding.said + finding.remedy


def test_the_command_ends_with_2_and_gives_json(home, library_cache):
    environment = {**os.environ, "SPECTRIAGE_CACHE": str(library_cache)}
    command = [sys.executable, "-m", "spectriage.spectra.cli", "doctor", "--json", "--library", "none.h5"]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=home)
    assert said.returncode == 2
    findings = {line["about"]: line for line in map(json.loads, said.stdout.splitlines())}
    assert findings["library"]["state"] == "failed"
    assert findings["journal"]["state"] == "ok"
