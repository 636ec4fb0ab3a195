"""A sweep: students over a grid of T, lambda, learning rates and seeds."""
