"""mlship: from a trained model file to a checked, running service."""

__version__ = "0.1.0"
