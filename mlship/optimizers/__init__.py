"""Optimizers make a converted model smaller or faster within what the user allows: a planner, and methods."""
