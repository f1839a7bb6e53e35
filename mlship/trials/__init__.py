"""Trials of a model and of a service: what is run, in which order, and what is measured of it."""
