"""Small sweeps and tunings, trained to their end, and their results."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.examples import start_study
from tests.jobs.experiment_examples import ended, figures, spec, weights
from tsexplorer.services import StudySnapshot
from tsexplorer.services.service import Service
from tsexplorer.specs import ModelSpec, NetConfig
from tsexplorer.store import ExperimentSnapshot
from tsexplorer.studies.sweep.spec import SweepSpec
from tsexplorer.studies.tuning.spec import TuneSpec

DENSE = ModelSpec(name="custom", net=NetConfig(dense=(9,)))
"""A student that trains in a stack."""
TEACHER = ModelSpec(name="custom", net=NetConfig(dense=(12,)))
CONVOLUTIONAL = ModelSpec(name="custom", net=NetConfig(conv=(3,)))
"""A student that does not train in a stack."""


def sweep_spec(
    *,
    temperatures: tuple[float, ...] = (1.0, 4.0),
    lambdas: tuple[float, ...] = (0.0, 0.5),
    seeds: tuple[int, ...] = (0, 1),
    rates: tuple[float, ...] = (),
    teachers: str = "shared",
    **changes: Any,
) -> SweepSpec:
    """Return a sweep; by default of 10 students: 8 of the grid and 2 baselines.

    Other arguments are those of the base experiment, as for ``spec``.
    """
    base = spec(**({"student": DENSE, "teacher": TEACHER} | changes))
    values = {"temperatures": temperatures, "lambdas": lambdas, "seeds": seeds}
    return SweepSpec.model_validate(
        {"base": base, **values, "learning_rates": rates, "teachers": teachers}
    )


def train_sweep(service: Service, sweep: SweepSpec, name: str = "map") -> StudySnapshot[SweepSpec]:
    """Start a sweep, wait until it is done, and return it."""
    return finished(service, start_study(service, sweep, name))


def finished(service: Service, sweep: StudySnapshot[SweepSpec]) -> StudySnapshot[SweepSpec]:
    """Wait until a sweep is done, and return it; fail if its job fails."""
    assert sweep.job is not None
    job = ended(service, service.store.job(sweep.job))
    assert (job.status, job.error) == ("done", None)
    return service.studies.get(sweep.id)


def with_stages(service: Service, sweep: StudySnapshot[SweepSpec]) -> ExperimentSnapshot:
    return service.store.experiment(sweep.id)


def weights_and_figures(
    service: Service, sweep: StudySnapshot[SweepSpec], home: Path
) -> tuple[Any, Any]:
    """Return the weights and the figures, except times, of all stages by hash."""
    study = with_stages(service, sweep)
    stages = {link.stage.hash: replace(study, stages=(link,)) for link in study.stages}
    return (
        {key: next(iter(weights(home, stage).values())) for key, stage in stages.items()},
        {key: next(iter(figures(service, stage).values())) for key, stage in stages.items()},
    )


def tuning_spec(**changes: Any) -> TuneSpec:
    """Return a tuning; by default of 9 trials in rounds of 4.

    Args:
        changes: fields of the tuning; others are those of the base experiment, as for ``spec``.
    """
    fields = {field: changes.pop(field) for field in TuneSpec.model_fields if field in changes}
    defaults = {"student": DENSE, "teacher": TEACHER, "epochs": 3, "learning_rate": 0.02}
    search = {"trials": 9, "per_round": 4, "repeats": 2, "seeds": 2, "baselines": 2}
    return TuneSpec.model_validate({"base": spec(**(defaults | changes)), **search, **fields})


def train_tuning(service: Service, tune: TuneSpec, name: str = "tuned") -> StudySnapshot[TuneSpec]:
    """Start a tuning, wait until it is done, and return it."""
    started = start_study(service, tune, name)
    job = ended(service, service.store.job(started.job or 0))
    assert (job.status, job.error) == ("done", None)
    return service.studies.get(started.id)
