"""An alert in Cursor on Target for a recorded ALARM or WARNING: optional, and off unless configured.

.. code-block:: toml

    [alerts]
    cot_url = "udp://192.0.2.7:4242"   # or tcp://; empty, the default, sends nothing
    latitude = 48.2                    # of the unit, degrees (WGS 84); stated as unknown without
    longitude = 16.37

Only a scan that was recorded is told of: the event names the record's hash. It never names the operator.

Source: the event schema of Cursor on Target, the root's attributes, ``point`` with
circular and linear error in metres, where 9999999 stands for unknown.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
import threading
import xml.etree.ElementTree as ElementTree
from configparser import ConfigParser
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from spectriage.library.journal import JournalError, Record, settings_table
from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.origin import Origin
from spectriage.spectra.verdict import Verdict

ALERTED = (Verdict.ALARM, Verdict.WARNING)
TIMEOUT_S = 3.0
"""So long at most a result waits for its alert: a network that is away must not withhold an answer."""
STALE = timedelta(hours=1)
SCHEMES = ("udp", "tcp")
UNKNOWN_M = "9999999"
EVENT_TYPE = "a-u-G"
"""Something on the ground of which nothing is known: neither friend nor foe."""


class AlertError(SpectriageError):
    """An alert that could not be sent."""


@dataclass(frozen=True)
class AlertSettings:
    """The table ``[alerts]`` of the settings.

    Parameters
    ----------
    cot_url
        Where events are sent, ``udp://HOST:PORT`` or ``tcp://HOST:PORT``; empty sends none.
    latitude, longitude
        Of the unit, degrees (WGS 84); NaN where not configured.
    """

    cot_url: str = ""
    latitude: float = math.nan
    longitude: float = math.nan

    @property
    def located(self) -> bool:
        """Whether the position is known."""
        return not math.isnan(self.latitude)

    def check(self) -> None:
        """Raise `JournalError` for a URL or a position that cannot be."""
        try:
            url = urlsplit(self.cot_url)
            complete = url.scheme in SCHEMES and bool(url.hostname) and url.port is not None
        except ValueError:
            complete = False
        if self.cot_url and not complete:
            raise JournalError(
                f"[alerts] cot_url = {self.cot_url!r} is not an address for events",
                remedy="write udp://HOST:PORT or tcp://HOST:PORT",
            )
        both_missing = math.isnan(self.latitude) and math.isnan(self.longitude)
        if not both_missing and not (abs(self.latitude) <= 90.0 and abs(self.longitude) <= 180.0):
            raise JournalError(
                "[alerts] latitude and longitude are no position",
                remedy="give both, in degrees, within ±90 and ±180, or neither",
            )


def alert(record: Record | None, verdict: Verdict) -> None:
    """Send an alert of a recorded scan, where one is configured and the verdict is ALARM or WARNING.

    Call it after the record is on the disk. Nothing that goes wrong here fails a scan: it is said in one line
    on standard error.

    Parameters
    ----------
    record
        Of the scan; None when it was not recorded: then nothing is sent, and that is said.
    verdict
        Of the scan.
    """
    try:
        settings = settings_table("alerts", AlertSettings)
        settings.check()
        if not settings.cot_url or verdict not in ALERTED:
            return
        if record is None:
            raise AlertError("the scan was not recorded", remedy="name a journal with --journal")
        _send(alert_event(record, settings), settings.cot_url)
    except SpectriageError as error:
        print(f"spectriage: no alert was sent: {error}", file=sys.stderr)


def alert_event(record: Record, settings: AlertSettings, now: datetime | None = None) -> bytes:
    """Return the Cursor-on-Target event of a recorded scan, as XML.

    Parameters
    ----------
    record
        Of a scan.
    settings
        For the position.
    now
        When it is sent, with time zone; the clock if None. The event starts when the scan was recorded.
    """
    said = json.loads(record.payload)
    sent, made = now or datetime.now(UTC), record.hash.hex()
    verdict, summary = said["result"]["verdict"], said["result"]["summary"]
    origin = said["device"]["origin"]
    mark = "" if origin == Origin.MEASURED else f"{origin.upper()}, NOT MEASURED: "
    event = ElementTree.Element(
        "event",
        version="2.0",
        uid=f"spectriage-{made}",
        type=EVENT_TYPE,
        how="h-e",  # where a position is stated, a person wrote it into the settings
        time=_time(sent),
        start=_time(datetime.fromisoformat(said["time"])),
        stale=_time(sent + STALE),
    )
    lat, lon = (settings.latitude, settings.longitude) if settings.located else (0.0, 0.0)
    ElementTree.SubElement(
        event, "point", lat=str(lat), lon=str(lon), hae=UNKNOWN_M, ce=UNKNOWN_M, le=UNKNOWN_M
    )
    detail = ElementTree.SubElement(event, "detail")
    ElementTree.SubElement(detail, "contact", callsign=f"{mark}{verdict} (presumptive)")
    ElementTree.SubElement(detail, "remarks").text = f"{mark}presumptive: {verdict}: {summary}; record {made}"
    ElementTree.SubElement(
        detail,
        "spectriage",
        verdict=verdict,
        presumptive="true",
        summary=summary,
        origin=origin,
        record=str(record.number),
        hash=made,
    )
    body: bytes = ElementTree.tostring(event, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + body


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _send(event: bytes, url: str) -> None:
    """Hand an event to the network within `TIMEOUT_S`.

    Raises
    ------
    AlertError
        When it could not be.
    """
    failed: list[Exception] = []

    def run() -> None:
        try:
            asyncio.run(_transmit(event, url))
        except Exception as error:
            # whatever a network or its library raises, the scan stands
            failed.append(error)

    try:
        import pytak  # noqa: F401
    except ImportError:
        raise AlertError(
            "pytak is not installed", where=url, remedy='pip install "spectriage[cot]"'
        ) from None
    # a thread of its own: looking a name up cannot be broken off, only left behind
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(TIMEOUT_S)
    if thread.is_alive():
        raise AlertError(f"not within {TIMEOUT_S:g} s", where=url)
    if failed:
        raise AlertError(f"{type(failed[0]).__name__}: {failed[0]}", where=url) from failed[0]


async def _transmit(event: bytes, url: str) -> None:
    import pytak

    parts = urlsplit(url)
    config = ConfigParser(interpolation=None)
    # write-only: nothing is listened for
    config["cot"] = {"COT_URL": f"{parts.scheme}+wo://{parts.netloc}", "TAK_PROTO": "0"}
    _, writer = await pytak.protocol_factory(config["cot"])
    try:
        await pytak.TXWorker(asyncio.Queue(), config["cot"], writer).send_data(event)
    finally:
        writer.close()
