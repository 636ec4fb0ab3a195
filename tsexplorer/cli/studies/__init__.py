"""What the shell prints of each kind of study: one module per kind, which defines ``SHELL``."""
