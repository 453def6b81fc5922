"""Validation of a device, a library and the engine: plans, runs, statistics and the report."""
