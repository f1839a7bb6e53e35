"""Leaves out what a model can do without: trees, neurons, coefficients."""
