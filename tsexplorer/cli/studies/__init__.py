"""Output of each kind of study on the command line: one module per kind defines ``SHELL``."""
