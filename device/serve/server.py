"""`serve`: the service on its address, until it is stopped; leaving it switches the laser off."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from types import FrameType
from typing import Any

import uvicorn

from spectriage.device.laser.exits import all_off, resume
from spectriage.device.serve.api import service_app
from spectriage.device.serve.binding import Binding, bracketed
from spectriage.device.serve.guarding import Guard
from spectriage.device.serve.scans import Scans
from spectriage.spectra.errors import ParameterError

SHUTDOWN_S = 3
SWITCH_S = 0.001
"""Longest that a thread computes while another waits: five times that, Python's own, is waited for several
times between the last light and a result, whenever pages are answered meanwhile."""


def serve(
    scans: Scans,
    binding: Binding,
    *,
    screen: bool = True,
    language: str = "en",
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve until a signal ends it; the device is closed and its laser off when this returns.

    Parameters
    ----------
    scans
        Not yet opened.
    binding
        Where to listen.
    screen
        Whether to serve the touch screen too, besides the API.
    language
        That the screen begins in.
    ready
        Called with the URL once the address is taken.

    Raises
    ------
    ParameterError
        The address cannot be listened on, or its certificate cannot be used.
    """
    binding.check_files()
    listening = _listen(binding)
    port = listening.getsockname()[1]
    app = guarded_app(scans, binding, port, screen=screen, language=language)
    config = uvicorn.Config(
        app,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=SHUTDOWN_S,
        ssl_certfile=binding.certificate,
        ssl_keyfile=binding.private_key,
    )
    name = "localhost" if binding.host in ("0.0.0.0", "::", "127.0.0.1") else bracketed(binding.host)
    if ready is not None:
        ready(f"{'https' if binding.tls else 'http'}://{name}:{port}/")
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        _Server(config).run(sockets=[listening])
    finally:
        sys.setswitchinterval(before)
        try:
            scans.close()
        finally:
            listening.close()
            resume()


class _Server(uvicorn.Server):
    """Switches off before anything else: an open stream or page delays the end of a server by seconds."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take SIGINT or SIGTERM."""
        all_off("the service is being ended")
        super().handle_exit(sig, frame)


def guarded_app(
    scans: Scans, binding: Binding, port: int, *, screen: bool = True, language: str = "en"
) -> Guard:
    """Return the whole service as an ASGI application, with its guard before it."""
    app = service_app(scans)
    if screen:
        from spectriage.device.serve.screen import add_screen

        add_screen(app, scans, language)
    _open_with(app, scans)
    return Guard(app, binding.hosts(port), binding.origins(port), binding.token, secure=binding.tls)


def _open_with(app: Any, scans: Scans) -> None:
    """Open the device when the service starts, beside it: the first page need not wait for it."""
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(of: Any) -> AsyncIterator[Any]:
        async with inner(of) as state:
            scans.open()
            beating = asyncio.create_task(_tell_systemd(scans))
            try:
                yield state
            finally:
                scans.cancel()
                beating.cancel()
                await asyncio.wait([beating])

    app.router.lifespan_context = lifespan


def _listen(binding: Binding) -> socket.socket:
    family = socket.AF_INET6 if ":" in binding.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((binding.host.strip("[]"), binding.port))
        # from here on a browser waits for the service, and is not sent away
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise ParameterError(
            f"cannot listen there: {error.strerror}",
            where=f"{binding.host}:{binding.port}",
            remedy="is it running already? --port takes another",
        ) from error
    return listening


async def _tell_systemd(scans: Scans) -> None:
    """Say READY, and feed the watchdog while state can be read; nothing outside of systemd."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    address = address.replace("@", "\0", 1) if address[0] == "@" else address
    every = float(os.environ.get("WATCHDOG_USEC", "0")) / 2e6 or 60.0
    said = b"READY=1"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        # whoever is told may not be listening: the service would wait for it, also with its end
        notify.setblocking(False)

        def say(what: bytes) -> bool:
            with suppress(OSError):
                return notify.sendto(what, address) > 0
            return False

        try:
            while True:
                # a service whose state cannot be had is dead: it is silent here, and systemd restarts it;
                # one that was only stopped for a while goes on
                # not `wait_for`: cancelled in the moment in which the state is there, it forgets that it was
                # before Python 3.12, and the service never ends
                with suppress(TimeoutError):
                    async with asyncio.timeout(every):
                        await asyncio.to_thread(scans.state)
                    if say(said):
                        said = b"WATCHDOG=1"
                await asyncio.sleep(every)
        except asyncio.CancelledError:
            say(b"STOPPING=1")
            raise
