"""How strongly materials scatter, by weight: what turns weight fractions into fractions of the Raman signal.

No table of solid-state Raman cross sections at 785 nm was opened for this: the figures are assumptions by
kind of bond, of the order that powder mixtures show (aromatic rings scatter several times as strongly by
weight as sugars and starch; table salt does not at all). They are relative to acetaminophen and good to a
factor of two or three at best, so a limit of detection by weight simulated with them is of that quality. A
scan made with them says ``weights_assumed``.
"""

from __future__ import annotations

STRENGTHS = {
    "aromatic": 1.0,
    "conjugated": 0.8,
    "nitro": 1.5,
    "sulfur": 2.0,
    "oxyanion": 0.5,
    "oxide": 2.0,
    "aliphatic": 0.3,
    "sugar": 0.25,
    "polysaccharide": 0.12,
    "silicate": 0.1,
    "none": 0.0,
}
"""Integrated Raman signal per mass by kind, relative to acetaminophen powder. Assumed."""

KINDS = {
    "aromatic": (
        *("acetaminophen", "aspirin", "ibuprofen", "ketoprofen", "benzocaine", "lidocaine", "phenacetin"),
        *("procaine", "methylparaben", "polystyrene", "pet", "polycarbonate", "toluene", "benzene"),
        *("benzonitrile", "naphthalene", "fentanyl", "heroin", "cocaine", "xylazine", "ketamine", "mdma"),
    ),
    "conjugated": ("caffeine", "theophylline", "melamine", "metamizole", "nicotinamide", "ascorbic acid"),
    "nitro": ("tnt", "rdx", "hmx", "petn"),
    "sulfur": ("sulfur",),
    "oxyanion": (
        *("ammonium nitrate", "potassium nitrate", "sodium nitrate", "barium nitrate", "strontium nitrate"),
        *("potassium chlorate", "potassium perchlorate", "calcium carbonate", "sodium carbonate"),
        *("sodium hydrogen carbonate", "sodium sulfate", "calcium sulfate dihydrate", "boric acid"),
    ),
    "oxide": ("titanium dioxide",),
    "aliphatic": (
        *("polyethylene", "polypropylene", "stearic acid", "magnesium stearate", "polyethylene glycol"),
        *("urea", "glycine", "taurine", "citric acid", "dimethyl sulfone", "povidone", "glycerol"),
    ),
    "sugar": ("lactose", "sucrose", "glucose", "fructose", "mannitol", "maltose", "trehalose"),
    "polysaccharide": (
        *("starch", "cellulose", "microcrystalline cellulose", "amylose", "amylopectin", "maltodextrin"),
        *("hypromellose", "regenerated cellulose"),
    ),
    "silicate": ("talc", "quartz"),
    "none": ("sodium chloride", "potassium chloride"),
}
"""Which kind a substance is taken to be, by its name in the catalogue or the first word of it."""

UNLISTED_STRENGTH = 0.5
"""Assumed for a material that stands in no list."""

_BY_NAME = {name: kind for kind, names in KINDS.items() for name in names}


def relative_strength(substance: str, family: str = "") -> float:
    """Return the assumed Raman signal per mass relative to acetaminophen.

    Parameters
    ----------
    substance, family
        As the catalogue names them; a fentanyl analogue counts as its family.
    """
    for name in (substance.casefold(), family.casefold()):
        for candidate in (name, name.split(" (")[0], name.split("-class")[0], name.split(" ")[0]):
            if candidate in _BY_NAME:
                return STRENGTHS[_BY_NAME[candidate]]
    return UNLISTED_STRENGTH
