"""The comparison of a recipe's students: its own experiment, its rivals and the baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tsexplorer.analysis.seed_statistics import (
    Method,
    RankedMethod,
    Verdict,
    best_on_validation,
    rank_methods,
)
from tsexplorer.published.recipe_results import RecipeResults, same_settings
from tsexplorer.recipes import Recipe
from tsexplorer.specs import Role

BASELINE = "baseline"


@dataclass(frozen=True)
class Comparison:
    """The students of a recipe, ranked by their mean test accuracy.

    While some experiments are being trained, it is over the seeds that all of them have by then:
    means over different seeds cannot be compared.

    Attributes:
        places: the students, highest mean first, with the baseline.
        against: title of the reference, from which all differences are computed.
        chosen: number of students among which the reference was chosen on validation; 0 if it is
            the baseline.
        seeds: the seeds of all means and differences.
        missing: titles of the experiments without results.
    """

    places: tuple[RankedMethod, ...]
    against: str
    chosen: int
    seeds: tuple[int, ...]
    missing: tuple[str, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that explain the figures."""
        tied = [student.title for student in self.places if student.tied]
        lead = (
            f"{self.places[0].title} is ahead of all others by more than its interval."
            if len(tied) == 1
            else f"Cannot be told apart from the first: {', '.join(tied[1:])}."
        )
        differences = f"Differences are from {self.against}, seed by seed, in points"
        if self.chosen:
            differences += f"; it is the best of {self.chosen} on validation"
        seeds = ", ".join(map(str, self.seeds))
        intervals = (
            f"Means are over seeds {seeds}; ± is the 95 % interval over them (Student’s t)."
            if len(self.seeds) > 1
            else f"All figures are of seed {seeds}, so no students can be told apart."
        )
        missing = (f"Without figures yet: {', '.join(self.missing)}.",) if self.missing else ()
        return (lead, f"{differences}.", intervals, *missing)


VERDICTS: dict[Verdict, str] = {"better": "better", "worse": "worse", "open": "not told apart"}


def verdict_text(student: RankedMethod) -> str:
    """How a student compares with the reference; empty for the reference."""
    return "" if student.difference is None else VERDICTS[student.verdict]


def compare_students(recipe: Recipe, results: RecipeResults) -> Comparison | None:
    """Rank the students of a recipe.

    Returns:
        the comparison; None if the recipe has no rivals, if no rival is trained, if the trained
        experiments have no seed in common, or if their baselines have different labels.
    """
    if not recipe.rivals or not results.rivals or varies_labels(recipe):
        return None
    methods = {BASELINE: _method(BASELINE, results, "baseline")}
    for entry in recipe.entries:
        for experiment in (results, *results.rivals):
            if same_settings(experiment.spec, entry.spec):
                methods[entry.title] = _method(entry.title, experiment, "distilled")
    trained = {title: method for title, method in methods.items() if method.seeds}
    if len(trained) < 2 or BASELINE not in trained:
        return None
    seeds = sorted(frozenset.intersection(*(method.seeds for method in trained.values())))
    if not seeds:
        return None
    students = {title: method.on_seeds(seeds) for title, method in trained.items()}
    candidates = [students[title] for title in recipe.reference_titles if title in students]
    reference = best_on_validation(candidates) if candidates else students[BASELINE]
    missing = tuple(entry.title for entry in recipe.entries if entry.title not in students)
    places = rank_methods(list(students.values()), reference)
    return Comparison(places, reference.title, len(candidates), tuple(seeds), missing)


def varies_labels(recipe: Recipe) -> bool:
    """Whether the experiments of a recipe differ in the share of the labels."""
    return len({entry.spec.label_share for entry in recipe.entries}) > 1


def _method(title: str, results: RecipeResults, role: Role) -> Method:
    tests = {seed.seed: seed.accuracy for seed in results.seeds}
    validations = {seed.seed: seed.validation for seed in results.seeds}
    return Method(title, test=_of_role(tests, role), validation=_of_role(validations, role))


def _of_role(seeds: Mapping[int, Mapping[Role, float]], role: Role) -> dict[int, float]:
    return {seed: accuracies[role] for seed, accuracies in seeds.items() if role in accuracies}
