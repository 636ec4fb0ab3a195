"""A sweep in the shell: its JSON document, its table, and its progress."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from tsexplorer.analysis.formatting import NONE, percent
from tsexplorer.cli.output import print_table
from tsexplorer.cli.progress import doing
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


def document(figures: SweepResults) -> dict[str, Any]:
    """A sweep's figures on validation; accuracies, agreement and ECE are shares of 1.

    An estimate is ``{mean, low, high, seeds, method}`` with its 95 % interval. ``chosen`` is the
    cell with the best mean on validation, with its test accuracy, read once; null before all
    students are trained.
    """
    found = figures.map
    baseline = estimate_document(found.baseline)
    return {
        "sweep": figures.sweep.name,
        "id": figures.sweep.id,
        "cells": [cell_document(one) for one in found.cells],
        "baseline": None
        if baseline is None
        else {"learning_rate": found.baseline_rate, "accuracy": baseline},
        "teacher": None
        if found.teacher is None
        else {"accuracy": estimate_document(found.teacher)},
        "chosen": _chosen(figures.chosen),
    }


def cell_document(one: CellResult) -> dict[str, Any]:
    """A cell with its figures."""
    return {
        **setting_document(one.cell),
        "accuracy": estimate_document(one.accuracy),
        "gap_closed": estimate_document(one.gap),
        "agreement": estimate_document(one.agreement),
        "ece": estimate_document(one.ece),
        "may_be_best": one.may_be_best,
    }


def _chosen(chosen: Chosen | None) -> dict[str, Any] | None:
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


def estimate_document(value: Estimate | None) -> dict[str, Any] | None:
    """An estimate with its interval; None where there is none."""
    if value is None or not math.isfinite(value.mean):
        return None
    ends = {name: None if end is None else round(end, 6) for name, end in _ends(value)}
    return {
        "mean": round(value.mean, 6),
        **ends,
        "seeds": value.seeds,
        "method": value.method,
    }


def _ends(value: Estimate) -> tuple[tuple[str, float | None], ...]:
    return ("low", value.low), ("high", value.high)


def print_sweep(figures: SweepResults) -> None:
    """A row a λ, a column a T, and what stands beside the map."""
    columns, rows = table(figures)
    print_table(columns, rows, numbers=columns, notes=list(notes(figures)))


def table(figures: SweepResults) -> tuple[list[str], list[list[str]]]:
    """Headings, and a row a λ (and rate): mean validation accuracy in percent."""
    sweep = figures.sweep.spec
    known = {one.cell: one for one in figures.map.cells}
    several = len(sweep.rates) > 1
    columns = ["rate"] * several + ["λ"]
    columns += [f"T {format_number(value)}" for value in sweep.temperatures]
    rows = []
    for rate in sweep.rates:
        for lam in sweep.lambdas:
            row = [format_number(rate)] * several + [format_number(lam)]
            cells = [Cell(value, lam, rate) for value in sweep.temperatures]
            row += [_words(known.get(cell), figures.map.best) for cell in cells]
            rows.append(row)
    return columns, rows


def _words(one: CellResult | None, best: Cell | None) -> str:
    if one is None:
        return NONE + "  "
    mark = BEST if one.cell == best else MAY_BE_BEST if one.may_be_best else " "
    return f"{estimate_words(one.accuracy)} {mark}"


def estimate_words(value: Estimate) -> str:
    """A share in percent with its interval.

    >>> estimate_words(Estimate(0.9, 0.88, 0.92, 3, "t over seeds"))
    '90.00 ± 2.00'
    >>> estimate_words(Estimate(0.98, 0.7259, 1.0, 2, "t over seeds"))
    '98.00 ± 25.41'
    >>> estimate_words(Estimate(0.9, 0.8256, 0.9448, 1, "binomial over images"))
    '90.00 (82.56–94.48)'
    """
    mean = f"{100 * value.mean:.2f}"
    if value.low is None or value.high is None:
        return mean
    if value.method == "t over seeds":
        # Ends of shares stop at 0 and 1; the interval's half width is that of the other side.
        return f"{mean} ± {100 * max(value.high - value.mean, value.mean - value.low):.2f}"
    return f"{mean} ({100 * value.low:.2f}–{100 * value.high:.2f})"


def notes(figures: SweepResults) -> Iterator[str]:
    """What the marks mean, what the map is to be held against, and where it is from."""
    sweep, found = figures.sweep.spec, figures.map
    info = get_dataset(sweep.base.data.name).info
    yield (
        f"{BEST} best mean, {MAY_BE_BEST} cannot be told apart from it; the intervals are not "
        f"corrected for {len(sweep.cells)} cells."
    )
    if found.baseline is not None:
        yield f"Baseline (labels alone): {estimate_words(found.baseline)} %."
    if found.teacher is not None:
        yield f"Teacher: {percent(found.teacher.mean)}."
    if figures.chosen is not None:
        yield (
            f"Chosen on validation: {cell_words(figures.chosen.cell, sweep)}; test "
            f"{estimate_words(figures.chosen.test)} %, read once ({info.test:,} images)."
        )
    yield (
        f"{info.title}, validation ({info.validation:,} images), {_seeds(sweep)}; loss: "
        f"{get_objective(sweep.base.objective.name).convention_of(sweep.base.objective)}."
    )
    yield f'Kept as "{figures.sweep.name}" ({figures.sweep.id}).'


def _seeds(sweep: SweepSpec) -> str:
    listed = ", ".join(map(str, sweep.seeds))
    if len(sweep.seeds) == 1:
        return f"seed {listed}: 95 % interval over images (binomial)"
    return f"seeds {listed}: mean ± 95 % interval (Student's t)"


def cell_words(cell: Cell, sweep: SweepSpec) -> str:
    """A cell by its T, λ and, where it varies, rate."""
    words = f"T {format_number(cell.temperature)}, λ {format_number(cell.lam)}"
    if len(sweep.rates) > 1:
        words += f", rate {format_number(cell.learning_rate)}"
    return words


class SweepShell(ManyNetsShell[SweepResults]):
    """How the shell shows sweeps."""

    name = "sweep"
    verb = "Training the sweep"

    def document(self, service: Service, study_id: str) -> dict[str, Any]:
        """The map, the baseline and the chosen cell."""
        return document(service.studies.results(study_id))

    def show(self, service: Service, study_id: str) -> None:
        """Print the map."""
        print_sweep(service.studies.results(study_id))

    def table(self, results: SweepResults) -> TextTable:
        """The map so far."""
        return table(results)

    def progress(self, view: JobView, results: SweepResults) -> str:
        """Nets, the best cell so far, time left."""
        sweep, best = results.sweep.spec, results.map.best
        parts = [f"{results.sweep.nets_done} of {results.sweep.nets} nets"]
        if best is not None:
            accuracy = next(one.accuracy for one in results.map.cells if one.cell == best)
            cell = cell_words(best, sweep)
            parts.append(f"best so far {cell}, validation {percent(accuracy.mean)}")
        running = view.progress.progress
        if running is not None:
            teacher = running.stage in {stage.hash for stage in sweep.prerequisites}
            parts.append(("the teacher: " if teacher else "") + doing(running, view.status))
        return ", ".join(parts)


SHELL = SweepShell()
