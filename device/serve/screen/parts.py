"""The few parts that every view is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement


def said(tag: str, text: str, classes: str = "") -> TextElement:
    """Put a text into the page as an element of its kind, never as HTML."""
    element = TextElement(tag=tag, text=text)
    element.classes(classes)
    return element


def key(text: str, pressed: Callable[[], Any], kind: str = "", *, name: str = "") -> ui.button:
    """Put a large key into the page; `name` finds it in tests and for assistive programs' ids."""
    button = ui.button(text, on_click=pressed, color=None)
    button.props("unelevated no-caps").classes(f"sp-key {kind}")
    if name:
        button.props(f'data-key="{name}"')
    return button


def note(text: str, *, bad: bool = False) -> TextElement:
    """Put a remark that must be read into the page."""
    element = said("p", text, "sp-note bad" if bad else "sp-note")
    element.props("role=alert" if bad else "role=note")
    return element
