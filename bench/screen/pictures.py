"""Pictures of the screen to look at, and for the README: each view as a simulated scan shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from spectriage.bench.screen.service import Page, Service, chromium

PHONE = {"width": 390, "height": 844}
COLOURS = 128
"""Enough for a screen of flat colours; a file of a fifth of the size."""

STANDARD = "sim:polystyrene?seed=1&accumulations=4"
STREET = "sim:street-sample?realtime=1&seed=1&uneven=0.3"
HARMLESS = "sim:caffeine?seed=2"
OXIDISER = "sim:ammonium nitrate?packaging=ldpe&seed=1"

Taken = Iterator[tuple[str, Page]]


def _checked(page: Page) -> Taken:
    page.press("settings")
    page.page.wait_for_selector("[data-key=check]")
    page.press("check", "axis", "arm", "fire")
    page.page.wait_for_selector(".sp-checks:has-text('polystyrene')")
    yield "check", page
    page.press("continue")
    page.page.wait_for_selector("[data-key=scan]")
    yield "ready", page
    page.press("settings")
    page.page.wait_for_selector("[data-key=policy-border]")
    yield "settings", page


def _scanned(page: Page) -> Taken:
    page.fire()
    page.page.wait_for_selector(".sp-live:not([data-live='0']) canvas")
    page.page.wait_for_timeout(300)
    yield "scanning", page
    page.verdict()
    yield "result", page
    for _ in range(2):
        page.press("spot", "arm", "fire")
        page.page.wait_for_selector("[data-key=cancel]")
        page.page.wait_for_selector("[data-item]")
    yield "item", page


def _spanish(page: Page) -> Taken:
    page.press("settings", "light", "back")
    page.fire()
    page.verdict()
    yield "spanish", page


def _phone(page: Page) -> Taken:
    page.fire()
    page.verdict()
    yield "phone", page


SCENES: tuple[tuple[str, str, dict[str, int] | None, Callable[[Page], Taken]], ...] = (
    (STANDARD, "", None, _checked),
    (STREET, "", None, _scanned),
    (HARMLESS, "?lang=es", None, _spanish),
    (OXIDISER, "", PHONE, _phone),
)
"""Device, query, size where it is not the handheld's, and what is done there."""


def take(
    folder: Path, scratch: Path, done: Callable[[int, int], None] = lambda count, most: None
) -> tuple[Path, ...]:
    """Write a picture of each view, ``screen-NAME.png``, and return where they are.

    Parameters
    ----------
    folder
        Where they go; what is there of their names is replaced.
    scratch
        For journals and settings.
    done
        Called with how many of the scenes are done, after each.
    """
    made: list[Path] = []
    folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for row, (device, query, size, views) in enumerate(SCENES):
            with Service(device, scratch / str(row)) as service:
                page = Page(browser, service.url, query, size)
                for name, seen in views(page):
                    made.append(_written(seen, folder / f"screen-{name}.png"))
            done(row + 1, len(SCENES))
    return tuple(made)


def _written(page: Page, path: Path) -> Path:
    from PIL import Image

    # a key that was just pressed is still lit
    page.page.mouse.move(1, 1)
    page.page.wait_for_timeout(400)
    page.page.screenshot(path=path, animations="disabled")
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    return path
