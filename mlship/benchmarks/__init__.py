"""Benchmarks: how fast a model answers, in process and over HTTP, and a report that can be read and compared."""
