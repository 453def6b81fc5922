"""Benchmark a matching algorithm of one's own on a labelled set, beside the known ones.

The set is made here, of simulated scans, and says so; put a manifest of measured spectra in its place.

Run: ``python -m spectriage.bench.examples.benchmark_a_peer FOLDER``
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

from spectriage.bench import Decision, Method, Ranked, compare_methods, read_set
from spectriage.bench.report.tables import Report
from spectriage.device.acquire import Acquirer
from spectriage.device.contract import Deadline, open_device
from spectriage.spectra import ReferenceSet, Spectrum

MATERIALS = ("caffeine", "acetaminophen", "sucrose", "citric acid", "aspirin", "urea")


class Positions(Method):
    """Compares only where the slope changes its sign: a crude peer, to show the interface."""

    name = "positions"

    def __init__(self, references: ReferenceSet) -> None:
        super().__init__(references)
        self._signs = np.sign(np.gradient(np.nan_to_num(references.spectra), axis=1))

    def rank(self, spectrum: Spectrum) -> list[Ranked]:
        """Return substances by the share of the axis on which both spectra rise or fall together."""
        values = np.interp(self.references.shift, spectrum.shift, spectrum.intensity)
        agreement = (self._signs * np.sign(np.gradient(values))).mean(axis=1)
        best: dict[str, float] = {}
        for record, score in zip(self.references.records, agreement.tolist(), strict=True):
            best[record.substance] = max(score, best.get(record.substance, -1.0))
        return sorted((Ranked(*pair) for pair in best.items()), key=lambda match: -match.score)

    def decide(self, spectrum: Spectrum) -> Decision:
        """Return the best match, whatever its score."""
        return Decision((self.rank(spectrum)[0].substance,))


def make_set(folder: Path) -> Path:
    """Write a labelled set of simulated scans; return its manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / "set.csv"
    with manifest.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("path", "substance", "instrument", "origin"))
        for seed, name in enumerate(MATERIALS):
            with open_device(f"sim:{name}?seed={seed}&unit=1") as device:
                raw = Acquirer(device).scan(Deadline.after(100.0, device.clock))
            spectrum = raw.to_spectrum()
            path = folder / f"{name}.csv"
            table = np.column_stack([spectrum.shift, spectrum.intensity])
            np.savetxt(path, table, "%.6g", ",", header="wavenumber,intensity", comments="")
            writer.writerow((path.name, name, "simulated unit 1", "simulated"))
    return manifest


def main(folder: Path) -> Report:
    """Make the set, compare three methods on it, print the table."""
    from rich.console import Console

    labelled = read_set(make_set(folder))
    peer = f"{__name__}:Positions" if __name__ != "__main__" else f"{__spec__.name}:Positions"
    report = compare_methods(labelled, methods=["hqi", "spectriage", peer])
    report.show(Console(width=180))
    report.write(folder / "match.json")
    return report


if __name__ == "__main__":
    main(Path(sys.argv[1]))
