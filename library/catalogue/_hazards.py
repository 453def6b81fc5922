"""What finding a material of each class means, unless its entry says otherwise."""

from __future__ import annotations

from types import MappingProxyType

from spectriage.spectra.reference import Hazard

CLASS_HAZARDS = MappingProxyType(
    {
        "adulterant": Hazard.ADULTERANT,
        "alpha2-agonist": Hazard.ADULTERANT,
        "benzodiazepine": Hazard.CONTROLLED,
        "calibration": Hazard.NONE,
        "chemical": Hazard.NONE,
        "cutting-agent": Hazard.NONE,
        "dissociative": Hazard.CONTROLLED,
        "excipient": Hazard.NONE,
        "explosive": Hazard.EXPLOSIVE,
        "fentanyl": Hazard.CONTROLLED,
        "household": Hazard.NONE,
        "mineral": Hazard.NONE,
        "nitazene": Hazard.CONTROLLED,
        "opiate": Hazard.CONTROLLED,
        "opioid": Hazard.CONTROLLED,
        "oxidiser": Hazard.OXIDISER,
        "packaging": Hazard.NONE,
        "pharmaceutical": Hazard.NONE,
        "precursor": Hazard.PRECURSOR,
        "solvent": Hazard.NONE,
        "stimulant": Hazard.CONTROLLED,
    }
)
"""Hazard by material class.

"Controlled" means controlled in at least one of the United States or the United Nations schedules for any
member of the class in the catalogue. Cutting agents and medicines sold over the counter carry no hazard of
their own: they hide nothing and prove nothing. A class outside this table is not accepted in a catalogue.
"""
