"""Results as a table or as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from tests.benchmarks.base import CPU, Benchmark, BenchmarkResult
from tsexplorer.training.device import describe_machine

Results = Mapping[str, BenchmarkResult | str]
"""Results by benchmark; a text is the error of one that failed."""
BUSY_SHARE = 0.5


def tables(benchmarks: Mapping[str, Benchmark], results: Results) -> Group:
    """A table of the figures and targets, and below it the details."""
    figures = Table(caption=describe_machine(CPU), caption_justify="left")
    for column, title in enumerate(("Benchmark", "Figure", "Range", "n", "Target", "Reached")):
        figures.add_column(title, justify="right" if column else "left", no_wrap=True)
    notes = Table.grid(padding=(0, 2))
    for name, result in results.items():
        benchmark = benchmarks[name]
        figures.add_row(name, *_cells(benchmark, result))
        notes.add_row(name, f"{benchmark.title}\n[dim]{escape(_details(result))}[/dim]")
    return Group(figures, "", notes)


def as_json(
    benchmarks: Mapping[str, Benchmark], results: Results, load_before: float | None
) -> str:
    """A JSON document: the machine, its load before, and the results."""
    content = {
        "machine": describe_machine(CPU),
        "load": load_before,
        "benchmarks": [_entry(benchmarks[name], result) for name, result in results.items()],
    }
    return json.dumps(content, indent=1, ensure_ascii=False)


def load() -> float | None:
    """Mean number of waiting processes in the last minute; None where the system has none."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def busy(waiting: float | None) -> str | None:
    """A sentence if other programs use this machine, else None."""
    if waiting is None or waiting < BUSY_SHARE * (os.cpu_count() or 1):
        return None
    return f"This machine is busy (load {waiting:.1f}): figures to report need a quiet one."


def _cells(benchmark: Benchmark, result: BenchmarkResult | str) -> tuple[str, ...]:
    if isinstance(result, str):
        return "–", "–", "–", _target(benchmark), "–"
    reached = "–"
    if benchmark.target is not None:
        reached = "yes" if benchmark.target.reached(result.value) else "no"
    return (
        f"{result.value:.2f} {benchmark.unit}",
        f"{result.low:.2f}–{result.high:.2f}",
        str(result.count),
        _target(benchmark),
        reached,
    )


def _details(result: BenchmarkResult | str) -> str:
    if isinstance(result, str):
        return result
    return "; ".join(f"{name} {value}" for name, value in result.details.items())


def _target(benchmark: Benchmark) -> str:
    target = benchmark.target
    if target is None:
        return "–"
    return f"{'≥' if target.at_least else '≤'} {target.value:g} {benchmark.unit}"


def _entry(benchmark: Benchmark, result: BenchmarkResult | str) -> dict[str, object]:
    target = benchmark.target
    entry: dict[str, object] = {
        "name": benchmark.name,
        "title": benchmark.title,
        "unit": benchmark.unit,
        "target": target and {"value": target.value, "at_least": target.at_least},
    }
    if isinstance(result, str):
        return entry | {"error": result}
    return entry | {
        "value": result.value,
        "low": result.low,
        "high": result.high,
        "count": result.count,
        "reached": target and target.reached(result.value),
        "details": result.details,
    }
