"""Kernel that writes numbers into a text as JSON has them: rounded, with no digit more than they need."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.compile._kernels_vectors import apart
from spectriage.spectra.compile.jit import kernel

INTEGER, SIX_DIGITS = 254, 255
"""In place of a number of decimals: a whole number without a point, and six significant digits."""
LONGEST = 25
"""Characters of one number, at most."""
NUMBER = 1
"""The code of a character that JSON never holds as it is: where a number comes."""
_STRIDE = 16
_SIGNIFICANT = 6
_MOST = 1e15
"""From here on not every whole number of its digits is a double."""
_EXACT_POWER = 22
"""Of ten: greater ones are no doubles."""
_LEAST_PLACE, _MOST_PLACE = -3, 16
"""Where the point stands, from the first digit on, in what Python writes without an exponent."""


@kernel()
def _scaled(value: float, power: int) -> float:
    """Return a positive value times a power of ten as a whole number; −1 where its rounding is not sure."""
    if abs(power) > _EXACT_POWER:
        return -1.0
    factor = 1.0
    for _ in range(abs(power)):
        factor *= 10.0
    exact = value * factor if power >= 0 else value / factor
    near = np.rint(exact)
    # the product is off by half a bit: next to a half it may be on the wrong side
    sure = exact < _MOST and 0.5 - abs(exact - near) > 1e-15 * (1.0 + exact)
    return float(near) if sure else -1.0


@kernel()
def _write_just(number: int, size: int, text: NDArray[np.uint8], at: int) -> int:
    """Write a whole number of no more than so many digits with as many; return where it ends."""
    room = text[at : at + size]
    for place in range(size):
        room[size - 1 - place] = ord("0") + number % 10
        number //= 10
    return at + size


@kernel()
def _write_digits(number: int, least: int, text: NDArray[np.uint8], at: int) -> int:
    """Write a whole number with at least so many digits; return where it ends."""
    size, left = 0, number
    while left > 0 or size < least:
        left //= 10
        size += 1
    return _write_just(number, size, text, at)


@kernel()
def _write_one(value: float, decimals: int, text: NDArray[np.uint8], at: int) -> int:
    """Write one number; return where it ends, and that is where it begins when it is not written."""
    size = abs(value)
    power = 0 if decimals == INTEGER else decimals
    whole = 0.0
    if decimals == SIX_DIGITS and size > 0.0 and size < np.inf:
        power = _SIGNIFICANT - 1 - int(np.floor(np.log10(size)))
        whole = _scaled(size, power)
        if whole >= 10.0**_SIGNIFICANT:
            # rounded up to one digit more, or the logarithm was
            power -= 1
            whole = _scaled(size, power)
    elif size > 0.0:
        whole = _scaled(size, power)
    if not whole >= 0.0 or not size < np.inf:
        return at
    if np.signbit(value):
        text[at] = ord("-")
        at += 1
    digits = int(whole)
    if decimals == INTEGER:
        return _write_digits(digits, 1, text, at)
    if digits == 0:
        power = 0
    while digits > 0 and digits % 10 == 0:
        digits //= 10
        power -= 1
    count, left = 0, digits
    while left > 0:
        left //= 10
        count += 1
    place = max(count, 1) - power
    plain = _LEAST_PLACE <= place <= _MOST_PLACE
    # so many digits behind the point; zeros before it where the number goes on beyond its digits
    behind = max(power, 0) if plain else count - 1
    unit = 1
    for _ in range(behind):
        unit *= 10
    before = digits // unit
    for _ in range(-power if plain else 0):
        before *= 10
    at = _write_digits(before, 1, text, at)
    if plain or behind > 0:
        text[at] = ord(".")
        at = _write_just(digits % unit, max(behind, 1), text, at + 1)
    if plain:
        return at
    text[at] = ord("e")
    text[at + 1] = ord("+") if place > 0 else ord("-")
    return _write_digits(abs(place - 1), 2, text, at + 2)


@kernel()
def _next_number(template: NDArray[np.uint8], start: int) -> int:
    """Return where the next number comes, from a place on; the size of the template where none does."""
    place, known = start, False
    while not known and place + _STRIDE <= template.size:
        stride = template[place : place + _STRIDE]
        # without a way out of the loop: so the processor compares them all at once
        for i in range(_STRIDE):
            known |= stride[i] == NUMBER
        place += 0 if known else _STRIDE
    while place < template.size and template[place] != NUMBER:
        place += 1
    return place


@kernel()
def fill_in(
    template: NDArray[np.uint8],
    values: FloatArray,
    decimals: NDArray[np.uint8],
    text: NDArray[np.uint8],
    unsure: NDArray[np.intp],
) -> tuple[int, int]:
    """Write a text with numbers where it has `NUMBER`; return its length, and how many are left over.

    Parameters
    ----------
    template
        ASCII; it has `NUMBER` n times.
    values, decimals
        The numbers in their order, and to how many decimals each is rounded, or `INTEGER` or `SIX_DIGITS`;
        shape (n,).
    text
        Written, with room for the template and n times `LONGEST`: each number as Python writes it when it was
        rounded. `NUMBER` stays for one that is not finite, or whose rounding takes more than double precision
        to tell.
    unsure
        Written: which those are, shape (n,).
    """
    apart()
    at, which, missing, start = 0, 0, 0, 0
    while start < template.size:
        place = _next_number(template, start)
        # what stands between two numbers is copied at once
        between, room = template[start:place], text[at : at + place - start]
        for i in range(between.size):
            room[i] = between[i]
        at += place - start
        start = place + 1
        if place < template.size:
            end = _write_one(values[which], int(np.intp(decimals[which])), text, at)
            if end == at:
                text[at] = NUMBER
                unsure[missing] = which
                missing += 1
                end = at + 1
            at = end
            which += 1
    return at, missing
