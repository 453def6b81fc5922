"""`Trust`: which libraries may be opened."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from spectriage.library.files.folders import config_folder, state_folder
from spectriage.library.signing.errors import (
    InvalidSignatureError,
    MissingSignatureError,
    UntrustedKeyError,
)
from spectriage.library.signing.keys import TrustedKeys, load_trusted_keys
from spectriage.library.signing.releases import check_release
from spectriage.library.signing.signature import Signed, read_signatures, signature_path

REQUIRE_VARIABLE = "SPECTRIAGE_REQUIRE_SIGNATURE"
KEYS_VARIABLE = "SPECTRIAGE_TRUSTED_KEYS"
KEYS_FILE = "trusted-keys"


def default_keys_path() -> Path:
    """Return the user's own file of trusted keys."""
    return config_folder() / KEYS_FILE


@dataclass(frozen=True)
class Trust:
    """Which named library files may be opened.

    A signature that lies beside a library is always checked. One that does not hold is always refused; one by
    a key that is not trusted is refused where a signature is required or there are trusted keys; none at all
    is refused where one is required.

    Parameters
    ----------
    require
        Open only what a trusted key has signed.
    keys
        File of trusted keys; None for ``trusted-keys`` in the user's configuration.
    allow_rollback
        Accept a release older than one seen before, and forget the newer one.
    own
        The file was made by this program, here: it is not parsed in another process first.
    """

    require: bool = False
    keys: Path | None = None
    allow_rollback: bool = False
    own: bool = False

    @classmethod
    def from_environment(
        cls, *, require: bool = False, keys: Path | None = None, allow_rollback: bool = False
    ) -> Trust:
        """Return what is asked for, or what ``$SPECTRIAGE_REQUIRE_SIGNATURE`` and ``…_TRUSTED_KEYS`` say."""
        named = os.environ.get(KEYS_VARIABLE)
        return cls(
            require or os.environ.get(REQUIRE_VARIABLE, "").casefold() not in ("", "0", "no", "false"),
            keys if keys is not None or not named else Path(named),
            allow_rollback,
        )

    def trusted_keys(self) -> TrustedKeys:
        """Return the trusted keys; none where there is no file of them and none was named.

        Raises
        ------
        KeyFileError
            When the file cannot be used, or the one that was named is not there.
        """
        path = self.keys or default_keys_path()
        if self.keys is None and not path.exists():
            return TrustedKeys()
        return load_trusted_keys(path)

    def check(self, path: Path, sha256: str, size: int) -> Signed | None:
        """Check the signature beside a library, before anything in it is parsed.

        Parameters
        ----------
        path
            The library, by the name it is opened under.
        sha256, size
            Of its bytes, as they will be used.

        Returns
        -------
        Signed or None
            By a trusted key; None where nothing says who made it, and nothing has to.

        Raises
        ------
        MissingSignatureError, InvalidSignatureError, UntrustedKeyError, RollbackError
            As their names say.
        """
        beside = signature_path(path)
        if not beside.exists() and not beside.is_symlink():
            if not self.require:
                return None
            raise MissingSignatureError(
                "the library is not signed, and a signature is required",
                where=str(path),
                remedy=f"put {beside.name} beside it, or sign it with `spectriage library sign`",
            )
        of_it = [
            each
            for each in read_signatures(beside)
            if each.statement.sha256 == sha256 and each.statement.size == size
        ]
        if not of_it:
            raise InvalidSignatureError(
                "the signature is not of this file: one of them was changed or replaced",
                where=str(path),
                remedy="get both again from whoever made them",
            )
        holding = [each for each in of_it if each.holds]
        if not holding:
            raise InvalidSignatureError("the signature was forged or damaged", where=str(beside))
        return self._believed(holding, path)

    def _believed(self, holding: list[Signed], path: Path) -> Signed | None:
        known = self.trusted_keys()
        for signed in holding:
            key = known.find(signed.key.raw)
            if key is not None:
                believed = Signed(signed.statement, key, signed.signature)
                check_release(state_folder(), believed, path, allow_older=self.allow_rollback)
                return believed
        if not self.require and not known.keys:
            return None
        key_id = holding[0].key.key_id
        gone = key_id in known.revoked
        raise UntrustedKeyError(
            f"the library is signed by the key {key_id}, which {'was revoked' if gone else 'is not trusted'}",
            where=str(path),
            remedy="get a new release" if gone else "add its public key to the trusted keys, if it is right",
        )


JUST_MADE = Trust(own=True)
"""Of a file that this program has just written, or keeps in the user's own cache, which it trusts."""
