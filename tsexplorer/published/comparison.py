"""A recipe's contest: its own experiment and its rivals, placed by what their students came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tsexplorer.analysis.seed_statistics import Entrant, Placed, Verdict, best_on_validation, placed
from tsexplorer.published.recipe_results import Measured, same_settings
from tsexplorer.recipes import Recipe
from tsexplorer.specs import Role

BASELINE = "baseline"


@dataclass(frozen=True)
class Contest:
    """Who takes part, the highest mean on test first.

    While some are being trained it is over the seeds that all have by then: means over other seeds
    are not to be compared.

    Attributes:
        places: the baseline among them.
        against: title of what all are held against.
        chosen: among how many it was chosen on validation; 0 where it is the baseline.
        seeds: over which all of it is.
        missing: titles of those that have no figure yet.
    """

    places: tuple[Placed, ...]
    against: str
    chosen: int
    seeds: tuple[int, ...]
    missing: tuple[str, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on how to read it."""
        tied = [one.title for one in self.places if one.tied]
        first = (
            f"{self.places[0].title} is ahead of all others by more than its interval."
            if len(tied) == 1
            else f"Cannot be told apart from the first: {', '.join(tied[1:])}."
        )
        held = f"Differences are from {self.against}, seed by seed, in points"
        if self.chosen:
            held += f"; it is the best of {self.chosen} on validation"
        listed = ", ".join(map(str, self.seeds))
        over = (
            f"All is over seeds {listed}; ± is the 95 % interval over them (Student’s t)."
            if len(self.seeds) > 1
            else f"All is of seed {listed}, so that nothing can be told apart."
        )
        waiting = (f"Without figures yet: {', '.join(self.missing)}.",) if self.missing else ()
        return (first, f"{held}.", over, *waiting)


VERDICTS: dict[Verdict, str] = {"better": "better", "worse": "worse", "open": "not told apart"}


def verdict_words(one: Placed) -> str:
    """What is known of an entrant beside what all are held against."""
    return "" if one.difference is None else VERDICTS[one.verdict]


def contest(recipe: Recipe, found: Measured) -> Contest | None:
    """Place all that is measured; None for a recipe without rivals, or with none measured.

    Also None where no seed is trained of all that have begun.
    """
    if not recipe.rivals or not found.rivals:
        return None
    entrants = {BASELINE: _entrant(BASELINE, found, "baseline")}
    for entry in recipe.entries:
        for one in (found, *found.rivals):
            if same_settings(one.spec, entry.spec):
                entrants[entry.title] = _entrant(entry.title, one, "distilled")
    begun = {title: one for title, one in entrants.items() if one.seeds}
    seeds = sorted(frozenset.intersection(*(one.seeds for one in begun.values()))) if begun else []
    if len(begun) < 2 or BASELINE not in begun or not seeds:
        return None
    alike = {title: one.on(seeds) for title, one in begun.items()}
    candidates = [alike[title] for title in recipe.reference_titles if title in alike]
    against = best_on_validation(candidates) if candidates else alike[BASELINE]
    missing = tuple(entry.title for entry in recipe.entries if entry.title not in alike)
    places = placed(list(alike.values()), against)
    return Contest(places, against.title, len(candidates), tuple(seeds), missing)


def _entrant(title: str, found: Measured, role: Role) -> Entrant:
    tests = {one.seed: one.accuracy for one in found.seeds}
    validations = {one.seed: one.validation for one in found.seeds}
    return Entrant(title, test=_of(role, tests), validation=_of(role, validations))


def _of(role: Role, seeds: Mapping[int, Mapping[Role, float]]) -> dict[int, float]:
    return {seed: figures[role] for seed, figures in seeds.items() if role in figures}
