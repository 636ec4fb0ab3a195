"""Every objective trains a toy student, and a stage that was stopped ends in the same bits."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.training_examples import (
    DENSE,
    Heard,
    Library,
    assert_same,
    run,
    run_until,
    stage,
)
from tsexplorer.objectives import get_objective, objective_names
from tsexplorer.planning import plan
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


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The teacher, trained once for all objectives."""
    known = Library()
    teacher = plan(EXPERIMENT)[0].spec
    known.add(teacher, run(teacher, tmp_path_factory.mktemp("teacher")))
    return known


def prepared(name: str, library: Library, folder: Path) -> StageSpec:
    """The distilled stage, once those that it goes on from are trained."""
    objective = get_objective(name)
    spec = ObjectiveSpec(name=name, temperature=2.0, lam=0.3)
    experiment = EXPERIMENT.model_copy(update={"objective": spec})
    *before, distilled = plan(experiment, objective.course(spec))
    for stage_before in before:
        if stage_before.role == "hint":
            weights = run(stage_before.spec, folder / "hint", library=library)
            library.add(stage_before.spec, weights)
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
    assert {*objective.unitless, *objective.shares} <= set(rows[0].terms)
    run_until(2, spec, tmp_path / "parts", library)
    assert_same(run(spec, tmp_path / "parts", library=library), whole)
