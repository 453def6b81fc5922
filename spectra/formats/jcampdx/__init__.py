"""JCAMP-DX: labels, blocks, NTUPLES and the compressed forms of ordinates (ASDF), decoded here.

The package on the registry reads neither repeat counts above nine, nor repeats of a squeezed value, pairs in
XYDATA, NTUPLES or missing values, and leaves out lines that it does not understand without a word; so this is
one of the few formats that are read by our own code.

Sources: R. S. McDonald and P. A. Wilks, *Appl. Spectrosc.* 42, 151 (1988), JCAMP-DX 4.24; P. Lampen et al.,
*Appl. Spectrosc.* 53, 1 (1999), JCAMP-DX 5.01.
"""

from spectriage.spectra.formats.jcampdx.blocks import is_jcamp
from spectriage.spectra.formats.jcampdx.read import read_jcamp

__all__ = ["is_jcamp", "read_jcamp"]
