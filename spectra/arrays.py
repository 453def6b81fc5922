"""Names of array types, so that a signature says what an array holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
Int8Array = NDArray[np.int8]
ByteArray = NDArray[np.uint8]
IndexArray = NDArray[np.intp]
HalfArray = NDArray[np.uint16]
"""Upper halves of float32 numbers (the format known as bfloat16)."""
