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
    Finding,
    UnequalWorkError,
    benchmarks,
    say,
)
from tsexplorer.errors import UserError

EXPECTED = (BenchmarkError, UnequalWorkError, UserError)


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help="Which to run; all if none is named.")
    ] = None,
    pairs: Annotated[
        int | None,
        typer.Option(min=1, help="Measurements a benchmark; each has a number of its own."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Measure speed and memory on this machine, each figure with its target beside it."""
    known = benchmarks()
    chosen = names or list(known)
    for name in chosen:
        if name not in known:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(known)}")
    load = report.load()
    if complaint := report.busy(load):
        say(complaint)
    results = {name: measured(known[name], pairs) for name in chosen}
    if as_json:
        print(report.as_json(known, results, load))
    else:
        Console().print(report.tables(known, results))
    if any(isinstance(result, str) for result in results.values()):
        raise typer.Exit(1)


def measured(benchmark: Benchmark, count: int | None) -> Finding | str:
    """Run one benchmark in a process of its own, without another's memory, threads or caches."""
    print(benchmark.name, file=sys.stderr, flush=True)
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        try:
            return pool.submit(benchmark.run, count or benchmark.count).result()
        except EXPECTED as error:
            return str(error)
        except Exception as error:  # the others are still worth their time
            traceback.print_exception(error)
            return f"It failed ({type(error).__name__}); what happened stands above the table."


if __name__ == "__main__":
    typer.run(main)
