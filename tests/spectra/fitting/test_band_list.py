"""What is told of bands by their numbers is what their objects tell."""

import pickle

from hypothesis import given
from hypothesis import strategies as st

from spectriage.spectra.fitting.band_list import BandList, BandSupport

bands = st.lists(
    st.builds(
        BandSupport,
        st.floats(100.0, 4000.0),
        st.floats(0.0, 1.0),
        st.one_of(st.floats(0.0, 2.0), st.just(0.6)),
        st.booleans(),
        st.booleans(),
    ),
    max_size=8,
)


@given(bands)
def test_numbers_tell_what_the_objects_tell(made):
    together = BandList.of(made)
    assert together == tuple(made)
    alone = sum(band.supports for band in made if not band.shared_phenyl)
    shared = any(band.supports for band in made if band.shared_phenyl)
    assert together.independent == alone + shared
    assert list(together.rows()) == [
        (band.shift_cm, band.height, band.remaining, band.supports) for band in made
    ]
    assert pickle.loads(pickle.dumps(together)) == together
    assert BandList.of(together) is together
