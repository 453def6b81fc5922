"""The simulated spectrometer behind ``sim:`` URIs: photons, not curves.

Every physical parameter is in `presets`; what real instruments differ by in `perturbation`. What it yields is
simulated, and says so.
"""
