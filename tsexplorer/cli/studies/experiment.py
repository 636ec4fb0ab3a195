"""Output of an experiment on the command line: its JSON document, its table, and its progress."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

from tsexplorer.analysis.formatting import NO_VALUE, duration, percent, plural, with_interval
from tsexplorer.analysis.seed_statistics import Interval, gap_closed, interval
from tsexplorer.cli.output import print_table
from tsexplorer.cli.progress import Reporter, experiment_reporter
from tsexplorer.cli.study_shell import StudyShell
from tsexplorer.data.registry import get_dataset
from tsexplorer.objectives import format_loss, trained_teachers
from tsexplorer.services import ExperimentSnapshot, Service, StageLink, StageSnapshot
from tsexplorer.specs import ROLES, ExperimentSpec

SPLITS = ("validation", "test")


def document(service: Service, experiment: ExperimentSnapshot) -> dict[str, Any]:
    """An experiment's results; accuracies and gap closed are shares of 1, times are seconds.

    ``interval`` holds ``[low, high]`` of the 95 % interval (Student's t) of each mean over the
    seeds, or null for a single seed. The gap closed is of the test split; it is null if the teacher
    is not better than the baseline or the student was not trained on all classes. Such seeds are
    not part of its mean. A seed has ``further`` if it trains more than three nets.
    """
    means, intervals = _statistics(service, experiment)
    return {
        "experiment": experiment.name,
        "seeds": [_seed_document(experiment, seed) for seed in experiment.spec.seeds],
        "mean": means,
        "interval": intervals,
    }


def _seed_document(experiment: ExperimentSnapshot, seed: int) -> dict[str, Any]:
    stages = {role: experiment.stage(seed, role) for role in ROLES}
    test_accuracies = [stage.test_accuracy for stage in stages.values()]
    accuracies = [accuracy for accuracy in test_accuracies if accuracy is not None]
    further = {
        experiment.part(link): _further_document(link)
        for link in experiment.stages
        if link.seed == seed and link.role not in ROLES
    }
    comparable = len(accuracies) == len(ROLES) and not experiment.spec.left_out
    return {
        "seed": seed,
        "stages": {role: _stage_document(stage) for role, stage in stages.items()},
        **({"further": further} if further else {}),
        "gap_closed": _rounded(gap_closed(*accuracies)) if comparable else None,
    }


def _further_document(link: StageLink) -> dict[str, Any]:
    """A stage with another role than the three; hints have no accuracy."""
    figures = _stage_document(link.stage)
    if link.role != "hint":
        return figures
    return {name: value for name, value in figures.items() if not name.endswith("accuracy")}


def _stage_document(stage: StageSnapshot) -> dict[str, Any]:
    return {
        "id": stage.hash,
        "parameters": stage.parameters,
        "epochs": stage.epochs_done,
        "train_seconds": _rounded(stage.train_seconds),
        "validation_accuracy": _rounded(stage.validation_accuracy),
        "test_accuracy": _rounded(stage.test_accuracy),
    }


def _statistics(
    service: Service, experiment: ExperimentSnapshot
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Means and intervals over the seeds."""
    gains = {split: service.gain(experiment, split) for split in SPLITS}
    means: dict[str, Any] = {role: {} for role in ROLES}
    intervals: dict[str, Any] = {role: {} for role in ROLES}
    for split, gain in gains.items():
        for role in ROLES:
            means[role][f"{split}_accuracy"] = _mean(gain.accuracy[role])
            intervals[role][f"{split}_accuracy"] = _ends(gain.accuracy[role])
    means["gap_closed"] = _mean(gains["test"].gap)
    intervals["gap_closed"] = _ends(gains["test"].gap)
    return means, intervals


def _mean(value: Interval | None) -> float | None:
    return None if value is None else _rounded(value.mean)


def _ends(value: Interval | None) -> list[float | None] | None:
    if value is None or value.half is None:
        return None
    return [_rounded(value.low), _rounded(value.high)]


def _rounded(value: float | None) -> float | None:
    """A value with six decimals, without the digits of rounding errors."""
    return None if value is None else round(value, 6)


def print_results(service: Service, experiment: ExperimentSnapshot) -> None:
    """Print a row per net with means over the seeds, and the conditions of the figures."""
    gains = {split: service.gain(experiment, split) for split in SPLITS}
    rows = []
    for role in ROLES:
        stages = [link.stage for link in experiment.stages if link.role == role]
        rows.append(
            (
                role,
                f"{stages[0].parameters or 0:,}",
                _range([stage.epochs_done for stage in stages]),
                duration(sum(stage.train_seconds or 0.0 for stage in stages)),
                *(with_interval(gains[split].accuracy[role]) for split in SPLITS),
            )
        )
    rows += _further_rows(experiment)
    print_table(
        ("net", "parameters", "epochs", "time", *SPLITS),
        rows,
        numbers=("parameters", "epochs", "time", *SPLITS),
        notes=[_gap_note(service, experiment), *_conditions(experiment)],
    )


def _further_rows(experiment: ExperimentSnapshot) -> list[tuple[str, ...]]:
    """A row for each part with another role than the three, over the seeds."""
    parts: dict[str, list[StageLink]] = {}
    for link in experiment.stages:
        if link.role not in ROLES:
            parts.setdefault(experiment.part(link), []).append(link)
    return [_further_row(part, links) for part, links in parts.items()]


def _further_row(part: str, links: list[StageLink]) -> tuple[str, ...]:
    """The row of one part; hints have no accuracy."""
    stages = [link.stage for link in links]
    accuracies = (
        with_interval(interval([value for value in values if value is not None]))
        for values in (
            [stage.validation_accuracy for stage in stages],
            [stage.test_accuracy for stage in stages],
        )
    )
    hints = links[0].role == "hint"
    return (
        "distilled, hints" if hints else part,
        "" if hints else f"{stages[0].parameters or 0:,}",
        _range([stage.epochs_done for stage in stages]),
        duration(sum(stage.train_seconds or 0.0 for stage in stages)),
        *((NO_VALUE, NO_VALUE) if hints else accuracies),
    )


def _range(values: list[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low}–{high}"


def _gap_note(service: Service, experiment: ExperimentSnapshot) -> str:
    if experiment.spec.left_out:
        return "No gap closed: the student was not trained on all classes"
    gain = service.gain(experiment)
    parts = [f"Gap closed (test): {with_interval(gain.gap, 0)}"]
    teachers = len(trained_teachers(experiment.spec))
    if teachers > 1:
        parts.append(f"against the first of {teachers} teachers")
    if gain.undefined:
        parts.append(
            f"in {plural(gain.undefined, 'seed')} the teacher is not better than the baseline"
        )
    if gain.gap is not None and gain.gap.n > 1:
        parts.append(f"of the means {percent(gain.gap_of_means, 0)}")
    return "; ".join(parts)


def _conditions(experiment: ExperimentSnapshot) -> list[str]:
    """Split, seeds, loss convention and machine of an experiment's figures."""
    spec = experiment.spec
    return [
        f"{split_description(spec)}; {_seeds_description(spec)}.",
        f"Loss of the distilled net: {format_loss(spec)}. "
        f"Trained on {machine_names([experiment])}.",
        f'Stored as "{experiment.name}" ({experiment.id}).',
    ]


def split_description(spec: ExperimentSpec) -> str:
    """The dataset with the sizes and uses of its splits."""
    info = get_dataset(spec.data.name).info
    return (
        f"{info.title}: validation ({info.validation:,} images) for choices, test "
        f"({info.test:,} images) read once"
    )


def machine_names(experiments: Iterable[ExperimentSnapshot]) -> str:
    """The machines on which the nets were trained."""
    links = (link for experiment in experiments for link in experiment.stages)
    machines = sorted({link.stage.machine for link in links if link.stage.machine})
    return " and ".join(machines) or "an unknown machine"


def _seeds_description(spec: ExperimentSpec) -> str:
    seeds = ", ".join(map(str, spec.seeds))
    if len(spec.seeds) == 1:
        return f"seed {seeds}, so no interval"
    return f"seeds {seeds}: mean ± 95 % interval (Student's t)"


class ExperimentShell(StudyShell[Any]):
    """Output of experiments."""

    name = "experiment"
    verb = "Training"

    def document(self, service: Service, study_id: str) -> dict[str, Any]:
        """Results of each seed, means and intervals."""
        return document(service, service.experiment(study_id))

    def show(self, service: Service, study_id: str) -> None:
        """Print a row per net."""
        print_results(service, service.experiment(study_id))

    def reporter(
        self,
        service: Service,  # noqa: ARG002
        experiment: ExperimentSnapshot,
    ) -> AbstractContextManager[Reporter]:
        """Bars or lines for one net after the other."""
        return experiment_reporter(experiment)


SHELL = ExperimentShell()
