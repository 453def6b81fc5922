"""`Rules`: by which policy scans are decided: the one of the start, or a shipped one that was chosen here."""

from __future__ import annotations

from spectriage.device.serve.control import RefusedError
from spectriage.device.serve.kept import Kept
from spectriage.device.serve.models import PolicyChoice
from spectriage.spectra.policy import SHIPPED, Policy, load_policy

NAME = "policy"


class Rules:
    """A choice is kept over a restart, for as long as the service is started with the same policy.

    Parameters
    ----------
    start
        Name of a shipped policy, or the path of a file.
    kept
        Where the choice is kept.
    """

    def __init__(self, start: str, kept: Kept) -> None:
        self._kept = kept
        self._start = start
        self._loaded: dict[str, Policy] = {}
        self.chosen = start
        said = kept.get(NAME)
        if isinstance(said, dict) and said.get("start") == start and said.get("chosen") in self.choices:
            self.chosen = str(said["chosen"])

    @property
    def choices(self) -> tuple[str, ...]:
        """What may be chosen: those that are shipped, and the one of the start."""
        return SHIPPED if self._start in SHIPPED else (self._start, *SHIPPED)

    @property
    def policy(self) -> Policy:
        """The one that was chosen.

        Raises
        ------
        ParameterError
            Its file is none.
        """
        return self.of(self.chosen)

    def of(self, choice: str) -> Policy:
        """Return a policy that may be chosen; a file is read once, so that it cannot change under a service.

        Raises
        ------
        RefusedError
            It may not.
        ParameterError
            Its file is none.
        """
        if choice not in self.choices:
            raise RefusedError(
                "there is no such policy to choose",
                where=choice,
                remedy=f"choose one of {', '.join(self.choices)}",
                code="no-policy",
            )
        if choice not in self._loaded:
            # of two threads that read it one's is kept, for both
            self._loaded.setdefault(choice, load_policy(choice))
        return self._loaded[choice]

    def choose(self, choice: str) -> None:
        """Decide by another from now on, and after a restart.

        Raises
        ------
        ScanFileError
            It could not be kept; it holds until the service ends.
        """
        self.of(choice)
        self.chosen = choice
        self._kept.keep(NAME, {"start": self._start, "chosen": choice})

    def shown(self) -> tuple[PolicyChoice, ...]:
        """Return what may be chosen, and what is."""
        return tuple(
            PolicyChoice(
                choice=choice,
                name=policy.name,
                description=policy.description,
                sha256=policy.sha256,
                targets=tuple(target.name for target in policy.targets),
                chosen=choice == self.chosen,
            )
            for choice, policy in ((each, self.of(each)) for each in self.choices)
        )
