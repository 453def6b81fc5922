"""Worked examples for lab scripts; each runs as ``python -m spectriage.bench.examples.NAME FOLDER``."""
