"""What a recipe is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from tsexplorer.specs import ExperimentSpec, Role

Section = Literal["begin", "published", "claims", "own"]
"""To begin with; experiments with published figures; claims put to the test; this project's own."""
SECTIONS: tuple[Section, ...] = get_args(Section)


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
class Rival:
    """Another way to teach the student of a recipe, from the same seeds.

    Attributes:
        title: what is different about it, as people say it.
        spec: the experiment, named after its recipe and itself.
    """

    title: str
    spec: ExperimentSpec


@dataclass(frozen=True)
class Recipe:
    """A named experiment with its source and the figures published for it.

    One with rivals is a contest: its own experiment and theirs are trained alike, and ranked by
    what their students come to.

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
        section: under which heading it stands.
        rivals: other ways to teach the same student, which are trained along.
        called: what its own experiment is called among rivals.
        against: titles of rivals; the best of them on validation is what all are held against.
            Empty: the baseline.
        seeds: how many it is to be trained on.
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
    section: Section = "own"
    rivals: tuple[Rival, ...] = ()
    called: str = ""
    against: tuple[str, ...] = ()
    seeds: int = 3

    @property
    def entries(self) -> tuple[Rival, ...]:
        """Its own experiment, and those of its rivals."""
        return (Rival(self.called or self.title, self.spec), *self.rivals)


def rival(recipe: str, title: str, spec: ExperimentSpec, **changes: object) -> Rival:
    """Another way to teach: a spec with some fields changed, and named after both.

    >>> rival("quick", "T = 1", ExperimentSpec(), warm_start=True).spec.name
    'quick: T = 1'
    """
    return Rival(title, spec.model_copy(update={"name": f"{recipe}: {title}", **changes}))
