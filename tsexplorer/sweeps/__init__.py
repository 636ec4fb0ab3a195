"""Sweeps: many students of one net over T, lambda, learning rates and seeds, and their map."""
