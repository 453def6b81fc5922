"""Wavelengths in air and vacuum against published pairs."""

import numpy as np
import pytest

from spectriage.spectra.signal.wavelength import air_to_vacuum_nm


@pytest.mark.parametrize(
    ("air_nm", "vacuum_nm"),
    [
        # NIST Atomic Spectra Database: the same lines in air and in vacuum
        (546.0750, 546.2268),  # Hg I
        (632.8161, 632.9914),  # He-Ne, Ne I
        (811.5311, 811.7542),  # Ar I
        (912.2967, 912.5471),  # Ar I
    ],
)
def test_lines_stand_where_they_do_in_vacuum(air_nm, vacuum_nm):
    assert float(air_to_vacuum_nm(air_nm)) == pytest.approx(vacuum_nm, abs=4e-4)


def test_vacuum_is_longer_and_keeps_the_order():
    air = np.linspace(400.0, 1700.0, 500)
    vacuum = air_to_vacuum_nm(air)
    assert (vacuum > air).all()
    assert (np.diff(vacuum) > 0).all()
    assert np.ptp((vacuum - air) / air) < 1e-5
