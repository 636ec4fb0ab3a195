"""The options of an import, what it found, and the decision to keep it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tsexplorer.data.base import DatasetInfo, Fit, ImageShape
from tsexplorer.data.imported import ImportedDataset, ImportedDatasets, write_metadata
from tsexplorer.errors import UserError
from tsexplorer.importing.entries import Part

MIN_SIDE, MAX_SIDE = 16, 128
MAX_HELD_OUT = 0.8
"""Largest share of the images for validation and test together."""


class ImportOptions(BaseModel):
    """How images become a dataset."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    height: int = Field(default=32, ge=MIN_SIDE, le=MAX_SIDE, description="Height in pixels.")
    width: int = Field(default=32, ge=MIN_SIDE, le=MAX_SIDE, description="Width in pixels.")
    colour: bool = Field(default=True, description="Three channels, or one (grey).")
    fit: Fit = Field(default="crop", description="What happens where the proportions differ.")
    validation_share: float = Field(
        default=0.15, ge=0.01, le=0.5, description="Share of the images for validation."
    )
    test_share: float = Field(
        default=0.15, ge=0.01, le=0.5, description="Share of the images for the test."
    )
    seed: int = Field(default=0, ge=0, lt=2**31, description="Seed of the split.")

    @model_validator(mode="after")
    def _check_shares(self) -> Self:
        if self.validation_share + self.test_share > MAX_HELD_OUT:
            raise ValueError(
                "validation and test together take more than "
                f"{MAX_HELD_OUT:.0%} of the images; leave more for training"
            )
        return self

    @property
    def image_shape(self) -> ImageShape:
        """Channels, height and width."""
        return (3 if self.colour else 1, self.height, self.width)


@dataclass(frozen=True)
class ImportProgress:
    """Progress of an import.

    Attributes:
        done: images that were read.
        total: images in the source.
        seconds_left: estimate; None at the beginning.
    """

    done: int
    total: int
    seconds_left: float | None


@dataclass(frozen=True)
class ImportReport:
    """What was found in the images, before they are kept.

    Attributes:
        info: metadata of the dataset; its title is still empty.
        counts: number of images of each class, by split, ``unlabelled`` without classes.
        mean: of the training pixels / 255, one value a channel.
        deviation: their standard deviation.
        samples: some training images of each class, uint8 N×H×W or N×H×W×3.
        few: classes with few training images, with their numbers.
        duplicates: images that are equal to an earlier one in the same split.
        leaks: images that were removed from a split, because another one has an equal image.
        contradictions: equal images with different labels.
        faults: files that could not be read: name and reason.
        fault_count: number of these files.
        notes: sentences about what was assumed.
    """

    info: DatasetInfo
    counts: dict[Part, tuple[int, ...]]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    samples: tuple[NDArray[np.uint8], ...]
    few: tuple[tuple[str, int], ...]
    duplicates: int
    leaks: int
    contradictions: int
    faults: tuple[tuple[str, str], ...]
    fault_count: int
    notes: tuple[str, ...]


@dataclass
class Preparation:
    """A dataset that is ready to be kept or discarded.

    Attributes:
        report: what to show before the decision.
        dataset: the dataset in its temporary folder.
    """

    report: ImportReport
    dataset: ImportedDataset
    datasets: ImportedDatasets

    def keep(self, title: str) -> ImportedDataset:
        """Keep the dataset under a title.

        Raises:
            UserError: the title is empty, too long or taken, or the same images are there already.
        """
        title = self.datasets.check_title(title)
        target = self.datasets.folder / self.dataset.name
        before = self.datasets.get(self.dataset.name)
        if before is not None and not before.deleted:
            raise UserError(
                f"These images are there already, called “{before.info.title}”; use those, or "
                "rename them."
            )
        info = replace(self.dataset.info, title=title)
        titled = replace(self.dataset, info=info)
        write_metadata(titled)
        try:
            if target.exists():  # the metadata of deleted images
                shutil.rmtree(target)
            titled.path.rename(target)
        except OSError as error:
            raise disk_error(target, error) from error
        return replace(titled, path=target)

    def discard(self) -> None:
        """Remove the temporary folder."""
        shutil.rmtree(self.dataset.path, ignore_errors=True)


def disk_error(path: Path, error: OSError) -> UserError:
    """The sentence for a failure to write to the disk."""
    return UserError(
        f"The images cannot be written to {path.parent} ({error.strerror or error}); free some "
        "space or mend the folder, and import again."
    )
