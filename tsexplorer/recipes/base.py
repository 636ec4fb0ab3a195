"""What a recipe is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from tsexplorer.specs import ExperimentSpec, Role

Section = Literal["begin", "published", "claims", "own"]
"""To begin with; experiments with published figures; tests of published claims; this project."""
SECTIONS: tuple[Section, ...] = get_args(Section)


@dataclass(frozen=True)
class Biased:
    """Published figures after a change of the biases of classes that the student never saw.

    Attributes:
        bias: amount added to these biases, or subtracted from those of all other classes.
        errors: test images with a wrong answer, in percent.
        never_seen_right: images of the never-seen classes with a right answer, in percent; None
            if the source does not state it.
    """

    bias: float
    errors: float
    never_seen_right: float | None


@dataclass(frozen=True)
class Rival:
    """Another way to train the student of a recipe, on the same seeds.

    Attributes:
        title: what is different, as a short phrase.
        spec: the experiment; its name is the recipe's name and the title.
    """

    title: str
    spec: ExperimentSpec


@dataclass(frozen=True)
class Recipe:
    """A named experiment with its source and its published figures.

    A recipe with rivals is a comparison: its own experiment and its rivals are trained on the same
    seeds and ranked by the test accuracy of their students.

    Attributes:
        name: identifier, used by the shell and in URLs.
        title: title on the pages.
        summary: what the experiment is, in a few sentences.
        source: who published it, and where.
        spec: the experiment, ready to run.
        published: test accuracy in percent, by role, as in the source.
        published_errors: number of wrong test images, by role, if the source counts them.
        published_biased: figures of the source after the biases of never-seen classes were changed.
        caveats: what differs from the source, and why, in sentences.
        section: heading on the page.
        rivals: other ways to train the same student.
        called: title of the recipe's own experiment among its rivals.
        against: titles of rivals; all students are compared with the best of these on validation.
            Empty: with the baseline.
        seeds: number of seeds of the shipped figures.
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
        """The recipe's own experiment, then its rivals."""
        return (Rival(self.called or self.title, self.spec), *self.rivals)


def rival(recipe: str, title: str, spec: ExperimentSpec, **changes: object) -> Rival:
    """A rival: a spec with some fields changed, named after the recipe and the title.

    >>> rival("quick", "T = 1", ExperimentSpec(), warm_start=True).spec.name
    'quick: T = 1'
    """
    return Rival(title, spec.model_copy(update={"name": f"{recipe}: {title}", **changes}))
