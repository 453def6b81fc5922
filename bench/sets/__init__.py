"""Labelled sets: spectra whose substance and instrument are known, and libraries made of them.

`read_set` and `load_set` read them, `Pairing` says which is identified by which; names that mean one
substance are in `names`, simulated scans in `simulation`.
"""
