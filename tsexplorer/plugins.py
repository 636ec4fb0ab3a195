"""How a folder of one-file entries becomes a registry."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from typing import Protocol, TypeVar


class Named(Protocol):
    """Anything with a name."""

    @property
    def name(self) -> str:
        """The name it is registered under."""
        ...


Entry = TypeVar("Entry", bound=Named)


def discover(package: str, attribute: str, kind: type[Entry]) -> dict[str, Entry]:
    """Import each module of ``package`` and collect its ``attribute`` (one entry, or a tuple).

    Args:
        package: dotted name of the folder to look into.
        attribute: module variable that holds the entry; modules without it are helpers.
        kind: what an entry must be an instance of.

    Raises:
        ValueError: two entries share a name.
        TypeError: an entry is of another kind.
    """
    folder = importlib.import_module(package)
    entries: list[Entry] = []
    for module in sorted(pkgutil.iter_modules(folder.__path__), key=lambda found: found.name):
        found = getattr(importlib.import_module(f"{package}.{module.name}"), attribute, None)
        entries.extend(found if isinstance(found, tuple) else [found] if found else [])
    for entry in entries:
        if not isinstance(entry, kind):
            raise TypeError(f"{package}: {entry!r} is not a {kind.__name__}")
    return unique(entries)


def unique(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Entries by name.

    Raises:
        ValueError: a name is used twice.
    """
    registry: dict[str, Entry] = {}
    for entry in entries:
        if entry.name in registry:
            raise ValueError(f"the name {entry.name!r} is used twice")
        registry[entry.name] = entry
    return registry
