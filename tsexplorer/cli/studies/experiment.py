"""An experiment in the shell: its JSON document, its table, and its progress."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

from tsexplorer.analysis.formatting import NONE, duration, percent, plural, with_interval
from tsexplorer.analysis.seed_statistics import Interval, gap_closed, interval
from tsexplorer.cli.output import print_table
from tsexplorer.cli.progress import Reporter, reporter
from tsexplorer.cli.study_shell import StudyShell
from tsexplorer.data.registry import get_dataset
from tsexplorer.objectives import loss_in_words, teachers_of
from tsexplorer.services import ExperimentSnapshot, Service, StageLink, StageSnapshot
from tsexplorer.specs import ROLES, ExperimentSpec

SPLITS = ("validation", "test")


def document(service: Service, experiment: ExperimentSnapshot) -> dict[str, Any]:
    """An experiment's figures; accuracies and gap closed are shares of 1, times are seconds.

    ``interval`` holds ``[low, high]`` of the 95 % interval of each mean over the seeds (Student's
    t), null where one seed gives none. Gap closed is of the test split, null where the teacher is
    not better than the baseline or the student never saw some classes; such seeds stay out of its
    mean. ``further`` stands in a seed where more than the three nets are trained.
    """
    means, intervals = _over_seeds(service, experiment)
    return {
        "experiment": experiment.name,
        "seeds": [_seed(experiment, seed) for seed in experiment.spec.seeds],
        "mean": means,
        "interval": intervals,
    }


def _seed(experiment: ExperimentSnapshot, seed: int) -> dict[str, Any]:
    stages = {role: experiment.stage(seed, role) for role in ROLES}
    accuracies = [stage.test_accuracy for stage in stages.values()]
    known = [accuracy for accuracy in accuracies if accuracy is not None]
    further = {
        experiment.part(link): _further(link)
        for link in experiment.stages
        if link.seed == seed and link.role not in ROLES
    }
    comparable = len(known) == len(ROLES) and not experiment.spec.left_out
    return {
        "seed": seed,
        "stages": {role: _stage(stage) for role, stage in stages.items()},
        **({"further": further} if further else {}),
        "gap_closed": _short(gap_closed(*known)) if comparable else None,
    }


def _further(link: StageLink) -> dict[str, Any]:
    """A stage besides the three; hints are half a training, and have no accuracy."""
    figures = _stage(link.stage)
    if link.role != "hint":
        return figures
    return {name: value for name, value in figures.items() if not name.endswith("accuracy")}


def _stage(stage: StageSnapshot) -> dict[str, Any]:
    return {
        "id": stage.hash,
        "parameters": stage.parameters,
        "epochs": stage.epochs_done,
        "train_seconds": _short(stage.train_seconds),
        "validation_accuracy": _short(stage.validation_accuracy),
        "test_accuracy": _short(stage.test_accuracy),
    }


def _over_seeds(
    service: Service, experiment: ExperimentSnapshot
) -> tuple[dict[str, Any], dict[str, Any]]:
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
    return None if value is None else _short(value.mean)


def _ends(value: Interval | None) -> list[float | None] | None:
    return None if value is None or value.half is None else [_short(value.low), _short(value.high)]


def _short(value: float | None) -> float | None:
    """Without the digits that only say how floats are added."""
    return None if value is None else round(value, 6)


def print_results(service: Service, experiment: ExperimentSnapshot) -> None:
    """A row a net, means over the seeds, and where the figures are from."""
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
        notes=[_gap(service, experiment), *provenance(experiment)],
    )


def _further_rows(experiment: ExperimentSnapshot) -> list[tuple[str, ...]]:
    """A row for each stage besides the three, over the seeds; hints have no accuracy."""
    parts: dict[str, list[StageLink]] = {}
    for link in experiment.stages:
        if link.role not in ROLES:
            parts.setdefault(experiment.part(link), []).append(link)
    return [_further_row(part, links) for part, links in parts.items()]


def _further_row(part: str, links: list[StageLink]) -> tuple[str, ...]:
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
        *((NONE, NONE) if hints else accuracies),
    )


def _range(values: list[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low}–{high}"


def _gap(service: Service, experiment: ExperimentSnapshot) -> str:
    if experiment.spec.left_out:
        return "No gap closed: as trained, the student does not answer with what it never saw"
    gain = service.gain(experiment)
    words = [f"Gap closed (test): {with_interval(gain.gap, 0)}"]
    teachers = len(teachers_of(experiment.spec))
    if teachers > 1:
        words.append(f"against the first of {teachers} teachers")
    if gain.undefined:
        words.append(
            f"in {plural(gain.undefined, 'seed')} the teacher is not better than the baseline"
        )
    if gain.gap is not None and gain.gap.n > 1:
        words.append(f"of the means {percent(gain.gap_of_means, 0)}")
    return "; ".join(words)


def provenance(experiment: ExperimentSnapshot) -> list[str]:
    """Split, seeds, loss convention and machine of an experiment's figures."""
    spec = experiment.spec
    return [
        f"{split_words(spec)}; {_seeds(spec)}.",
        f"Loss of the distilled net: {loss_in_words(spec)}. "
        f"Trained on {machine_words([experiment])}.",
        f'Kept as "{experiment.name}" ({experiment.id}).',
    ]


def split_words(spec: ExperimentSpec) -> str:
    """Which images the figures are of."""
    info = get_dataset(spec.data.name).info
    return (
        f"{info.title}: validation ({info.validation:,} images) for choices, test "
        f"({info.test:,} images) read once"
    )


def machine_words(experiments: Iterable[ExperimentSnapshot]) -> str:
    """What the nets were trained on."""
    links = (link for one in experiments for link in one.stages)
    machines = sorted({link.stage.machine for link in links if link.stage.machine})
    return " and ".join(machines) or "an unknown machine"


def _seeds(spec: ExperimentSpec) -> str:
    listed = ", ".join(map(str, spec.seeds))
    if len(spec.seeds) == 1:
        return f"seed {listed}, so no interval"
    return f"seeds {listed}: mean ± 95 % interval (Student's t)"


class ExperimentShell(StudyShell[Any]):
    """How the shell shows experiments."""

    name = "experiment"
    verb = "Training"

    def document(self, service: Service, study_id: str) -> dict[str, Any]:
        """Figures of each seed, means and intervals."""
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
        return reporter(experiment)


SHELL = ExperimentShell()
