"""The page at ``/``: its views, its style, and where it is served."""

from __future__ import annotations

from importlib import resources

from fastapi import FastAPI
from nicegui import ui

from spectriage.device.serve.scans import Scans
from spectriage.device.serve.screen import (
    checking,
    comparing,
    entering,
    finding,
    forgetting,
    looking,
    measuring,
)
from spectriage.device.serve.screen.browser import Screen
from spectriage.device.wording.words import LANGUAGES

VIEWS = {
    "check": checking.check_view,
    "settings": checking.settings_view,
    "ready": measuring.ready_view,
    "aim": measuring.aim_view,
    "scanning": measuring.scanning_view,
    "ended": measuring.ended_view,
    "result": finding.result_view,
    "details": finding.details_view,
    "history": looking.history_view,
    "item": comparing.item_view,
    "login": entering.login_view,
}


def add_screen(app: FastAPI, scans: Scans, language: str = "en") -> None:
    """Serve the screen at ``/`` of a service; ``/?lang=es`` begins in another language."""
    style = resources.files("spectriage.device.serve.screen").joinpath("theme.css").read_text("utf-8")

    @ui.page("/", title="Spectriage", viewport="width=device-width, initial-scale=1")
    def front(lang: str = language) -> None:
        chosen = lang if lang in LANGUAGES else language
        spoken = f"document.documentElement.lang = '{chosen}';"
        ui.add_head_html(f"<style>{style}</style><script>{spoken}{forgetting.SCRIPT}</script>")
        Screen(scans, chosen, VIEWS).build()

    ui.run_with(app, title="Spectriage", tailwind=False, reconnect_timeout=5.0, show_welcome_message=False)
