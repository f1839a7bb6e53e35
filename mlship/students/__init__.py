"""Small models that learn to answer like a large one."""
