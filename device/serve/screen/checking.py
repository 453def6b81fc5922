"""The views of the instrument: its check at the start, and its settings."""

from __future__ import annotations

from functools import partial

from nicegui import ui

from spectriage.device.serve.screen.browser import Screen
from spectriage.device.serve.screen.parts import key, note, said
from spectriage.device.wording.answering import percent
from spectriage.device.wording.words import LANGUAGES
from spectriage.spectra.policy import SHIPPED

STANDARD = "polystyrene"
"""On which the axis is checked: every unit comes with a piece, or a lid of it."""
URGENCY = ("failed", "attention", "ok")
SAMPLES = ("street-sample", "genuine-pill", "bagged", "trace-opioid", "dark-powder")
"""Scenes of the simulator to practise with."""


def check_view(screen: Screen) -> None:
    """Draw what is known of the instrument, and whether it may be used."""
    words, state = screen.words, screen.state
    with ui.element("main").classes("sp-main"):
        said("h1", words("starting" if state.phase == "starting" else "check_title"))
        if state.phase == "starting":
            said("p", words("starting_wait")).props("role=status")
            with ui.element("div").classes("sp-bar"):
                ui.element("div")
            return
        if state.problem is not None and state.phase == "failed":
            note(words.problem(state.problem), bad=True)
        if state.laser == "unknown":
            note(words("laser_unknown_do"), bad=True)
        if state.health is not None:
            said("h2", words("check_fit" if state.health.fit else "check_unfit"))
            with ui.element("div").classes("sp-checks"):
                # what has to be mended comes first
                for check in sorted(state.health.checks, key=lambda each: URGENCY.index(each.state)):
                    said("span", words(f"check_{check.code}"), "name")
                    said("span", words(f"state_{check.state}"), check.state)
                    said("span", words.checked(check), "said")
    with ui.element("nav").classes("sp-keys"):
        key(words("other_language"), lambda: screen.speak(_other(screen)), name="language")
        key(words("check_again"), lambda: screen.tried(screen.scans.check), name="check")
        if state.phase != "failed":
            key(words("axis_check"), lambda: screen.aim(standard=STANDARD), name="axis")
        key(words("go_on"), lambda: screen.show("ready"), "first", name="continue")


def settings_view(screen: Screen) -> None:
    """Draw language, light, rules, library, and training."""
    words, state = screen.words, screen.state
    with ui.element("main").classes("sp-main"):
        said("h1", words("settings"))
        with ui.element("div").classes("sp-row"):
            key(words("other_language"), lambda: screen.speak(_other(screen)), name="language")
            light = words("day" if screen.night else "night")
            key(light, lambda: screen.light(not screen.night), name="light")
            key(words("check_title"), lambda: screen.show("check"), name="check")
            if screen.operator:
                key(words("log_out"), lambda: _log_out(screen), name="logout")
        _policies(screen)
        said("h2", words("training_sample"))
        with ui.element("div").classes("sp-row"):
            for sample in SAMPLES:
                uri = f"sim:{sample}?realtime=1&seed=1"
                chosen = "first" if state.device == uri else ""
                key(words(f"sample_{sample}"), partial(_practise, screen, uri), chosen, name=sample)
        own = screen.scans.own_device
        if own != state.device:
            key(words("to_device"), partial(_practise, screen, own), name="own")
        said("h2", words("check_library"))
        library = state.library
        text = f"{library.get('name', '')} {library.get('version', '')} · {library.get('sha256', '')[:16]}"
        said("p", text, "sp-quiet")
    with ui.element("nav").classes("sp-keys"):
        key(words("back"), lambda: screen.show("ready"), name="back")


def _policies(screen: Screen) -> None:
    """Draw a key for each policy that may be chosen, and what the chosen one watches for."""
    words, rules = screen.words, screen.scans.unit.rules
    policy = rules.policy
    said("h2", words("policy"))
    with ui.element("div").classes("sp-row").props(f'role=group aria-label="{words("policy")}"'):
        for choice in rules.choices:
            chosen = choice == rules.chosen
            name = words.policy(choice if choice in SHIPPED else rules.of(choice).name)
            kind = "first" if chosen else ""
            button = key(name, partial(_choose, screen, choice), kind, name=f"policy-{choice}")
            button.props(f'aria-pressed="{str(chosen).lower()}"')
    watched = ", ".join(
        f"{words.name(target.name)} {'–' if target.mass is None else percent(target.mass)}"
        for target in policy.targets
    )
    said("p", words("policy_said", name=words.policy(policy.name), names=watched), "sp-quiet")


async def _choose(screen: Screen, choice: str) -> None:
    if choice == screen.scans.unit.rules.chosen:
        return
    if screen.scans.operators.needed and not screen.operator:
        screen.ask_who("settings")
        return
    await screen.tried(lambda: screen.scans.choose(choice, screen.login).result())


def _log_out(screen: Screen) -> None:
    screen.scans.operators.log_out(screen.login)
    screen.login = ""
    screen.show("ready")


async def _practise(screen: Screen, uri: str) -> None:
    await screen.tried(partial(screen.scans.use, uri))


def _other(screen: Screen) -> str:
    place = LANGUAGES.index(screen.words.language)
    return LANGUAGES[(place + 1) % len(LANGUAGES)]
