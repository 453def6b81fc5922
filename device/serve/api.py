"""`service_app`: the typed JSON API of a handheld, with its OpenAPI document at ``/api/openapi.json``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request, Response
from fastapi import Path as PathParameter
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException

from spectriage.device.serve import records
from spectriage.device.serve.control import RefusedError
from spectriage.device.serve.models import (
    Arm,
    Arming,
    Choose,
    Curves,
    Health,
    Line,
    LiveSpectrum,
    LoggedIn,
    Login,
    PolicyChoice,
    Problem,
    Result,
    Start,
    State,
)
from spectriage.device.serve.scans import Scans
from spectriage.device.serve.shown import problem_of
from spectriage.library.journal import JournalError
from spectriage.spectra.errors import DeviceError, SpectriageError
from spectriage.spectra.version import __version__

EVENTS_S = 0.1
"""How often the progress stream is seen to be there; a change is sent at once."""
BEAT_S = 1.0
"""How often it says something when nothing changed, so that a lost connection is noticed."""

MISTAKES: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body is not JSON in UTF-8."},
    422: {
        "model": Problem,
        "description": "A value is missing, unknown or out of its range; nothing was done.",
    },
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "There is no such record, or no result yet."},
    409: {"model": Problem, "description": "Not now, or not from this holder; nothing was done."},
    500: {"model": Problem, "description": "The device, the journal or a report failed."},
}
EVENTS = {
    "description": "One `data:` line of a State in JSON, and an empty line, for every change.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}
REPORT = {
    "description": "The report, as a file.",
    "content": {
        kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("application/pdf", "text/html")
    },
}
RecordNumber = Annotated[int, PathParameter(ge=1, le=2**53)]
MEDIA = {"pdf": "application/pdf", "html": "text/html; charset=utf-8"}


class EventStream(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"


def service_app(scans: Scans) -> FastAPI:
    """Return the API over a service; put a `Guard` before it.

    Parameters
    ----------
    scans
        The service; opening and closing it stays the caller's.
    """
    # pages with documentation would load scripts from elsewhere
    app = FastAPI(
        title="Spectriage",
        version=__version__,
        summary="One handheld: arm, scan, cancel, result, history. Results are presumptive.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        responses=MISTAKES,
    )
    app.add_exception_handler(SpectriageError, _said)
    app.add_exception_handler(RequestValidationError, _mistaken)
    app.add_exception_handler(HTTPException, _unknown)
    _add_state(app, scans)
    _add_policy(app, scans)
    _add_firing(app, scans)
    _add_records(app, scans)
    return app


async def _said(request: Request, error: Exception) -> Response:
    assert isinstance(error, SpectriageError)
    status = 500
    if isinstance(error, RefusedError):
        status = 409
    elif isinstance(error, JournalError) and "no such record" in error.what:
        status = 404
    elif not isinstance(error, DeviceError | JournalError):
        status = 409
    return JSONResponse(problem_of(error).model_dump(), status)


async def _mistaken(request: Request, error: Exception) -> Response:
    """Name the first value that is wrong, as every other problem is named."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    problem = Problem(
        type="RequestError",
        what=str(first["msg"]),
        where=".".join(map(str, first["loc"])),
        remedy="/api/openapi.json says what is taken",
    )
    return JSONResponse(problem.model_dump(), 422)


async def _unknown(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    problem = Problem(type="RequestError", what=str(error.detail), where=request.url.path)
    return JSONResponse(problem.model_dump(), error.status_code, error.headers)


def _add_state(app: FastAPI, scans: Scans) -> None:
    @app.get("/api/state", response_model=State)
    def state(arming: Annotated[str, Query(max_length=64)] = "") -> State:
        """Say what the service does now; asked with its arming, a scan's starter is seen to be there."""
        return scans.state(arming)

    @app.get("/api/events", response_class=EventStream, responses={200: EVENTS})
    async def events(request: Request, arming: Annotated[str, Query(max_length=64)] = "") -> EventStream:
        """Every change of the state as server-sent events (``data:`` is a State); never ends by itself."""
        return EventStream(_events(scans, request, arming))

    @app.get("/api/live", response_model=LiveSpectrum | None)
    def live() -> LiveSpectrum | None:
        """Return the spectrum collected so far; null while nothing is scanned."""
        return scans.live.shown()

    @app.get("/api/health", response_model=Health | None)
    def health() -> Health | None:
        """Return the last health check; null before the first."""
        return scans.state().health

    @app.post("/api/health", response_model=Health | None, responses=PROBLEMS)
    async def check() -> Health | None:
        """Check the instrument, with the laser off."""
        return await asyncio.wrap_future(scans.check())


def _add_policy(app: FastAPI, scans: Scans) -> None:
    @app.get("/api/policies", response_model=list[PolicyChoice], responses=PROBLEMS)
    def policies() -> tuple[PolicyChoice, ...]:
        """List the policies that may be chosen, and which one scans are decided by."""
        return scans.unit.rules.shown()

    @app.post("/api/policy", response_model=State, responses=PROBLEMS)
    async def choose(request: Choose) -> State:
        """Decide by another policy from now on; recorded, and kept over a restart."""
        await asyncio.wrap_future(scans.choose(request.choice, request.login))
        return scans.state()


def _add_firing(app: FastAPI, scans: Scans) -> None:
    @app.post("/api/arm", response_model=Arming, responses=PROBLEMS)
    def arm(request: Arm) -> Arming:
        """Ask for the right to fire once; it expires."""
        return scans.arm(request.holder, request.login)

    @app.post("/api/login", response_model=LoggedIn, responses=PROBLEMS)
    def login(request: Login) -> LoggedIn:
        """Log in by PIN, where operators are configured; arming then asks for the key."""
        return scans.log_in(request.operator, request.pin)

    @app.post("/api/disarm", response_model=State)
    def disarm() -> State:
        """Take back an arming."""
        scans.disarm()
        return scans.state()

    @app.post("/api/scans", response_model=State, status_code=202, responses=PROBLEMS)
    def start(request: Start) -> State:
        """Start the scan that was armed for; follow it with the state or the events."""
        scans.start(request)
        return scans.state()

    @app.post("/api/cancel", response_model=State)
    async def cancel() -> State:
        """Stop, the laser first; the answer says what was read back of it. Anybody may."""
        return await run_in_threadpool(scans.cancel)

    @app.get("/api/result", response_model=Result, responses=PROBLEMS)
    def result() -> Result:
        """Return the last scan's answer, recorded before it is given out."""
        last = scans.state().result
        if last is None:
            raise JournalError("there is no such record yet", remedy="scan first")
        return last


def _add_records(app: FastAPI, scans: Scans) -> None:
    @app.get("/api/records", response_model=list[Line], responses=PROBLEMS)
    def listed(
        search: Annotated[str, Query(max_length=200)] = "",
        last: Annotated[int, Query(ge=1, le=records.MOST_LINES)] = 50,
    ) -> tuple[Line, ...]:
        """List the latest records that have all the words, the newest first."""
        return records.history(scans.journal_path, search=search, last=last)

    @app.get("/api/records/{number}", response_model=Result, responses=PROBLEMS)
    def recorded(number: RecordNumber) -> Result:
        """One recorded scan."""
        return records.recorded_result(scans.journal_path, number)

    @app.get("/api/records/{number}/curves", response_model=Curves, responses=PROBLEMS)
    def curves(number: RecordNumber) -> Curves:
        """Its spectrum and fit, decided again; an error where this engine answers otherwise."""
        return records.curves(scans.journal_path, number, _engine_of(scans, number))

    @app.get(
        "/api/records/{number}/report.{kind}", response_class=Response, responses={**PROBLEMS, 200: REPORT}
    )
    def report(
        number: RecordNumber, kind: Literal["pdf", "html"], language: Literal["en", "es"] = "en"
    ) -> Response:
        """Its report, one page."""
        engine = _engine_of(scans, number)
        data = records.report_file(scans.journal_path, number, kind, engine, language=language)
        name = f'attachment; filename="spectriage-{number}.{kind}"'
        return Response(data, media_type=MEDIA[kind], headers={"content-disposition": name})


def _engine_of(scans: Scans, number: int) -> Any:
    """Return the engine with the policy and packaging that a record was decided with."""
    return records.engine_of(scans.journal_path, number, scans.unit.engines())


async def _events(scans: Scans, request: Request, arming: str) -> AsyncIterator[str]:
    seen, said_s = -1, 0.0
    changed = asyncio.Event()
    unwatch = scans.watchers.add(changed.set)
    try:
        while not await request.is_disconnected():
            changed.clear()
            state = scans.state(arming)
            if state.version != seen or time.monotonic() - said_s >= BEAT_S:
                seen, said_s = state.version, time.monotonic()
                yield f"data: {state.model_dump_json()}\n\n"
            with suppress(TimeoutError):
                async with asyncio.timeout(EVENTS_S):
                    await changed.wait()
    finally:
        unwatch()
