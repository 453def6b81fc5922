from spectriage.spectra.compile.bounded_cache import BoundedCache


def test_what_was_made_is_kept_and_the_oldest_goes_first():
    made = []
    kept = BoundedCache(lambda key: made.append(key) or [key], 2)
    first = kept(1)
    assert kept(1) is first
    kept(2)
    kept(3)
    assert len(kept) == 2
    assert made == [1, 2, 3]
    assert kept(3) == [3]
    assert kept(1) is not first
    assert made == [1, 2, 3, 1]
