"""A tuning in the shell: its JSON document, its tables, and its progress."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tsexplorer.analysis.formatting import NONE, percent, plural
from tsexplorer.cli.output import print_table
from tsexplorer.cli.progress import doing
from tsexplorer.cli.studies.sweep import (
    BEST,
    MAY_BE_BEST,
    cell_document,
    estimate_document,
    estimate_words,
    setting_document,
)
from tsexplorer.cli.study_shell import ManyNetsShell, TextTable
from tsexplorer.data.registry import get_dataset
from tsexplorer.objectives import get_objective
from tsexplorer.objectives.base import format_number
from tsexplorer.services import Service
from tsexplorer.services.foreground import JobView
from tsexplorer.studies.grid_results import CellResult
from tsexplorer.studies.student_stages import Cell
from tsexplorer.studies.tuning.kind import TuningResults
from tsexplorer.studies.tuning.optuna_search import Trial
from tsexplorer.studies.tuning.suggestion import (
    TITLES,
    Suggestion,
    how_sure,
    lead_in_words,
    setting_in_words,
)

Row = list[str]


def document(figures: TuningResults) -> dict[str, Any]:
    """A tuning's figures on validation; accuracies are shares of 1.

    An estimate is ``{mean, low, high, seeds, method}`` with its 95 % interval, over seeds that the
    search never saw. ``suggestion`` is null before the repeats are done.
    """
    found, suggestion = figures.repeats.map, figures.repeats.suggestion
    importances = figures.importances
    return {
        "tuning": figures.tune.name,
        "id": figures.tune.id,
        "trials": [_trial(one) for one in figures.trials],
        "repeated": [cell_document(one) for one in found.cells],
        "baseline": None
        if found.baseline is None
        else {
            "learning_rate": found.baseline_rate,
            "accuracy": estimate_document(found.baseline),
        },
        "teacher": None
        if found.teacher is None
        else {"accuracy": estimate_document(found.teacher)},
        "suggestion": None if suggestion is None else _suggestion(suggestion),
        "importances": None
        if importances is None
        else {
            "method": "PED-ANOVA",
            "trials": importances.trials,
            "shares": {name: round(share, 6) for name, share in importances.shares.items()},
        },
    }


def _trial(one: Trial) -> dict[str, Any]:
    return {
        "number": one.number,
        "round": one.round,
        **setting_document(one.setting),
        "state": one.state,
        "validation_accuracy": None if one.accuracy is None else round(one.accuracy, 6),
    }


def _suggestion(suggestion: Suggestion) -> dict[str, Any]:
    return {
        **cell_document(suggestion.result),
        "indistinguishable": len(suggestion.near),
        "others_repeated": len(suggestion.others),
        "lead_over_baseline": estimate_document(suggestion.lead),
        "better_than_baseline": suggestion.gains,
        "test_accuracy": estimate_document(suggestion.test),
    }


def print_tune(figures: TuningResults) -> None:
    """The settings that were repeated, the suggestion, and how sure it is."""
    columns = ["T", "λ", "rate", "validation", "gap closed"]
    rows = [_repeated(one, figures) for one in figures.repeats.map.cells]
    print_table(columns, rows, numbers=columns, notes=list(notes(figures)))


def _repeated(one: CellResult, figures: TuningResults) -> Row:
    mark = MAY_BE_BEST if one.may_be_best else " "
    mark = BEST if one.cell == figures.repeats.map.best else mark
    gap = NONE if one.gap is None else estimate_words(one.gap)
    return [*_numbers(one.cell), f"{estimate_words(one.accuracy)} {mark}", gap]


def _numbers(cell: Cell) -> Row:
    return [format_number(value) for value in cell]


def table(figures: TuningResults) -> tuple[Row, list[Row]]:
    """Headings, and a row for each trial of the latest round; of the repeats once they began."""
    if figures.repeating:
        rows = [_repeated(one, figures) for one in figures.repeats.map.cells]
        return ["T", "λ", "rate", "validation", "gap closed"], rows
    latest = max((one.round for one in figures.trials), default=0)
    shown = [one for one in figures.trials if one.round == latest]
    return ["trial", "T", "λ", "rate", "validation", ""], [_way(one, figures) for one in shown]


def _way(one: Trial, figures: TuningResults) -> Row:
    way = figures.running.get(one.number)
    accuracy, state = one.accuracy, {"pruned": "given up", "done": "done"}.get(one.state, "")
    if way is not None:
        accuracy = way.accuracy
        state = f"epoch {way.epoch} of {figures.tune.spec.base.distilled_train.epochs}"
    return [str(one.number + 1), *_numbers(one.setting), percent(accuracy), state]


def notes(figures: TuningResults) -> Iterator[str]:
    """The suggestion, how sure it is, what it is held against, and where it is from."""
    tune, found = figures.tune.spec, figures.repeats.map
    info = get_dataset(tune.base.data.name).info
    suggestion, importances = figures.repeats.suggestion, figures.importances
    ended, pruned = figures.count("done"), figures.count("pruned")
    yield (
        f"{plural(len(figures.trials), 'trial')}: {ended} to their end, {pruned} given up on "
        f"their way. {BEST} best mean of those repeated, {MAY_BE_BEST} cannot be told apart from "
        "it."
    )
    if suggestion is not None:
        yield (
            f"Suggestion: {setting_in_words(suggestion.result.cell, tune)}: "
            f"{estimate_words(suggestion.result.accuracy)} % on validation; test "
            f"{estimate_words(suggestion.test)} %, read once ({info.test:,} images)."
        )
        yield how_sure(suggestion, tune)
    if found.baseline is not None and found.baseline_rate is not None:
        tried, rate = len(tune.baseline_rates), format_number(found.baseline_rate)
        at = f"the best of {tried} learning rates, {rate}" if tried > 1 else f"learning rate {rate}"
        yield (
            f"Baseline (labels alone, at {at}): {estimate_words(found.baseline)} %."
            + (f" Lead: {lead_in_words(suggestion)}." if suggestion is not None else "")
        )
    if found.teacher is not None:
        yield f"Teacher: {percent(found.teacher.mean)}."
    if importances is not None:
        shares = ", ".join(
            f"{TITLES[name]} {share:.0%}".replace("%", " %")
            for name, share in importances.shares.items()
        )
        yield f"Importances (PED-ANOVA, from {importances.trials} trials): {shares}."
    seeds = ", ".join(map(str, tune.repeat_seed_values))
    yield (
        f"{info.title}, validation ({info.validation:,} images), seed{'s' * (tune.seeds > 1)} "
        f"{seeds}: 95 % interval; loss: {get_objective(tune.base.objective.name).convention}."
    )
    yield f'Kept as "{figures.tune.name}" ({figures.tune.id}).'


class TuningShell(ManyNetsShell[TuningResults]):
    """How the shell shows tunings."""

    name = "tuning"
    verb = "Running the tuning"

    def document(self, service: Service, study_id: str) -> dict[str, Any]:
        """Trials, repeats, suggestion and importances."""
        return document(service.studies.results(study_id))

    def show(self, service: Service, study_id: str) -> None:
        """Print the repeated settings and the suggestion."""
        print_tune(service.studies.results(study_id))

    def table(self, results: TuningResults) -> TextTable:
        """The trials of the latest round, or the repeats."""
        return table(results)

    def progress(self, view: JobView, results: TuningResults) -> str:
        """Trials, the best setting so far, time left."""
        tune, best = results.tune.spec, results.best
        pruned = results.count("pruned")
        finished = results.count("done") + pruned
        parts = [f"{finished} of {tune.trials} trials ({pruned} given up)"]
        if results.repeating:
            parts.append("the best are repeated")
        if best is not None:
            setting = setting_in_words(best.setting, tune)
            parts.append(f"best so far {setting}, validation {percent(best.accuracy)}")
        running = view.progress.progress
        if running is not None:
            prerequisites = {stage.spec.hash for stage in tune.stages.prerequisites}
            teacher = "the teacher: " if running.stage in prerequisites else ""
            parts.append(teacher + doing(running, view.status))
        return ", ".join(parts)


SHELL = TuningShell()
