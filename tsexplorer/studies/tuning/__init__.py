"""A tuning: a search over T, lambda and learning rate."""
