"""The typed errors of Spectriage: each says what is wrong, where, and what to do."""

from __future__ import annotations


class SpectriageError(Exception):
    """Base of every error that Spectriage raises on purpose.

    Parameters
    ----------
    what
        What is wrong, in one sentence without a full stop.
    where
        The file, line, index or device concerned.
    remedy
        What the caller can do about it.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        # a scheme ("ocean:") has its colon already
        head = f"{where.removesuffix(':')}: {what}" if where else what
        super().__init__(f"{head} ({remedy})" if remedy else head)


class SpectrumError(SpectriageError, ValueError):
    """Arrays that are not a spectrum."""


class FormatError(SpectriageError, ValueError):
    """A file that cannot be read as a spectrum."""


class NotAShiftAxisError(FormatError):
    """A file whose axis is not a Raman shift and cannot be turned into one."""


class SeveralSpectraError(FormatError):
    """A file that holds several spectra where one was asked for.

    Attributes
    ----------
    names
        The names by which one of them can be asked for.
    """

    def __init__(self, what: str, *, names: tuple[str, ...], where: str = "", remedy: str = "") -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.names = names


class ParameterError(SpectriageError, ValueError):
    """An argument outside what a function accepts."""


class LibraryError(SpectriageError):
    """A reference library that cannot be used."""


class TruncatedLibraryError(LibraryError):
    """A library file that ends before its content does."""


class ForeignFileError(LibraryError):
    """A file that is not a Spectriage library."""


class NewerSchemaError(LibraryError):
    """A library written by a newer version of Spectriage."""


class AlteredLibraryError(LibraryError):
    """A library whose content does not match its own hashes."""


class CatalogueError(LibraryError, ValueError):
    """A catalogue or manifest entry that is not acceptable."""


class DeviceError(SpectriageError):
    """Base of the errors of spectrometers."""
