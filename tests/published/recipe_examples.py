"""Experiments that are recorded as trained, without training."""

from __future__ import annotations

from typing import Any

from tests.examples import TINY
from tsexplorer.services.service import Service
from tsexplorer.specs import ExperimentSpec
from tsexplorer.store import ExperimentSnapshot

THREE_SEEDS = TINY.model_copy(update={"name": "three", "seeds": (0, 1, 2)})
ACCURACY = {"teacher": 0.98, "baseline": 0.9, "distilled": 0.95}
"""Test accuracy of seed 0; that of seed s is s thousandths higher."""


def record_trained(service: Service, spec: ExperimentSpec, **changes: Any) -> ExperimentSnapshot:
    """Record an experiment as trained in 4 s a net; ``changes`` are other figures of all nets."""
    experiment = service.store.add_experiment(spec, service.check(spec).stages)
    for link in experiment.stages:
        service.store.record_stage_started(link.stage.hash, machine="a machine")
        accuracy = ACCURACY[link.role] + link.seed / 1000
        figures = {"test_accuracy": accuracy, "train_seconds": 4.0} | changes
        service.store.record_stage_ended(link.stage.hash, "done", **figures)
    return service.experiment(experiment.id)
