"""The handheld's screen in a real browser: how soon it shows, how it leaves the laser, what it keeps.

`service` runs `spectriage serve` and a page of it; `latency` times first paints and results, `leaving` how
long after a page, a network or the service is gone the light goes out, `soak` whether memory stays. Needs
Playwright and a Chromium.
"""
