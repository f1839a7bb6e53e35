"""The service without its web framework: bytes of a request in, bytes of an answer out."""
