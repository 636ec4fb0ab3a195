"""Experiments' results as the pages word and draw them; each number says where it is from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from tsexplorer.analysis.formatting import percent, with_interval
from tsexplorer.data.class_subsets import left_out_words
from tsexplorer.data.registry import get_dataset
from tsexplorer.models import describe
from tsexplorer.objectives import Objective, get_objective, loss_in_words, teachers_of, validated
from tsexplorer.objectives.base import format_scalar
from tsexplorer.plots.compare import Cost, Dot, Line, dot, line
from tsexplorer.services import EpochRow, ExperimentSnapshot, Service
from tsexplorer.specs import ROLES, ExperimentSpec, ModelSpec, Role
from tsexplorer.ui.theme import title_of


def provenance(experiment: ExperimentSnapshot) -> str:
    """Split, data, seeds, convention and machine of an experiment's figures."""
    spec = experiment.spec
    info = get_dataset(spec.data.name).info
    seeds = ", ".join(str(seed) for seed in spec.seeds)
    return (
        f"Test split of {info.title} ({info.test:,} images), seed{'s' * (len(spec.seeds) > 1)} "
        f"{seeds}; {how_trained(experiment)}"
    )


def how_trained(experiment: ExperimentSnapshot) -> str:
    """Loss convention and machine of an experiment's nets, as the end of a sentence."""
    machines = {link.stage.machine for link in experiment.stages if link.stage.machine}
    words = loss_in_words(experiment.spec)
    return f"{words}; trained on {' and '.join(sorted(machines)) or '–'}."


def status_line(service: Service, experiment: ExperimentSnapshot) -> str:
    """One line on where an experiment stands."""
    if not experiment.done:
        done = sum(link.stage.status == "done" for link in experiment.stages)
        return (
            f"{experiment.status}, {done} of {len(experiment.stages)} {experiment.counted} trained"
        )
    gain = service.gain(experiment)
    return (
        f"distilled {with_interval(gain.accuracy['distilled'])} (test), gap closed "
        f"{with_interval(gain.gap, 0) if gain.gap else '–'}"
    )


def accuracy_dots(
    service: Service, experiments: Sequence[ExperimentSnapshot], split: str
) -> list[Dot]:
    """A dot for each role that has a figure."""
    dots = []
    for experiment in experiments:
        gain = service.gain(experiment, split)
        for role in ROLES:
            accuracy = gain.accuracy[role]
            if accuracy is not None:
                dots.append(dot(title_of(experiment), role, accuracy))
    return dots


def accuracy_lines(service: Service, experiments: Sequence[ExperimentSnapshot]) -> list[Line]:
    """Mean validation accuracy by epoch: of each role that has begun, and of nets trained along."""
    lines = []
    for experiment in experiments:
        epochs = service.watch(experiment.id).epochs
        title = title_of(experiment)
        for role in ROLES:
            begun = [
                epochs[link.stage.hash]
                for link in experiment.stages
                if link.role == role and epochs.get(link.stage.hash)
            ]
            if begun:
                curves = [[row.validation_accuracy for row in rows] for rows in begun]
                lines.append(line(title, role, curves))
            if role == "distilled":
                lines += _peer_lines(title, get_objective(experiment.spec.objective.name), begun)
    return lines


def _peer_lines(
    title: str, objective: Objective, begun: Sequence[Sequence[EpochRow]]
) -> Iterator[Line]:
    """Curves of the nets that were trained along with the distilled student."""
    for name in objective.members:
        term = validated(name)
        curves = [[row.terms[term] for row in rows] for rows in begun if _has(rows, term)]
        if curves:
            yield line(title, "distilled", curves)._replace(peer=name.capitalize())


def _has(rows: Sequence[EpochRow], term: str) -> bool:
    """Whether all epochs have it: those trained before it was measured do not."""
    return all(term in row.terms for row in rows)


def costs(experiments: Sequence[ExperimentSnapshot], service: Service, what: str) -> list[Cost]:
    """One cost of each experiment's teachers, all together, and of its student.

    Args:
        experiments: whose nets.
        service: counts and measures them.
        what: parameters, macs, bytes, or latency (ms), in which teachers answer one by one.
    """
    found = []
    for experiment in experiments:
        spec = experiment.spec
        classes = len(get_dataset(spec.data.name).info.classes)
        teachers = [one.model for one in teachers_of(spec)]
        nets: dict[Role, list[ModelSpec]] = {"teacher": teachers, "distilled": [spec.student]}
        for role, models in nets.items():
            value = sum(_cost(service, model, classes, what) for model in models)
            found.append(Cost(title_of(experiment), role, value))
    return found


def _cost(service: Service, model: ModelSpec, classes: int, what: str) -> float:
    if what == "latency":
        return service.latency(model, classes).median
    return float(getattr(service.count(model, classes), what))


def summary_table(service: Service, experiments: Sequence[ExperimentSnapshot]) -> pd.DataFrame:
    """A row an experiment: what it is and what came out, on the test split."""
    rows = []
    for experiment in experiments:
        spec, gain = experiment.spec, service.gain(experiment)
        rows.append(
            {
                "Experiment": title_of(experiment),
                "Data": get_dataset(spec.data.name).info.title,
                "Teacher": with_interval(gain.accuracy["teacher"]),
                "Baseline": with_interval(gain.accuracy["baseline"]),
                "Distilled": with_interval(gain.accuracy["distilled"]),
                "Gap closed": with_interval(gain.gap, 0),
                "Gap of means": percent(gain.gap_of_means, 0),
                "Seeds": len(spec.seeds),
                "Loss": loss_in_words(spec),
            }
        )
    return pd.DataFrame(rows)


def differences(experiments: Sequence[ExperimentSnapshot]) -> pd.DataFrame:
    """The settings in which the experiments differ: a row a setting, a column an experiment."""
    flat = {title_of(experiment): _flat(experiment.spec) for experiment in experiments}
    names = list(dict.fromkeys(name for settings in flat.values() for name in settings))
    rows = {
        name: {title: settings.get(name, "–") for title, settings in flat.items()}
        for name in names
        if len({settings.get(name, "–") for settings in flat.values()}) > 1
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _flat(spec: ExperimentSpec) -> dict[str, str]:
    """A spec's settings in words, by the words that the forms use."""
    settings = {
        "Data": get_dataset(spec.data.name).info.title,
        "Pixel scaling": spec.data.scaling,
        "Teacher net": describe(spec.teacher),
        "Further teachers": ", ".join(describe(one.model) for one in spec.more_teachers) or "–",
        "Weights of the teachers": ", ".join(f"{one.weight:g}" for one in spec.members),
        "Seed offsets of the teachers": ", ".join(str(one.seed_offset) for one in spec.members),
        "Teachers averaged by": spec.combine if spec.more_teachers else "–",
        "Student net": describe(spec.student),
        "Objective": get_objective(spec.objective.name).title,
        "Temperature T": f"{spec.objective.temperature:g}",
        "Weight of the labels λ": f"{spec.objective.lam:g}",
        "Distilled from the baseline's weights": "yes" if spec.warm_start else "no",
        "Left out of the transfer set": left_out_words(spec).removeprefix("without ") or "nothing",
        "Seeds": ", ".join(str(seed) for seed in spec.seeds),
    }
    objective = get_objective(spec.objective.name)
    values = objective.settings(spec.objective)
    for option in objective.options:
        told = format_scalar(values[option.name]) or "as it suits"
        settings[f"{objective.title}: {option.title}"] = told
    for stage in ("teacher", "baseline", "distilled"):
        for name, value in getattr(spec, f"{stage}_train").model_dump().items():
            words = "off" if value is None else f"{value:g}" if isinstance(value, float) else value
            settings[f"{stage.capitalize()}: {name.replace('_', ' ')}"] = str(words)
    return settings
