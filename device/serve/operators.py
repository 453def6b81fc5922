"""`Operators`: who may arm, by PIN, where operators are configured. PINs are kept as scrypt hashes alone."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any

from spectriage.device.contract.files import write_whole
from spectriage.device.serve.control import RefusedError
from spectriage.device.serve.kept import Kept
from spectriage.device.serve.models import LoggedIn
from spectriage.spectra.errors import ParameterError

SCRYPT = {"n": 2**14, "r": 8, "p": 1}
"""RFC 7914 with 16 MB: a tenth of a second on a handheld."""
PIN_DIGITS = (4, 12)
FREE_TRIES = 5
FIRST_WAIT_S, LONGEST_WAIT_S = 30.0, 900.0
LOGIN_S = 1800.0
"""A log-in that is not used for so long has ended."""
SCHEMA = 1
SUPERVISOR = "supervisor"
WAITS = "wrong-pins"


def operators_path() -> Path:
    """Return where the operators are kept: beside the user's settings."""
    from spectriage.library.journal.settings import settings_path

    return settings_path().with_name("operators.json")


@dataclass
class _LoggedIn:
    operator: str
    until_s: float


class Operators:
    """The operators of a unit and who of them is logged in.

    Parameters
    ----------
    path
        Their file; nobody has to log in where there is none.
    now_s
        Monotonic clock.
    kept
        Where wrong PINs, and for how long they close, are kept over a restart.
    clock_s
        Of the day, which goes on while nothing runs.
    """

    def __init__(
        self,
        path: Path | None,
        now_s: Callable[[], float] = time.monotonic,
        *,
        kept: Kept | None = None,
        clock_s: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._now_s = now_s
        self._clock_s = clock_s
        self._kept_waits = kept or Kept(None)
        self._lock = RLock()
        self._logins: dict[str, _LoggedIn] = {}
        self._failures: dict[str, int] = {}
        self._closed_until_s: dict[str, float] = {}
        self._recall()

    @property
    def needed(self) -> bool:
        """Whether somebody has to log in before arming."""
        return self._path is not None and self._path.is_file()

    def names(self) -> tuple[str, ...]:
        """Return the operators' names.

        Raises
        ------
        ParameterError
            The file cannot be read: then nobody can log in, and nobody may arm.
        """
        return tuple(sorted(self._kept()))

    def log_in(self, operator: str, pin: str) -> str:
        """Return the key of a new log-in.

        Raises
        ------
        RefusedError
            The name or the PIN is wrong, or too many were: the answer does not tell which.
        """
        with self._lock:
            now = self._now_s()
            closed = max(self._closed_until_s.get(each, 0.0) for each in (operator, "")) - now
            if closed > 0.0:
                raise RefusedError(
                    f"too many wrong PINs: wait {closed:.0f} s",
                    remedy="wait, then try again with care",
                    code="pin-wait",
                )
            kept = self._kept().get(operator)
            # a name that is not known takes as long, so that names cannot be found out
            right = hmac.compare_digest(
                bytes.fromhex(kept["hash"]) if kept else bytes(64),
                _hash(pin, bytes.fromhex(kept["salt"]) if kept else bytes(16)),
            )
            if not (right and kept):
                self._failed(operator if kept else "", now)
                raise RefusedError("name or PIN is wrong", remedy="try again", code="pin-wrong")
            if self._failures.pop(operator, None) is not None:
                self._closed_until_s.pop(operator, None)
                self._keep_waits()
            key = secrets.token_urlsafe(24)
            self._logins[key] = _LoggedIn(operator, now + LOGIN_S)
            return key

    def logged_in(self, operator: str, pin: str) -> LoggedIn:
        """Log an operator in, and say what the key is good for.

        Raises
        ------
        RefusedError
            As `log_in`.
        """
        key = self.log_in(operator, pin)
        supervisor = self.is_supervisor(operator)
        return LoggedIn(login=key, operator=operator, valid_s=LOGIN_S, supervisor=supervisor)

    def _failed(self, name: str, now: float) -> None:
        # names that do not exist count together, so that guessing them ends too and nothing grows
        count = self._failures[name] = self._failures.get(name, 0) + 1
        if count >= FREE_TRIES:
            self._closed_until_s[name] = now + _wait_s(count)
        self._keep_waits()

    def _keep_waits(self) -> None:
        """Keep what was tried; whoever cuts the power must not thereby have five more tries."""
        ahead_s = self._clock_s() - self._now_s()
        said = {
            name: {"wrong": count, "until": self._closed_until_s.get(name, 0.0) + ahead_s}
            for name, count in self._failures.items()
        }
        self._kept_waits.keep_if_possible(WAITS, said)

    def _recall(self) -> None:
        said = self._kept_waits.get(WAITS)
        for name, each in said.items() if isinstance(said, dict) else ():
            try:
                wrong, until_s = int(each["wrong"]), float(each["until"])
            except (KeyError, TypeError, ValueError):
                continue
            self._failures[str(name)] = wrong
            if wrong >= FREE_TRIES:
                # a clock that was set back closes for no longer than this many wrong ones do
                left_s = min(max(0.0, until_s - self._clock_s()), _wait_s(wrong))
                self._closed_until_s[str(name)] = self._now_s() + left_s

    def who(self, login: str) -> str:
        """Return who is logged in with a key; empty where nobody is."""
        with self._lock:
            now = self._now_s()
            self._logins = {key: each for key, each in self._logins.items() if each.until_s > now}
            found = self._logins.get(login)
            return "" if found is None else found.operator

    def used(self, login: str) -> str:
        """Return who is logged in with a key, and keep the log-in alive."""
        with self._lock:
            operator = self.who(login)
            if operator:
                self._logins[login].until_s = self._now_s() + LOGIN_S
            return operator

    def log_out(self, login: str) -> None:
        """End a log-in."""
        with self._lock:
            self._logins.pop(login, None)

    def supervisor(self, login: str) -> str:
        """Return who is logged in with a key and may choose the policy; empty where nobody has to log in.

        Raises
        ------
        RefusedError
            Nobody is, or one who may not.
        """
        if not self.needed:
            return ""
        operator = self.used(login)
        if not operator:
            raise not_logged_in()
        if not self.is_supervisor(operator):
            raise RefusedError(
                f"{operator} may not choose the policy",
                remedy="log in as a supervisor; `spectriage operator add NAME --supervisor` makes one",
                code="role",
            )
        return operator

    def is_supervisor(self, operator: str) -> bool:
        """Whether an operator may choose the policy."""
        return self._kept().get(operator, {}).get("role") == SUPERVISOR

    def add(self, operator: str, pin: str, *, supervisor: bool = False) -> None:
        """Add an operator, or give one another PIN and role.

        Parameters
        ----------
        supervisor
            Whether this one may also choose the policy.

        Raises
        ------
        ParameterError
            The name is empty, the PIN is no PIN, or the file cannot be read.
        """
        fewest, most = PIN_DIGITS
        if not operator.strip() or len(operator) > 80:
            raise ParameterError("an operator needs a name of 1 to 80 characters")
        if not (pin.isascii() and pin.isdigit() and fewest <= len(pin) <= most):
            raise ParameterError(f"a PIN has {fewest} to {most} digits, and nothing else")
        salt = secrets.token_bytes(16)
        role = SUPERVISOR if supervisor else ""
        made = {"salt": salt.hex(), "hash": _hash(pin, salt).hex(), "role": role}
        self._keep(self._kept() | {operator: made})

    def remove(self, operator: str) -> None:
        """Remove an operator; without any, nobody has to log in.

        Raises
        ------
        ParameterError
            There is none of that name.
        """
        kept = self._kept()
        if kept.pop(operator, None) is None:
            raise ParameterError(f"there is no operator {operator!r}", remedy="see: spectriage operator list")
        self._keep(kept)

    def _kept(self) -> dict[str, dict[str, str]]:
        path = self._path
        if path is None or not path.is_file():
            return {}
        try:
            said: Any = json.loads(path.read_text("utf-8"))
            if said["schema"] != SCHEMA:
                raise ValueError(f"schema {said['schema']}")
            return {
                str(name): {
                    **{key: bytes.fromhex(each[key]).hex() for key in ("salt", "hash")},
                    "role": str(each.get("role", "")),
                }
                for name, each in said["operators"].items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ParameterError(
                f"the operators cannot be read: {error}", where=str(path), remedy="add them again"
            ) from error

    def _keep(self, kept: dict[str, dict[str, str]]) -> None:
        assert self._path is not None, "a file was named"
        if not kept:
            self._path.unlink(missing_ok=True)
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"schema": SCHEMA, "operators": kept}, indent=1, ensure_ascii=False)
        write_whole(text, self._path, mode=0o600)


def not_logged_in() -> RefusedError:
    """Return the refusal of what asks for a log-in."""
    return RefusedError("nobody is logged in", remedy="log in with name and PIN", code="login")


def _wait_s(wrong: int) -> float:
    """Return for how long so many wrong PINs close."""
    return min(FIRST_WAIT_S * 2.0 ** min(wrong - FREE_TRIES, 30), LONGEST_WAIT_S)


def _hash(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, **SCRYPT, maxmem=64 * 2**20)
