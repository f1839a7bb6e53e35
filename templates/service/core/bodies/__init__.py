"""From the bytes of a body to the rows of the model, and from its arrays to the bytes of an answer."""
