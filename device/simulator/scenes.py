"""Samples by name: what an operator meets, as mixtures by weight. Their make-up is assumed, not surveyed."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Scene:
    """A named sample.

    Parameters
    ----------
    summary
        What it is.
    mixture
        As in a ``sim:`` URI, in weight fractions.
    options
        Options that it sets where the URI does not.
    lamp
        Element of a calibration lamp that shines into the instrument; empty for none.
    """

    summary: str
    mixture: str
    options: dict[str, str] = field(default_factory=dict)
    lamp: str = ""


SCENES = {
    "street-sample": Scene(
        "a strong drug in common cutting agents",
        "heroin hcl:0.35+caffeine:0.25+acetaminophen:0.25+mannitol",
        {"packaging": "ldpe", "uneven": "0.3"},
    ),
    "trace-opioid": Scene(
        "a few per cent of a potent opioid in a sugar",
        "fentanyl hcl:0.03+mannitol:0.6+lactose",
        {"packaging": "ldpe", "uneven": "0.5"},
    ),
    "counterfeit-pill": Scene(
        "a pressed pill of binder with little active",
        "fentanyl hcl:0.02+acetaminophen:0.1+microcrystalline cellulose:0.5+lactose",
        {"uneven": "0.6", "fluorescence": "2"},
    ),
    "genuine-pill": Scene(
        "a painkiller tablet", "acetaminophen:0.85+starch:0.1+povidone", {"fluorescence": "0.5"}
    ),
    "bagged": Scene("a plain powder in a clear bag", "caffeine", {"packaging": "ldpe"}),
    "bottled": Scene("a solvent in a plastic bottle", "isopropanol", {"packaging": "pet"}),
    "oxidiser": Scene("fertiliser prills", "ammonium nitrate", {"packaging": "ldpe"}),
    "dark-powder": Scene(
        "a strongly fluorescent powder", "starch", {"fluorescence": "50", "brightness": "0.5"}
    ),
    "empty-bag": Scene(
        "nothing but the bag", "sodium chloride", {"packaging": "ldpe:0.3", "fluorescence": "0.05"}
    ),
}
_LAMP = {"brightness": "0", "fluorescence": "0", "ambient": "100000"}
SCENES |= {
    "neon-lamp": Scene("a neon lamp for calibration", "sodium chloride", _LAMP, lamp="Ne"),
    "argon-lamp": Scene("an argon lamp for calibration", "sodium chloride", _LAMP, lamp="Ar"),
}
"""Scenes by the name that ``sim:NAME`` takes."""
