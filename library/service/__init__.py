"""A warm engine for other programs.

`make_engine` opens library and engine, `Engines` has one for each policy and packaging; `Answer` is what came
of one input; `batch` does many files into one, `stream` answers JSON lines, `warm_engine` makes the first
answer as fast as the next. Commands and devices call these; nothing here prints but progress.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.library.service.answers import EXIT_FAILED, Answer, answer, error_json, exit_code
    from spectriage.library.service.batch import run_batch
    from spectriage.library.service.engine import make_engine
    from spectriage.library.service.engines import Engines
    from spectriage.library.service.program import code_sha256
    from spectriage.library.service.progress import progress_bar
    from spectriage.library.service.stream import identify_stream
    from spectriage.library.service.warming import warm_engine

__all__ = [
    "EXIT_FAILED",
    "Answer",
    "Engines",
    "answer",
    "code_sha256",
    "error_json",
    "exit_code",
    "identify_stream",
    "make_engine",
    "progress_bar",
    "run_batch",
    "warm_engine",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "answers": ("Answer", "EXIT_FAILED", "answer", "error_json", "exit_code"),
        "batch": ("run_batch",),
        "engine": ("make_engine",),
        "engines": ("Engines",),
        "program": ("code_sha256",),
        "progress": ("progress_bar",),
        "stream": ("identify_stream",),
        "warming": ("warm_engine",),
    },
)
