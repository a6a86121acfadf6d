"""Benchmarks: always ratios within one run, because machines differ and a machine's speed changes by the second."""
