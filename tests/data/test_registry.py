"""Datasets by name, metadata without torch, and datasets that stay in memory."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tsexplorer.data import registry
from tsexplorer.data.base import Dataset, DatasetInfo
from tsexplorer.data.registry import cached_reader, dataset_names, get_dataset, load_splits
from tsexplorer.errors import NotFoundError, UserError

MODULE = """
from tsexplorer.data.base import DatasetInfo
from tsexplorer.data.torchvision_idx import IdxDataset
DATASET = IdxDataset(DatasetInfo({name!r}, "", ("a", "b"), 1, 1, 1, ""), "MNIST")
"""


@pytest.fixture
def sets_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Path]:
    """An empty folder in place of tsexplorer/data/sets."""
    package = tmp_path / f"sets_of_{request.node.name}"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "SETS", package.name)
    registry.load_datasets.cache_clear()
    yield package
    registry.load_datasets.cache_clear()


def test_names_are_ordered_by_the_size_of_the_download():
    assert dataset_names() == (
        *("mnist-5k", "usps", "mnist", "qmnist", "kmnist", "fashion-mnist"),
        *("cifar-100", "cifar-10", "svhn", "emnist-letters"),
    )


@pytest.mark.parametrize(
    ("name", "counts", "classes"),
    [
        ("mnist-5k", (4_000, 500, 500), 10),
        ("mnist", (55_000, 5_000, 10_000), 10),
        ("fashion-mnist", (55_000, 5_000, 10_000), 10),
        ("emnist-letters", (114_400, 10_400, 20_800), 26),
        ("kmnist", (55_000, 5_000, 10_000), 10),
        ("qmnist", (55_000, 5_000, 60_000), 10),
        ("cifar-10", (45_000, 5_000, 10_000), 10),
        ("cifar-100", (45_000, 5_000, 10_000), 100),
        ("svhn", (68_257, 5_000, 26_032), 10),
        ("usps", (6_562, 729, 2_007), 10),
    ],
)
def test_metadata_of_each_dataset(name, counts, classes):
    info = get_dataset(name).info
    assert (info.train, info.validation, info.test) == counts
    assert len(set(info.classes)) == classes
    assert info.name == name
    assert info.source


def test_the_error_for_an_unknown_name_lists_all_names():
    with pytest.raises(NotFoundError) as caught:
        get_dataset("mnits")
    assert "'mnits'" in str(caught.value)
    assert all(name in str(caught.value) for name in dataset_names())
    with pytest.raises(NotFoundError):
        load_splits("mnits", Path())


def test_a_new_file_registers_a_dataset(sets_folder):
    (sets_folder / "mine.py").write_text(MODULE.format(name="mine"))
    assert dataset_names() == ("mine",)


def test_two_datasets_of_one_name_are_an_error(sets_folder):
    (sets_folder / "one.py").write_text(MODULE.format(name="same"))
    (sets_folder / "two.py").write_text(MODULE.format(name="same"))
    with pytest.raises(ValueError, match="'same' is used twice"):
        dataset_names()


def test_metadata_and_availability_need_no_torch():
    code = (
        "import sys; from pathlib import Path; from tsexplorer.data import *\n"
        "for name in dataset_names(): get_dataset(name).is_available(Path('nowhere'))\n"
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# -- datasets in memory -------------------------------------------------------------------------


class CountingDataset(Dataset):
    """Counts how often it is read; reading can fail, or wait for ``may_end``."""

    def __init__(self, name="counting"):
        self.info = DatasetInfo(name, name, ("a",), 1, 1, 1, "")
        self.readings = 0
        self.broken = False
        self.started, self.may_end = threading.Event(), threading.Event()
        self.may_end.set()

    def is_available(self, folder):  # noqa: ARG002
        return True

    def load(self, folder):  # noqa: ARG002
        self.readings += 1
        self.started.set()
        self.may_end.wait(5)
        if self.broken:
            raise UserError("The dataset is broken.")
        return object()

    def download(self, folder, *, progress, cancelled):
        raise NotImplementedError


def test_threads_share_one_reading_of_a_dataset():
    dataset, read = CountingDataset(), cached_reader(2)
    dataset.may_end.clear()
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(read, dataset, Path()) for _ in range(4)]
        assert dataset.started.wait(5)
        dataset.may_end.set()
    assert dataset.readings == 1
    assert len({id(future.result()) for future in futures}) == 1


def test_different_datasets_are_read_at_the_same_time():
    slow, quick, read = CountingDataset("slow"), CountingDataset("quick"), cached_reader(2)
    slow.may_end.clear()
    with ThreadPoolExecutor(2) as pool:
        future = pool.submit(read, slow, Path())
        assert slow.started.wait(5)
        pool.submit(read, quick, Path()).result(timeout=2)
        assert not future.done()
        slow.may_end.set()


def test_after_a_failure_a_dataset_is_read_again():
    dataset, read = CountingDataset(), cached_reader(2)
    dataset.broken = True
    with pytest.raises(UserError):
        read(dataset, Path())
    dataset.broken = False
    assert read(dataset, Path()) is read(dataset, Path())
    assert dataset.readings == 2


def test_a_waiting_thread_reads_after_a_failure():
    dataset, read = CountingDataset(), cached_reader(2)
    dataset.broken = True
    dataset.may_end.clear()
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(read, dataset, Path()) for _ in range(2)]
        assert dataset.started.wait(5)
        dataset.may_end.set()
    assert all(isinstance(future.exception(), UserError) for future in futures)


def test_the_least_recently_used_dataset_is_dropped():
    first, second, third, read = *map(CountingDataset, "abc"), cached_reader(2)
    for dataset in (first, second, first, third, first, second):
        read(dataset, Path())
    assert (first.readings, second.readings, third.readings) == (1, 2, 1)


def test_each_folder_is_read_by_itself(tmp_path):
    dataset, read = CountingDataset(), cached_reader(2)
    read(dataset, tmp_path / "a")
    read(dataset, tmp_path / "b")
    read(dataset, tmp_path / "b" / ".." / "b")
    assert dataset.readings == 2


def test_stages_of_a_process_share_their_images(tmp_path):
    assert load_splits("mnist-5k", tmp_path) is load_splits("mnist-5k", tmp_path)
