"""Tables, intervals and many tasks at once: what every benchmark prints and counts with.

Measured and simulated results never stand in one table.
"""
