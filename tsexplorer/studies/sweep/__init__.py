"""The kind of study *sweep*: students over a grid of T, λ, learning rates and seeds."""

from tsexplorer.studies.sweep.kind import KIND

__all__ = ["KIND"]
