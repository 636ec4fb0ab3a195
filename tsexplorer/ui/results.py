"""Results of experiments as texts, tables and plot data; each figure has its provenance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from tsexplorer.analysis.formatting import percent, with_interval
from tsexplorer.data.base import ImageTask
from tsexplorer.data.registry import get_dataset
from tsexplorer.data.subsets import describe_excluded_classes
from tsexplorer.models import describe
from tsexplorer.objectives import (
    Objective,
    format_loss,
    get_objective,
    trained_teachers,
    validation_term,
)
from tsexplorer.objectives.base import format_scalar
from tsexplorer.plots.compare import (
    AccuracyCurve,
    AccuracyPoint,
    CostPoint,
    accuracy_point,
    mean_curve,
)
from tsexplorer.services import EpochRow, ExperimentSnapshot, Service
from tsexplorer.specs import ROLES, ExperimentSpec, ModelSpec, Role
from tsexplorer.ui.theme import title_of


def provenance(experiment: ExperimentSnapshot) -> str:
    """Return split, data, seeds, loss convention and machine of an experiment's figures."""
    spec = experiment.spec
    info = get_dataset(spec.data.name).info
    seeds = ", ".join(str(seed) for seed in spec.seeds)
    return (
        f"Test split of {info.title} ({info.test:,} images), seed{'s' * (len(spec.seeds) > 1)} "
        f"{seeds}; {training_note(experiment)}"
    )


def training_note(experiment: ExperimentSnapshot) -> str:
    """Return loss convention and machine of an experiment's nets, as the end of a sentence."""
    machines = {link.stage.machine for link in experiment.stages if link.stage.machine}
    loss = format_loss(experiment.spec)
    return f"{loss}; trained on {' and '.join(sorted(machines)) or '–'}."


def status_line(service: Service, experiment: ExperimentSnapshot) -> str:
    """Return an experiment's progress or, once it is trained, its result on one line."""
    if not experiment.done:
        done = sum(link.stage.status == "done" for link in experiment.stages)
        total = f"{len(experiment.stages)} {experiment.stage_noun}"
        return f"{experiment.status}, {done} of {total} trained"
    gain = service.gain(experiment)
    return (
        f"distilled {with_interval(gain.accuracy['distilled'])} (test), gap closed "
        f"{with_interval(gain.gap, 0) if gain.gap else '–'}"
    )


# -- plot data --------------------------------------------------------------------------------


def accuracy_points(
    service: Service, experiments: Sequence[ExperimentSnapshot], split: str
) -> list[AccuracyPoint]:
    """Return a point for each role that has an accuracy on the split."""
    points = []
    for experiment in experiments:
        gain = service.gain(experiment, split)
        for role in ROLES:
            accuracy = gain.accuracy[role]
            if accuracy is not None:
                points.append(accuracy_point(title_of(experiment), role, accuracy))
    return points


def accuracy_curves(
    service: Service, experiments: Sequence[ExperimentSnapshot]
) -> list[AccuracyCurve]:
    """Return the mean validation accuracy by epoch of each role and of the nets trained along."""
    curves = []
    for experiment in experiments:
        epochs = service.watch(experiment.id).epochs
        title = title_of(experiment)
        for role in ROLES:
            rows_by_seed = [
                epochs[link.stage.hash]
                for link in experiment.stages
                if link.role == role and epochs.get(link.stage.hash)
            ]
            if rows_by_seed:
                values = [[row.validation_accuracy for row in rows] for rows in rows_by_seed]
                curves.append(mean_curve(title, role, values))
            if role == "distilled":
                objective = get_objective(experiment.spec.objective.name)
                curves += _peer_curves(title, objective, rows_by_seed)
    return curves


def _peer_curves(
    title: str, objective: Objective, rows_by_seed: Sequence[Sequence[EpochRow]]
) -> Iterator[AccuracyCurve]:
    """Yield the curves of the nets that are trained along with the distilled student."""
    for name in objective.member_names:
        term = validation_term(name)
        # Nets of older versions have epochs without this term.
        complete = [rows for rows in rows_by_seed if all(term in row.terms for row in rows)]
        values = [[row.terms[term] for row in rows] for rows in complete]
        if values:
            yield mean_curve(title, "distilled", values)._replace(peer=name.capitalize())


def cost_points(
    experiments: Sequence[ExperimentSnapshot], service: Service, metric: str
) -> list[CostPoint]:
    """Return a cost of each experiment's student, and of its teachers together.

    Args:
        experiments: to compare.
        service: counts parameters and measures latency.
        metric: parameters, macs, bytes or latency (ms); teachers run one after the other.
    """
    points = []
    for experiment in experiments:
        spec = experiment.spec
        task = get_dataset(spec.data.name).info.task
        teachers = [teacher.model for teacher in trained_teachers(spec)]
        nets: dict[Role, list[ModelSpec]] = {"teacher": teachers, "distilled": [spec.student]}
        for role, models in nets.items():
            value = sum(_cost(service, model, task, metric) for model in models)
            points.append(CostPoint(title_of(experiment), role, value))
    return points


def _cost(service: Service, model: ModelSpec, task: ImageTask, metric: str) -> float:
    if metric == "latency":
        return service.latency(model, task).median
    return float(getattr(service.count(model, task), metric))


# -- tables -----------------------------------------------------------------------------------


def summary_table(service: Service, experiments: Sequence[ExperimentSnapshot]) -> pd.DataFrame:
    """Return a row for each experiment with its results on the test split."""
    rows = []
    for experiment in experiments:
        spec, gain = experiment.spec, service.gain(experiment)
        rows.append(
            {
                "Experiment": title_of(experiment),
                "Data": get_dataset(experiment.spec.data.name).info.title,
                "Teacher": with_interval(gain.accuracy["teacher"]),
                "Baseline": with_interval(gain.accuracy["baseline"]),
                "Distilled": with_interval(gain.accuracy["distilled"]),
                "Gap closed": with_interval(gain.gap, 0),
                "Gap of means": percent(gain.gap_of_means, 0),
                "Seeds": len(spec.seeds),
                "Loss": format_loss(spec),
            }
        )
    return pd.DataFrame(rows)


def settings_table(experiments: Sequence[ExperimentSnapshot]) -> pd.DataFrame:
    """Return the settings that differ: a row for each setting, a column for each experiment."""
    columns = {title_of(experiment): _settings(experiment.spec) for experiment in experiments}
    names = list(dict.fromkeys(name for settings in columns.values() for name in settings))
    rows = {
        name: {title: settings.get(name, "–") for title, settings in columns.items()}
        for name in names
        if len({settings.get(name, "–") for settings in columns.values()}) > 1
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _settings(spec: ExperimentSpec) -> dict[str, str]:
    """Return a spec's settings as texts, under the titles of the forms."""
    info = get_dataset(spec.data.name).info
    objective, task = get_objective(spec.objective.name), info.task
    excluded = describe_excluded_classes(spec).removeprefix("without ")
    offsets = [teacher.seed_offset for teacher in spec.all_teachers]
    settings = {
        "Data": info.title,
        "Pixel scaling": spec.data.scaling,
        "Teacher net": describe(spec.teacher, task),
        "Further teachers": _join(describe(teacher.model, task) for teacher in spec.more_teachers),
        "Weights of the teachers": _join(f"{teacher.weight:g}" for teacher in spec.all_teachers),
        "Seed offsets of the teachers": _join(map(str, offsets)),
        "Teachers averaged by": spec.combine if spec.more_teachers else "–",
        "Student net": describe(spec.student, task),
        "Objective": objective.title,
        "Temperature T": f"{spec.objective.temperature:g}",
        "Weight of the labels λ": f"{spec.objective.lam:g}",
        "Distilled starts from the baseline": "yes" if spec.warm_start else "no",
        "Left out of the transfer set": excluded or "nothing",
        "Seeds": _join(map(str, spec.seeds)),
    }
    values = objective.option_values(spec.objective)
    for option in objective.options:
        value = format_scalar(values[option.name]) or "automatic"
        settings[f"{objective.title}: {option.title}"] = value
    for stage in ("teacher", "baseline", "distilled"):
        for name, value in getattr(spec, f"{stage}_train").model_dump().items():
            settings[f"{stage.capitalize()}: {name.replace('_', ' ')}"] = _setting_text(value)
    return settings


def _join(texts: Iterable[str]) -> str:
    return ", ".join(texts) or "–"


def _setting_text(value: object) -> str:
    if value is None:
        return "off"
    return f"{value:g}" if isinstance(value, float) else str(value)
