"""`Screen`: one browser's page. It follows the service's state, so that every browser shows the same scan."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from nicegui import Client, run, ui

from spectriage.device.serve import records
from spectriage.device.serve.models import Problem, Result, Start, State
from spectriage.device.serve.scans import Scans
from spectriage.device.serve.screen.beating import HOLD_S, keep_beating
from spectriage.device.serve.screen.parts import said
from spectriage.device.serve.shown import problem_of
from spectriage.device.wording.words import Words
from spectriage.spectra.errors import SpectriageError

TICK_S = 0.1
"""How often what changes by itself is drawn: the time that is left, and the live spectrum."""
LASER_WORDS = {
    "off": ("laser_off", "off"),
    "on": ("laser_on", "on"),
    "unknown": ("laser_unknown", "unknown"),
    "not controlled": ("laser_uncontrolled", "other"),
}
View = Callable[["Screen"], None]


class Screen:
    """One browser's page.

    Parameters
    ----------
    scans
        The service.
    language
        Of `LANGUAGES`.
    views
        What draws each view, by its name.

    Attributes
    ----------
    view
        Which of them is shown while nothing is scanned.
    opened
        The result that is looked at: the last scan's, or one of the history.
    begin
        What the next scan is: another spot, a strip, or a standard; empty for a new item.
    ended
        Why the last scan has no result.
    login
        Key of the operator who is logged in here.
    wanted
        The view that was asked for and needs a log-in first.
    """

    def __init__(self, scans: Scans, language: str, views: Mapping[str, View]) -> None:
        self.scans = scans
        self._views = views
        self.words = Words(language)
        self.holder = secrets.token_urlsafe(8)
        self.view = "check"
        self.state: State = scans.state()
        self.arming = ""
        self.begin: dict[str, Any] = {}
        self.ended: Problem | None = None
        self.login = ""
        self.wanted = "aim"
        self.warnings: tuple[str, ...] = ()
        self.item = ""
        self.packaging = "auto"
        self.search = ""
        self.opened: Result | None = None
        self.back = ""
        self.night = False
        self.client: Client = ui.context.client
        self.told: Callable[[State], object] | None = None
        self._drawn: tuple[Any, ...] = ()
        self._headed: tuple[Any, ...] = ()

    def build(self) -> None:
        """Draw the page, and follow the service."""
        with ui.element("div").classes("sp-screen"):
            self._head = ui.element("div").style("display: contents")
            self._body = ui.element("div").style("display: contents")
        self.follow()
        ui.timer(TICK_S, self.follow)
        self.client.on_delete(self.scans.watchers.add(self._told_of_change))

    def _told_of_change(self) -> None:
        """Draw a change at once; a page that is not connected is drawn by its timer, once it is."""
        if self.client.has_socket_connection:
            with self._body:
                self.follow()

    def follow(self) -> None:
        """Draw what the service does now, if that has changed."""
        before, self.state = self.state, self.scans.state()
        # a scan that somebody else took may be over between two looks
        came = self.state.result is not None and self.state.result != before.result
        if (before.phase == "scanning" or came) and self.state.phase != "scanning":
            self._scan_ended()
        if before.phase == "armed" and self.state.phase == "idle" and self.view == "aim":
            self.arming = ""
        if self.state.phase == "starting":
            self.view = "check"
        now, language = self.state, self.words.language
        headed = (now.laser, now.training, now.model, language)
        if headed != self._headed:
            self._headed = headed
            self._top()
        # a key is drawn anew only where its view changes: never under a finger for what does not concern it
        drawn = (self.view, language, *self._seen())
        if drawn != self._drawn:
            self._drawn = drawn
            self.draw()
        if self.told is not None:
            self.told(self.state)

    def _scan_ended(self) -> None:
        """Show what came of a scan, to whoever started it and to whoever watched."""
        now = self.state
        self.arming, self.begin = "", {}
        self.opened, self.ended, self.back = now.result, now.problem, ""
        if now.result is not None:
            several = now.item is not None and (len(now.item.spots) > 1 or now.item.strip is not None)
            self.view = "item" if several else "result"
        else:
            # a standard has no result: what it showed is part of the instrument's check
            self.view = "ended" if now.problem is not None else "check"

    def _seen(self) -> tuple[Any, ...]:
        """Return what the view that is shown depends on, and nothing else.

        What is drawn anew takes its keys away from under the finger that presses them: what another
        browser does must not do that.
        """
        now = self.state
        if now.phase == "scanning":
            return ("scanning", now.holder)
        if self.view == "aim":
            return (now.phase, now.holder)
        if self.view == "settings":
            return (now.device, now.library, now.policy_sha256, self.operator)
        if self.view == "check":
            problem = now.problem if now.phase == "failed" else None
            return (now.phase == "starting", now.health, problem, now.laser == "unknown")
        if self.view == "ready":
            return (now.health, now.policy, self.operator)
        if self.view == "ended":
            return (now.laser,)
        if self.view == "item":
            return (now.item,)
        return (None if self.opened is None else self.opened.record,)

    @property
    def operator(self) -> str:
        """Who is logged in here; empty where nobody is."""
        return self.scans.operators.who(self.login)

    def aim(self, **begin: Any) -> None:
        """Go to aim and arm for a new item, or for what `begin` says; log in first where needed."""
        self.begin = begin
        if self.operator or not self.scans.operators.needed:
            self.show("aim")
        else:
            self.ask_who("aim")

    def ask_who(self, wanted: str) -> None:
        """Ask for name and PIN, then go to a view."""
        self.wanted = wanted
        self.show("login")

    def show(self, view: str) -> None:
        """Go to another view."""
        self.view = view
        self.follow()

    def draw(self) -> None:
        """Draw everything anew."""
        self.told = None
        self._body.clear()
        with self._body:
            view = "scanning" if self.state.phase == "scanning" else self.view
            self._views[view](self)

    def _top(self) -> None:
        word, kind = LASER_WORDS[self.state.laser]
        self._head.clear()
        with self._head, ui.element("header").classes("sp-top"):
            if self.state.training:
                said("span", self.words("training"), "sp-who sp-training").props("data-training")
            else:
                said("span", self.state.model or self.state.device, "sp-who")
            said("span", self.words(word), f"sp-laser {kind}").props("role=status data-laser")

    # -- what keys do

    def open(self, number: int, back: str) -> None:
        """Look at a recorded result; `back` is the view to come back to."""
        self.opened = records.recorded_result(self.scans.journal_path, number)
        self.back = back
        self.show("result")

    async def arm(self) -> None:
        """Ask for the right to fire."""
        if await self.tried(lambda: self._armed(self.scans.arm(self.holder, self.login))):
            keep_beating(self.client, self.arming)

    def _armed(self, arming: Any) -> None:
        self.arming, self.warnings = arming.arming, arming.warnings

    async def fire(self) -> None:
        """Start the scan that was armed for."""
        request = Start(
            arming=self.arming, item=self.item, packaging=self.packaging, hold_s=HOLD_S, **self.begin
        )
        await self.tried(lambda: self.scans.start(request))

    async def cancel(self) -> None:
        """Stop, the laser first."""
        await run.io_bound(self.scans.cancel)
        self.follow()

    def disarm(self) -> None:
        """Give back the arming and go back."""
        if self.arming:
            self.scans.disarm()
        self.arming = ""
        self.show("check" if self.begin.get("standard") else "item" if self.begin else "ready")

    async def tried(self, what: Callable[[], Any]) -> bool:
        """Do something that may be refused, and say why it was."""
        try:
            await run.io_bound(what)
        except SpectriageError as error:
            self.complain(error)
            return False
        finally:
            self.follow()
        return True

    def complain(self, error: SpectriageError) -> None:
        """Say what went wrong, in the language of the page."""
        text = self.words.problem(problem_of(error))
        ui.notify(text, type="negative", position="top", timeout=6000)

    def speak(self, language: str) -> None:
        """Change the language of this page."""
        self.words = Words(language)
        ui.run_javascript(f"document.documentElement.lang = '{language}'")
        self.follow()

    def light(self, night: bool) -> None:
        """Change between day and night."""
        self.night = night
        ui.run_javascript(f"document.body.classList.toggle('night', {str(night).lower()})")
        self.draw()
