"""Build a dataset from a source: decode, find duplicates, split, and write it beside the others.

The work happens in a folder ``.import-<process>-<number>`` of the data folder. Nothing else changes
until :meth:`Preparation.keep` renames it, which happens at once or not at all.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from tsexplorer.data.base import DatasetInfo, array_shape, derived_seed, pixel_statistics
from tsexplorer.data.imported import (
    PARTS,
    PREFIX,
    ImportedDataset,
    ImportedDatasets,
    labels_path,
    pixels_path,
)
from tsexplorer.errors import Cancelled, UserError
from tsexplorer.importing.entries import Entry, InputShape, Part, Source, shown
from tsexplorer.importing.preparation import (
    ImportOptions,
    ImportProgress,
    ImportReport,
    Preparation,
    disk_error,
)

FEW_IMAGES = 20
"""Classes with fewer training images than this are named in the report."""
SAMPLES_PER_CLASS = 8
MAX_FAULTS = 200
"""Unreadable files that are named; the others are counted."""
COPY_BYTES = 16_000_000
READ_AHEAD = 64
"""Pictures that are decoded at the same time as one is written."""
_numbers = itertools.count()


@dataclass
class _Found:
    """What decoding gave, by position of the entry."""

    labels: NDArray[np.int64]
    digests: list[bytes]
    readable: NDArray[np.bool_]
    faults: list[tuple[str, str]] = field(default_factory=list)


def prepare_import(
    source: Source,
    options: ImportOptions,
    datasets: ImportedDatasets,
    progress: Callable[[ImportProgress], None] = lambda _progress: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Preparation:
    """Decode and split the images of a source, in a temporary folder.

    Args:
        source: the images.
        options: size, colours and split.
        datasets: where the dataset will be kept.
        progress: called about ten times a second, in the calling thread.
        cancelled: true stops the import.

    Raises:
        UserError: there are too few readable images, or the disk is full; nothing is left behind.
        Cancelled: ``cancelled`` was true; nothing is left behind.
    """
    datasets.remove_unfinished()
    folder = datasets.folder / f".import-{os.getpid()}-{next(_numbers)}"
    try:
        _require_space(datasets.folder, source, options)
        folder.mkdir(parents=True)
        return _Builder(source, options, datasets, folder).run(progress, cancelled)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise disk_error(folder, error) from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


class _Builder:
    def __init__(
        self, source: Source, options: ImportOptions, datasets: ImportedDatasets, folder: Path
    ) -> None:
        self._source, self._options, self._datasets = source, options, datasets
        self._folder = folder
        self._shape = array_shape(options.image_shape)
        self._bytes = int(np.prod(self._shape))

    def run(
        self, progress: Callable[[ImportProgress], None], cancelled: Callable[[], bool]
    ) -> Preparation:
        pixels_file = self._folder / "all"
        with pixels_file.open("wb") as file:
            found = self._decode_all(file, progress, cancelled)
        self._check(found)
        part_N = self._split(found)
        leaks = _remove_leaks(part_N, found)
        self._check_parts(part_N, found)
        order = {part: np.flatnonzero(part_N == part) for part in (*PARTS, "unlabelled")}
        digest = hashlib.sha256(repr((self._shape, self._source.classes)).encode())
        for part in PARTS:
            rows = order[part]
            if part == "train":
                rows = np.concatenate([rows, order["unlabelled"]])
            self._write_part(pixels_file, part, rows, found, digest, cancelled)
        pixels_file.unlink()
        return self._preparation(order, found, leaks, digest.hexdigest())

    def _decode_all(
        self,
        file: BinaryIO,
        progress: Callable[[ImportProgress], None],
        cancelled: Callable[[], bool],
    ) -> _Found:
        """Decode all images and write the readable ones, in their order."""
        entries = self._source.entries
        found = _Found(
            labels=np.array([entry.label for entry in entries], np.int64),
            digests=[b""] * len(entries),
            readable=np.zeros(len(entries), bool),
        )
        blank = bytes(self._bytes)
        started = last = time.monotonic()
        with _decoded(entries, self._decode) as results:
            for index, result in enumerate(results):
                if isinstance(result, UserError):
                    found.faults.append((entries[index].name, str(result)))
                    file.write(blank)
                else:
                    file.write(result)
                    found.digests[index] = hashlib.blake2b(result, digest_size=16).digest()
                    found.readable[index] = True
                now = time.monotonic()
                if now - last > 0.1 or index + 1 == len(entries):
                    last, done = now, index + 1
                    if cancelled():
                        raise Cancelled
                    left = (now - started) / done * (len(entries) - done)
                    progress(ImportProgress(done, len(entries), left))
        return found

    def _decode(self, entry: Entry) -> bytes | UserError:
        try:
            return entry.read(InputShape(self._shape, self._options.fit)).tobytes()
        except UserError as error:
            return error

    def _check(self, found: _Found) -> None:
        """Raise an error if classes have too few readable images."""
        labels = found.labels[found.readable]
        counts = Counter(labels[labels >= 0].tolist())
        if not counts:
            reason = found.faults[0][1].rstrip(".") if found.faults else "no image has a label"
            raise UserError(f"None of the images can be read, the first because {reason}.")
        given = {entry.part for entry in self._source.entries} - {None, "unlabelled"}
        least = 1 if given >= {"train", "validation", "test"} else 3
        for label, name in enumerate(self._source.classes):
            if counts[label] < least:
                count = counts[label]
                images = "1 readable image" if count == 1 else f"{count} readable images"
                raise UserError(
                    f"The class “{shown(name)}” has {images}; each needs at least {least}, for "
                    "training, validation and test."
                )

    def _split(self, found: _Found) -> NDArray[np.str_]:
        """The split of each image; empty for those that cannot be read."""
        parts = [entry.part or "" for entry in self._source.entries]
        part_N = np.array(parts, dtype="<U10")
        part_N[(part_N == "") & (found.labels < 0)] = "unlabelled"
        given = set(parts)
        options = self._options
        shares: dict[Part, float] = {}
        if "validation" not in given:
            shares["validation"] = options.validation_share
        if "test" not in given:
            shares["test"] = options.test_share
        # Without folders for the splits all is divided; else missing splits come out of train.
        open_N = (part_N == "") | ((part_N == "train") if shares else False)
        open_N &= found.readable
        generator = np.random.RandomState(derived_seed(options.seed, "split") % 2**32)
        part_N[open_N] = "train"
        for label in range(len(self._source.classes)):
            members = np.flatnonzero(open_N & (found.labels == label))
            members = members[generator.permutation(len(members))]
            total = len(members)
            for position, (part, share) in enumerate(shares.items()):
                # One image at least stays for each further split and for training.
                rest = len(members) - (len(shares) - position)
                taken = min(max(1, round(share * total)), rest) if total > len(shares) else 0
                part_N[members[:taken]] = part
                members = members[taken:]
        part_N[~found.readable] = ""
        return part_N

    def _check_parts(self, part_N: NDArray[np.str_], found: _Found) -> None:
        """Raise an error if a class has no training image, or a split none at all."""
        for part in PARTS:
            if not (part_N == part).any():
                raise UserError(
                    f"No image is left for {part}; add images, or remove the folder so that the "
                    "import splits them."
                )
        present = set(found.labels[part_N == "train"].tolist())
        for label, name in enumerate(self._source.classes):
            if label not in present:
                raise UserError(
                    f"The class “{shown(name)}” has no training image; add images to its folder in "
                    "train, or remove the class."
                )

    def _write_part(
        self,
        pixels_file: Path,
        part: str,
        rows: NDArray[np.int64],
        found: _Found,
        digest: hashlib._Hash,
        cancelled: Callable[[], bool],
    ) -> None:
        every = np.memmap(pixels_file, np.uint8, mode="r", shape=(len(found.labels), self._bytes))
        at_once = max(1, COPY_BYTES // self._bytes)
        with pixels_path(self._folder, part).open("wb") as file:
            for start in range(0, len(rows), at_once):
                if cancelled():
                    raise Cancelled
                chunk = every[rows[start : start + at_once]].tobytes()
                digest.update(chunk)
                file.write(chunk)
        part_labels = found.labels[rows].astype("<i4")
        digest.update(part_labels.tobytes())
        np.save(labels_path(self._folder, part), part_labels)

    def _preparation(
        self,
        order: dict[str, NDArray[np.int64]],
        found: _Found,
        leaks: int,
        digest: str,
    ) -> Preparation:
        import torch

        classes = self._source.classes
        counts: dict[Part, tuple[int, ...]] = {
            part: tuple(np.bincount(found.labels[order[part]], minlength=len(classes)).tolist())
            for part in PARTS
        }
        train = np.memmap(
            pixels_path(self._folder, "train"),
            np.uint8,
            mode="c",
            shape=(len(order["train"]) + len(order["unlabelled"]), *self._shape),
        )[: len(order["train"])]
        statistics = pixel_statistics(torch.from_numpy(train))
        info = self._info(order, counts["train"], f"{PREFIX}{digest[:12]}")
        dataset = ImportedDataset(
            info=info,
            path=self._folder,
            statistics=statistics,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            origin=self._source.origin,
            deleted=False,
        )
        duplicates, contradictions = _duplicates(order, found)
        labels = found.labels[order["train"]]
        report = ImportReport(
            info=info,
            counts={**counts, "unlabelled": (len(order["unlabelled"]),)},
            mean=statistics.mean,
            deviation=statistics.deviation,
            samples=tuple(
                np.array(train[np.flatnonzero(labels == label)[:SAMPLES_PER_CLASS]])
                for label in range(len(classes))
            ),
            few=tuple(
                (name, count)
                for name, count in zip(classes, counts["train"], strict=True)
                if count < FEW_IMAGES
            ),
            duplicates=duplicates,
            leaks=leaks,
            contradictions=contradictions,
            faults=tuple(found.faults[:MAX_FAULTS]),
            fault_count=len(found.faults),
            notes=self._source.notes,
        )
        return Preparation(report, dataset, self._datasets)

    def _info(
        self, order: dict[str, NDArray[np.int64]], train_counts: tuple[int, ...], name: str
    ) -> DatasetInfo:
        return DatasetInfo(
            name=name,
            title="",
            classes=_distinct(self._source.classes),
            train=len(order["train"]),
            validation=len(order["validation"]),
            test=len(order["test"]),
            unlabelled=len(order["unlabelled"]),
            source=f"imported from {self._source.origin}",
            image_shape=self._options.image_shape,
            mapped=True,
            fit=self._options.fit,
            train_counts=train_counts,
            note=" ".join(self._source.notes),
        )


def _distinct(classes: Sequence[str]) -> tuple[str, ...]:
    """Class names, with a number behind those that became equal when they were cleaned."""
    names: dict[str, None] = {}
    for name in classes:
        numbered = (f"{name} ({number})" for number in itertools.count(2))
        names[name if name not in names else next(n for n in numbered if n not in names)] = None
    return tuple(names)


def _remove_leaks(part_N: NDArray[np.str_], found: _Found) -> int:
    """Keep equal images in one split: test before validation before train. Returns the removed."""
    removed = 0
    kept: set[bytes] = set()
    for part in ("test", "validation", "train", "unlabelled"):
        indices = np.flatnonzero(part_N == part)
        for index in indices:
            if found.digests[index] in kept:
                part_N[index] = ""
                removed += 1
        kept.update(found.digests[index] for index in indices)
    return removed


def _duplicates(order: dict[str, NDArray[np.int64]], found: _Found) -> tuple[int, int]:
    """Images equal to an earlier one in the same split, and those of them with another label."""
    duplicates = contradictions = 0
    for indices in order.values():
        first: dict[bytes, int] = {}
        for index in indices.tolist():
            other = first.setdefault(found.digests[index], index)
            duplicates += other != index
            contradictions += bool(found.labels[other] != found.labels[index])
    return duplicates, contradictions


@contextmanager
def _decoded(
    entries: Sequence[Entry], decode: Callable[[Entry], bytes | UserError]
) -> Iterator[Iterator[bytes | UserError]]:
    """Decoded images in order; a few are decoded ahead, on all cores."""
    with ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as pool:

        def results() -> Iterator[bytes | UserError]:
            queue = deque(pool.submit(decode, entry) for entry in entries[:READ_AHEAD])
            for entry in itertools.chain(entries[READ_AHEAD:], [None] * len(queue)):
                yield queue.popleft().result()
                if entry is not None:
                    queue.append(pool.submit(decode, entry))

        try:
            yield results()
        finally:
            pool.shutdown(cancel_futures=True)


def _require_space(folder: Path, source: Source, options: ImportOptions) -> None:
    """Raise an error if the disk has too little space; during an import the images are there twice.

    Raises:
        UserError: the text says how much is needed.
    """
    needed = 2 * len(source.entries) * int(np.prod(array_shape(options.image_shape)))
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"The images need {needed / 1e9:,.1f} GB on the disk during the import, and "
            f"{free / 1e9:,.1f} GB are free; free some space or choose a smaller size."
        )
