"""The page's heartbeat: while it has armed or fires, it says several times a second that it is there.

It beats in a worker, which neither a busy page nor one in the background slows down, and which ends with its
page: closed, crashed or without network, it falls silent, and the service cancels the scan.
"""

from __future__ import annotations

import json

from nicegui import Client

BEAT_S = 0.15
HOLD_S = 0.8
"""A scan whose page was not heard for so long is cancelled, the laser first."""

_WORKER = """
onmessage = ({data: [address, everyMs]}) => {
  const beat = async () => {
    try {
      const answer = await fetch(address, {cache: 'no-store', signal: AbortSignal.timeout(1000)});
      const {phase} = await answer.json();
      if (phase !== 'armed' && phase !== 'scanning') return close();
    } catch (error) { /* tried again for as long as there is a page */ }
    setTimeout(beat, everyMs);
  };
  beat();
};
"""
_START = """
(() => {
  if (window.spectriageBeating) window.spectriageBeating.terminate();
  const text = URL.createObjectURL(new Blob([WORKER], {type: 'text/javascript'}));
  window.spectriageBeating = new Worker(text);
  window.spectriageBeating.postMessage([location.origin + '/api/state?arming=' + ARMING, EVERY_MS]);
})()
"""


def keep_beating(client: Client, arming: str) -> None:
    """Let a page beat from now on, until nothing is armed or scanned any more."""
    given = {"WORKER": _WORKER, "ARMING": arming, "EVERY_MS": round(BEAT_S * 1e3)}
    constants = "".join(f"const {name} = {json.dumps(value)};" for name, value in given.items())
    client.run_javascript(f"{{{constants}{_START}}}")
