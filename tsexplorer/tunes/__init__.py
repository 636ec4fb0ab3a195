"""Searching T, lambda and learning rate of a student instead of trying a whole grid."""
