"""Benchmarks for pytest-benchmark; each file is named on the command line to run it."""
