"""Attacks on the laser's off: deaths of the program (`deaths`), `lies` of the unit, `races`.

Each attack is run against the real drivers over an emulated unit, which says when light was on; `attacks`
runs them all and counts, and `cost` measures what the supervisor adds to a scan.
"""
