"""An experiment that trains in a second, and functions that queue studies."""

from __future__ import annotations

from typing import Any

from tsexplorer.services import JobSnapshot, Service, StudySnapshot
from tsexplorer.specs import ExperimentSpec, ModelSpec, NetConfig, ObjectiveSpec, Spec, TrainSpec

ONE_EPOCH = TrainSpec(epochs=1, batch_size=500)
TINY = ExperimentSpec(
    name="tiny",
    teacher=ModelSpec(name="custom", net=NetConfig(dense=(8,))),
    student=ModelSpec(name="custom", net=NetConfig(dense=(4,))),
    objective=ObjectiveSpec(temperature=2.0, lam=0.5),
    teacher_train=ONE_EPOCH,
    baseline_train=ONE_EPOCH,
    distilled_train=ONE_EPOCH,
)


def start_study(
    service: Service, spec: Spec, name: str | None = None, cluster: str | None = None
) -> StudySnapshot[Any]:
    """Check and queue a study, and wake the worker."""
    return service.studies.start(service.studies.check(spec), name, cluster)


def enqueue_study(
    service: Service, spec: Spec, name: str | None = None, cluster: str | None = None
) -> JobSnapshot:
    """Check and queue a study without waking the worker."""
    return service.studies.enqueue(service.studies.check(spec), name, cluster)
