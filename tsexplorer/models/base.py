"""What a net is before it is built: a tuple of layers, and a preset that gives it a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tsexplorer.models.layers import Layer
from tsexplorer.specs import NetConfig

Scheme = Literal["torch", "glorot", "kaiming"]


@dataclass(frozen=True)
class Architecture:
    """A net but for its last layer, which is a dense layer to as many units as there are classes.

    Attributes:
        body: layers from an image 1×28×28 to flat features.
        initialisation: how weights start; see :mod:`tsexplorer.models.initialise`.
        outline: the body in words, where its layers are too many to be spelt out.
    """

    body: tuple[Layer, ...]
    initialisation: Scheme = "torch"
    outline: str = ""


@dataclass(frozen=True)
class Preset:
    """A named net.

    Attributes:
        name: identifier in specs.
        title: name as people write it.
        summary: what it is good for, in one line.
        source: where it comes from, and what was changed.
        net: a config, which a form can start from, or layers that no config can say.
    """

    name: str
    title: str
    summary: str
    source: str
    net: NetConfig | Architecture
