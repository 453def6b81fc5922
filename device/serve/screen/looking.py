"""The view of the history: what was recorded, searched."""

from __future__ import annotations

from functools import partial

from nicegui import ui

from spectriage.device.serve import records
from spectriage.device.serve.models import Line
from spectriage.device.serve.screen.browser import Screen
from spectriage.device.serve.screen.parts import key, said
from spectriage.device.wording.answering import MARKS, what

MOST_SHOWN = 30


def history_view(screen: Screen) -> None:
    """Draw the latest records that have the words, a key each."""
    words = screen.words
    with ui.element("main").classes("sp-main"):
        said("h1", words("history"))
        field = ui.input(words("search"), value=screen.search).classes("sp-field").props("outlined")
        found = ui.element("div").style("display: flex; flex-direction: column; gap: .4rem")

        def look() -> None:
            screen.search = str(field.value or "")
            found.clear()
            with found:
                _lines(screen)

        field.on_value_change(look)
        look()
    with ui.element("nav").classes("sp-keys"):
        key(words("back"), lambda: screen.show("ready"), name="back")


def _lines(screen: Screen) -> None:
    words = screen.words
    lines = records.history(screen.scans.journal_path, search=screen.search, last=MOST_SHOWN)
    if not lines:
        said("p", words("no_records"))
    for line in lines:
        verdict_key = f"verdict_{line.verdict}"
        verdict = words(verdict_key) if verdict_key in words else line.verdict
        mark, when = MARKS.get(line.verdict, "?"), line.time[:16].replace("T", " ")
        text = f"{mark} {line.number} · {when} · {verdict} · {_said(screen, line)}"
        pressed = partial(screen.open, line.number, "history")
        button = ui.button(text, on_click=pressed, color=None)
        button.props(f'unelevated no-caps data-key="record-{line.number}"').classes("sp-line")


def _said(screen: Screen, line: Line) -> str:
    """Return what a record says, in the language of the page; only English is kept in the list itself."""
    if screen.words.language == "en":
        return line.summary
    return what(records.recorded_result(screen.scans.journal_path, line.number).result, screen.words)
