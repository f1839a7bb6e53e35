"""Converters: from a loaded model to another format, with the golden set that proves it."""
