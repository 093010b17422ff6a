"""Benchmarks: how fast the library is, against what, and where the time goes."""
