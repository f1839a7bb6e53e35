"""How a server, or a web framework behind it, hands requests to the service."""
