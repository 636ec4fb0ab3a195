"""Output of a search on the command line: its JSON document, its tables, and its progress."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tsexplorer.analysis.formatting import NO_VALUE, percent, plural
from tsexplorer.cli.output import print_table
from tsexplorer.cli.progress import describe_progress
from tsexplorer.cli.studies.sweep import (
    BEST,
    MAY_BE_BEST,
    cell_document,
    estimate_document,
    format_estimate,
    mark,
    setting_document,
)
from tsexplorer.cli.study_shell import ManyNetsShell, TextTable
from tsexplorer.data.registry import get_dataset
from tsexplorer.objectives import get_objective
from tsexplorer.objectives.base import format_number
from tsexplorer.services import Service
from tsexplorer.services.foreground import JobView
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
REPEATED_COLUMNS = ["T", "λ", "rate", "validation", "gap closed"]


def document(results: TuningResults) -> dict[str, Any]:
    """A search's results on validation; accuracies are shares of 1.

    An estimate is ``{mean, low, high, seeds, method}`` with its 95 % interval, over seeds that the
    search did not use. ``suggestion`` is null until the repeats are done.
    """
    grid, suggestion = results.repeats.map, results.repeats.suggestion
    importances = results.importances
    return {
        "tuning": results.tune.name,
        "id": results.tune.id,
        "trials": [_trial_document(trial) for trial in results.trials],
        "repeated": [cell_document(cell_result) for cell_result in grid.cells],
        "baseline": None
        if grid.baseline is None
        else {
            "learning_rate": grid.baseline_rate,
            "accuracy": estimate_document(grid.baseline),
        },
        "teacher": None if grid.teacher is None else {"accuracy": estimate_document(grid.teacher)},
        "suggestion": None if suggestion is None else _suggestion_document(suggestion),
        "importances": None
        if importances is None
        else {
            "method": "PED-ANOVA",
            "trials": importances.trials,
            "shares": {name: round(share, 6) for name, share in importances.shares.items()},
        },
    }


def _trial_document(trial: Trial) -> dict[str, Any]:
    return {
        "number": trial.number,
        "round": trial.round,
        **setting_document(trial.setting),
        "state": trial.state,
        "validation_accuracy": None if trial.accuracy is None else round(trial.accuracy, 6),
    }


def _suggestion_document(suggestion: Suggestion) -> dict[str, Any]:
    return {
        **cell_document(suggestion.result),
        "indistinguishable": len(suggestion.near),
        "others_repeated": len(suggestion.others),
        "lead_over_baseline": estimate_document(suggestion.lead),
        "better_than_baseline": suggestion.gains,
        "test_accuracy": estimate_document(suggestion.test),
    }


def print_tuning(results: TuningResults) -> None:
    """Print the repeated settings, the suggestion, and how certain it is."""
    rows = _repeated_rows(results)
    print_table(REPEATED_COLUMNS, rows, numbers=REPEATED_COLUMNS, notes=list(_notes(results)))


def _repeated_rows(results: TuningResults) -> list[Row]:
    best = results.repeats.map.best
    return [
        [
            *_setting_cells(cell_result.cell),
            f"{format_estimate(cell_result.accuracy)} {mark(cell_result, best)}",
            NO_VALUE if cell_result.gap is None else format_estimate(cell_result.gap),
        ]
        for cell_result in results.repeats.map.cells
    ]


def _setting_cells(setting: Cell) -> Row:
    return [format_number(value) for value in setting]


def current_table(results: TuningResults) -> tuple[Row, list[Row]]:
    """Headings and rows: the trials of the latest round, or the repeats after the search."""
    if results.repeating:
        return REPEATED_COLUMNS, _repeated_rows(results)
    latest_round = max((trial.round for trial in results.trials), default=0)
    rows = [_trial_row(trial, results) for trial in results.trials if trial.round == latest_round]
    return ["trial", "T", "λ", "rate", "validation", ""], rows


def _trial_row(trial: Trial, results: TuningResults) -> Row:
    progress = results.running.get(trial.number)
    accuracy = trial.accuracy
    state = {"pruned": "stopped early", "done": "done"}.get(trial.state, "")
    if progress is not None:
        accuracy = progress.accuracy
        state = f"epoch {progress.epoch} of {results.tune.spec.base.distilled_train.epochs}"
    return [str(trial.number + 1), *_setting_cells(trial.setting), percent(accuracy), state]


def _notes(results: TuningResults) -> Iterator[str]:
    """Trials, suggestion and its certainty, baseline, teacher, and conditions of the figures."""
    tune, grid = results.tune.spec, results.repeats.map
    info = get_dataset(tune.base.data.name).info
    suggestion, importances = results.repeats.suggestion, results.importances
    finished, pruned = results.count("done"), results.count("pruned")
    yield (
        f"{plural(len(results.trials), 'trial')}: {finished} finished, {pruned} stopped early. "
        f"{BEST} best mean of the repeated settings, {MAY_BE_BEST} cannot be told apart from it."
    )
    if suggestion is not None:
        yield (
            f"Suggestion: {setting_in_words(suggestion.result.cell, tune)}: "
            f"{format_estimate(suggestion.result.accuracy)} % on validation; test "
            f"{format_estimate(suggestion.test)} %, read once ({info.test:,} images)."
        )
        yield how_sure(suggestion, tune)
    if grid.baseline is not None and grid.baseline_rate is not None:
        tried, rate = len(tune.baseline_rates), format_number(grid.baseline_rate)
        at = f"the best of {tried} learning rates, {rate}" if tried > 1 else f"learning rate {rate}"
        yield (
            f"Baseline (labels alone, at {at}): {format_estimate(grid.baseline)} %."
            + (f" Lead: {lead_in_words(suggestion)}." if suggestion is not None else "")
        )
    if grid.teacher is not None:
        yield f"Teacher: {percent(grid.teacher.mean)}."
    if importances is not None:
        shares = ", ".join(
            f"{TITLES[name]} {percent(share, 0)}" for name, share in importances.shares.items()
        )
        yield f"Importances (PED-ANOVA, from {importances.trials} trials): {shares}."
    seeds = ", ".join(map(str, tune.repeat_seed_values))
    yield (
        f"{info.title}, validation ({info.validation:,} images), seed{'s' * (tune.seeds > 1)} "
        f"{seeds}: 95 % interval; loss: {get_objective(tune.base.objective.name).convention}."
    )
    yield f'Stored as "{results.tune.name}" ({results.tune.id}).'


class TuningShell(ManyNetsShell[TuningResults]):
    """Output of searches."""

    name = "tuning"
    verb = "Running the tuning"

    def document(self, service: Service, study_id: str) -> dict[str, Any]:
        """Trials, repeats, suggestion and importances."""
        return document(service.studies.results(study_id))

    def show(self, service: Service, study_id: str) -> None:
        """Print the repeated settings and the suggestion."""
        print_tuning(service.studies.results(study_id))

    def table(self, results: TuningResults) -> TextTable:
        """The trials of the latest round, or the repeats."""
        return current_table(results)

    def progress(self, view: JobView, results: TuningResults) -> str:
        """Trials, the best setting so far, and the progress of the running stage."""
        tune, best = results.tune.spec, results.best
        pruned = results.count("pruned")
        ended = results.count("done") + pruned
        parts = [f"{ended} of {tune.trials} trials ({pruned} stopped early)"]
        if results.repeating:
            parts.append("the best are repeated")
        if best is not None:
            setting = setting_in_words(best.setting, tune)
            parts.append(f"best so far {setting}, validation {percent(best.accuracy)}")
        running = view.progress.progress
        if running is not None:
            prerequisites = {stage.spec.hash for stage in tune.stages.prerequisites}
            prefix = "the teacher: " if running.stage in prerequisites else ""
            parts.append(prefix + describe_progress(running, view.status))
        return ", ".join(parts)


SHELL = TuningShell()
