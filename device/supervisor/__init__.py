"""The supervisor: a small process that owns a USB unit and ends its light when the program that fires cannot.

``client ── remote ──► process (server + watch) ──► libusb ──► unit``

The program talks to its unit through `remote`, a pyusb backend whose transfers are done by `process`; drivers
do not know. The process lets an "on" pass only while the program has a grant and its heart beats, and
commands off when it dies, stops, stalls or keeps the light for longer than it was granted (`watch`). When the
supervisor dies, `client` sees it at once, opens the unit itself, switches it off and tells the laser guard.

Only pyusb and the standard library are imported here.
"""
