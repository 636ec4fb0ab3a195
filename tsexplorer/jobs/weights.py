"""Where trained weights are found: in the home folder, or among those that ship."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from torch import Tensor

from tsexplorer.data.registry import get_dataset
from tsexplorer.errors import UserError
from tsexplorer.models import build
from tsexplorer.specs import StageSpec
from tsexplorer.training import files
from tsexplorer.training.places import CHECKPOINT, weights_path


class Shelf:
    """The weights of stages, by hash."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, key: str) -> Path | None:
        """The file with a stage's weights, None where there is none."""
        return weights_path(self._folder, key)

    def weights(self, key: str) -> dict[str, Tensor]:
        """A stage's weights by parameter name.

        Raises:
            UserError: they are missing or damaged.
        """
        path = self.path(key)
        if path is None:
            raise UserError("The weights of this net are missing; train the experiment again.")
        return files.read(path)[0]

    def whole(self, stage: StageSpec) -> bool:
        """Whether a stage's weights are there, undamaged, and those of its net.

        Reading them takes milliseconds, where a stage that learns from weights that are not
        right takes minutes to be wrong.

        Raises:
            UserError: they may not be read.
        """
        path = self.path(stage.hash)
        if path is None:
            return False
        try:
            weights, _ = files.read(path)
        except files.DamagedFileError:
            return False
        net = build(stage.model, len(get_dataset(stage.data.name).info.classes), seed=0)
        return files.same_shapes(weights, net)

    def discard_checkpoint(self, key: str) -> None:
        """Remove a checkpoint that is no longer needed, and what was left beside it."""
        with suppress(OSError):  # it only takes up space
            (self._folder / key / CHECKPOINT).unlink(missing_ok=True)
        files.remove_leftovers(self._folder / key)

    def discard(self, key: str) -> None:
        """Remove all that is kept of a stage."""
        shutil.rmtree(self._folder / key, ignore_errors=True)
