"""Many units in one store: SQLite, and a real PostgreSQL where there is one."""

import json
import os
import pwd
import shutil
import socket
import sqlite3
import subprocess
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from spectriage.library.fleet import control_charts, merge, merging, open_store, plot_charts, summary
from spectriage.library.journal import AlteredJournalError, Entry, Journal, JournalError, unit_key
from spectriage.spectra.errors import ParameterError

START = datetime(2026, 1, 1, 8, tzinfo=UTC)


def scanned(unit, place, verdict, targets=(), *, lod=0.08, offset=0.0, index=0):
    watched = [
        {"target": name, "found": name in targets, "lod": lod} for name in ("fentanyl-class", "heroin")
    ]
    payload = {
        "place": place,
        "item": f"A{index}",
        "device": {"serial": unit},
        "result": {
            "verdict": verdict,
            "summary": "",
            "targets": watched,
            "axis": {"offset_cm": offset},
            "quality": {"snr": 200.0},
        },
    }
    return Entry("scan", payload, {"counts": np.arange(8.0) + index})


def journal_of(folder, unit, entries, *, per_day=2):
    """A unit's journal, so many records a day."""
    times = iter(START + timedelta(days=i // per_day, minutes=i % per_day) for i in range(10**6))
    path = folder / f"{unit}.db"
    with Journal(path, unit_key(folder / f"{unit}.key"), now=lambda: next(times)) as journal:
        for entry in entries:
            journal.append(entry)
    return path


@pytest.fixture
def units(tmp_path):
    """Two units on two days each."""
    first = [
        scanned("U1", "lane 4", "NO_ALARM", index=0),
        scanned("U1", "lane 4", "ALARM", ("fentanyl-class",), index=1),
        scanned("U1", "lane 5", "ALARM", ("fentanyl-class", "heroin"), index=2),
        Entry("note", {"text": "bag was open"}),
    ]
    second = [scanned("U2", "lane 4", "INCONCLUSIVE", index=i) for i in range(3)]
    return journal_of(tmp_path, "U1", first), journal_of(tmp_path, "U2", second)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """A PostgreSQL server of this test run alone, on loopback; skipped where none is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) if os.name == "posix" else []
    initdb = str(found[-1]) if found else shutil.which("initdb")
    if initdb is None:
        pytest.skip("no PostgreSQL on this machine")
    folder = tmp_path_factory.mktemp("postgres")
    user = None
    if os.geteuid() == 0:
        # the server refuses to run as root
        user = "postgres"
        owner = pwd.getpwnam(user)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        for above in [folder, *folder.parents][:4]:
            if str(above).startswith(("/tmp", str(tmp_path_factory.getbasetemp().parent))):
                above.chmod(above.stat().st_mode | 0o111)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def call(*command):
        done = subprocess.run(
            command, user=user, check=False, capture_output=True, text=True, cwd=folder, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr

    data = folder / "data"
    call(initdb, "-D", data, "-U", "spectriage", "-A", "trust", "-E", "UTF8", "--no-sync")
    control = Path(initdb).with_name("pg_ctl")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    call(control, "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
    try:
        yield f"postgresql+psycopg://spectriage@127.0.0.1:{port}/postgres"
    finally:
        # what became of the server is no matter of the tests'
        stop = (control, "-D", data, "-m", "immediate", "stop")
        subprocess.run(stop, user=user, check=False, capture_output=True, cwd=folder, timeout=120)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    if request.param == "sqlite":
        yield str(tmp_path / "fleet.db")
        return
    import sqlalchemy

    url = request.getfixturevalue("postgres")
    yield url
    engine = sqlalchemy.create_engine(url)
    meta = sqlalchemy.MetaData()
    meta.reflect(engine)
    meta.drop_all(engine)
    engine.dispose()


def counted(store, *by):
    with open_store(store) as (connection, meta):
        return [tuple(row.values()) for row in summary(connection, meta, by)]


def test_journals_are_merged_once_however_often(units, store):
    assert [merge(path, store).new for path in units] == [4, 3]
    before = counted(store, "day", "unit", "verdict")
    assert [merge(path, store).new for path in units] == [0, 0]
    assert counted(store, "day", "unit", "verdict") == before
    assert counted(store, "verdict") == [("ALARM", 2), ("INCONCLUSIVE", 3), ("NO_ALARM", 1)]
    assert counted(store, "unit", "place") == [("U1", "lane 4", 2), ("U1", "lane 5", 1), ("U2", "lane 4", 3)]
    assert counted(store, "target") == [("fentanyl-class", 2), ("heroin", 1)]
    assert counted(store, "day") == [("2026-01-01", 4), ("2026-01-02", 2)]


def test_the_store_holds_the_records_as_they_were_signed(units, store):
    import sqlalchemy as sa

    merge(units[0], store)
    with Journal(units[0], readonly=True) as journal, open_store(store) as (connection, meta):
        rows = connection.execute(sa.select(meta.tables["records"])).all()
        written = {record.number: record for record, _ in journal.records()}
        for row in rows:
            record = written[row.number]
            assert bytes(row.payload) == record.payload
            assert (bytes(row.hash), bytes(row.signature)) == (record.hash, record.signature)
        kept = set(connection.execute(sa.select(meta.tables["blobs"].c.sha256)).scalars())
        assert kept == journal.blob_names()


def test_a_journal_goes_on_and_is_merged_further(units, store, tmp_path):
    merge(units[0], store)
    with Journal(units[0], unit_key(tmp_path / "U1.key")) as journal:
        journal.append(scanned("U1", "lane 4", "WARNING", index=9))
    made = merge(units[0], store)
    assert (made.records, made.new) == (5, 1)


def test_what_is_recorded_after_a_journal_was_verified_is_merged_the_next_time(
    units, store, tmp_path, monkeypatch
):
    """The unit scans on."""
    real = merging.verify

    def verified(path, **options):
        found = real(path, **options)
        with Journal(path, unit_key(tmp_path / "U1.key")) as journal:
            journal.append(scanned("U1", "lane 4", "WARNING", index=9))
        return found

    monkeypatch.setattr(merging, "verify", verified)
    made = [merge(units[0], store) for _ in range(3)]
    assert [(each.records, each.new) for each in made] == [(4, 4), (5, 1), (6, 1)]


def edit(path, statement):
    database = sqlite3.connect(path)
    database.execute(statement)
    database.commit()
    database.close()


def test_an_altered_journal_is_refused_and_nothing_of_it_kept(units, store):
    edit(units[0], "UPDATE records SET verdict = 'NO_ALARM' WHERE number = 3")
    with pytest.raises(AlteredJournalError, match="not what was written"):
        merge(units[0], store)
    assert counted(store, "verdict") == []


def test_a_journal_that_was_begun_anew_or_cut_is_refused(units, store, tmp_path):
    merge(units[0], store)
    # the unit's own key signs another history under the same id
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(tmp_path / "U1.key", other / "U1.key")
    path = journal_of(other, "U1", [scanned("U1", "lane 4", "NO_ALARM", index=i) for i in range(4)])
    with Journal(units[0], readonly=True) as journal:
        known = journal.id
    edit(path, f"UPDATE journal SET value = CAST('{known}' AS BLOB) WHERE key = 'id'")
    (other / "U1.db.head").unlink()
    with pytest.raises(AlteredJournalError):
        merge(path, store)
    assert counted(store, "verdict") == [("ALARM", 2), ("NO_ALARM", 1)]
    with pytest.raises(AlteredJournalError, match="key is not the unit's"):
        merge(units[1], store, public_key=bytes(32))


@pytest.mark.parametrize("by", [("nothing",), (), ("day", "operator")])
def test_an_unknown_group_is_refused(store, by):
    with open_store(store) as (connection, meta), pytest.raises(ParameterError, match="cannot count by"):
        summary(connection, meta, by)


@pytest.mark.parametrize(
    "url",
    ["nonsense://x", "sqlite:////no/such/folder/fleet.db", "postgresql+psycopg://u:secret@127.0.0.1:1/x"],
)
def test_a_store_that_cannot_be_opened_is_said_without_its_password(url):
    with pytest.raises((JournalError, ParameterError)) as caught, open_store(url):
        pass
    assert "secret" not in str(caught.value)


def test_a_unit_that_drifts_is_seen(tmp_path):
    rng = np.random.default_rng(5)
    store = str(tmp_path / "fleet.db")
    for unit, drift in (("steady", 0.0), ("drifting", 0.15)):
        entries = []
        for day in range(40):
            offset = rng.normal(0.0, 0.2) + drift * max(day - 25, 0)
            limit = 0.08 * np.exp(rng.normal(0.0, 0.05))
            entries += [
                scanned(unit, "lane", "NO_ALARM", lod=limit, offset=offset, index=2 * day + i)
                for i in range(2)
            ]
        merge(journal_of(tmp_path, unit, entries), store)
    with open_store(store) as (connection, meta):
        charts = control_charts(connection, meta)
    out = Counter({(chart.unit, chart.measure): int(chart.out.sum()) for chart in charts})
    assert out["drifting", "axis"] >= 8
    assert out["steady", "axis"] <= 1
    assert out["drifting", "limit"] <= 1
    assert out["steady", "raised"] == 0
    json.dumps([chart.to_json() for chart in charts])
    plot_charts(charts, tmp_path / "charts.png")
    assert (tmp_path / "charts.png").read_bytes().startswith(b"\x89PNG")
