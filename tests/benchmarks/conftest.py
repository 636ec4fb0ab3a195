"""Exclude this folder from pytest: benchmarks take minutes and need a quiet machine."""

collect_ignore_glob = ["*.py"]
