"""Of some inputs the lines that a batch writes: read in turn, their spectra identified together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from spectriage.library.inputs.item import Item
from spectriage.library.inputs.reader import Reader
from spectriage.library.service.answers import Answer, with_head
from spectriage.spectra.errors import FormatError, SpectriageError

if TYPE_CHECKING:
    from spectriage.spectra.identify import Identifier
    from spectriage.spectra.spectrum import Spectrum
    from spectriage.spectra.verdict.identification import Identification

TOGETHER = 128
"""So many spectra are identified together; no more inputs are held than give as many, the last one whole."""
READ_TRIES = 3
"""So often a file is read that changes meanwhile."""


class Line(NamedTuple):
    """A line of results, written out where it was made: others have only to pass it on.

    Parameters
    ----------
    verdict
        None for an error.
    text
        JSON with its line end.
    name, sha256, last
        As in the line.
    """

    verdict: str | None
    text: bytes
    name: str
    sha256: str
    last: bool


class _Read(NamedTuple):
    """An input with its hash and its spectra by name, or why there are none."""

    item: Item
    sha256: str
    spectra: dict[str, Spectrum] | Exception


def lines_of_items(engine: Identifier, reader: Reader, items: Iterable[Item], run: str) -> list[list[Line]]:
    """Return the lines of each of some inputs, as a batch writes them.

    One for each of an input's spectra, or one that says why there is none.
    """
    found: list[list[Line]] = []
    held: list[_Read] = []
    count = 0
    for item in items:
        held.append(_read(reader, item))
        count += len(held[-1].spectra) if isinstance(held[-1].spectra, dict) else 0
        if count >= TOGETHER:
            found += _lines_of(engine, held, run)
            held, count = [], 0
    return found + _lines_of(engine, held, run)


def _read(reader: Reader, item: Item) -> _Read:
    """Read an input, and its hash: of the very content that was read, whoever may be writing it meanwhile."""
    sha256 = reader.digest(item)
    for _ in range(READ_TRIES):
        spectra = _spectra(reader, item)
        if reader.holds(item):
            return _Read(item, sha256, spectra)
        before, sha256 = sha256, reader.digest(item)
        if before == sha256:
            return _Read(item, sha256, spectra)
    changing = FormatError(
        "the file changed whenever it was read", where=item.name, remedy="give it once it is written"
    )
    return _Read(item, sha256, changing)


def _spectra(reader: Reader, item: Item) -> dict[str, Spectrum] | Exception:
    """Return the spectra of an input, or why there are none."""
    try:
        spectra = dict(reader.spectra(item))
    except Exception as error:
        return error
    return spectra or SpectriageError("it holds no spectra", where=item.name)


def _lines_of(engine: Identifier, read: Sequence[_Read], run: str) -> list[list[Line]]:
    """Return the lines of inputs that are read."""
    answers = _identified(
        engine, [one for each in read if isinstance(each.spectra, dict) for one in each.spectra.values()]
    )
    found = []
    for item, sha256, spectra in read:
        if isinstance(spectra, dict):
            found.append(
                [
                    _line(item, sha256, run, name, _body(item, next(answers)), last=place == len(spectra))
                    for place, name in enumerate(spectra, 1)
                ]
            )
        else:
            found.append([_line(item, sha256, run, "", _failed(item, spectra, "reading"), last=True)])
    return found


def _identified(engine: Identifier, spectra: Sequence[Spectrum]) -> Iterator[Identification | Exception]:
    """Yield the answer to each spectrum, or the error; where one brings all to nothing, each by itself."""
    for start in range(0, len(spectra), TOGETHER):
        some = spectra[start : start + TOGETHER]
        try:
            answers: list[Identification | Exception] = list(engine.identify_each(some))
        except Exception:
            answers = [_identified_alone(engine, spectrum) for spectrum in some]
        yield from answers


def _identified_alone(engine: Identifier, spectrum: Spectrum) -> Identification | Exception:
    try:
        return engine.identify(spectrum)
    except Exception as error:
        return error


def _body(item: Item, made: Identification | Exception) -> tuple[str | None, str]:
    """Return the verdict, if there is one, and the object of a line."""
    if not isinstance(made, Exception):
        try:
            return str(made.verdict), made.json_text(input_name=item.name)
        except Exception as error:
            made = error
    return _failed(item, made, "identifying")


def _line(
    item: Item, sha256: str, run: str, spectrum: str, body: tuple[str | None, str], *, last: bool
) -> Line:
    """Return a line: what names it, and a verdict, if there is one, with its object as text."""
    head = {"run": run, "name": item.name, "sha256": sha256}
    verdict, text = body
    whole = with_head(head | ({"spectrum": spectrum} if spectrum else {}) | {"last": last}, text)
    return Line(verdict, whole.encode("ascii") + b"\n", item.name, sha256, last)


def _failed(item: Item, error: Exception, doing: str) -> tuple[None, str]:
    return None, json.dumps(Answer(item.name, error=_typed(error, doing)).to_json())


def _typed(error: Exception, doing: str) -> SpectriageError:
    """Return the error for a line of results; one input must not end a night's run, whatever it does."""
    if isinstance(error, SpectriageError):
        return error
    return SpectriageError(f"{doing} it failed: {type(error).__name__}: {error}")
