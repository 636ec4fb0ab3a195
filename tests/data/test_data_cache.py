"""A dataset is read once however many stages ask for it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tsexplorer.data.base import Dataset, DatasetInfo
from tsexplorer.data.registry import cached_reader, load_splits
from tsexplorer.errors import UserError


class Counting(Dataset):
    """A dataset that counts its readings and can be made to fail or to wait."""

    def __init__(self, name="counting"):
        self.info = DatasetInfo(name, name, ("a",), 1, 1, 1, "")
        self.readings = 0
        self.broken = False
        self.may_end = threading.Event()
        self.may_end.set()

    def is_available(self, folder):  # noqa: ARG002
        return True

    def load(self, folder):  # noqa: ARG002
        self.readings += 1
        self.may_end.wait(5)
        if self.broken:
            raise UserError("It is broken; mend it.")
        return object()

    def download(self, folder, *, progress, cancelled):
        raise NotImplementedError


def test_threads_that_ask_at_once_share_one_reading():
    dataset, cache = Counting(), cached_reader(2)
    dataset.may_end.clear()
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(cache, dataset, Path()) for _ in range(4)]
        dataset.may_end.set()
    assert dataset.readings == 1
    assert len({id(answer.result()) for answer in answers}) == 1


def test_one_slow_reading_does_not_hold_up_another_dataset():
    slow, quick, cache = Counting("slow"), Counting("quick"), cached_reader(2)
    slow.may_end.clear()
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(cache, slow, Path())
        pool.submit(cache, quick, Path()).result(timeout=2)
        assert not waiting.done()
        slow.may_end.set()


def test_a_failed_reading_is_not_remembered():
    dataset, cache = Counting(), cached_reader(2)
    dataset.broken = True
    with pytest.raises(UserError):
        cache(dataset, Path())
    dataset.broken = False
    assert cache(dataset, Path()) is cache(dataset, Path())


def test_the_dataset_used_longest_ago_makes_room():
    first, second, third, cache = *map(Counting, "abc"), cached_reader(2)
    for dataset in (first, second, first, third, first, second):
        cache(dataset, Path())
    assert (first.readings, second.readings, third.readings) == (1, 2, 1)


def test_another_folder_is_another_reading(tmp_path):
    dataset, cache = Counting(), cached_reader(2)
    cache(dataset, tmp_path / "a")
    cache(dataset, tmp_path / "b")
    cache(dataset, tmp_path / "b" / ".." / "b")
    assert dataset.readings == 2


def test_stages_of_one_process_share_their_images(tmp_path):
    assert load_splits("mnist-5k", tmp_path) is load_splits("mnist-5k", tmp_path)
