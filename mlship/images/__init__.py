"""Image builders: what makes a container image of a service, and proves it."""
