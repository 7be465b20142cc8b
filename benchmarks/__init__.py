"""Benchmarks, run by ``make bench``: side by side in one process, told as ratios."""
