"""Output of a repeat on the command line: its JSON document, its table, and its progress."""

from __future__ import annotations

from typing import Any

from tsexplorer.analysis.formatting import percent, with_interval
from tsexplorer.analysis.seed_statistics import Gain, Interval
from tsexplorer.cli.output import print_table
from tsexplorer.cli.progress import describe_progress
from tsexplorer.cli.study_shell import ManyNetsShell, TextTable
from tsexplorer.data.registry import get_dataset
from tsexplorer.objectives import format_loss
from tsexplorer.services import Service
from tsexplorer.services.foreground import JobView
from tsexplorer.specs import ROLES
from tsexplorer.studies.repeat import RepeatResults


def document(results: RepeatResults) -> dict[str, Any]:
    """A repeat's results; accuracies and gaps are shares of 1."""
    spec = results.study.spec
    return {
        "repeat": results.study.name,
        "id": results.study.id,
        "half_width": spec.half_width,
        "reached": results.reached,
        "seeds": [
            {
                "seed": seed.seed,
                "validation_accuracy": {
                    role: _rounded(seed.accuracies.get(role)) for role in ROLES
                },
                "gap_closed": _rounded(seed.gap),
            }
            for seed in results.seeds
        ],
        "validation": _gain_document(results.validation),
        "test": _gain_document(results.test),
    }


def _gain_document(gain: Gain) -> dict[str, Any]:
    return {
        **{role: _interval_document(gain.accuracy[role]) for role in ROLES},
        "gap_closed": _interval_document(gain.gap),
    }


def _interval_document(value: Interval | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return {
        "mean": _rounded(value.mean),
        "half_width": _rounded(value.half),
        "seeds": value.n,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


class RepeatShell(ManyNetsShell[RepeatResults]):
    """Output of repeats."""

    name = "repeat"
    verb = "Running the repeat"

    def document(self, service: Service, study_id: str) -> dict[str, Any]:
        """Seeds, gap closed and accuracies."""
        return document(service.studies.results(study_id))

    def show(self, service: Service, study_id: str) -> None:
        """Print a row per seed and the gap closed."""
        results: RepeatResults = service.studies.results(study_id)
        headings, rows = self.table(results)
        print_table(headings, rows, numbers=headings, notes=_notes(results))

    def table(self, results: RepeatResults) -> TextTable:
        """A row per seed: validation accuracies and gap closed."""
        rows = [
            [
                str(seed.seed),
                *(percent(seed.accuracies.get(role)) for role in ROLES),
                percent(seed.gap, 0),
            ]
            for seed in results.seeds
        ]
        return ["seed", *ROLES, "gap closed"], rows

    def progress(self, view: JobView, results: RepeatResults) -> str:
        """Seeds, gap closed so far, the running net."""
        spec = results.study.spec
        parts = [f"{len(results.complete_seeds)} of at most {spec.max_seeds} seeds"]
        if results.validation.gap is not None:
            parts.append(f"gap closed {with_interval(results.validation.gap, 0)}")
        if view.progress.progress is not None:
            parts.append(describe_progress(view.progress.progress, view.status))
        return ", ".join(parts)


def _notes(results: RepeatResults) -> list[str]:
    spec = results.study.spec
    info = get_dataset(spec.base.data.name).info
    seeds = ", ".join(map(str, results.complete_seeds))
    width = percent(spec.half_width, 0)
    outcome = (
        f"is narrow enough (at most ± {width})"
        if results.reached
        else f"is still wider than ± {width} after {spec.max_seeds} seeds"
    )
    return [
        f"Gap closed on validation: {with_interval(results.validation.gap, 0)}; its 95 % interval "
        f"{outcome}.",
        f"Gap closed on test: {with_interval(results.test.gap, 0)}, read once per seed, not used "
        f"to stop ({info.test:,} images).",
        f"{info.title}, validation ({info.validation:,} images), seeds {seeds}: mean ± 95 % "
        f"interval (Student's t); loss: {format_loss(spec.base)}.",
        "The interval at which training stops is somewhat too narrow, because a narrow interval by "
        "chance also stops it.",
        f'Stored as "{results.study.name}" ({results.study.id}).',
    ]


SHELL = RepeatShell()
