"""Models: which one answers, asking it, and what its window holds."""
