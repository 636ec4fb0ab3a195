"""Nets by name, found by looking into ``tsexplorer/models/presets``.

A module there that defines ``PRESET`` (a preset, or a tuple of them) is registered; a name used
twice is an error when the registry is first asked.
"""

from __future__ import annotations

from functools import cache

from tsexplorer.errors import NotFoundError
from tsexplorer.models.base import Architecture, Preset
from tsexplorer.models.derive import derive
from tsexplorer.plugins import discover
from tsexplorer.specs import ModelSpec, NetConfig

PRESETS = "tsexplorer.models.presets"


@cache
def _registry() -> dict[str, Preset]:
    return discover(PRESETS, "PRESET", Preset)


def model_names() -> tuple[str, ...]:
    """Names of all presets in alphabetical order; ``custom`` is not among them."""
    return tuple(sorted(_registry()))


def get_preset(name: str) -> Preset:
    """The preset called ``name``.

    Raises:
        NotFoundError: there is none.
    """
    try:
        return _registry()[name]
    except KeyError:
        known = ", ".join(model_names())
        raise NotFoundError(f"There is no net called {name!r}; choose one of {known}.") from None


def resolve(model: ModelSpec) -> Architecture:
    """The architecture that a spec names or spells out.

    Raises:
        NotFoundError: there is no such preset.
    """
    net = model.net if model.net is not None else get_preset(model.name).net
    return derive(net) if isinstance(net, NetConfig) else net
