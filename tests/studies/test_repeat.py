"""The study *repeat*: its seeds, when it stops, its results, its experiment."""

from __future__ import annotations

import time

import pytest

from tests.examples import TINY, start_study
from tsexplorer.analysis.seed_statistics import Interval
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.services import ACTIVE, Service
from tsexplorer.specs import parse_spec
from tsexplorer.studies.repeat import KIND, RepeatSpec, is_narrow

SECONDS = 120


def trained(service: Service, spec: RepeatSpec, name: str) -> str:
    key = start_study(service, spec, name).id
    deadline = time.monotonic() + SECONDS
    while service.studies.get(key).status in ACTIVE and time.monotonic() < deadline:
        time.sleep(0.05)
    return key


def test_seeds_of_the_base_come_first() -> None:
    base = TINY.model_copy(update={"seeds": (3, 7)})
    assert RepeatSpec(base=base, max_seeds=5).seeds == (3, 7, 0, 1, 2)
    assert RepeatSpec(base=TINY, max_seeds=3).seeds == (0, 1, 2)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"half_width": 0}, "half_width: should be greater than 0 (given: 0)."),
        ({"max_seeds": 1}, "max_seeds: should be greater than or equal to 2 (given: 1)."),
        (
            {"base": {"seeds": [0, 1, 2]}, "max_seeds": 2},
            "the experiment has 3 seeds already; allow at least as many",
        ),
    ],
)
def test_bad_input_is_one_sentence(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError) as error:
        parse_spec(RepeatSpec, values)
    assert sentence in str(error.value)


def test_narrow_means_half_the_interval() -> None:
    spec = RepeatSpec(base=TINY, half_width=0.2)
    assert is_narrow(spec, Interval(0.5, 0.2, 3))
    assert not is_narrow(spec, Interval(0.5, 0.21, 3))
    assert not is_narrow(spec, Interval(0.5, None, 1))
    assert not is_narrow(spec, None)


def test_bound_of_seeds_ends_a_wide_interval(service: Service) -> None:
    key = trained(service, RepeatSpec(base=TINY, half_width=1e-6, max_seeds=3), "wide")
    state = service.studies.state(key)
    assert state.study.status == "done"
    assert state.results.complete_seeds == (0, 1, 2)
    assert not state.results.reached
    assert (state.study.nets, state.study.nets_done) == (9, 9)


def test_narrow_interval_ends_the_training_early(service: Service) -> None:
    key = trained(service, RepeatSpec(base=TINY, half_width=10, max_seeds=9), "narrow")
    results = service.studies.results(key)
    gap = results.validation.gap
    assert len(results.complete_seeds) < 9
    assert gap is None or gap.half is None or gap.half <= 10
    assert results.validation.accuracy["teacher"].n == len(results.complete_seeds)


def test_nets_are_those_of_the_experiment(service: Service) -> None:
    key = trained(service, RepeatSpec(base=TINY, half_width=1e-6, max_seeds=2), "two")
    experiment = service.studies.make_experiment(key)
    assert experiment.spec.seeds == (0, 1)
    assert experiment.done  # all nets are reused
    assert service.gain(experiment, "validation") == service.studies.results(key).validation


def test_nothing_trained_is_no_experiment(service: Service) -> None:
    spec = RepeatSpec(base=TINY, max_seeds=2)
    job = service.studies.enqueue(service.studies.check(spec), "waiting")
    with pytest.raises(NotFoundError, match="No seed of this study is trained yet"):
        service.studies.make_experiment(job.experiment_id)


def test_kind_is_registered_under_its_name() -> None:
    assert KIND.name == "repeat"
    assert KIND.open_ended
