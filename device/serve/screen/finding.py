"""The views of a result: five answers at arm's length, and the details behind them."""

from __future__ import annotations

from nicegui import run, ui

from spectriage.device.serve import records
from spectriage.device.serve.models import Curves, Result
from spectriage.device.serve.screen.browser import Screen
from spectriage.device.serve.screen.charting import chart
from spectriage.device.serve.screen.comparing import further_keys
from spectriage.device.serve.screen.parts import key, note, said
from spectriage.device.wording.answering import answers, facts, limit, missed_targets, uncovered
from spectriage.spectra.errors import SpectriageError

MOST_OTHERS = 8
RANGE = "\N{WORD JOINER}–\N{WORD JOINER}"
"""From what to what: never torn apart at the end of a line."""


def result_view(screen: Screen) -> None:
    """Draw the verdict in words, symbol and colour; what, how sure, what was missed, what now, laser off."""
    words, result = screen.words, screen.opened
    if result is None:
        screen.show("ready")
        return
    found = answers(result.result, words, screen.scans.unit.substances())
    others = ", ".join(found.others[:MOST_OTHERS]) + (" …" if len(found.others) > MOST_OTHERS else "")
    rows = (
        ("what", found.what, "sp-what"),
        ("sure", found.sure, ""),
        ("could_be", (others,) if others else (), "sp-others"),
        ("missed", found.missed, "sp-missed"),
        ("now", found.now, "sp-now"),
    )
    with ui.element("main").classes("sp-main").props(f'data-verdict="{found.verdict}"'):
        with ui.element("div").classes(f"sp-verdict {found.verdict}").props("role=status"):
            said("span", found.mark, "sp-mark").props("aria-hidden=true")
            with ui.element("div"):
                said("h1", found.title)
                said("p", found.means)
            with ui.element("div").classes("sp-which"):
                said("p", words("presumptive"))
                said("p", _which(screen, result))
        with ui.element("dl").classes("sp-answers"):
            for question, lines, kind in rows:
                if not lines:
                    continue
                said("dt", words(question))
                with ui.element("dd").classes(kind):
                    for line in lines:
                        said("div", line.replace("–", RANGE))
        if result.calibration:
            note(_calibration(screen, result), bad=True)
        if result.limited:
            said("p", _limited(screen, result), "sp-quiet")
    _keys(screen, result)


def _keys(screen: Screen, result: Result) -> None:
    words, state = screen.words, screen.state
    newest = state.result is not None and state.result.record == result.record
    with ui.element("nav").classes("sp-keys"):
        if screen.back:
            key(words("back"), lambda: screen.show(screen.back), name="back")
        key(words("details"), lambda: screen.show("details"), name="details")
        key(words("report"), lambda: _report(screen, result), name="report")
        if newest and not screen.back:
            further_keys(screen, state.item)
        key(words("next_scan"), lambda: screen.show("ready"), "first", name="next")


def _which(screen: Screen, result: Result) -> str:
    """Return which record it is, and of which spot or strip."""
    words = screen.words
    part = words("strip") if result.step == "strip" else words("spot", number=result.spot)
    first = result.step == "powder" and result.spot == 1
    return " · ".join([*([] if first else [part]), words("record", number=result.record)])


def _calibration(screen: Screen, result: Result) -> str:
    if screen.words.language == "en":
        return result.calibration
    return screen.words(f"calibration_{result.calibration_code or 'other'}")


def _limited(screen: Screen, result: Result) -> str:
    return screen.words(f"limited_{result.limited_code or 'other'}")


async def _report(screen: Screen, result: Result) -> None:
    """Hand the report to the browser as a file."""
    scans = screen.scans

    def made() -> bytes:
        path = scans.journal_path
        engine = records.engine_of(path, result.record, scans.unit.engines())
        return records.report_file(path, result.record, "pdf", engine, language=screen.words.language)

    try:
        data = await run.io_bound(made)
        if data is not None:  # the service is being stopped
            ui.download(data, f"spectriage-{result.record}.pdf", "application/pdf")
    except SpectriageError as error:
        screen.complain(error)


def _export(result: Result) -> None:
    """Hand the recorded answer, with every limit and number, to the browser as JSON."""
    data = result.model_dump_json(indent=1).encode()
    ui.download(data, f"spectriage-{result.record}.json", "application/json")


def details_view(screen: Screen) -> None:
    """Draw the spectrum with its fit, every limit, the engine's own words, and where it is recorded."""
    words, result = screen.words, screen.opened
    if result is None:
        screen.show("ready")
        return
    with ui.element("main").classes("sp-main"):
        said("h1", words("spectrum"))
        place = ui.element("div")
        ui.timer(0.01, lambda: _draw_curves(screen, result, place), once=True)
        said("h2", words("numbers"))
        for fact in facts(result.result, words):
            said("p", fact)
        policy = str((result.result.get("policy") or {}).get("name", ""))
        said("p", words("decided_by", name=words.policy(policy)))
        if result.limited:
            said("p", _limited(screen, result))
        if words.language == "en":
            said("h2", words("engine_words"))
            said_by_it = (result.result.get("summary", ""), *(result.result.get("facts") or []))
            for fact in (*said_by_it, result.result.get("next_step", ""), result.limited):
                if fact:
                    said("p", str(fact))
        said("h2", words("all_limits"))
        _limits(screen, result)
        names = [words.name(name) for name in uncovered(result.result)]
        if names:
            said("p", words("not_covered", names=", ".join(names)))
        said("h2", words("record", number=result.record))
        library = result.result.get("library") or {}
        for text in (
            result.time,
            result.item,
            result.hash,
            f"{library.get('name')} {library.get('version')}",
        ):
            said("p", text, "sp-quiet").style("overflow-wrap: anywhere")
    with ui.element("nav").classes("sp-keys"):
        key(words("back"), lambda: screen.show("result"), name="back")
        key(words("export"), lambda: _export(result), name="export")


def _limits(screen: Screen, result: Result) -> None:
    words = screen.words
    with ui.element("table").classes("sp-table"), ui.element("tbody"):
        for target in missed_targets(result.result):
            with ui.element("tr"):
                said("th", words.name(str(target["target"]))).props("scope=row")
                if target.get("lod") is None:
                    said("td", words("invisible"))
                else:
                    kind = "limits_mass" if target.get("mass_limit") else "share"
                    said("td", f"{limit(target)} ({words(kind)})")


async def _draw_curves(screen: Screen, result: Result, place: ui.element) -> None:
    scans = screen.scans

    def made() -> Curves:
        path = scans.journal_path
        engine = records.engine_of(path, result.record, scans.unit.engines())
        return records.curves(path, result.record, engine)

    try:
        found = await run.io_bound(made)
        if found is None:  # the service is being stopped
            return
    except SpectriageError:
        with place:
            note(screen.words("no_curves"))
        return
    with place:
        ui.echart(chart(found, screen.words, night=screen.night)).classes("sp-chart").props(
            f'role=img aria-label="{screen.words("spectrum")}"'
        )
