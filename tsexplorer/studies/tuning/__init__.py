"""The kind of study *tuning*: a search over T, λ and learning rate."""

from tsexplorer.studies.tuning.kind import KIND

__all__ = ["KIND"]
