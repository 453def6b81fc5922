"""Why a library is not trusted: each reason has its own error."""

from __future__ import annotations

from spectriage.spectra.errors import LibraryError


class SignatureError(LibraryError):
    """A library that is not trusted."""


class MissingSignatureError(SignatureError):
    """A library without a signature where one is required."""


class InvalidSignatureError(SignatureError):
    """A signature that is not one, or not of these bytes."""


class UntrustedKeyError(SignatureError):
    """A signature by a key that nobody here trusts, or that was revoked."""


class RollbackError(SignatureError):
    """A release older than one that was seen before."""


class KeyFileError(SignatureError):
    """A file of keys that cannot be used."""
