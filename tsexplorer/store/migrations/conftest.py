"""Keeps pytest's search for doctests out: alembic alone can run these files."""

collect_ignore_glob = ["*.py"]
