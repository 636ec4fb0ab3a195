"""Keeps pytest out of this folder: what is here takes minutes, and its figures need quiet."""

collect_ignore_glob = ["*.py"]
