"""What the recipes that compare ways to teach have in common: one budget, on full MNIST.

All that can be is shared: the teacher is the same stage in each of them, so that the five seeds of
it are trained once. None of it was tuned: T = 4 and lambda = 0.5 wherever they take part, each
objective's own options as they come.
"""

from __future__ import annotations

from tsexplorer.specs import DataSpec, ModelSpec, NetConfig, ObjectiveSpec, Scalar, TrainSpec

DATA = DataSpec(name="mnist")
TEACHER = ModelSpec(name="wu-cnn")
TEACHER_TRAIN = TrainSpec(epochs=3, batch_size=64, learning_rate=3e-3, schedule="one-cycle")
THIN = ModelSpec(name="custom", net=NetConfig(conv=(8, 16, 16)))
"""As deep as the teacher, and a twelfth of its size: 5,018 parameters."""
THIN_TRAIN = TrainSpec(epochs=4, batch_size=128, learning_rate=5e-3, schedule="one-cycle")
DENSE = ModelSpec(name="mlp-64")
DENSE_TRAIN = TrainSpec(epochs=20, batch_size=64, learning_rate=3e-3, schedule="one-cycle")
T, LAMBDA = 4.0, 0.5
SEEDS = 5
UNTUNED = (
    "Nothing was tuned: T = 4 and λ = 0.5 wherever they take part, all other options as they come."
)


def blended(name: str) -> ObjectiveSpec:
    """An objective in which T and lambda take part."""
    return ObjectiveSpec(name=name, temperature=T, lam=LAMBDA)


def plain(name: str, **options: Scalar) -> ObjectiveSpec:
    """An objective in which they take none."""
    return ObjectiveSpec(name=name, temperature=1.0, lam=0.0, options=options)
