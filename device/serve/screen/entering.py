"""The view of the log-in: the operator's name and PIN, on keys for gloves."""

from __future__ import annotations

from functools import partial

from nicegui import run, ui

from spectriage.device.serve.screen.browser import Screen
from spectriage.device.serve.screen.parts import key, note, said
from spectriage.spectra.errors import SpectriageError

PAD = ("1", "2", "3", "4", "5", "6", "7", "8", "9")
LONGEST_PIN = 12


def login_view(screen: Screen) -> None:
    """Draw the operators, a key each, and a pad for the PIN, which is never shown."""
    words = screen.words
    chosen, digits = _Chosen(), ""
    try:
        names = screen.scans.operators.names()
    except SpectriageError as error:
        names = ()
        screen.complain(error)

    def typed(digit: str) -> None:
        nonlocal digits
        digits = (digits + digit)[:LONGEST_PIN]
        shown.set_text("●" * len(digits))

    def erased() -> None:
        nonlocal digits
        digits = ""
        shown.set_text("")

    async def entered() -> None:
        pin, name = digits, chosen.name
        erased()
        await _log_in(screen, name, pin)

    with ui.element("main").classes("sp-main sp-login"):
        with ui.element("div").classes("sp-main"):
            said("h1", words("login"))
            if not names:
                note(words("problem_ParameterError"), bad=True)
            for row, name in enumerate(names):
                chosen.keys[name] = key(name, partial(chosen.choose, name), name=f"operator-{row}")
            if names:
                chosen.choose(names[0])
        with ui.element("div"):
            said("p", words("pin"), "sp-quiet")
            shown = said("p", "", "sp-pin").props("role=status")
            with ui.element("div").classes("sp-pad"):
                for digit in PAD:
                    key(digit, partial(typed, digit), name=f"digit-{digit}")
                key(words("erase"), erased, name="erase")
                key("0", partial(typed, "0"), name="digit-0")
                key(words("enter"), entered, "first", name="enter")
    with ui.element("nav").classes("sp-keys"):
        key(words("back"), lambda: screen.show("ready"), name="back")


class _Chosen:
    """The operator whose key was pressed last."""

    def __init__(self) -> None:
        self.name = ""
        self.keys: dict[str, ui.button] = {}

    def choose(self, name: str) -> None:
        """Mark one key and no other."""
        self.name = name
        for each, button in self.keys.items():
            button.classes(add="first" if each == name else "", remove="" if each == name else "first")
            button.props(f'aria-pressed="{str(each == name).lower()}"')


async def _log_in(screen: Screen, name: str, pin: str) -> None:
    try:
        said_in = await run.io_bound(screen.scans.log_in, name, pin)
    except SpectriageError as error:
        screen.complain(error)
        return
    if said_in is not None:  # the service is being stopped
        screen.login = said_in.login
        screen.show(screen.wanted)
