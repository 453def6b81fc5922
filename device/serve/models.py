"""What the API takes and gives, typed; its OpenAPI document is made of these."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Phase = Literal["starting", "idle", "armed", "scanning", "failed"]
Laser = Literal["off", "on", "unknown", "not controlled"]
CheckState = Literal["ok", "attention", "failed"]


class Model(BaseModel):
    """Refuses what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Problem(Model):
    """An error: what is wrong, where, and what to do; `code` tells one refusal from another."""

    type: str
    what: str
    where: str = ""
    remedy: str = ""
    code: str = ""


class Checked(Model):
    """One line of the health check; `code` is stable, `said` is for people.

    `case` tells which of the findings of `code` it is, and `values` what stands in its words, for other
    languages.
    """

    code: str
    state: CheckState
    said: str
    case: str = ""
    values: dict[str, str] = {}


class Health(Model):
    """The start-up check. `fit` is false where anything failed; a scan can still be asked for."""

    fit: bool
    checked_at: str
    checks: tuple[Checked, ...]


class Progress(Model):
    """Where a scan stands; `left_s` is an estimate from the exposure, None where there is none.

    `look` counts the scans of this sample: the second is a second look, at safe power, and the third may be
    at full power.
    """

    stage: str
    message: str
    elapsed_s: float
    left_s: float | None
    look: int = 1


class LiveSpectrum(Model):
    """The average of the frames so far, thinned for a screen; not what is decided on.

    `number` grows with every frame; `counts` are those of one exposure, less the dark where it is known.
    """

    number: int
    stage: str
    exposures: int
    integration_ms: float
    dark_subtracted: bool
    shift_cm: tuple[float, ...]
    counts: tuple[float, ...]


class Result(Model):
    """One scan's answer as it was recorded; `record` and `hash` find it in the journal."""

    record: int
    hash: str
    time: str
    item: str
    operator: str
    training: bool
    limited: str
    calibration: str
    result: dict[str, Any]
    spot: int = 1
    step: str = "powder"
    limited_code: str = ""
    calibration_code: str = ""


class Part(Model):
    """One spot of an item, or its SERS strip: its record and answer, or why there is none."""

    number: int
    record: int | None
    verdict: str
    reason: str
    summary: str
    problem: Problem | None


class ItemState(Model):
    """The item in hand: spots and strip side by side, never added up. The most serious verdict is its own.

    `strip_asked`: the policy wants a SERS strip of it, and the library has references for one. What was asked
    for and not measured makes it inconclusive at least.
    """

    verdict: str
    summary: str
    decided_by_spot: int | None
    spots_asked: int
    spots: tuple[Part, ...]
    strip_asked: bool
    strip: Part | None


class State(Model):
    """The whole service at one moment; `version` grows with every change.

    `laser` is what the device read back last. `holder` may arm, and has armed where the phase says so; others
    watch, and may cancel. `policy` is what scans are decided by; each result names its own.
    """

    version: int
    phase: Phase
    training: bool
    device: str
    model: str
    serial: str
    laser: Laser
    holder: str
    armed_for_s: float
    progress: Progress | None
    result: Result | None
    problem: Problem | None
    health: Health | None
    library: dict[str, str]
    item: ItemState | None = None
    login_needed: bool = False
    policy: str = ""
    policy_sha256: str = ""


class PolicyChoice(Model):
    """A policy that may be chosen: `choice` is what to ask for, `targets` what it watches for."""

    choice: str
    name: str
    description: str
    sha256: str
    targets: tuple[str, ...]
    chosen: bool


class Choose(Model):
    """Decide by another policy.

    `login` is needed where operators are configured, of one who may choose.
    """

    choice: str = Field(min_length=1, max_length=1000)
    login: str = Field(default="", max_length=64)


class Arm(Model):
    """Ask for the right to fire once. `holder` names who asks: one at a time.

    `login` is needed where operators are configured.
    """

    holder: str = Field(min_length=1, max_length=64)
    login: str = Field(default="", max_length=64)


class Login(Model):
    """Log in as an operator, by PIN."""

    operator: str = Field(min_length=1, max_length=80)
    pin: str = Field(min_length=1, max_length=32)


class LoggedIn(Model):
    """The key that arming asks for, and how long it is good for without use.

    `supervisor`: this operator may also choose the policy.
    """

    login: str
    operator: str
    valid_s: float
    supervisor: bool = False


class Arming(Model):
    """The right to start one scan within `valid_s` seconds."""

    arming: str
    valid_s: float
    warnings: tuple[str, ...]


class Start(Model):
    """Start the scan that was armed for.

    `hold_s`: the scan is cancelled when its starter has not asked for the state, with its arming, for so
    long; None never does that. `another_spot`: of the item before, not of a new one. `step`: what lies under
    the probe, the item's powder or its SERS strip. `standard`: a shift standard lies there, and the axis is
    checked.
    """

    arming: str = Field(min_length=1, max_length=64)
    item: str = Field(default="", max_length=200)
    operator: str = Field(default="", max_length=200)
    packaging: str = Field(default="auto", max_length=80)
    seconds: float | None = Field(default=None, ge=0.1, le=600.0)
    delay_s: float = Field(default=0.0, ge=0.0, le=60.0)
    hold_s: float | None = Field(default=None, ge=0.5, le=600.0)
    another_spot: bool = False
    step: Literal["powder", "strip"] = "powder"
    standard: str = Field(default="", max_length=40)


class Line(Model):
    """A record in a list."""

    number: int
    time: str
    kind: str
    verdict: str
    summary: str
    hash: str


class Curves(Model):
    """A recorded scan's spectrum and fit on the library's axis; null outside the measured range."""

    shift_cm: tuple[float, ...]
    measured: tuple[float | None, ...]
    baseline: tuple[float | None, ...]
    parts: dict[str, tuple[float | None, ...]]
    residual: tuple[float | None, ...]
