"""The typed error of scoring again."""

from __future__ import annotations

from spectriage.spectra.errors import SpectriageError


class RescoreError(SpectriageError):
    """Old results that cannot be scored again: no results, or the spectra behind them are gone or changed."""
