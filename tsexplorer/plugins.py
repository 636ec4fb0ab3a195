"""Registries: the entries that the modules of a package define, by name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from typing import Protocol, TypeVar


class Named(Protocol):
    """An object with a name."""

    @property
    def name(self) -> str:
        """Name in the registry."""
        ...


EntryT = TypeVar("EntryT", bound=Named)


def discover(package: str, attribute: str, kind: type[EntryT]) -> dict[str, EntryT]:
    """Import each module of a package and collect the entries that it defines.

    Args:
        package: dotted name of the package.
        attribute: module variable that holds an entry or a tuple of entries; modules without it
            are skipped.
        kind: required class of the entries.

    Raises:
        ValueError: two entries have the same name.
        TypeError: an entry is not an instance of ``kind``.
    """
    folder = importlib.import_module(package)
    entries: list[EntryT] = []
    for name in sorted(info.name for info in pkgutil.iter_modules(folder.__path__)):
        value = getattr(importlib.import_module(f"{package}.{name}"), attribute, None)
        if isinstance(value, tuple):
            entries.extend(value)
        elif value:
            entries.append(value)
    for entry in entries:
        if not isinstance(entry, kind):
            raise TypeError(f"{package}: {entry!r} is not a {kind.__name__}")
    return unique(entries)


def unique(entries: Iterable[EntryT]) -> dict[str, EntryT]:
    """Entries by name, in the given order.

    Raises:
        ValueError: two entries have the same name.
    """
    registry: dict[str, EntryT] = {}
    for entry in entries:
        if entry.name in registry:
            raise ValueError(f"the name {entry.name!r} is used twice")
        registry[entry.name] = entry
    return registry
