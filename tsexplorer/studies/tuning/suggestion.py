"""From trials to a suggestion, and how sure it is.

A search ends with the setting that was best on its own seeds, and so in part with the luckiest.
The suggestion is therefore chosen among the best few by seeds that the search never saw, and its
figures are of these alone. The baseline is tuned, too: at a few learning rates on the search's
seeds, and the best of them is repeated on the same further seeds.

A setting, and how sure a suggestion is, in words: the same on the page and in a shell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

from tsexplorer.objectives.base import format_number
from tsexplorer.specs import StageSpec
from tsexplorer.students.events import Scores
from tsexplorer.studies.grid_results import (
    BySeed,
    CellResult,
    Estimate,
    SweepMap,
    behind,
    best_baseline,
    map_of,
    shares,
)
from tsexplorer.studies.student_stages import Cell, distinct
from tsexplorer.studies.tuning.optuna_search import Trial
from tsexplorer.studies.tuning.spec import ParameterName, TuneSpec


@dataclass(frozen=True)
class Suggestion:
    """The setting to take, once the best of the search were repeated.

    Attributes:
        result: the setting with its figures on validation, over the further seeds.
        others: other settings that were repeated, those that are the same training left out.
        near: those of them that cannot be told apart from it.
        lead: its accuracy less the baseline's, paired by seed; None without a baseline. The seeds
            that tell of it chose it among the repeated, for which its interval allows.
        test: its test accuracy over these seeds, read once, when its students ended.
    """

    result: CellResult
    others: tuple[CellResult, ...]
    near: tuple[CellResult, ...]
    lead: Estimate | None
    test: Estimate

    @property
    def gains(self) -> bool:
        """Whether it is shown to be better than the baseline."""
        return self.lead is not None and self.lead.low is not None and self.lead.low > 0


@dataclass(frozen=True)
class Repeats:
    """What is known of the repeats.

    Attributes:
        map: the settings that are repeated, with baseline and teacher, as far as they are.
        suggestion: None until all of them are.
    """

    map: SweepMap
    suggestion: Suggestion | None


def best_trials(tune: TuneSpec, trials: Iterable[Trial]) -> tuple[Trial, ...]:
    """Those whose settings are repeated: the best that ended, each setting once."""
    ended = [one for one in trials if one.state == "done" and one.accuracy is not None]
    ended.sort(key=lambda one: (-(one.accuracy or 0.0), one.number))
    distinct: dict[str, Trial] = {}
    for one in ended:
        distinct.setdefault(tune.stages.student(one.setting, 0).hash, one)
    return tuple(distinct.values())[: tune.repeats]


def baseline_rate(tune: TuneSpec, scores: Mapping[str, Scores]) -> float | None:
    """The learning rate that suits the baseline best on the search's seeds; None before one ended.

    Args:
        tune: what was asked for.
        scores: of students on validation, by hash.
    """
    rate, _ = best_baseline(
        {
            rate: _known(tune.baseline_students(tune.search_seed_values, rate), scores)
            for rate in tune.baseline_rates
        }
    )
    return rate


def repeats(
    tune: TuneSpec, trials: Iterable[Trial], scores: Mapping[str, Scores]
) -> tuple[StageSpec, ...]:
    """The students of the repeats, baseline first, once the search is over."""
    rate = baseline_rate(tune, scores)
    seeds = tune.repeat_seed_values
    students = list(tune.baseline_students(seeds, rate)) if rate is not None else []
    for one in best_trials(tune, trials):
        students += tune.students(one.setting, seeds)
    return distinct(students)


def repeat_results(
    tune: TuneSpec,
    trials: Iterable[Trial],
    scores: Mapping[str, Scores],
    tests: Mapping[str, float],
    teacher: float | None,
    images: tuple[int, int],
) -> Repeats:
    """What the repeats came to so far.

    Args:
        tune: what was asked for.
        trials: of its search.
        scores: of students on validation, by hash, of those that are done alone.
        tests: their test accuracies.
        teacher: its accuracy on validation.
        images: sizes of the validation and the test split.
    """
    seeds = tune.repeat_seed_values
    settings = [one.setting for one in best_trials(tune, trials)]
    known = {one: _known(tune.students(one, seeds), scores) for one in settings}
    rate = baseline_rate(tune, scores)
    baseline = {} if rate is None else _known(tune.baseline_students(seeds, rate), scores)
    found = map_of(
        known,
        {} if rate is None else {rate: baseline},
        {} if teacher is None else dict.fromkeys(seeds, teacher),
        images[0],
        one_teacher=True,
    )
    everyone = [*known.values(), baseline]
    if found.best is None or any(len(by_seed) < len(seeds) for by_seed in everyone):
        return Repeats(found, None)
    return Repeats(found, _suggestion(tune, found, known[found.best], baseline, tests, images))


def _suggestion(
    tune: TuneSpec,
    found: SweepMap,
    by_seed: BySeed,
    baseline: BySeed,
    tests: Mapping[str, float],
    images: tuple[int, int],
) -> Suggestion | None:
    best = next(one for one in found.cells if one.cell == found.best)
    keys = [one.hash for one in tune.students(best.cell, tune.repeat_seed_values)]
    test = shares([tests[key] for key in keys if key in tests], images[1])
    if test is None:
        return None
    others = tuple(one for one in found.cells if one.cell != found.best)
    return Suggestion(
        result=best,
        others=others,
        near=tuple(one for one in others if one.may_be_best),
        lead=behind(by_seed, baseline, images[0], among=len(found.cells)),
        test=test,
    )


def mean_accuracy(tune: TuneSpec, setting: Cell, scores: Mapping[str, Scores]) -> float | None:
    """Of a trial that ended: over the search's seeds; None where one is not known."""
    keys = [one.hash for one in tune.students(setting, tune.search_seed_values)]
    if any(key not in scores for key in keys):
        return None
    return fmean(scores[key].accuracy for key in keys)


def _known(students: Iterable[StageSpec], scores: Mapping[str, Scores]) -> dict[int, Scores]:
    return {one.seed: scores[one.hash] for one in students if one.hash in scores}


TITLES: dict[ParameterName, str] = {
    "temperature": "Temperature T",
    "lambda": "Weight of the labels λ",
    "learning_rate": "Learning rate",
}


def setting_in_words(setting: Cell, tune: TuneSpec) -> str:
    """A setting's name; without T where that has no say.

    >>> setting_in_words(Cell(3.1, 0.12, 0.004), TuneSpec())
    'T = 3.1, λ = 0.12, learning rate 0.004'
    """
    rate = f"learning rate {format_number(setting.learning_rate)}"
    if setting.lam == 1 and tune.stages.baseline_in_grid:
        return f"λ = 1 (the baseline, whatever T), {rate}"
    t, lam = format_number(setting.temperature), format_number(setting.lam)
    return f"T = {t}, λ = {lam}, {rate}"


def how_sure(suggestion: Suggestion, tune: TuneSpec) -> str:
    """How far a suggestion can be relied on, in one or two plain sentences."""
    seeds = f"{tune.seeds} seed{'s' * (tune.seeds > 1)} that the search never saw"
    others, near = len(suggestion.others), len(suggestion.near)
    if not others:
        first = f"It is the only setting that was repeated, on {seeds}."
    elif near == others:
        first = (
            f"None of the {others} other settings repeated on {seeds} can be told apart from it: "
            "the choice among them is partly luck."
            if others > 1
            else f"The other setting repeated on {seeds} cannot be told apart from it."
        )
    elif near:
        first = (
            f"{near} of the {others} other settings repeated on {seeds} cannot be told apart from "
            "it: the choice among them is partly luck."
        )
    else:
        first = f"All other settings repeated on {seeds} lie behind it."
    if suggestion.gains:
        return f"{first} It is ahead of the baseline."
    return f"{first} It is not shown to be better than the baseline."


def lead_in_words(suggestion: Suggestion) -> str:
    """How far the suggestion is ahead of the baseline, in points."""
    lead = suggestion.lead
    if lead is None or not lead.seeds:
        return "–"
    words = f"{100 * lead.mean:+.2f} points"
    if lead.low is not None and lead.high is not None:
        of = len(suggestion.others) + 1
        kind = f"95 % interval for the best of {of}," if of > 1 else "95 % interval"
        words += f" ({kind} {100 * lead.low:+.2f} to {100 * lead.high:+.2f})"
    return words.replace("-", "−")
