"""Base classes of recipes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from tsexplorer.specs import ExperimentSpec, Role

Section = Literal["begin", "published", "claims", "own"]
"""Sections of the recipe page: first steps; experiments with published results; tests of published
claims; experiments of this project."""
SECTIONS: tuple[Section, ...] = get_args(Section)


@dataclass(frozen=True)
class ShiftedBiasResult:
    """Published result of a student after its output biases for excluded classes were increased.

    Attributes:
        bias: increase of the biases of the excluded classes; or, with the same effect, decrease of
            the biases of all other classes.
        errors: percentage of test images that are classified wrongly.
        never_seen_right: percentage of test images of the excluded classes that are classified
            correctly; None: not published.
    """

    bias: float
    errors: float
    never_seen_right: float | None


@dataclass(frozen=True)
class Rival:
    """Another experiment with the student of a recipe and the same seeds.

    Attributes:
        title: name for display, which states the difference from the recipe's experiment.
        spec: the experiment; its name consists of the recipe's name and this title.
    """

    title: str
    spec: ExperimentSpec


@dataclass(frozen=True)
class Recipe:
    """A named experiment with its source and published results.

    A recipe with rivals compares several experiments: all of them are trained, and ranked by the
    accuracy of their students.

    Attributes:
        name: name on the command line and in URLs.
        title: name for display.
        summary: what the experiment shows, in one or two sentences.
        source: publication of the experiment.
        spec: the experiment.
        published: published test accuracy in percent, by role.
        published_errors: published number of wrongly classified test images, by role.
        published_biased: published result with shifted biases, for students with excluded classes.
        caveats: differences from the source and their reasons, one sentence each.
        section: section of the recipe page.
        rivals: experiments that this one is compared with.
        own_title: title of the recipe's own experiment in the comparison; empty: the title of the
            recipe.
        reference_titles: titles of rivals. The one with the highest validation accuracy is the
            reference of all differences. Empty: the baseline is the reference.
        seeds: number of seeds for shipped results.
    """

    name: str
    title: str
    summary: str
    source: str
    spec: ExperimentSpec
    published: dict[Role, float] = field(default_factory=dict)
    published_errors: dict[Role, int] = field(default_factory=dict)
    published_biased: ShiftedBiasResult | None = None
    caveats: tuple[str, ...] = ()
    section: Section = "own"
    rivals: tuple[Rival, ...] = ()
    own_title: str = ""
    reference_titles: tuple[str, ...] = ()
    seeds: int = 3

    @property
    def entries(self) -> tuple[Rival, ...]:
        """The experiments of the comparison: the recipe's own one, then its rivals."""
        return (Rival(self.own_title or self.title, self.spec), *self.rivals)


def make_rival(recipe: str, title: str, spec: ExperimentSpec, **changes: object) -> Rival:
    """A rival whose experiment differs from ``spec`` in some fields.

    Args:
        recipe: name of the recipe.
        title: title of the rival.
        spec: the recipe's own experiment.
        **changes: new values of fields.

    >>> make_rival("quick", "T = 1", ExperimentSpec(), warm_start=True).spec.name
    'quick: T = 1'
    """
    return Rival(title, spec.model_copy(update={"name": f"{recipe}: {title}", **changes}))
