"""The folder of a plan's records: what was fixed, every run, and every scan, append-only.

::

    DIR/plan.toml            the plan, byte for byte
    DIR/log.jsonl            when runs were begun, resumed and finished (the only file with times)
    DIR/run-1/header.json    what was fixed before the first scan: plan, trials, library, engine, sets
    DIR/run-1/records.jsonl  one line a scan, in the plan's order
    DIR/run-1/failures/      the spectrum of every scan that did not come out as it should
    DIR/run-1/complete.json  number and hash of the records, once all are there

A run that was broken off goes on after its last whole trial. A finished run is never touched again: running
the plan again makes run-2, and both stand in the log and in every report.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spectriage.bench.validation.records import Record, from_line
from spectriage.spectra.errors import FormatError, ParameterError


@dataclass(frozen=True)
class RunFolder:
    """One run's folder."""

    path: Path
    number: int

    @property
    def header_path(self) -> Path:
        """What was fixed beforehand."""
        return self.path / "header.json"

    @property
    def records_path(self) -> Path:
        """One line a scan."""
        return self.path / "records.jsonl"

    @property
    def complete_path(self) -> Path:
        """There only when all records are."""
        return self.path / "complete.json"

    def failure_path(self, record: Record) -> Path:
        """Where the spectrum of a failure is kept."""
        return self.path / "failures" / f"{record.index:06d}-{record.repeat}.csv"

    def header(self) -> dict[str, Any]:
        """Return the header.

        Raises
        ------
        FormatError
            When it is not there or damaged.
        """
        try:
            found = json.loads(self.header_path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise FormatError(f"cannot be read: {error}", where=str(self.header_path)) from None
        if not isinstance(found, dict):
            raise FormatError("is not a header", where=str(self.header_path))
        return found

    def records(self) -> tuple[Record, ...]:
        """Return all records of a finished run, checked against the hash taken when it was finished.

        Raises
        ------
        FormatError
            When the run is not finished, or the records were altered.
        """
        if not self.complete_path.is_file():
            raise FormatError(
                "the run is not finished",
                where=str(self.path),
                remedy="run the plan again to finish it",
            )
        content = self.records_path.read_bytes()
        said = json.loads(self.complete_path.read_text(encoding="utf-8"))
        for path in (self.records_path, self.header_path):
            if _file_sha256(path) != said.get(f"{path.stem}_sha256"):
                raise FormatError(f"the {path.stem} changed since the run was finished", where=str(path))
        lines = content.decode("utf-8").splitlines()
        return tuple(from_line(line, f"{self.records_path}:{i}") for i, line in enumerate(lines, 1))


def runs_of(folder: Path) -> tuple[RunFolder, ...]:
    """Return the runs in a folder, by number."""
    found = []
    for path in folder.glob("run-*"):
        digits = path.name.removeprefix("run-")
        if digits.isdigit() and path.is_dir():
            found.append(RunFolder(path, int(digits)))
    return tuple(sorted(found, key=lambda run: run.number))


def latest_run(folder: Path, number: int | None = None) -> RunFolder:
    """Return the last run of a folder, or the one of a number.

    Raises
    ------
    FormatError
        When there is none.
    """
    runs = [run for run in runs_of(folder) if number is None or run.number == number]
    if not runs:
        what = "no run is in it" if number is None else f"there is no run {number} in it"
        raise FormatError(what, where=str(folder))
    return runs[-1]


def begin(folder: Path, plan_text: str, header: Mapping[str, Any]) -> tuple[RunFolder, int]:
    """Open a new run, or the one that was broken off.

    Parameters
    ----------
    header
        What is fixed; a broken-off run goes on only under the same.

    Returns
    -------
    run
        Its folder.
    done
        Number of trials whose records are there already.

    Raises
    ------
    ParameterError
        When the folder holds records of another plan, or a broken-off run of another engine or library.
    """
    kept = folder / "plan.toml"
    if kept.is_file():
        if kept.read_bytes() != plan_text.encode():
            raise ParameterError(
                "holds records of another plan", where=str(folder), remedy="a changed plan needs a new folder"
            )
    else:
        write_atomic(kept, plan_text)
    runs = runs_of(folder)
    # A run killed before its header was written has fixed nothing yet.
    if runs and runs[-1].header_path.is_file() and not runs[-1].complete_path.is_file():
        return _resume(folder, runs[-1], header)
    fresh = bool(runs) and not runs[-1].header_path.is_file()
    number = runs[-1].number if fresh else len(runs) + 1
    run = RunFolder(folder / f"run-{number}", number)
    (run.path / "failures").mkdir(parents=True, exist_ok=True)
    write_atomic(run.header_path, json.dumps(header, ensure_ascii=False, indent=1, sort_keys=True) + "\n")
    log(folder, "begun", run.number)
    return run, 0


def _resume(folder: Path, run: RunFolder, header: Mapping[str, Any]) -> tuple[RunFolder, int]:
    fixed = run.header()
    changed = sorted(key for key in {*fixed, *header} if fixed.get(key) != header.get(key))
    if changed:
        raise ParameterError(
            f"run {run.number} was begun with another {', '.join(changed)}",
            where=str(folder),
            remedy="finish it with what it was begun with, or use a new folder",
        )
    done = _cut_to_whole_trials(run, folder)
    log(folder, f"resumed after {done} trials", run.number)
    return run, done


def _cut_to_whole_trials(run: RunFolder, folder: Path) -> int:
    """Drop what a killed process left of a trial; return how many whole trials there are.

    A trial's lines are written in one piece, so only the last line can be broken, and the last trial be
    short: it is done again.
    """
    if not run.records_path.is_file():
        return 0
    content = run.records_path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    lines = whole.splitlines(keepends=True)
    records = [from_line(line.decode("utf-8"), str(run.records_path)) for line in lines]
    last = records[-1].index if records else 0
    kept = [line for line, record in zip(lines, records, strict=True) if record.index < last]
    write_atomic(run.records_path, b"".join(kept).decode("utf-8"))
    return last


def finish(folder: Path, run: RunFolder) -> None:
    """Seal a run: the hash of its records."""
    content = run.records_path.read_bytes()
    seal = {
        "header_sha256": _file_sha256(run.header_path),
        "records_sha256": _file_sha256(run.records_path),
        "scans": content.count(b"\n"),
    }
    write_atomic(run.complete_path, json.dumps(seal, sort_keys=True) + "\n")
    log(folder, "finished", run.number)


def _file_sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def log(folder: Path, event: str, run: int) -> None:
    """Add a line to the log."""
    line = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "run": run, "event": event}
    with (folder / "log.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(line) + "\n")


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Return the log's lines; a broken last one is left out."""
    path = folder / "log.jsonl"
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            lines.append(json.loads(text))
        except ValueError:
            continue
    return lines


def write_atomic(path: Path, text: str) -> None:
    """Write beside, then rename: never half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(text.encode("utf-8"))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes from writing into the same records; released even when this one is killed.

    Raises
    ------
    ParameterError
        When another process is running the plan there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as stream:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise ParameterError("another process is writing into it", where=str(folder)) from None
        yield
