"""`Guard`: what stands before every page, request and websocket of the service.

A page from elsewhere, open in the same browser, can send requests to loopback. It is stopped by its
``Origin``, which websockets and whatever changes anything carry; by ``Host`` where a foreign name was
made to point here (DNS rebinding); by ``Sec-Fetch-Site``; and by forbidding that these pages are framed.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "spectriage_token"
READING = ("GET", "HEAD")
POLICY_VIOLATION = 1008
MOST_BODY_BYTES = 1_000_000
HEADERS = (
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    # the screen's framework compiles templates in the page; nothing may come from or go to elsewhere
    (
        b"content-security-policy",
        b"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; connect-src 'self' ws: wss:; "
        b"form-action 'self'; base-uri 'self'; frame-ancestors 'none'",
    ),
)


class Guard:
    """An ASGI application before another: checks Host, Origin and token on HTTP and on websockets.

    Parameters
    ----------
    app
        What is guarded.
    hosts, origins
        Values of those headers that are answered; see `Binding`.
    token
        Asked for as ``Authorization: Bearer``, or as the cookie that ``/?token=…`` sets; empty asks for none.
    secure
        Whether the cookie is for TLS only.
    """

    def __init__(
        self,
        app: App,
        hosts: frozenset[str],
        origins: frozenset[str],
        token: str = "",
        *,
        secure: bool = False,
    ) -> None:
        self.app = app
        self.hosts = hosts
        self.origins = origins
        self.token = token
        self.secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may pass, and refuse the rest."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = _headers(scope)
        problem = self._problem(scope, headers)
        if problem:
            await _refuse(scope, receive, send, 403, problem)
            return
        if self.token and not self._known(headers):
            if scope["type"] == "http" and scope["method"] == "GET" and self._right(_asked_token(scope)):
                await self._welcome(scope, send)
            else:
                await _refuse(scope, receive, send, 401, "a token is needed: Authorization: Bearer TOKEN")
            return
        await self.app(scope, receive, _with_headers(send))

    def _problem(self, scope: Scope, headers: dict[str, list[str]]) -> str:
        """Return why a request is refused whoever sends it; empty when it is not."""
        host = headers.get("host", [])
        if len(host) != 1 or host[0].lower() not in self.hosts:
            return "this service is not known under that Host"
        origin = headers.get("origin", [])
        if len(origin) > 1 or (origin and origin[0].lower() not in self.origins):
            return "pages of that Origin may not ask this service"
        site = (headers.get("sec-fetch-site") or ["none"])[0]
        # a link from elsewhere may lead to the front page; nothing else is for other sites
        if site not in ("same-origin", "none") and not _to_front_page(scope, headers):
            return "another site may not ask this service for anything"
        length = (headers.get("content-length") or ["0"])[0]
        if not length.isdecimal() or int(length) > MOST_BODY_BYTES:
            return "the request is too long"
        return ""

    def _known(self, headers: dict[str, list[str]]) -> bool:
        scheme, _, given = (headers.get("authorization") or [""])[0].partition(" ")
        if scheme.lower() == "bearer" and self._right(given.strip()):
            return True
        try:
            cookies = SimpleCookie("; ".join(headers.get("cookie", [])))
        except CookieError:
            return False
        return COOKIE in cookies and self._right(cookies[COOKIE].value)

    def _right(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.token.encode())

    async def _welcome(self, scope: Scope, send: Send) -> None:
        """Keep the token in a cookie, and take it out of the address line."""
        flags = "; Path=/; HttpOnly; SameSite=Strict" + ("; Secure" if self.secure else "")
        cookie = f"{COOKIE}={self.token}{flags}".encode()
        headers = [(b"location", b"/"), (b"set-cookie", cookie), (b"content-length", b"0"), *HEADERS]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def _to_front_page(scope: Scope, headers: dict[str, list[str]]) -> bool:
    going = headers.get("sec-fetch-mode") == ["navigate"] and headers.get("sec-fetch-dest") == ["document"]
    return bool(scope["type"] == "http" and scope["method"] in READING and scope["path"] == "/" and going)


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _asked_token(scope: Scope) -> str:
    asked = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])
    return str(asked[0])


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, what: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        # closing before accepting is an answer with status 403
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": what})
        return
    body = what.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *HEADERS,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *HEADERS]}
        await send(message)

    return sending
