"""The commands `spectriage journal …`."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spectriage.device.contract.files import write_whole
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.options import JsonOption, LibraryOption
from spectriage.spectra.terminal import print_json

if TYPE_CHECKING:
    from spectriage.library.journal import Journal, Record, Replay

app = typer.Typer(
    help="List, show, verify, replay and export what was recorded.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

EXIT_ALTERED = 3
EXIT_DIFFERS = 4
FORMATS = ("json", "csv", "lims", "nxraman", "jcamp")

JournalOption = Annotated[
    Path | None, typer.Option("--journal", "-j", help="Journal file; the configured one if not given.")
]
WhichArgument = Annotated[str, typer.Argument(help="Number of a record, or the beginning of its hash.")]


def _path(named: Path | None) -> Path:
    from spectriage.library.journal import journal_settings

    configured = journal_settings().path
    if named is None and not configured:
        raise ParameterError(
            "no journal was named, and none is configured",
            remedy="name one with --journal, or set [journal] path in the settings",
        )
    return named or Path(configured).expanduser()


def _open(named: Path | None) -> Journal:
    from spectriage.library.journal import Journal

    return Journal(_path(named), readonly=True)


def _which(text: str) -> int | str:
    return int(text) if text.isdecimal() and len(text) < 10 else text


@app.command("list")
def list_records(
    journal: JournalOption = None,
    last: Annotated[int | None, typer.Option("--last", min=1, help="So many, the latest.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List records, the latest first."""
    with _open(journal) as opened:
        for line in opened.lines(last=last):
            if as_json:
                print_json({"schema": 1, **line._asdict()})
            else:
                said = line.verdict or line.kind
                print(f"{line.number:>6}  {line.time[:19]}  {line.hash[:12]}  {said:<12}  {line.summary}")


@app.command()
def show(which: WhichArgument, journal: JournalOption = None) -> None:
    """Print one record as it was written, with its hash and signature."""
    with _open(journal) as opened:
        record = opened.record(_which(which))
        made = {
            "number": record.number,
            "hash": record.hash.hex(),
            "previous": record.previous.hex(),
            "signature": record.signature.hex(),
            "record": json.loads(record.payload),
        }
        print_json(made, indent=1)


@app.command()
def verify(
    journal: JournalOption = None,
    wanted: Annotated[
        str, typer.Option("--hash", help="A hash that must be there: printed on a report.")
    ] = "",
    key: Annotated[
        str, typer.Option("--key", help="The unit's public key in hexadecimal, from elsewhere.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Check every record, the chain, the signatures and the end. Exit code 0 intact, 3 altered."""
    from spectriage.library.journal import verify as verified
    from spectriage.library.service import progress_bar

    try:
        public = bytes.fromhex(key) if key else None
    except ValueError:
        raise ParameterError(
            "the key is not hexadecimal", where="--key", remedy="`spectriage journal key` prints it"
        ) from None
    with progress_bar() as progress:
        found = verified(_path(journal), public_key=public, wanted=wanted, progress=progress)
    if as_json:
        print_json({"schema": 1, "intact": found.intact, **vars(found)})
    else:
        for problem in found.problems:
            print(problem)
        state = "intact" if found.intact else f"ALTERED: {len(found.problems)} problems"
        print(f"{found.records} records, {state}; last {found.last or 'none'}")
    raise typer.Exit(0 if found.intact else EXIT_ALTERED)


@app.command()
def key() -> None:
    """Print this unit's public key, to be kept elsewhere: with it a journal is checked."""
    from spectriage.library.journal import unit_key

    print(unit_key().public.hex())


@app.command()
def replay(
    which: Annotated[
        list[str] | None, typer.Argument(help="Numbers or hashes; all if none is given.")
    ] = None,
    journal: JournalOption = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide again from what was recorded. Exit code 0 the same, 4 something differs: it is named."""
    from spectriage.device.record import replay_record
    from spectriage.library.journal import engine_as_recorded
    from spectriage.library.service import Engines, make_engine

    engines = Engines(make_engine(library))
    differs = False
    with _open(journal) as opened:
        for record in _chosen(opened, which):
            if "result" not in json.loads(record.payload):
                continue
            made = replay_record(opened, record, engine_as_recorded(record, engines))
            if made is None:
                continue
            differs |= not made.same
            _print_replay(made, as_json)
    raise typer.Exit(EXIT_DIFFERS if differs else 0)


def _chosen(journal: Journal, which: list[str] | None) -> list[Record]:
    if not which:
        return [record for record, _ in journal.records()]
    return [journal.record(_which(text)) for text in which]


def _print_replay(made: Replay, as_json: bool) -> None:
    if as_json:
        print_json(made.to_json())
        return
    print(f"record {made.number}: {'the same' if made.same else 'differs'}")
    for name, (before, now) in made.versions.items():
        print(f"    {name}: {before or '-'} then, {now or '-'} now")
    for name, (before, now) in made.fields.items():
        print(f"    {name}: {_short(before)} then, {_short(now)} now")


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"


@app.command()
def export(
    journal: JournalOption = None,
    form: Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")] = "json",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File, standard output if not given; for spectra a folder."),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private/--no-private", help="Whether operator and place are given out.")
    ] = True,
) -> None:
    """Give records out: JSON lines, CSV of one row a record, or rows of one substance each for a LIMS.

    As nxraman or jcamp: the spectrum of each scan and identification, one file each, into the folder --out.
    """
    from spectriage.library.journal import exporting

    if form not in FORMATS:
        raise ParameterError(f"there is no format {form!r}", remedy=f"one of {', '.join(FORMATS)}")
    if form in ("nxraman", "jcamp"):
        _export_spectra(journal, form, out)
        return
    with _open(journal) as opened:
        records = exporting.all_records(opened)
        if form == "json":
            text = "".join(f"{line}\n" for line in exporting.exported_json(records, private=private))
        elif form == "csv":
            text = exporting.exported_csv(records, private=private)
        else:
            text = exporting.exported_substances(records)
    if out is None:
        sys.stdout.write(text)
        return
    write_whole(text, out)


def _export_spectra(journal: Path | None, form: str, folder: Path | None) -> None:
    from spectriage.device.record import export_spectra
    from spectriage.spectra.formats.write import WriteError

    if folder is None:
        raise ParameterError(
            f"{form} is one file a record, and no folder was named", remedy="name one with --out"
        )
    with _open(journal) as opened:
        made = export_spectra(opened, form, folder)
    print(f"{len(made.written)} spectra written, {len(made.there)} were there already")
    for number, error in made.refused.items():
        print(f"record {number}: {error}", file=sys.stderr)
    if made.refused:
        raise WriteError(
            f"{len(made.refused)} of the journal's spectra were not written",
            where=str(folder),
            remedy="each is named above, with its reason",
        )


@app.command()
def note(
    which: WhichArgument,
    text: Annotated[str, typer.Argument(help="What is to be said of it.")],
    journal: JournalOption = None,
    photo: Annotated[Path | None, typer.Option("--photo", help="A picture to keep with it.")] = None,
) -> None:
    """Add a note, or a photo, to a record: a record of its own that names the other."""
    from spectriage.library.journal import note_entry, recording

    with recording(_path(journal)) as recorder:
        assert recorder.journal is not None
        about = recorder.journal.record(_which(which))
        made = recorder.keep(lambda context: note_entry(about, text, photo, context))
        assert made is not None
        print(f"record {made.number}  {made.hash.hex()}")


@app.command()
def report(
    which: WhichArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="An .html or .pdf file.")],
    journal: JournalOption = None,
    library: LibraryOption = None,
    paper: Annotated[str, typer.Option("--paper", help="a4 or letter, for PDF.")] = "a4",
    private: Annotated[
        bool, typer.Option("--private/--no-private", help="Whether operator and place are printed.")
    ] = True,
    language: Annotated[str, typer.Option("--language", help="Of the page: en or es.")] = "en",
) -> None:
    """Write the report of one record: one page, HTML or PDF."""
    from spectriage.device.report import html_report, pdf_report, pictures, report_content
    from spectriage.library.journal import engine_as_recorded
    from spectriage.library.service import Engines, make_engine

    kind = out.suffix.lower()
    if kind not in (".html", ".pdf"):
        raise ParameterError("not a kind of report", where=str(out), remedy="use .html or .pdf")
    with _open(journal) as opened:
        record = opened.record(_which(which))
        content = report_content(record, private=private, language=language)
        own = engine_as_recorded(record, Engines(make_engine(library)))
        content = replace(content, picture=pictures(opened, record, own, language))
    if not content.picture:
        print(
            "spectriage: the report has no picture: this library or engine answers otherwise than the "
            "record; name the library of then with --library",
            file=sys.stderr,
        )
    data = html_report(content).encode() if kind == ".html" else pdf_report(content, paper=paper)
    write_whole(data, out)
