"""Optimizers: faster or smaller, measured, and never with another answer."""
