"""The limit of detection: how little of a target this scan would still have shown.

What the scan may hold of a target is taken out, and each of its references, perturbed to the mismatch between
instruments, put in by growing amounts until adding it to the model brings what is required, with a reserve.
The limit is that of the reference that is hardest to see; none where no amount would do, or too few of its
bands are in range. `limits_each` seeks them; here is what it goes by.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from spectriage.spectra.compile.jit import packed
from spectriage.spectra.evidence._kernels_limits import LimitRules
from spectriage.spectra.fitting.fitter import SETTINGS

LIMIT_SETTINGS = packed(SETTINGS._replace(iterations=2))
RESERVE = 2.0
"""By how much the gain at the limit of detection exceeds what is required."""
COVERAGE = np.array([1.6, 1.6, 1.6, 1.8, 1.8, 1.8, 1.6, 1.6, 1.6, 1.6, 1.2])
"""Factors on the amount so found, by the number of bands that are in range; the last for more. Conformal, in
groups (Vovk 2003; Mondrian) of 1 to 2, 3 to 5, 6 to 9 and more bands: with these, measured materials were
found at the limit in 98, 96, 94 and 92 of 100 sums of measured spectra, each with a library of the other
instrument, with and without noise (295, 250, 345 and 238 pairs of materials, from many bands to few).
`spectriage bench limits` says what is found now."""
LITTLE_RESERVE, WIDE_COVERAGE = 1.3, 2.5
"""Where one line among many cannot bring so much, less is wanted, and the factor is greater."""
NOISY_SNR = 80.0
"""Signal-to-noise ratio at which noise, which differs between scans, makes twice the amount needed."""
MOST_SHARE = 0.8
"""Of limits above this share of the signal one in five was not kept: none is stated."""
FEW_BANDS = 5
AMOUNTS = np.array([5e-3, 4.0])
"""Between which amounts the limit is sought, in units of the scan's derivative norm."""
IMITATORS = 2
RECALLED_WORTH = 1.5
"""Factor on amounts of references whose table was recalled. Of six tables that better evidence has since
replaced, the limits held for one, with this factor for two, and with none up to 6 for more (mean share found
0.32, 0.40 [0.07, 0.74], 0.46): where such a table is wrong no factor mends it. Provisional, n = 6;
`spectriage bench limits --recalled`."""


@lru_cache(maxsize=16)
def limit_rules(hazard_gain: float, margin: float) -> LimitRules:
    """Return what says that a target is found: that log gain, and that margin over each imitator; packed."""
    wanted = np.outer([RESERVE, LITTLE_RESERVE], [hazard_gain, margin])
    factors = np.stack([COVERAGE, np.full(COVERAGE.size, WIDE_COVERAGE)])
    return packed(LimitRules(wanted, factors, FEW_BANDS, AMOUNTS, IMITATORS, MOST_SHARE))
