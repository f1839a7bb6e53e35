"""Scaffolds: one web framework each, filling templates/service with the user's model."""
