"""Every objective trains a toy student, and a stage that was stopped ends in the same bits."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.training_examples import (
    CONV,
    DENSE,
    Heard,
    Library,
    assert_same,
    run,
    run_until,
    stage,
)
from tsexplorer.objectives import get_objective, objective_names, plan_experiment, validation_term
from tsexplorer.specs import ExperimentSpec, ModelSpec, NetConfig, ObjectiveSpec, StageSpec
from tsexplorer.training import events

WIDE = ModelSpec(name="custom", net=NetConfig(dense=(16,)))
TRAIN = stage().train.model_copy(update={"epochs": 3})
EXPERIMENT = ExperimentSpec(
    teacher=WIDE,
    student=DENSE,
    teacher_train=TRAIN,
    baseline_train=TRAIN,
    distilled_train=TRAIN,
)


PAIRS = {
    "attention": {"teacher": CONV, "student": CONV},
    "born-again": {"teacher": WIDE, "student": WIDE},
}
"""Nets that an objective works on, where the usual two would not do."""


@pytest.fixture(scope="module")
def library() -> Library:
    """What was trained for one objective is there for the next."""
    return Library()


def prepared(name: str, library: Library, folder: Path) -> StageSpec:
    """The distilled stage, once those that it learns from or goes on from are trained."""
    spec = ObjectiveSpec(name=name, temperature=2.0, lam=0.3)
    nets = PAIRS.get(name, {})
    experiment = EXPERIMENT.model_copy(update={"objective": spec, **nets})
    *before, distilled = plan_experiment(experiment)
    for number, one in enumerate(before):
        needed = one.role != "baseline" or one.spec.hash == distilled.spec.start_from
        if needed and one.spec.hash not in library.known:
            library.add(one.spec, run(one.spec, folder / str(number), library=library))
    return distilled.spec


@pytest.mark.parametrize("name", objective_names())
def test_each_learns_and_resumes_in_the_same_bits(
    name: str, library: Library, tmp_path: Path
) -> None:
    spec = prepared(name, library, tmp_path)
    heard = Heard()
    whole = run(spec, tmp_path / "whole", library=library, listener=heard)
    rows = heard.of(events.EpochEnded)
    assert rows[-1].train_loss < rows[0].train_loss or name == "dkd"  # whose terms are warming up
    assert rows[-1].validation_loss < rows[0].validation_loss
    objective = get_objective(name)
    assert set(objective.unitless_terms) <= set(rows[0].terms)
    assert not objective.member_names or validation_term(objective.member_names[0]) in rows[0].terms
    assert not objective.fraction_terms or set(objective.fraction_terms) & set(rows[0].terms)
    run_until(2, spec, tmp_path / "parts", library)
    assert_same(run(spec, tmp_path / "parts", library=library), whole)
