"""What a recipe is."""

from __future__ import annotations

from dataclasses import dataclass, field

from tsexplorer.specs import ExperimentSpec, Role


@dataclass(frozen=True)
class Biased:
    """What a source found once the biases of classes that the student never saw were moved.

    Attributes:
        bias: by how much they were raised, or those of all others lowered.
        errors: percent of the test images answered wrongly then.
        never_seen_right: percent of the never-seen classes' images answered rightly; None where
            the source does not say.
    """

    bias: float
    errors: float
    never_seen_right: float | None


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
        published_errors: test images answered wrongly, by role, where the source counts them.
        published_biased: what the source found with moved biases, where students never saw some
            classes.
        caveats: what differs from the source, and why, one sentence each.
    """

    name: str
    title: str
    summary: str
    source: str
    spec: ExperimentSpec
    published: dict[Role, float] = field(default_factory=dict)
    published_errors: dict[Role, int] = field(default_factory=dict)
    published_biased: Biased | None = None
    caveats: tuple[str, ...] = ()
