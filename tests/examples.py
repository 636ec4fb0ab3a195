"""An experiment that trains in a moment, for tests that need one."""

from __future__ import annotations

from tsexplorer.specs import ExperimentSpec, ModelSpec, NetConfig, ObjectiveSpec, TrainSpec

ONE = TrainSpec(epochs=1, batch_size=500)
TINY = ExperimentSpec(
    name="tiny",
    teacher=ModelSpec(name="custom", net=NetConfig(dense=(8,))),
    student=ModelSpec(name="custom", net=NetConfig(dense=(4,))),
    objective=ObjectiveSpec(temperature=2.0, lam=0.5),
    teacher_train=ONE,
    baseline_train=ONE,
    distilled_train=ONE,
)
