"""The same service from a shell: ``python -m tsexplorer``.

A command is a function decorated with ``@app.command()`` in a module of
:mod:`tsexplorer.cli.commands`, which is found by looking into that folder. It takes
:data:`~tsexplorer.cli.output.Json`, prints one JSON document or a table on standard output and
all else on standard error, and raises :class:`~tsexplorer.errors.UserError` (exit 2) or
:class:`~tsexplorer.cli.shell.Ending` for what a person should read.

Commands import what they need when they are called: torch takes seconds, the database a moment,
and a list of nets needs neither.
"""

from __future__ import annotations

import importlib
import pkgutil

from tsexplorer.cli import commands
from tsexplorer.cli.shell import app

__all__ = ["app"]

for _found in pkgutil.iter_modules(commands.__path__):
    importlib.import_module(f"{commands.__name__}.{_found.name}")
