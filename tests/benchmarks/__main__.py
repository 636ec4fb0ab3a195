"""``python -m tests.benchmarks [NAME...] [--pairs N] [--json]``."""

from __future__ import annotations

import sys
import traceback
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Annotated

import typer
from rich.console import Console

from tests.benchmarks import report
from tests.benchmarks.base import (
    Benchmark,
    BenchmarkError,
    BenchmarkResult,
    UnequalWorkError,
    benchmarks,
    print_progress,
)
from tsexplorer.errors import UserError

EXPECTED = (BenchmarkError, UnequalWorkError, UserError)


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help="Benchmarks to run; by default all.")
    ] = None,
    pairs: Annotated[
        int | None,
        typer.Option(min=1, help="Measurements; each benchmark has its own default."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Measure speed and memory on this machine and compare each figure with its target."""
    available = benchmarks()
    chosen = names or list(available)
    for name in chosen:
        if name not in available:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(available)}")
    load = report.load()
    if complaint := report.busy(load):
        print_progress(complaint)
    results = {name: measure(available[name], pairs) for name in chosen}
    if as_json:
        print(report.as_json(available, results, load))
    else:
        Console().print(report.tables(available, results))
    if any(isinstance(result, str) for result in results.values()):
        raise typer.Exit(1)


def measure(benchmark: Benchmark, count: int | None) -> BenchmarkResult | str:
    """Run a benchmark in a new process, so that no other one affects its memory or caches."""
    print(benchmark.name, file=sys.stderr, flush=True)
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        try:
            return pool.submit(benchmark.run, count or benchmark.count).result()
        except EXPECTED as error:
            return str(error)
        except Exception as error:  # the other benchmarks still run
            traceback.print_exception(error)
            return f"It failed ({type(error).__name__}); the traceback is above the table."


if __name__ == "__main__":
    typer.run(main)
