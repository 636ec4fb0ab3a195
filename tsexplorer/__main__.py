"""``python -m tsexplorer``: the command line."""

from __future__ import annotations

from tsexplorer.cli import app

if __name__ == "__main__":
    app(prog_name="python -m tsexplorer")
