"""Settings that the recipes with comparisons of objectives share: one budget, on full MNIST.

The recipes share as many settings as possible. For example, the teacher is the same stage in all of
them, so that its five seeds are trained once. No setting was tuned: T = 4 and lambda = 0.5 for all
objectives that use them, and the default values of all other options.
"""

from __future__ import annotations

from tsexplorer.specs import DataSpec, ModelSpec, NetConfig, ObjectiveSpec, Scalar, TrainSpec

DATA = DataSpec(name="mnist")
TEACHER = ModelSpec(name="wu-cnn")
TEACHER_TRAIN = TrainSpec(epochs=3, batch_size=64, learning_rate=3e-3, schedule="one-cycle")
THIN = ModelSpec(name="custom", net=NetConfig(conv=(8, 16, 16)))
"""A net with as many layers as the teacher and 5,018 parameters, a twelfth of its size."""
THIN_TRAIN = TrainSpec(epochs=4, batch_size=128, learning_rate=5e-3, schedule="one-cycle")
DENSE = ModelSpec(name="mlp-64")
DENSE_TRAIN = TrainSpec(epochs=20, batch_size=64, learning_rate=3e-3, schedule="one-cycle")
T, LAMBDA = 4.0, 0.5
SEEDS = 5
UNTUNED = (
    "No setting was tuned: T = 4 and λ = 0.5 for objectives that use them, default values for all "
    "other options."
)


def tempered_objective(name: str) -> ObjectiveSpec:
    """An objective that uses T and lambda, with T = 4 and lambda = 0.5."""
    return ObjectiveSpec(name=name, temperature=T, lam=LAMBDA)


def plain_objective(name: str, **options: Scalar) -> ObjectiveSpec:
    """An objective that uses neither T nor lambda."""
    return ObjectiveSpec(name=name, temperature=1.0, lam=0.0, options=options)
