"""The command line, ``python -m tsexplorer``: the same service as on the pages.

A command is a function decorated with ``@app.command()`` in a module of
:mod:`tsexplorer.cli.commands`; all modules of that folder are imported here. A command takes
:data:`~tsexplorer.cli.output.Json`, prints one JSON document or a table on standard output and
everything else on standard error, and raises :class:`~tsexplorer.errors.UserError` (exit code 2)
or :class:`~tsexplorer.cli.shell.CommandExit` with a sentence for the user.

Commands import what they need when they are called: torch takes seconds, the database a moment,
and a list of nets needs neither.
"""

from __future__ import annotations

import importlib
import pkgutil

from tsexplorer.cli import commands
from tsexplorer.cli.shell import app

__all__ = ["app"]

for _module in pkgutil.iter_modules(commands.__path__):
    importlib.import_module(f"{commands.__name__}.{_module.name}")
