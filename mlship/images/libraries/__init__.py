"""The libraries of an image: locked, unpacked, without what serving does not need."""
