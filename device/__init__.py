"""Spectrometers, the simulator and acquisition."""
