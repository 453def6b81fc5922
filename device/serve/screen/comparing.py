"""The view of one item: its spots and its strip side by side, never added up."""

from __future__ import annotations

from functools import partial

from nicegui import ui

from spectriage.device.serve import records
from spectriage.device.serve.models import ItemState, Part
from spectriage.device.serve.screen.browser import Screen
from spectriage.device.serve.screen.parts import key, note, said
from spectriage.device.wording.answering import MARKS, what


def item_view(screen: Screen) -> None:
    """Draw the item's verdict, which is its most serious part's, and every part with what it showed."""
    words, item = screen.words, screen.state.item
    if item is None:
        screen.show("ready")
        return
    verdict = item.verdict or "INCONCLUSIVE"
    count = item.spots_asked + (item.strip is not None)
    with ui.element("main").classes("sp-main").props(f'data-item="{verdict}"'):
        with ui.element("div").classes(f"sp-verdict {verdict}").props("role=status"):
            said("span", MARKS.get(verdict, "?"), "sp-mark").props("aria-hidden=true")
            with ui.element("div"):
                said("h1", words.get(f"verdict_{verdict}", verdict))
                said("p", words("item_verdict", count=count))
        if item.strip_asked and item.strip is None:
            note(words("strip_wanted"))
        with ui.element("div").classes("sp-parts"):
            for part in item.spots:
                _part(screen, part, words("spot", number=part.number))
            if item.strip is not None:
                _part(screen, item.strip, words("strip"))
    with ui.element("nav").classes("sp-keys"):
        further_keys(screen, item)
        key(words("next_scan"), lambda: screen.show("ready"), "first", name="next")


def further_keys(screen: Screen, item: ItemState | None) -> None:
    """Put the keys for another spot of the item, and for its strip where the rules ask for one."""
    if item is None:
        return
    words = screen.words
    key(words("another_spot"), lambda: screen.aim(another_spot=True), name="spot")
    if item.strip_asked:
        key(words("strip"), lambda: screen.aim(step="strip"), name="strip")


def _part(screen: Screen, part: Part, title: str) -> None:
    words = screen.words
    if part.record is None:
        with ui.element("div").classes("sp-part"):
            said("h2", title)
            said("p", words("not_measured"))
            if part.problem is not None:
                said("p", words.problem(part.problem), "sp-quiet")
        return
    found = records.recorded_result(screen.scans.journal_path, part.record)
    mark, verdict = MARKS.get(part.verdict, "?"), words.get(f"verdict_{part.verdict}", part.verdict)
    with ui.element("div").classes("sp-part").props(f'data-part="{part.verdict}"'):
        said("h2", f"{title}: {mark} {verdict}", f"sp-verdict {part.verdict}")
        said("p", what(found.result, words))
        pressed = partial(screen.open, part.record, "item")
        button = key(words("open"), pressed, name=f"open-{part.record}")
        button.props(f'aria-label="{words("open")}: {title}"')
