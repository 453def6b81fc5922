"""`Identifier`: a calibrated spectrum in, a presumptive identification out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from spectriage.spectra.arrays import BoolArray
from spectriage.spectra.contrast.index import ContrastIndex
from spectriage.spectra.contrast.preparation import Prepared, prepare_each
from spectriage.spectra.errors import ParameterError, SpectriageError, SpectrumError
from spectriage.spectra.evidence.null import read_null
from spectriage.spectra.fitting.fitter import Fitter
from spectriage.spectra.fitting.selection import select_each, selection_rules
from spectriage.spectra.policy.policy import Policy
from spectriage.spectra.reference import ReferenceSet
from spectriage.spectra.sharing import groups_of
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.technique import Technique
from spectriage.spectra.verdict.concluding import Concluder
from spectriage.spectra.verdict.identification import Identification
from spectriage.spectra.verdict.named import with_odds_of_found
from spectriage.spectra.verdict.naming import Fitted, Namer
from spectriage.spectra.verdict.scan import Scan
from spectriage.spectra.verdict.watching import Watch
from spectriage.spectra.version import __version__

TOGETHER = 128
"""So many spectra of a batch go through each step together, in each thread: what is done once for all of them
takes Python a millisecond."""
WAITING = 2
"""So many groups a thread are under way or wait to be taken."""


class Identifier:
    """The engine: a library, prepared once, and a policy. Several threads may use one.

    Parameters
    ----------
    references
        The library.
    policy
        Thresholds and watched targets.
    packaging
        ``auto`` considers every packaging of the library, ``none`` none, else names of substances.
    technique
        How the spectra to come are measured: only references measured alike may explain them.

    Raises
    ------
    ParameterError
        When a packaging, or any reference of the technique, is not in the library.

    Examples
    --------
    >>> from spectriage.library import open_library          # doctest: +SKIP
    >>> engine = Identifier(open_library())                  # doctest: +SKIP
    >>> engine.identify(spectrum).verdict                    # doctest: +SKIP
    """

    def __init__(
        self,
        references: ReferenceSet,
        policy: Policy | None = None,
        *,
        packaging: str | Sequence[str] = "auto",
        technique: Technique = Technique.NORMAL,
    ) -> None:
        self.technique = technique
        self.version = __version__
        self.references = references = references.of_technique(technique)
        if technique is not Technique.NORMAL and len(references) == 0:
            raise ParameterError(
                f"the library has no {technique.upper()} references",
                remedy="import some, see `spectriage library import --help`",
            )
        self.policy = policy or Policy()
        self.packaging = (packaging,) if isinstance(packaging, str) else tuple(packaging)
        self.index = ContrastIndex(references)
        self._allowed = self._allowed_rows(packaging)
        self._selection_rules = selection_rules(self.index, self._allowed, self.policy)
        self._watch = Watch(self.index, self.policy)
        self.null = read_null(references)
        self._namer = Namer(self.index, self.policy, self.null, self._allowed)
        self._concluder = Concluder(self.index, self.policy, self._watch, technique)

    def _allowed_rows(self, packaging: str | Sequence[str]) -> BoolArray:
        """Return which references may explain a spectrum: all but packaging that was not asked for."""
        allowed = np.ones(len(self.references), dtype=bool)
        names = [packaging] if isinstance(packaging, str) else list(packaging)
        wanted = {name.casefold() for name in names}
        if wanted == {"auto"}:
            return allowed
        if len(wanted) > 1 and wanted & {"auto", "none"}:
            raise ParameterError("packaging is either auto, or none, or names", remedy="give one of these")
        wanted -= {"none"}
        known = set()
        for row in np.flatnonzero(self.index.packaging):
            record = self.references.records[row]
            labels = {record.substance.casefold(), record.family.casefold(), record.id}
            labels |= set(record.id.split("-"))
            if labels & wanted:
                known |= labels & wanted
            else:
                allowed[row] = False
        if wanted - known:
            raise ParameterError(
                f"there is no packaging {', '.join(sorted(wanted - known))} in the library",
                remedy="`spectriage library list --class packaging` lists them",
            )
        return allowed

    def identify(self, spectrum: Spectrum, *, traces: bool = False, health: str = "") -> Identification:
        """Identify one spectrum.

        Parameters
        ----------
        spectrum
            The query, its axis in cm⁻¹.
        traces
            Whether to keep the curves behind the decision, for a plot.
        health
            Why the instrument's state forbids a conclusion; empty when it does not.

        Raises
        ------
        SpectrumError
            When the spectrum shares too little range with the library, or is flat.
        ParameterError
            When the library has no references.
        LibraryError
            When it cannot be read any more.
        """
        (scan,) = self._seen([spectrum])
        if isinstance(scan, SpectriageError):
            raise scan
        self._explain([scan])
        return self._concluder.conclude([scan], traces=traces, health=health)[0]

    def identify_each(
        self, spectra: Iterable[Spectrum], *, threads: int = 1
    ) -> Iterator[Identification | SpectriageError]:
        """Identify many spectra: the same results as one after the other, sooner.

        Some are taken through each step together: what the processor has at hand for a step serves all of
        them, and a thread that searches leaves Python to the others for long enough to be worth the change.

        Parameters
        ----------
        spectra
            Taken as they are needed.
        threads
            So many share the spectra; more than the machine has cores are of no use.

        Returns
        -------
        iterator
            In the order of the spectra; the error for one that cannot be identified.

        Raises
        ------
        ParameterError
            When there are fewer threads than one.
        """
        if threads < 1:
            raise ParameterError(f"{threads} threads cannot work")
        return self._each(groups_of(spectra, TOGETHER, threads), threads)

    def _each(
        self, groups: Iterator[list[Spectrum]], threads: int
    ) -> Iterator[Identification | SpectriageError]:
        if threads == 1:
            for group in groups:
                yield from self._identify_together(group)
            return
        waiting: deque[Future[list[Identification | SpectriageError]]] = deque()
        with ThreadPoolExecutor(threads) as pool:
            for group in groups:
                waiting.append(pool.submit(self._identify_together, group))
                if len(waiting) > WAITING * threads:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()

    def _identify_together(self, spectra: Sequence[Spectrum]) -> list[Identification | SpectriageError]:
        """Identify a few spectra, each step for all of them."""
        seen = self._seen(spectra)
        scans = [scan for scan in seen if isinstance(scan, Scan)]
        self._explain(scans)
        answers = iter(self._concluder.conclude(scans))
        return [next(answers) if isinstance(scan, Scan) else scan for scan in seen]

    def _seen(self, spectra: Sequence[Spectrum]) -> list[Scan | SpectriageError]:
        """Bring some spectra to the library's grid and into the contrast domain; errors stand in place."""
        refusals = [self._refusal(spectrum) for spectrum in spectra]
        taken = [own for own, refusal in zip(spectra, refusals, strict=True) if refusal is None]
        prepared = iter(prepare_each(taken, self.references.shift) if taken else ())
        return [self._scan(next(prepared)) if refusal is None else refusal for refusal in refusals]

    def _refusal(self, spectrum: Spectrum) -> ParameterError | None:
        """Return why a spectrum cannot be explained by this library."""
        if len(self.references) == 0:
            return ParameterError(
                "the library has no references", remedy="build one with `spectriage library build`"
            )
        if spectrum.technique is not self.technique:
            return ParameterError(
                f"a {spectrum.technique} spectrum cannot be explained by {self.technique} references",
                remedy=f"identify it as {spectrum.technique}",
            )
        return None

    def _scan(self, prepared: Prepared | SpectriageError) -> Scan | SpectriageError:
        if isinstance(prepared, SpectriageError):
            return prepared
        if prepared.contrast.norm == 0.0:
            return SpectrumError(
                "the spectrum is flat", remedy="check that the laser was on and the file is whole"
            )
        spectrum, query, baseline, quality, seen, block, place = prepared
        return Scan(spectrum, query, baseline, quality, Fitter(self.index, seen), block, place)

    def _explain(self, scans: Sequence[Scan]) -> None:
        """Find what explains some scans, what is to be said of the targets, and the names."""
        selections = select_each([scan.fitter for scan in scans], self._selection_rules)
        for scan, selection in zip(scans, selections, strict=True):
            scan.selection, scan.fit = selection, selection.fit
        self._watch.weigh(scans)
        named = self._namer.name(
            [Fitted(scan.fitter, scan.fit, scan.selection.alone, scan.quality.snr) for scan in scans]
        )
        for scan, (parts, candidates, unexplained) in zip(scans, named, strict=True):
            scan.parts, scan.candidates = with_odds_of_found(parts, scan.targets), candidates
            scan.unexplained = unexplained
