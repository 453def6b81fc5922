"""The figures that a change of the decision is judged by, all of them together.

The old trap is to buy one with another: fewer false alarms with fewer detections, more answers with limits
that do not hold. `floor` is what is owed, `aim` what is wanted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from spectriage.spectra.origin import Origin


@dataclass(frozen=True)
class Floor:
    """One figure and what it should be.

    Parameters
    ----------
    figure
        Its name in a benchmark's JSON.
    title
        As printed.
    floor, aim
        None where none is set.
    better
        Which way is better.
    origin
        Measured or simulated: the two stay apart.
    of_before
        The floor as a multiple of what an older run reached, for what depends on the sets at hand.
    """

    figure: str
    title: str
    floor: float | None
    aim: float | None
    better: Literal["less", "more"]
    origin: Origin = Origin.MEASURED
    of_before: float | None = None


_S = Origin.SIMULATED

FLOORS = (
    Floor("field: false raises", "field spectra: falsely raised", 0.01, 0.003, "less"),
    Floor("field: materials falsely raised", "field spectra: materials falsely raised", 4, 2, "less"),
    Floor("field: fentanyl scan", "field spectra: the fentanyl scan alarms", 1, 1, "more"),
    Floor("answers: NO_ALARM, all", "harmless, rightly named: NO_ALARM", 0.65, 0.85, "more"),
    Floor("answers: NO_ALARM, neat", "– neat", None, None, "more"),
    Floor("answers: NO_ALARM, white powder", "– white powders of another agency", None, None, "more"),
    Floor("answers: NO_ALARM, through packaging", "– through packaging", None, None, "more"),
    Floor("limits: found at the limit, solids", "found at the stated limit: solids", 0.93, 0.96, "more"),
    Floor("limits: found at the limit, all", "found at the stated limit: all", 0.90, 0.96, "more"),
    Floor("limits: worst target, all", "found at the stated limit: worst target", 0.75, 0.96, "more"),
    Floor(
        "limits: found at the limit, solids, as measured", "– solids, without added noise", None, None, "more"
    ),
    Floor("limits: found at the limit, all, as measured", "– all, without added noise", None, None, "more"),
    Floor("limits: stated, solids", "limits stated: solids", None, None, "more", of_before=0.97),
    Floor("limits: stated, others", "limits stated: others", None, None, "more", of_before=0.57),
    Floor("limits: median, solids, as measured", "median limit, solids", None, None, "less", of_before=1.6),
    Floor(
        "limits: NO_ALARM at the limit, solids",
        "NO_ALARM with the target at its limit: solids",
        0.04,
        0.01,
        "less",
    ),
    Floor(
        "limits: NO_ALARM at the limit, others",
        "NO_ALARM with the target at its limit: others",
        0.06,
        0.01,
        "less",
    ),
    Floor(
        "hazards: wrongly cleared",
        "real hazards: NO_ALARM at or above the limit, or none stated",
        0.005,
        0.001,
        "less",
    ),
    Floor("hazards: cleared against the limit", "– at or above a limit that is stated", None, None, "less"),
    Floor("hazards: cleared in silence", "– the answer does not speak of the hazard", None, None, "less"),
    Floor("hazards: wrongly cleared, known", "– of substances that the library has", None, None, "less"),
    Floor("hazards: reported", "real hazards: reported", None, None, "more", of_before=1.0),
    Floor("hazards: reported, known", "– of substances that the library has", None, None, "more"),
    Floor(
        "hazards: reported rightly",
        "real hazards: reported as what they are",
        None,
        None,
        "more",
        of_before=1.0,
    ),
    Floor(
        "hazards: neat, reported rightly",
        "real hazards, neat: reported as what they are",
        None,
        None,
        "more",
        of_before=1.0,
    ),
    Floor(
        "hazards: found where promised", "real hazards: found where the main promises it", None, 0.95, "more"
    ),
    Floor("mixtures: precision", "mixtures: precision", 0.97, 0.99, "more"),
    Floor("mixtures: recall of 10 %", "mixtures: recall of 10 %", None, 0.92, "more", of_before=0.98),
    Floor("open set: AUC", "open set: area under the curve", 0.999, 1.0, "more"),
    Floor("open set: TAR at 1 %", "open set: accepted at 1 % false", 0.99, 1.0, "more"),
    Floor("identification: median ms", "one identification, ms of processor time", 3.0, 2.0, "less"),
    Floor(
        "pod: fentanyl HCl at 10 %, 785-ccd",
        "POD of fentanyl HCl at 10 % of the signal",
        0.85,
        0.95,
        "more",
        _S,
    ),
    Floor("blanks: raised, 785-ccd", "simulated blanks: raised", 0.0, 0.0, "less", _S),
    Floor("garbage: ALARM", "made-up spectra: ALARM", 1, 0, "less", _S),
    Floor("garbage: WARNING", "made-up spectra: WARNING", 15, 5, "less", _S),
    Floor("garbage: NO_ALARM", "made-up spectra: NO_ALARM", 0, 0, "less", _S),
    Floor("trigger: median, s", "trigger to verdict: median, s", 10.0, 5.0, "less", _S),
    Floor("trigger: worst, s", "trigger to verdict: worst, s", 60.0, 30.0, "less", _S),
)
"""The rows of `spectriage bench decide` and `compare`, in the order of printing."""
