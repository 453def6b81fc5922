"""The signed head beside a journal: which record was last, so that a tail cut off is missed.

It is written after each record. A program killed in between leaves the head one record behind, which is no
damage; a head ahead of the journal is.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from spectriage.library.journal.entry import canonical_json
from spectriage.library.journal.errors import AlteredJournalError
from spectriage.library.journal.keys import UnitKey, check_signature

MAX_HEAD_BYTES = 10_000


@dataclass(frozen=True)
class Head:
    """The last record of a journal when this was written.

    Parameters
    ----------
    journal
        The journal's own id.
    number, hash
        Of the record.
    time
        UTC, ISO 8601.
    """

    journal: str
    number: int
    hash: str
    time: str

    def _signed(self) -> bytes:
        return b"spectriage-journal-head-1\0" + canonical_json(vars(self))

    def write(self, path: Path, key: UnitKey) -> None:
        """Write it under its name, whole or not at all."""
        content = {**vars(self), "key": key.public.hex(), "signature": key.sign(self._signed()).hex()}
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
        try:
            temporary.write_bytes(canonical_json(content) + b"\n")
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def read(cls, path: Path, public: bytes) -> Head | None:
        """Read a head and check its signature; None where there is none.

        Raises
        ------
        AlteredJournalError
            When it is damaged, or not signed by the journal's unit.
        """
        if not path.is_file():
            return None
        try:
            content = json.loads(path.read_bytes()[:MAX_HEAD_BYTES])
            head = cls(
                str(content["journal"]), int(content["number"]), str(content["hash"]), str(content["time"])
            )
            signature = bytes.fromhex(content["signature"])
        except (ValueError, KeyError, TypeError):
            raise AlteredJournalError("the signed head is damaged", where=str(path)) from None
        try:
            check_signature(public, signature, head._signed())
        except AlteredJournalError:
            raise AlteredJournalError("the signed head is not this unit's", where=str(path)) from None
        return head


def head_path(journal: Path) -> Path:
    """Return where the head of a journal is kept."""
    return journal.with_name(journal.name + ".head")
