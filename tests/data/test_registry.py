"""Datasets by name, and what may be said of them before torch is there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tsexplorer.data import registry
from tsexplorer.data.registry import dataset_names, get_dataset, load_splits
from tsexplorer.errors import NotFoundError

MODULE = """
from tsexplorer.data.base import DatasetInfo
from tsexplorer.data.torchvision_idx import IdxDataset
DATASET = IdxDataset(DatasetInfo({name!r}, "", ("a", "b"), 1, 1, 1, ""), "MNIST")
"""


@pytest.fixture
def own_sets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Path]:
    """An empty folder that stands in for tsexplorer/data/sets."""
    package = tmp_path / f"sets_of_{request.node.name}"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "SETS", package.name)
    registry._registry.cache_clear()
    yield package
    registry._registry.cache_clear()


def test_the_embedded_set_comes_first_and_the_largest_download_last():
    assert dataset_names() == ("mnist-5k", "mnist", "fashion-mnist", "emnist-letters")


@pytest.mark.parametrize(
    ("name", "counts", "classes"),
    [
        ("mnist-5k", (4_000, 500, 500), 10),
        ("mnist", (55_000, 5_000, 10_000), 10),
        ("fashion-mnist", (55_000, 5_000, 10_000), 10),
        ("emnist-letters", (114_400, 10_400, 20_800), 26),
    ],
)
def test_counts_are_known_without_reading(name, counts, classes):
    info = get_dataset(name).info
    assert (info.train, info.validation, info.test) == counts
    assert len(set(info.classes)) == classes
    assert info.name == name
    assert info.source


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(NotFoundError) as caught:
        get_dataset("mnits")
    assert "'mnits'" in str(caught.value)
    assert all(name in str(caught.value) for name in dataset_names())
    with pytest.raises(NotFoundError):
        load_splits("mnits", Path())


def test_one_more_file_is_one_more_dataset(own_sets):
    (own_sets / "mine.py").write_text(MODULE.format(name="mine"))
    assert dataset_names() == ("mine",)


def test_a_name_used_twice_is_rejected(own_sets):
    (own_sets / "one.py").write_text(MODULE.format(name="same"))
    (own_sets / "two.py").write_text(MODULE.format(name="same"))
    with pytest.raises(ValueError, match="'same' is used twice"):
        dataset_names()


def test_metadata_and_a_look_for_files_need_no_torch():
    code = (
        "import sys; from pathlib import Path; from tsexplorer.data import *\n"
        "for name in dataset_names(): get_dataset(name).is_available(Path('nowhere'))\n"
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
