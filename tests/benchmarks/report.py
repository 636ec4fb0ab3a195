"""Findings as a table for people or as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from tests.benchmarks.base import CPU, Benchmark, Finding
from tsexplorer.training.device import describe_machine

Results = Mapping[str, Finding | str]
"""By benchmark: what was found, or one sentence that says why nothing was."""
BUSY_SHARE = 0.5


def tables(benchmarks: Mapping[str, Benchmark], results: Results) -> Group:
    """The figures with their targets, and below what each is made of."""
    figures = Table(caption=describe_machine(CPU), caption_justify="left")
    for place, title in enumerate(("Benchmark", "Figure", "Range", "n", "Target", "Reached")):
        figures.add_column(title, justify="right" if place else "left", no_wrap=True)
    notes = Table.grid(padding=(0, 2))
    for name, result in results.items():
        benchmark = benchmarks[name]
        figures.add_row(name, *_cells(benchmark, result))
        notes.add_row(name, f"{benchmark.title}\n[dim]{escape(_details(result))}[/dim]")
    return Group(figures, "", notes)


def as_json(
    benchmarks: Mapping[str, Benchmark], results: Results, load_before: float | None
) -> str:
    """One document: the machine, how busy it was when we came, and the findings."""
    content = {
        "machine": describe_machine(CPU),
        "load": load_before,
        "benchmarks": [_entry(benchmarks[name], result) for name, result in results.items()],
    }
    return json.dumps(content, indent=1, ensure_ascii=False)


def load() -> float | None:
    """Processes that wanted a core in the last minute, where the system says so."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def busy(waiting: float | None) -> str | None:
    """A sentence if others are using this machine, or did a minute ago."""
    if waiting is None or waiting < BUSY_SHARE * (os.cpu_count() or 1):
        return None
    return f"This machine is busy (load {waiting:.1f}): figures to report need a quiet one."


def _cells(benchmark: Benchmark, result: Finding | str) -> tuple[str, ...]:
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


def _details(result: Finding | str) -> str:
    if isinstance(result, str):
        return result
    return "; ".join(f"{name} {value}" for name, value in result.details.items())


def _target(benchmark: Benchmark) -> str:
    target = benchmark.target
    if target is None:
        return "–"
    return f"{'≥' if target.at_least else '≤'} {target.value:g} {benchmark.unit}"


def _entry(benchmark: Benchmark, result: Finding | str) -> dict[str, object]:
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
