"""Drivers of real spectrometers, and of recorded files.

Each is opened by its URI scheme through the registry; none knows another. What USB units share is private.
"""
