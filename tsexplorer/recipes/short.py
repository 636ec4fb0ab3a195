"""Settings of the recipes that compare objectives: one budget, on full MNIST.

The recipes share as much as possible: the teacher is the same stage in each of them, so its five
seeds are trained once. Nothing was tuned: T = 4 and lambda = 0.5 where an objective has them, and
the defaults of all other options.
"""

from __future__ import annotations

from tsexplorer.specs import DataSpec, ModelSpec, NetConfig, ObjectiveSpec, Scalar, TrainSpec

DATA = DataSpec(name="mnist")
TEACHER = ModelSpec(name="wu-cnn")
TEACHER_TRAIN = TrainSpec(epochs=3, batch_size=64, learning_rate=3e-3, schedule="one-cycle")
THIN = ModelSpec(name="custom", net=NetConfig(conv=(8, 16, 16)))
"""As deep as the teacher, with a twelfth of its parameters: 5,018."""
THIN_TRAIN = TrainSpec(epochs=4, batch_size=128, learning_rate=5e-3, schedule="one-cycle")
DENSE = ModelSpec(name="mlp-64")
DENSE_TRAIN = TrainSpec(epochs=20, batch_size=64, learning_rate=3e-3, schedule="one-cycle")
T, LAMBDA = 4.0, 0.5
SEEDS = 5
UNTUNED = (
    "Nothing was tuned: T = 4 and λ = 0.5 where an objective has them, defaults for all other "
    "options."
)


def blended(name: str) -> ObjectiveSpec:
    """An objective that has T and lambda."""
    return ObjectiveSpec(name=name, temperature=T, lam=LAMBDA)


def plain(name: str, **options: Scalar) -> ObjectiveSpec:
    """An objective without T and lambda."""
    return ObjectiveSpec(name=name, temperature=1.0, lam=0.0, options=options)
