"""The views of one scan: ready, aim and arm, scanning, and a scan that ended without a result."""

from __future__ import annotations

from functools import partial

from nicegui import ui

from spectriage.device.serve.models import State
from spectriage.device.serve.screen.browser import Screen
from spectriage.device.serve.screen.charting import live_chart
from spectriage.device.serve.screen.parts import key, note, said

PACKAGINGS = {"auto": "auto", "none": "none", "ldpe": "ldpe", "pet": "pet", "glass": "glass"}
"""Packagings that can be chosen by hand, by the end of their word's key; those the engine's library has."""
ABORTED = "DeviceAbortedError"
LIGHT_OUT = ("decide", "done")
"""Stages after the last frame of a scan."""


def ready_view(screen: Screen) -> None:
    """Draw what the officer may say beforehand, and one key."""
    words, state = screen.words, screen.state
    with ui.element("main").classes("sp-main"):
        said("h1", words("ready"))
        said("p", words("ready_do"))
        if state.health is not None and not state.health.fit:
            failed = next(check for check in state.health.checks if check.state == "failed")
            said_of_it = f"{words(f'check_{failed.code}')}: {words.checked(failed)}"
            note(words("unfit_ready", what=said_of_it), bad=True)
        key(words("scan"), screen.aim, "first huge", name="scan")
        said("h2", words("packaging"))
        with ui.element("div").classes("sp-row").props(f'role=group aria-label="{words("packaging")}"'):
            for name in PACKAGINGS:
                chosen = name == screen.packaging
                button = key(
                    words(f"packaging_{name}"),
                    partial(_choose, screen, name),
                    "first" if chosen else "",
                    name=f"packaging-{name}",
                )
                button.props(f'aria-pressed="{str(chosen).lower()}"')
        field = ui.input(words("item"), value=screen.item).classes("sp-field").props("outlined")
        field.on_value_change(lambda event: setattr(screen, "item", str(event.value or "")[:200]))
        rules = words("decided_by", name=words.policy(state.policy))
        who = (words("logged_in", name=screen.operator),) if screen.operator else ()
        said("p", " · ".join((rules, *who)), "sp-quiet").props("data-policy")
    with ui.element("nav").classes("sp-keys"):
        key(words("history"), lambda: screen.show("history"), name="history")
        key(words("settings"), lambda: screen.show("settings"), name="settings")


def _choose(screen: Screen, name: str) -> None:
    screen.packaging = name
    screen.draw()


def aim_view(screen: Screen) -> None:
    """Draw the laser's warnings; arming, which expires; firing."""
    words, state = screen.words, screen.state
    mine = state.phase == "armed" and state.holder == screen.holder
    others = state.phase == "armed" and not mine
    with ui.element("main").classes("sp-main"):
        said("h1", words("aim"))
        _what_lies_there(screen)
        note(words("warning_laser"), bad=True)
        note(words("warning_ignite"))
        if others:
            note(words("other_armed"), bad=True)
        elif mine:
            for warning in screen.warnings:
                note(words(warning.replace("-", "_")))
            if "interlock-unreadable" not in screen.warnings:
                said("p", words("interlock_good"), "sp-quiet")
            left = said("p", "", "sp-left").props("role=timer")
            screen.told = lambda now: left.set_text(words("armed", left=f"{now.armed_for_s:.0f}"))
        else:
            said("p", words("interlock_closed"), "sp-quiet")
    with ui.element("nav").classes("sp-keys"):
        if others:
            key(words("cancel"), screen.cancel, "danger", name="cancel")
        key(words("back"), screen.disarm, name="back")
        if mine:
            key(words("fire"), screen.fire, "danger huge", name="fire")
        elif not others:
            key(words("arm"), screen.arm, "first huge", name="arm")


def _what_lies_there(screen: Screen) -> None:
    """Say what has to be under the tip, where that is no new item."""
    words, begin = screen.words, screen.begin
    if begin.get("standard"):
        said("p", words("axis_do", name=words.name(begin["standard"])), "sp-what")
    elif begin.get("step") == "strip":
        said("p", words("strip_do"), "sp-what")
    elif begin.get("another_spot"):
        said("p", words("spot_do"), "sp-what")


def scanning_view(screen: Screen) -> None:
    """Draw the spectrum so far, what is waited for and how long; one key, which everybody has."""
    words, state = screen.words, screen.state
    with ui.element("main").classes("sp-main sp-scanning"):
        with ui.element("div").classes("sp-row sp-doing"):
            with ui.element("div"):
                said("h1", words("scanning"))
                doing = said("p", "").props("role=status")
                said("p", words("hold_still") if state.holder == screen.holder else words("watching"))
            with ui.element("div"):
                left = said("p", "", "sp-left")
                frames = said("p", "", "sp-quiet")
        drawn = ui.echart(live_chart(words, night=screen.night)).classes("sp-live")
        drawn.props(f'role=img aria-label="{words("live")}" data-live=0')
    last = 0

    def told(now: State) -> None:
        nonlocal last
        progress = now.progress
        if progress is None:
            return
        stage = progress.stage
        if stage == "scan" and progress.look > 1:
            stage = "again" if progress.look == 2 else "brighter"
        doing.set_text(words(f"stage_{stage}", left=progress.message))
        seconds = progress.left_s
        left.set_text("" if seconds is None else words("time_left", left=f"{seconds:.0f}"))
        if stage in LIGHT_OUT:
            # the result comes within the time that a chart takes
            return
        live = screen.scans.live.shown()
        if live is None or live.number == last:
            return
        last = live.number
        frames.set_text(words("exposures", count=live.exposures, ms=f"{live.integration_ms:g}"))
        drawn.options["series"][0]["data"] = list(zip(live.shift_cm, live.counts, strict=True))
        drawn.props(f"data-live={last}")
        drawn.update()

    screen.told = told
    with ui.element("nav").classes("sp-keys"):
        key(words("cancel"), screen.cancel, "danger huge", name="cancel")


def ended_view(screen: Screen) -> None:
    """Draw a scan without a result: why, and what is known of the laser."""
    words, state, problem = screen.words, screen.state, screen.ended
    cancelled = problem is not None and problem.type == ABORTED
    with ui.element("main").classes("sp-main"):
        said("h1", words("cancelled" if cancelled else "failed"))
        if state.laser == "off":
            said("p", words("cancelled_off"), "sp-what").props("role=status")
        elif state.laser in ("on", "unknown"):
            note(words("laser_unknown_do"), bad=True)
        if problem is not None and not cancelled:
            note(words.problem(problem), bad=True)
    item = state.item
    with ui.element("nav").classes("sp-keys"):
        key(words("check_again"), lambda: screen.tried(screen.scans.check), name="check")
        if item is not None and any(part.record is not None for part in item.spots):
            key(words("item_title"), lambda: screen.show("item"), name="item")
        key(words("next_scan"), lambda: screen.show("ready"), "first", name="next")
