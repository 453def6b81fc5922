"""The benchmarks behind the README's tables, one file a table.

Each takes labelled sets and yields a report; none has a threshold of its own.
"""
