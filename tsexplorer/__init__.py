"""Teacher-Student Explorer: see, train and tune knowledge distillation."""

__version__ = "0.2.0"
