"""What is watched for in scans: the targets of the policy, and the hazards that a fit has besides."""

from __future__ import annotations

from collections.abc import Sequence

from spectriage.spectra.contrast.index import ContrastIndex
from spectriage.spectra.evidence.target_list import TargetList
from spectriage.spectra.evidence.target_rows import TargetRows, target_rows
from spectriage.spectra.evidence.targets import Asked, Weighed, limits_hold, weigh_targets
from spectriage.spectra.fitting.fit import Fit
from spectriage.spectra.fitting.fitter import Fitter
from spectriage.spectra.fitting.refit import Given, fit_each
from spectriage.spectra.policy.policy import Policy
from spectriage.spectra.policy.target import Target
from spectriage.spectra.reference import Tier
from spectriage.spectra.verdict.scan import Scan


class Watch:
    """The targets of a policy in a library.

    Parameters
    ----------
    index, policy
        The library, and what is watched for.

    Attributes
    ----------
    unwatched
        Targets of the policy that the library has no reference of: no scan could show them.
    """

    def __init__(self, index: ContrastIndex, policy: Policy) -> None:
        self._index = index
        self._policy = policy
        self._targets = target_rows(index.references, policy, policy.targets)
        self._watched = frozenset(row for known in self._targets for row in known.rows)
        # a computed reference is a hint: what only such ones show could not be reported if it were there
        shown = index.references.among("family", policy.watched_families)
        shown &= index.references.column("tier") != Tier.COMPUTED.encode()
        families = {name.decode("utf-8") for name in index.references.column("family")[shown].tolist()}
        self.unwatched = tuple(
            target.name
            for target in policy.targets
            if target.required and target.families and families.isdisjoint(target.families)
        )

    def weigh(self, scans: Sequence[Scan]) -> None:
        """Weigh every watched target in some scans; one that is found joins the fit."""
        alike: dict[tuple[TargetRows, ...], list[Scan]] = {}
        for scan in scans:
            alike.setdefault(self._other_hazards(scan.fit), []).append(scan)
        larger: list[tuple[Scan, Given]] = []
        for others, group in alike.items():
            known = self._targets + others
            asked = [Asked(scan.fitter, scan.fit, self._rejected(scan), scan.quality.snr) for scan in group]
            for scan, weighed in zip(group, weigh_targets(self._policy, known, asked), strict=True):
                rows = self._keep(scan, known, weighed)
                if rows != scan.fit.rows:
                    larger.append((scan, Given(scan.fitter, rows, scan.fit.axis)))
        for (scan, _), fit in zip(larger, fit_each([given for _, given in larger]), strict=True):
            scan.fit = fit

    def _rejected(self, scan: Scan) -> float | None:
        """Return the log gain of the best harmless addition that was not necessary, where one was tried."""
        rejected = scan.selection.rejected
        return None if rejected is None or self._index.hazardous[rejected[0]] else rejected[1]

    def _keep(self, scan: Scan, targets: Sequence[TargetRows], weighed: Weighed) -> tuple[int, ...]:
        """Keep what is to be said of the targets in a scan; return the rows of its fit, with what was found.

        Of other hazards than those that are watched for, the last ones, only what was found is told.
        """
        evidence, rows = weighed
        found = [place for place, look in evidence.looks.items() if look.found]
        whole = scan.fit.rows
        for place in found:
            if set(whole).isdisjoint(targets[place].rows):
                whole = (*whole, rows[place])
        if found:
            scan.found = frozenset([evidence.told[place].reference.family for place in found])
        watched = len(self._targets)
        others = [evidence[place] for place in found if place >= watched]
        if len(evidence) > watched:
            evidence = TargetList.of((*evidence[:watched], *others))
        scan.targets = evidence
        return whole

    def limits_are_noise(self, scans: Sequence[Scan]) -> list[bool]:
        """Say of each of some scans whether the limits would be within the policy if it had no noise."""
        if self.unwatched:
            return [False] * len(scans)
        within = [True] * len(scans)
        alike: dict[tuple[TargetRows, ...], list[int]] = {}
        for place, scan in enumerate(scans):
            found = {target.name for target in scan.targets.found}
            known = [own for own in self._targets if own.target.required and own.target.name not in found]
            alike.setdefault(tuple(known), []).append(place)
        for targets, places in alike.items():
            asked = self._without_noise([scans[place] for place in places])
            for place, holds in zip(places, limits_hold(self._policy, targets, asked), strict=True):
                within[place] = holds
        return within

    def _without_noise(self, scans: Sequence[Scan]) -> list[Asked]:
        """Return some scans as they would be without noise, explained by the same references."""
        quiet = [Fitter(self._index, scan.fitter.query.without_noise()) for scan in scans]
        given = [Given(own, scan.fit.rows, scan.fit.axis) for own, scan in zip(quiet, scans, strict=True)]
        return [Asked(own, fit, 0.0) for own, fit in zip(quiet, fit_each(given), strict=True)]

    def _other_hazards(self, fit: Fit) -> tuple[TargetRows, ...]:
        """Return the hazards in a fit that nobody watches for: they need no less evidence."""
        rows = [row for row in fit.rows if self._index.hazardous[row] and row not in self._watched]
        if not rows:
            return ()
        families = dict.fromkeys(self._index.records[row].family for row in rows)
        return target_rows(
            self._index.references, self._policy, [Target(family, (family,)) for family in families]
        )
