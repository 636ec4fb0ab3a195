"""Where trained weights are found: in the home folder, or among those that ship."""

from __future__ import annotations

import shutil
from pathlib import Path

from torch import Tensor

from tsexplorer.assets import DEMO
from tsexplorer.errors import UserError
from tsexplorer.training import files


class Shelf:
    """The weights of stages, by hash."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, key: str) -> Path | None:
        """The file with a stage's weights, None where there is none."""
        for path in (self._folder / key / files.WEIGHTS, DEMO / f"{key}.safetensors"):
            if path.exists():
                return path
        return None

    def weights(self, key: str) -> dict[str, Tensor]:
        """A stage's weights by parameter name.

        Raises:
            UserError: they are missing or damaged.
        """
        path = self.path(key)
        if path is None:
            raise UserError("The weights of this net are missing; train the experiment again.")
        return files.read(path)[0]

    def whole(self, key: str) -> bool:
        """Whether a stage's weights can be read."""
        try:
            self.weights(key)
        except UserError:
            return False
        return True

    def discard_checkpoint(self, key: str) -> None:
        """Remove a checkpoint that is no longer needed."""
        (self._folder / key / files.CHECKPOINT).unlink(missing_ok=True)

    def discard(self, key: str) -> None:
        """Remove all that is kept of a stage."""
        shutil.rmtree(self._folder / key, ignore_errors=True)
