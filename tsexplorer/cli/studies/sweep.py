"""Output of a sweep on the command line: its JSON document, its table, and its progress."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from tsexplorer.analysis.formatting import NO_VALUE, percent
from tsexplorer.cli.output import print_table
from tsexplorer.cli.progress import describe_progress
from tsexplorer.cli.study_shell import ManyNetsShell, TextTable
from tsexplorer.data.registry import get_dataset
from tsexplorer.objectives import get_objective
from tsexplorer.objectives.base import format_number
from tsexplorer.services import Service
from tsexplorer.services.foreground import JobView
from tsexplorer.studies.grid_results import CellResult, Estimate
from tsexplorer.studies.student_stages import Cell
from tsexplorer.studies.sweep.results import Chosen, SweepResults
from tsexplorer.studies.sweep.spec import SweepSpec

BEST, MAY_BE_BEST = "*", "~"


def document(results: SweepResults) -> dict[str, Any]:
    """A sweep's results on validation; accuracies, agreement and ECE are shares of 1.

    An estimate is ``{mean, low, high, seeds, method}`` with its 95 % interval. ``chosen`` is the
    cell with the best mean on validation, with its test accuracy; it is null until all students are
    trained.
    """
    grid = results.map
    baseline = estimate_document(grid.baseline)
    teacher = estimate_document(grid.teacher)
    return {
        "sweep": results.sweep.name,
        "id": results.sweep.id,
        "cells": [cell_document(cell_result) for cell_result in grid.cells],
        "baseline": None
        if baseline is None
        else {"learning_rate": grid.baseline_rate, "accuracy": baseline},
        "teacher": None if grid.teacher is None else {"accuracy": teacher},
        "chosen": _chosen_document(results.chosen),
    }


def cell_document(result: CellResult) -> dict[str, Any]:
    """A cell with its results."""
    return {
        **setting_document(result.cell),
        "accuracy": estimate_document(result.accuracy),
        "gap_closed": estimate_document(result.gap),
        "agreement": estimate_document(result.agreement),
        "ece": estimate_document(result.ece),
        "may_be_best": result.may_be_best,
    }


def _chosen_document(chosen: Chosen | None) -> dict[str, Any] | None:
    if chosen is None:
        return None
    return {**setting_document(chosen.cell), "test_accuracy": estimate_document(chosen.test)}


def setting_document(cell: Cell) -> dict[str, float]:
    """T, lambda and learning rate."""
    return {
        "temperature": cell.temperature,
        "lambda": cell.lam,
        "learning_rate": cell.learning_rate,
    }


def estimate_document(estimate: Estimate | None) -> dict[str, Any] | None:
    """An estimate with its interval, or None without a finite mean."""
    if estimate is None or not math.isfinite(estimate.mean):
        return None
    return {
        "mean": round(estimate.mean, 6),
        "low": None if estimate.low is None else round(estimate.low, 6),
        "high": None if estimate.high is None else round(estimate.high, 6),
        "seeds": estimate.seeds,
        "method": estimate.method,
    }


def print_sweep(results: SweepResults) -> None:
    """Print the map, with a row per λ and a column per T, and the notes below it."""
    columns, rows = map_table(results)
    print_table(columns, rows, numbers=columns, notes=list(_notes(results)))


def map_table(results: SweepResults) -> tuple[list[str], list[list[str]]]:
    """Headings, and a row per λ (and learning rate): mean validation accuracy in percent."""
    sweep = results.sweep.spec
    by_cell = {cell_result.cell: cell_result for cell_result in results.map.cells}
    several_rates = len(sweep.rates) > 1
    columns = ["rate"] * several_rates + ["λ"]
    columns += [f"T {format_number(temperature)}" for temperature in sweep.temperatures]
    rows = []
    for rate in sweep.rates:
        for lam in sweep.lambdas:
            row = [format_number(rate)] * several_rates + [format_number(lam)]
            cells = [Cell(temperature, lam, rate) for temperature in sweep.temperatures]
            row += [_cell_text(by_cell.get(cell), results.map.best) for cell in cells]
            rows.append(row)
    return columns, rows


def _cell_text(result: CellResult | None, best: Cell | None) -> str:
    if result is None:
        return NO_VALUE + "  "
    return f"{format_estimate(result.accuracy)} {mark(result, best)}"


def mark(result: CellResult, best: Cell | None) -> str:
    """The sign behind a cell: it is the best, it may be the best, or a space."""
    if result.cell == best:
        return BEST
    return MAY_BE_BEST if result.may_be_best else " "


def format_estimate(estimate: Estimate) -> str:
    """A share in percent with its interval.

    >>> format_estimate(Estimate(0.9, 0.88, 0.92, 3, "t over seeds"))
    '90.00 ± 2.00'
    >>> format_estimate(Estimate(0.98, 0.7259, 1.0, 2, "t over seeds"))
    '98.00 ± 25.41'
    >>> format_estimate(Estimate(0.9, 0.8256, 0.9448, 1, "binomial over images"))
    '90.00 (82.56–94.48)'
    """
    mean = f"{100 * estimate.mean:.2f}"
    if estimate.low is None or estimate.high is None:
        return mean
    if estimate.method == "t over seeds":
        # Intervals of shares are cut at 0 and 1; the side that is not cut has the half width.
        half = max(estimate.high - estimate.mean, estimate.mean - estimate.low)
        return f"{mean} ± {100 * half:.2f}"
    return f"{mean} ({100 * estimate.low:.2f}–{100 * estimate.high:.2f})"


def _notes(results: SweepResults) -> Iterator[str]:
    """Meaning of the marks, baseline, teacher, chosen cell, and conditions of the figures."""
    sweep, grid = results.sweep.spec, results.map
    info = get_dataset(sweep.base.data.name).info
    objective = get_objective(sweep.base.objective.name)
    yield (
        f"{BEST} best mean, {MAY_BE_BEST} cannot be told apart from it; the intervals are not "
        f"corrected for {len(sweep.cells)} cells."
    )
    if grid.baseline is not None:
        yield f"Baseline (labels alone): {format_estimate(grid.baseline)} %."
    if grid.teacher is not None:
        yield f"Teacher: {percent(grid.teacher.mean)}."
    if results.chosen is not None:
        yield (
            f"Chosen on validation: {format_cell(results.chosen.cell, sweep)}; test "
            f"{format_estimate(results.chosen.test)} %, read once ({info.test:,} images)."
        )
    yield (
        f"{info.title}, validation ({info.validation:,} images), {_seeds_description(sweep)}; "
        f"loss: {objective.format_grid_convention(sweep.base.objective)}."
    )
    yield f'Stored as "{results.sweep.name}" ({results.sweep.id}).'


def _seeds_description(sweep: SweepSpec) -> str:
    seeds = ", ".join(map(str, sweep.seeds))
    if len(sweep.seeds) == 1:
        return f"seed {seeds}: 95 % interval over images (binomial)"
    return f"seeds {seeds}: mean ± 95 % interval (Student's t)"


def format_cell(cell: Cell, sweep: SweepSpec) -> str:
    """T, λ and, if the sweep has several, the learning rate of a cell."""
    text = f"T {format_number(cell.temperature)}, λ {format_number(cell.lam)}"
    if len(sweep.rates) > 1:
        text += f", rate {format_number(cell.learning_rate)}"
    return text


class SweepShell(ManyNetsShell[SweepResults]):
    """Output of sweeps."""

    name = "sweep"
    verb = "Training the sweep"

    def document(self, service: Service, study_id: str) -> dict[str, Any]:
        """The map, the baseline and the chosen cell."""
        return document(service.studies.results(study_id))

    def show(self, service: Service, study_id: str) -> None:
        """Print the map."""
        print_sweep(service.studies.results(study_id))

    def table(self, results: SweepResults) -> TextTable:
        """The current map."""
        return map_table(results)

    def progress(self, view: JobView, results: SweepResults) -> str:
        """Trained nets, the best cell so far, and the progress of the running stage."""
        sweep, best = results.sweep.spec, results.map.best
        parts = [f"{results.sweep.nets_done} of {results.sweep.nets} nets"]
        if best is not None:
            accuracy = next(
                cell_result.accuracy
                for cell_result in results.map.cells
                if cell_result.cell == best
            )
            parts.append(
                f"best so far {format_cell(best, sweep)}, validation {percent(accuracy.mean)}"
            )
        running = view.progress.progress
        if running is not None:
            is_teacher = running.stage in {stage.hash for stage in sweep.prerequisites}
            prefix = "the teacher: " if is_teacher else ""
            parts.append(prefix + describe_progress(running, view.status))
        return ", ".join(parts)


SHELL = SweepShell()
