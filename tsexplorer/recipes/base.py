"""What a recipe is."""

from __future__ import annotations

from dataclasses import dataclass, field

from tsexplorer.specs import ExperimentSpec, Role


@dataclass(frozen=True)
class Recipe:
    """A named experiment with its source and the figures published for it.

    Attributes:
        name: identifier, used by the shell and in URLs.
        title: as people say it.
        summary: what it shows, in a sentence or two.
        source: who published it, and where.
        spec: the experiment, ready to run.
        published: test accuracy in percent, by role, as the source states it.
        caveats: what differs from the source, and why, one sentence each.
    """

    name: str
    title: str
    summary: str
    source: str
    spec: ExperimentSpec
    published: dict[Role, float] = field(default_factory=dict)
    caveats: tuple[str, ...] = ()
