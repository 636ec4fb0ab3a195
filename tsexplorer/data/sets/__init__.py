"""The datasets; each module defines ``DATASET``."""
