"""The touch screen: pages on a `Scans`, drawn with NiceGUI, which brings all that a page loads.

`words.toml` holds what is said, `theme.css` how it looks, `answering` what a result means in five answers;
`browser` follows the service's state and the views draw it. A screen asks, shows and cancels, and decides
nothing.
"""

from __future__ import annotations

from spectriage.device.serve.screen.page import add_screen

__all__ = ["add_screen"]
