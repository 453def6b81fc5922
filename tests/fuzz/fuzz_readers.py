"""Fuzz one reader, guided by coverage: ``python fuzz_readers.py TARGET [options of libFuzzer]``.

Any input must give spectra or a typed error. Needs the package atheris; `test_fuzz.py` runs it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
MAX_SPECTRA = 20
TARGETS = ("text", "jcamp", "spc", "wdf", "opus", "sif", "spe", "nexus", "library")


def corpus(target: str) -> list[bytes]:
    """Return the seeds of a target, in a fixed order."""
    return [path.read_bytes() for path in sorted((CORPUS / target).iterdir())]


def _reader(target: str) -> Callable[[bytes], object]:
    """Return what reads all that some bytes hold; it raises typed errors only."""
    from spectriage.spectra.formats.binary.detect import _read
    from spectriage.spectra.formats.detect import _contents
    from spectriage.spectra.formats.source import Source, text_source

    folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    path = folder / "input"

    def some(contents: object) -> None:
        for i in range(min(len(contents.names), MAX_SPECTRA)):  # type: ignore[attr-defined]
            contents.load(i)  # type: ignore[attr-defined]

    def text(data: bytes) -> None:
        some(_contents(text_source(data, "input"), None))

    def binary(data: bytes) -> None:
        path.write_bytes(data)
        found = _read(Source(str(path), "input", []), data)
        if found is not None:
            some(found)

    def library(data: bytes) -> None:
        from spectriage.library.store.file import read_library

        path.write_bytes(data)
        read_library(path)

    if target in ("text", "jcamp"):
        return text
    return library if target == "library" else binary


def reads_or_refuses(target: str) -> Callable[[bytes], None]:
    """Return a function of one input that lets typed errors pass, and no others."""
    from spectriage.spectra.errors import SpectriageError

    read = _reader(target)

    def one(data: bytes) -> None:
        with suppress(SpectriageError):
            read(data)

    return one


def main() -> None:
    """Run libFuzzer on a target."""
    import atheris

    target = sys.argv.pop(1)
    if target not in TARGETS:
        sys.exit(f"no target {target!r}; there are {', '.join(TARGETS)}")
    watched = [
        "spectriage.spectra.formats",
        "renishawWiRE",
        "brukeropus",
        "sif_parser",
        "spectriage.library.store",
    ]
    with atheris.instrument_imports(include=watched):
        one = reads_or_refuses(target)
        one(corpus(target)[0])
    seeds = str(CORPUS / target)
    # what is found is kept apart from the seeds
    found = tempfile.mkdtemp()
    options = [
        "-timeout=20",
        "-rss_limit_mb=3000",
        "-max_len=8192",
        "-close_fd_mask=1",
        *sys.argv[1:],
        found,
        seeds,
    ]
    atheris.Setup([sys.argv[0], *options], one)
    atheris.Fuzz()


if __name__ == "__main__":
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")
    main()
