"""Which materials are powders: their state at room temperature, a fact that a label does not say."""

from __future__ import annotations

from spectriage.bench.sets.names import fold

NO_POWDERS = (
    # liquids
    "1-butanol", "1-hexanol", "1-octen-3-ol", "1-pentanol", "1-propanol", "2-aminobutane", "2-butanol",
    "2-butanone", "2-methyl propanol", "2-propanol", "4-acetylpyridine", "acetic acid", "acetone",
    "acetonitrile", "aniline", "benzene", "benzonitrile", "benzyl alcohol", "chloroform", "coconate ester",
    "coconut fatty acid ester", "cyclohexane", "cyclohexanol", "dichloromethane", "diethyl amine",
    "diethyl ether", "diethylether", "dimethyl carbonate", "dimethylcarbonate", "dimethyl sulfoxide",
    "dimethylsulfoxide", "dmso", "ethanol", "ethyl acetate", "ethylene glycol", "glycerol", "heptane",
    "hexane", "hydrogen peroxide", "icaridin", "isobutanol", "isopropanol", "lactic acid", "methanol",
    "methyl ethyl ketone", "methyl isobutyl ketone", "n-butyl acetate", "butyl acetate", "nitrobenzene",
    "nitromethane", "octane", "pentane", "polyethylene glycol", "propylene glycol", "pyridine",
    "tert-butyl methyl ether", "tetrahydrofuran", "toluene", "triacetin", "vinyl acetate", "vinylacetate",
    "water", "xylene",
    # oils
    "canola oil", "castor oil", "coconut oil", "linseed oil", "mineral oil", "olive oil", "peanut oil",
    "sesame oil", "soybean oil", "sunflower oil",
    # neither organic nor salts
    "diamond", "graphite", "glass", "quartz", "silicon", "silicon carbide", "silicon dioxide", "sulfur",
    "titanium dioxide",
    # polymers
    "polyethylene", "polypropylene", "polystyrene", "pet", "polyethylene terephthalate", "ptfe", "pvc",
    "polytetrafluoroethylene", "polycarbonate", "pmma", "polyamide",
)  # fmt: skip
"""Liquids and oils, elements, oxides and carbides, and polymers."""

_NO_POWDERS = frozenset(fold(name) for name in NO_POWDERS)


def is_solid(substance: str) -> bool:
    """Whether a material is an organic or a salt powder: it is not listed as anything else."""
    name = fold(substance)
    return name not in _NO_POWDERS and not name.endswith((" oil", " alcohol", " ether"))
