"""Gates on a benchmark: what the user wrote, what was measured, and whether the one lies beyond the other."""
