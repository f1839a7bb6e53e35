"""Deployments on the container engine of this machine."""
