"""Benchmarks, peers, labelled sets and validation."""
