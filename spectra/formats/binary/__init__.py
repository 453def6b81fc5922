"""Vendors' binary formats: each told by its first bytes, each in a file of its own.

Where a package of the extra ``formats`` reads a format, it does so here too, behind checks: the packages
trust the counts and sizes in a file, and a damaged one would make them loop or swell. GRAMS SPC and Princeton
SPE are read by our own code; the package for the first knows neither the old version, nor the big-endian one,
nor traces in any order, and there is none for the second.
"""

from spectriage.spectra.formats.binary.detect import read_binary

__all__ = ["read_binary"]
