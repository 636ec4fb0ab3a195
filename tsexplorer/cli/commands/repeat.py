"""Repeat an experiment over more seeds in the foreground."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tsexplorer.cli.output import Json
from tsexplorer.cli.requests import BaseOptions, Name, with_base_options
from tsexplorer.cli.shell import TRAIN, app


@app.command(rich_help_panel=TRAIN)
@with_base_options
def repeat(
    *,
    half_width: Annotated[
        float,
        typer.Option(
            metavar="W",
            help="Stop when half the 95 % interval of the gap closed (validation) is at most W; "
            "0.1 is ± 10 % of the gap.",
        ),
    ] = 0.1,
    max_seeds: Annotated[
        int, typer.Option(metavar="N", help="Stop at this many seeds in any case.")
    ] = 10,
    base: BaseOptions,
    name: Name = None,
    json: Json = False,
) -> None:
    """Train one experiment over more seeds until the interval of its gap closed is narrow enough.

    After each seed the 95 % interval (Student's t) of the gap closed on validation is computed;
    training stops when the interval is narrow enough, or at the maximum number of seeds.

    Ctrl-C cancels and keeps trained nets; resume continues.

    With --json: repeat, seeds (seed, validation_accuracy of teacher, baseline and distilled,
    gap_closed), half_width, reached, and validation and test, each with mean, half_width and seeds
    of the gap closed and of each net's accuracy. Accuracies and gaps are shares of 1.
    """
    from tsexplorer.cli.run_job import train_study
    from tsexplorer.specs import parse_spec
    from tsexplorer.studies.repeat import RepeatSpec

    spec = parse_spec(
        RepeatSpec,
        {"base": base.experiment(), "half_width": half_width, "max_seeds": max_seeds},
    )
    train_study(spec, name, f"repeat of {spec.base.name}", _describe, json=json)


def _describe(checked: Any) -> str:
    from tsexplorer.analysis.formatting import percent

    spec = checked.spec
    width = percent(spec.half_width, 0)
    return f"Up to {spec.max_seeds} seeds, until the gap closed is known to ± {width}."
