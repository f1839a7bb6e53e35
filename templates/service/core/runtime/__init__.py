"""The model folder: what is in it, and who runs it."""
