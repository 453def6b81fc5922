"""Who made a library: Ed25519 signatures, trusted keys, and the memory that refuses an older release.

`sign_file` makes a detached signature, ``FILE.sig``; `Trust` says which keys are believed and whether a
signature is required. The check runs over the bytes of the file before the HDF5 parser sees one of them.

What is defended, and what is not:

* *Whoever can write the library file or the way it comes* (a share, a stick, a mirror) must not change an
  answer unseen: with ``--require-signature`` only a file that a trusted key signed is opened, byte for byte.
* *An old release put back* with its own, valid signature is refused: the highest release number seen of each
  library and key is remembered. A machine that never saw the newer one cannot know.
* *The file changed while in use* changes nothing: the bytes that were checked are held privately.
* *A library that disagrees with itself* (rows of its search matrix swapped and all hashes made again) is
  refused when it is opened, for the rows of what alarms or warns, and by ``library verify`` for all that is
  derived from the spectra; ``library sign`` does that first. Wrong spectra under right names cannot be found
  by any arithmetic: that is what a signer vouches for.
* *A file made to stop or crash the HDF5 parser*, its checksums made again: what no trusted key signed is
  parsed in a process of its own first, for a limited time; a signed one is believed.
* *Not defended*: whoever can write the trusted keys, the program, the memory of the process, or the user's
  own cache; and a key that was stolen, until it is marked ``revoked`` in the trusted keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.library.signing.errors import (
        InvalidSignatureError,
        MissingSignatureError,
        RollbackError,
        SignatureError,
        UntrustedKeyError,
    )
    from spectriage.library.signing.keys import PublicKey, generate_key, load_private_key, load_trusted_keys
    from spectriage.library.signing.signature import Signed, Statement, sign_file, signature_path
    from spectriage.library.signing.trust import Trust

__all__ = [
    "InvalidSignatureError",
    "MissingSignatureError",
    "PublicKey",
    "RollbackError",
    "SignatureError",
    "Signed",
    "Statement",
    "Trust",
    "UntrustedKeyError",
    "generate_key",
    "load_private_key",
    "load_trusted_keys",
    "sign_file",
    "signature_path",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "errors": (
            "InvalidSignatureError",
            "MissingSignatureError",
            "RollbackError",
            "SignatureError",
            "UntrustedKeyError",
        ),
        "keys": ("PublicKey", "generate_key", "load_private_key", "load_trusted_keys"),
        "signature": ("Signed", "Statement", "sign_file", "signature_path"),
        "trust": ("Trust",),
    },
)
