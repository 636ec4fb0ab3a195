"""A finding's figures as a file: out of a store, and back into what a sweep's figures are.

The file has each student's scores on validation, and of the test split what the chosen cell's
students got, nothing else of it. The map is made of them anew: it is not stored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from tsexplorer import __version__
from tsexplorer.assets import FINDINGS, read_json, write_json
from tsexplorer.data.registry import get_dataset
from tsexplorer.errors import UserError
from tsexplorer.findings.catalogue import Finding, finding_names, get_finding
from tsexplorer.service import Service
from tsexplorer.store import StageSnapshot
from tsexplorer.sweep_figures import Known, SweepFigures, SweepSnapshot, figures_of
from tsexplorer.sweeping import named
from tsexplorer.sweeps.events import Scores
from tsexplorer.sweeps.map import Estimate, shares
from tsexplorer.sweeps.spec import SweepSpec

KILOBYTES_AT_MOST = 60


@dataclass(frozen=True)
class Shipped:
    """A finding with its figures.

    Attributes:
        finding: what it asks, in words.
        figures: those of its sweep, which has the finding's name for an id.
        teacher_test: test accuracy of the teachers, None where it is not known.
        machine: what the students were trained on, in words.
        seconds: spent on training and validating the students.
        date: when the last of them ended, UTC.
        version: of this package at that time.
    """

    finding: Finding
    figures: SweepFigures
    teacher_test: Estimate | None
    machine: str
    seconds: float
    date: date
    version: str


# -- into a file --------------------------------------------------------------------------------


def ship(service: Service, name: str, folder: Path = FINDINGS) -> Path:
    """Write what a store has of a finding; returns the file.

    Args:
        service: of the store.
        name: of the finding.
        folder: where the file goes. Where another grid under the finding's name, a try-out, is
            all that the store has, it must be a folder that does not ship.

    Raises:
        NotFoundError: there is no such finding.
        UserError: it is not trained yet, or a try-out is to ship.
    """
    finding = get_finding(name)
    sweep = _trained(service, finding)
    if folder == FINDINGS and not _same_grid(sweep, finding):
        raise UserError(
            f"What is trained under the name {sweep.name} has another grid than the finding, so "
            "it does not ship; name another folder to write it to."
        )
    figures = service.sweeps.figures(sweep.id)
    if figures.chosen is None:
        raise UserError(f"{sweep.name} is not trained to its end; go on: {command(finding)}")
    links = service.store.experiment(figures.sweep.id).stages
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.json"
    # Under the finding's own name, also where that was taken when it was trained.
    spec = named(sweep.spec, finding.spec.base.name)
    write_json(file, _content(spec, figures, {link.stage.hash: link.stage for link in links}))
    return file


def _trained(service: Service, finding: Finding) -> SweepSnapshot:
    """The sweep of the finding's grid, else the one that has its name."""
    sweeps = service.sweeps.all()
    for sweep in sweeps:
        if _same_grid(sweep, finding):
            return sweep
    for sweep in sweeps:
        if sweep.name == finding.spec.base.name:
            return sweep
    raise UserError(f"{finding.spec.base.name} is not trained here; do so: {command(finding)}")


def _same_grid(sweep: SweepSnapshot, finding: Finding) -> bool:
    return named(sweep.spec, finding.spec.base.name) == finding.spec


def _content(
    spec: SweepSpec, figures: SweepFigures, stages: dict[str, StageSnapshot]
) -> dict[str, Any]:
    assert figures.chosen is not None
    students = [stages[one.hash] for one in spec.students]
    chosen = [stages[spec.student(figures.chosen.cell, seed).hash] for seed in spec.seeds]
    teachers = {stages[spec.teacher(seed).hash].hash: seed for seed in spec.seeds}
    return {
        "spec": spec.model_dump(mode="json", by_alias=True),
        "version": __version__,
        "machine": _in_words(one.machine for one in students),
        "date": _last(students).isoformat(),
        "seconds": round(math.fsum(one.train_seconds or 0.0 for one in students), 1),
        "teachers": {key: _accuracies(stages[key]) for key in teachers},
        "students": {one.hash: _student(one, figures.scores[one.hash]) for one in students},
        "test_accuracy": {one.hash: one.test_accuracy for one in chosen},
    }


def _accuracies(stage: StageSnapshot) -> dict[str, float | None]:
    return {name: getattr(stage, name) for name in ("validation_accuracy", "test_accuracy")}


def _student(stage: StageSnapshot, scores: Scores) -> dict[str, float | None]:
    return {
        "accuracy": scores.accuracy,
        "loss": None if math.isnan(scores.loss) else scores.loss,  # JSON has no nan
        "agreement": scores.agreement,
        "ece": scores.ece,
        "epochs": stage.epochs_done,
        "kept_epoch": stage.kept_epoch,
    }


def _in_words(machines: Iterable[str | None]) -> str:
    """The machines, each once, however many students were together on it."""
    plain = (re.sub(r", \d+ together$", "", words) for words in machines if words)
    return " and ".join(dict.fromkeys(plain))


def _last(stages: Sequence[StageSnapshot]) -> date:
    return max(one.finished_at for one in stages if one.finished_at is not None).date()


# -- out of a file ------------------------------------------------------------------------------


def shipped_names(folder: Path = FINDINGS) -> tuple[str, ...]:
    """Findings whose figures are there, in the catalogue's order."""
    return tuple(name for name in finding_names() if (folder / f"{name}.json").exists())


@cache
def shipped(name: str, folder: Path = FINDINGS) -> Shipped:
    """A finding and its figures.

    Raises:
        NotFoundError: there is no such finding.
        UserError: it is not among those that ship.
    """
    finding = get_finding(name)
    file = folder / f"{name}.json"
    if not file.exists():
        raise UserError(
            f"The finding {name} does not ship with this version; train it: {command(finding)}"
        )
    content = read_json(file)
    spec = SweepSpec.model_validate(content["spec"])
    tests = [one["test_accuracy"] for one in content["teachers"].values()]
    return Shipped(
        finding=finding,
        figures=figures_of(_snapshot(finding, spec, content), _known(spec, content)),
        teacher_test=shares(
            [value for value in tests if value is not None],
            get_dataset(spec.base.data.name).info.test,
        ),
        machine=content["machine"],
        seconds=content["seconds"],
        date=date.fromisoformat(content["date"]),
        version=content["version"],
    )


def command(finding: Finding) -> str:
    """What trains the finding's map again."""
    return f"python -m tsexplorer sweep --finding {finding.name}"


def _snapshot(finding: Finding, spec: SweepSpec, content: dict[str, Any]) -> SweepSnapshot:
    nets = len(spec.planned)
    return SweepSnapshot(
        id=finding.name,
        name=finding.title,
        spec=spec,
        status="done",
        job=None,
        created_at=datetime.fromisoformat(content["date"]).replace(tzinfo=UTC),
        nets=nets,
        nets_done=nets,
    )


def _known(spec: SweepSpec, content: dict[str, Any]) -> Known:
    students = content["students"]
    return Known(
        scores={key: _scores(one) for key, one in students.items()},
        epochs={key: one["epochs"] for key, one in students.items()},
        done=frozenset(students),
        teachers={
            seed: content["teachers"][spec.teacher(seed).hash]["validation_accuracy"]
            for seed in spec.seeds
        },
        tests=content["test_accuracy"],
    )


def _scores(one: dict[str, Any]) -> Scores:
    loss = math.nan if one["loss"] is None else one["loss"]
    return Scores(one["accuracy"], loss, one["agreement"], one["ece"])
