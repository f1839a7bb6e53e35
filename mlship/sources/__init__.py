"""Sources: read the model files that users have, and say what is in them before anything is loaded."""
