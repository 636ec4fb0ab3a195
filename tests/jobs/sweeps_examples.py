"""Small sweeps and tunings, and what tests look at afterwards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.examples import start_study
from tests.jobs.jobs_examples import ended, figures, spec, weights
from tsexplorer.services import StudySnapshot
from tsexplorer.services.service import Service
from tsexplorer.specs import ModelSpec, NetConfig
from tsexplorer.store import ExperimentSnapshot
from tsexplorer.studies.sweep.spec import SweepSpec
from tsexplorer.studies.tuning.spec import TuneSpec

DENSE = ModelSpec(name="custom", net=NetConfig(dense=(9,)))
"""A student whose likes train together."""
TEACHER = ModelSpec(name="custom", net=NetConfig(dense=(12,)))
CONVOLVED = ModelSpec(name="custom", net=NetConfig(conv=(3,)))
"""A student whose likes do not."""


def grid(
    *,
    temperatures: tuple[float, ...] = (1.0, 4.0),
    lambdas: tuple[float, ...] = (0.0, 0.5),
    seeds: tuple[int, ...] = (0, 1),
    rates: tuple[float, ...] = (),
    teachers: str = "shared",
    **changes: Any,
) -> SweepSpec:
    """10 students by default: 8 of the grid and 2 baselines; what is not of it is of its base."""
    base = spec(**({"student": DENSE, "teacher": TEACHER} | changes))
    values = {"temperatures": temperatures, "lambdas": lambdas, "seeds": seeds}
    return SweepSpec.model_validate(
        {"base": base, **values, "learning_rates": rates, "teachers": teachers}
    )


def swept(service: Service, sweep: SweepSpec, name: str = "map") -> StudySnapshot[SweepSpec]:
    """A sweep that has ended well."""
    started = start_study(service, sweep, name)
    return over(service, started)


def over(service: Service, sweep: StudySnapshot[SweepSpec]) -> StudySnapshot[SweepSpec]:
    """A sweep whose job must end well."""
    assert sweep.job is not None
    found = ended(service, service.store.job(sweep.job))
    assert (found.status, found.error) == ("done", None)
    return service.studies.get(sweep.id)


def row_of(service: Service, sweep: StudySnapshot[SweepSpec]) -> ExperimentSnapshot:
    return service.store.experiment(sweep.id)


def outcome(service: Service, sweep: StudySnapshot[SweepSpec], home: Path) -> tuple[Any, Any]:
    """The weights and the figures of all nets, by hash, but for times."""
    row = row_of(service, sweep)
    alone = [(link.stage.hash, replace(row, stages=(link,))) for link in row.stages]
    kept = {key: next(iter(weights(home, one).values())) for key, one in alone}
    shown = {key: next(iter(figures(service, one).values())) for key, one in alone}
    return kept, shown


def tuning(**changes: Any) -> TuneSpec:
    """9 trials in rounds of 4 by default; what is not of the search is of its base."""
    own = {one: changes.pop(one) for one in TuneSpec.model_fields if one in changes}
    usual = {"student": DENSE, "teacher": TEACHER, "epochs": 3, "learning_rate": 0.02}
    search = {"trials": 9, "per_round": 4, "repeats": 2, "seeds": 2, "baselines": 2}
    return TuneSpec.model_validate({"base": spec(**(usual | changes)), **search, **own})


def tuned(service: Service, asked: TuneSpec, name: str = "tuned") -> StudySnapshot[TuneSpec]:
    """A tuning that has ended well."""
    started = start_study(service, asked, name)
    found = ended(service, service.store.job(started.job or 0))
    assert (found.status, found.error) == ("done", None)
    return service.studies.get(started.id)
