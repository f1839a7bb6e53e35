"""The gateways that stand before copies of a service: what each is, runs as, and is told."""
