"""Registries: where images come from and go to."""
