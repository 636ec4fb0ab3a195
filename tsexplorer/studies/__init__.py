"""Studies: what can be trained as one job, from its spec to its results."""
