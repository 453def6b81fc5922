"""A whole identification, calibrated spectrum in and decision out, against a pipeline of today's packages."""

from __future__ import annotations

from typing import Any

import pytest

from spectriage.bench.peers.identify import PeerPipeline
from spectriage.bench.sets.made_up import enlarged_library, made_up_scan
from spectriage.bench.suite._compare import compare, report  # noqa: F401
from spectriage.spectra.compile import lasting
from spectriage.spectra.identify import Identifier
from spectriage.spectra.reference import ReferenceSet
from spectriage.spectra.spectrum import Spectrum

SCANS, BATCH = 12, 768


def mixtures(references: ReferenceSet, scans: int) -> list[Spectrum]:
    """Return made-up scans of mixtures of one to three references."""
    count = len(references)
    return [
        made_up_scan(references, [(7 * i + step * 31) % count for step in range(1 + i % 3)], seed=i)
        for i in range(scans)
    ]


def engine_of(references: ReferenceSet) -> Identifier:
    """Return an engine as the commands make theirs: garbage is not sought in what lasts as long."""
    with lasting():
        return Identifier(references)


def identify(benchmark: Any, references: ReferenceSet, *, fit_all: bool) -> None:
    """Time identifications of mixtures of one to three references, each round the same scans."""
    scans = mixtures(references, SCANS)
    engine = engine_of(references)
    others = {"pipeline with a shortlist": PeerPipeline(references)}
    if fit_all:
        others["pipeline fitting all"] = PeerPipeline(references, shortlist=None)
    compare(
        benchmark,
        lambda: [engine.identify(scan) for scan in scans],
        {
            name: lambda peer=peer: [peer.identify(scan) for scan in scans]  # type: ignore[misc]
            for name, peer in others.items()
        },
        rounds=7,
    )
    benchmark.extra_info["microseconds a spectrum"] /= SCANS
    benchmark.extra_info["spectra a second"] = 1e6 / benchmark.extra_info["microseconds a spectrum"]


def test_shipped_library(benchmark: Any) -> None:
    """With the shipped library."""
    from spectriage.library.building import default_library

    benchmark.group = "identify, shipped library"
    references = default_library()
    benchmark.extra_info["references"] = len(references)
    identify(benchmark, references, fit_all=True)


@pytest.mark.parametrize("references", [1000, 10_000])
def test_large_library(benchmark: Any, references: int) -> None:
    """With the shipped library and made-up references besides."""
    benchmark.group = "identify, enlarged library"
    identify(benchmark, enlarged_library(references), fit_all=False)


def test_batch(benchmark: Any) -> None:
    """Many scans through `identify_each`, with one and two threads, against one after the other."""
    from spectriage.library.building import default_library

    benchmark.group = "identify, shipped library, in a batch"
    engine = engine_of(default_library())
    scans = mixtures(engine.references, BATCH)
    compare(
        benchmark,
        lambda: list(engine.identify_each(scans)),
        {
            "one after the other": lambda: [engine.identify(scan) for scan in scans],
            "two threads": lambda: list(engine.identify_each(scans, threads=2)),
        },
        rounds=7,
    )
    benchmark.extra_info["microseconds a spectrum"] /= BATCH
    benchmark.extra_info["spectra a second"] = 1e6 / benchmark.extra_info["microseconds a spectrum"]
