"""The load generator: processes of their own that put a closed or an open loop of requests on a service."""
