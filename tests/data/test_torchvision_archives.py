"""CIFAR, SVHN and USPS: files in the formats of their authors, downloads, and harmful pickles."""

from __future__ import annotations

import os
import pickle
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision.datasets

from tests.data.archive_examples import (
    LEARNING,
    TEST,
    SmallArchive,
    make_small_archive,
    md5,
    python2_pickle,
)
from tsexplorer.data.download import Remote, RemoteFile
from tsexplorer.data.registry import dataset_names, get_dataset
from tsexplorer.data.torchvision_archives import ArchiveDataset, torchvision_archive
from tsexplorer.errors import Cancelled, UserError

# Read at import: in a test all settings have their defaults.
REAL_DATA = Path(os.environ.get("TSEXPLORER_DATA", "nowhere"))
NAMES = [name for name in dataset_names() if isinstance(get_dataset(name), ArchiveDataset)]


@pytest.fixture(params=NAMES)
def small(request: pytest.FixtureRequest) -> SmallArchive:
    """Each of the datasets with 40 + 20 images."""
    return make_small_archive(request.param)


@pytest.fixture
def cifar() -> SmallArchive:
    """CIFAR-10 with 40 + 20 images."""
    return make_small_archive("cifar-10")


def file_names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# -- reading ------------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
def test_the_files_of_the_authors_are_read(small, tmp_path, packed):
    dataset = small.at()
    assert not dataset.is_available(tmp_path)
    small.write(tmp_path, small.downloads() if packed else None)
    assert dataset.is_available(tmp_path)
    splits = dataset.load(tmp_path)
    assert [len(s) for s in (splits.train, splits.validation, splits.test)] == [30, 10, 20]
    assert splits.test.images.dtype == torch.uint8
    assert splits.test.labels.dtype == torch.int64
    assert splits.test.labels.tolist() == small.labels[LEARNING:].tolist()
    difference = splits.test.images.numpy().astype(int) - small.images[LEARNING:]
    # Text with 6 digits, rounded down, can give the level below.
    assert set(np.unique(difference)) <= ({-1, 0} if dataset.name == "usps" else {0})


def test_training_and_validation_share_the_training_files(cifar, tmp_path):
    splits = cifar.at().load(cifar.write(tmp_path))
    found = {
        image.tobytes(): label
        for split in (splits.train, splits.validation)
        for image, label in zip(split.images.numpy(), split.labels.tolist(), strict=True)
    }
    learning = zip(cifar.images[:LEARNING], cifar.labels[:LEARNING], strict=True)
    assert found == {image.tobytes(): label for image, label in learning}


@pytest.mark.filterwarnings("ignore:.*align should be")
def test_torchvision_gives_the_same_images(small, tmp_path, monkeypatch):
    dataset = small.at()
    kind = getattr(torchvision.datasets, dataset.torchvision_class)
    names = (*dataset.train_files, *dataset.test_files)
    if dataset.archive is None:
        listed = {
            split: ["", name, md5(small.files[name])]
            for split, name in zip(("train", "test"), names, strict=True)
        }
        monkeypatch.setattr(kind, "split_list", listed)
    else:
        entries = [[name.split("/")[1], md5(small.files[name])] for name in names]
        monkeypatch.setattr(kind, "train_list", entries[:-1])
        monkeypatch.setattr(kind, "test_list", entries[-1:])
        monkeypatch.setattr(kind, "_load_meta", lambda _: None)
    small.write(tmp_path)
    test = {"split": "test"} if dataset.name == "svhn" else {"train": False}
    theirs, ours = kind(tmp_path, **test), dataset.load(tmp_path).test
    assert [label for _, label in theirs] == ours.labels.tolist()
    assert np.array_equal(np.stack([np.asarray(image) for image, _ in theirs]), ours.images.numpy())


def test_pixels_of_usps_span_0_to_255(tmp_path):
    small = make_small_archive("usps")
    splits = small.at().load(small.write(tmp_path))
    both = torch.cat([splits.train.images, splits.validation.images])
    assert (int(both.min()), int(both.max())) == (0, 255)


# -- missing and damaged files ------------------------------------------------------------------


def test_the_error_for_a_missing_file_has_all_names(small, tmp_path):
    small.write(tmp_path)
    (tmp_path / small.dataset.train_files[0]).unlink()
    assert not small.dataset.is_available(tmp_path)
    with pytest.raises(UserError) as caught:
        small.at().load(tmp_path)
    sentence = str(caught.value)
    expected = [*small.files, small.dataset.archive or "", str(tmp_path), small.dataset.info.title]
    assert all(text in sentence for text in expected)
    assert "\n" not in sentence


def test_a_file_with_another_checksum_is_not_read(small, tmp_path):
    small.write(tmp_path)
    name = small.dataset.test_files[0]
    (tmp_path / name).write_bytes(small.files[small.dataset.train_files[0]])
    paths: list[Path] = []

    def read(path: Path) -> Any:
        paths.append(path)
        return small.dataset.read(path)

    with pytest.raises(UserError, match=f"{name} is damaged; delete it and download it again"):
        replace(small.at(), read=read).load(tmp_path)
    assert tmp_path / name not in paths


@pytest.mark.parametrize("damage", ["empty", "text", "cut"])
def test_an_unreadable_file_counts_as_damaged(small, tmp_path, damage):
    name = small.dataset.test_files[0]
    content = small.files[name]
    damaged = {"empty": b"", "text": b"<html>404</html>", "cut": content[: len(content) // 2]}
    dataset = small.with_file(name, damaged[damage])
    with pytest.raises(UserError, match=f"{name} is damaged"):
        dataset.load(small.write(tmp_path))


def test_labels_outside_the_classes_count_as_damage(small, tmp_path):
    dataset = small.at()
    dataset = replace(dataset, info=replace(dataset.info, classes=("0", "1", "2")))
    with pytest.raises(UserError, match="is damaged"):
        dataset.load(small.write(tmp_path))


def test_another_number_of_images_is_an_error(small, tmp_path):
    dataset = small.at()
    dataset = replace(dataset, info=replace(dataset.info, test=TEST + 1))
    with pytest.raises(UserError, match=r"has 21 images in .*have 20; delete them"):
        dataset.load(small.write(tmp_path))


@pytest.mark.parametrize("damage", ["cut", "member", "link"])
def test_a_damaged_archive_leaves_no_partial_file(cifar, tmp_path, damage):
    archive = tmp_path / "cifar-10-python.tar.gz"
    name = cifar.dataset.test_files[0]
    if damage == "cut":
        content = cifar.downloads()[archive.name]
        archive.write_bytes(content[: len(content) // 2])
    else:
        with tarfile.open(archive, "w:gz") as written:
            if damage == "link":
                member = tarfile.TarInfo(name)
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
                written.addfile(member)
    dataset = cifar.at()
    right = RemoteFile(archive.name, md5(archive.read_bytes()))
    source = replace(dataset.source, remote=Remote((), (right,)))
    with pytest.raises(UserError, match=r"cifar-10-python\.tar\.gz is damaged"):
        replace(dataset, source=source).load(tmp_path)
    assert not list(tmp_path.rglob(".*"))
    assert not (tmp_path / name).exists()


def test_an_archive_with_another_checksum_is_not_unpacked(cifar, tmp_path):
    dataset = cifar.at()
    cifar.files["cifar-10-batches-py/test_batch"] = b"something else"
    cifar.write(tmp_path, cifar.downloads())
    with pytest.raises(UserError, match=r"cifar-10-python\.tar\.gz is damaged"):
        dataset.load(tmp_path)
    assert file_names(tmp_path) == ["cifar-10-python.tar.gz"]


# -- harmful pickles ----------------------------------------------------------------------------


class Harmful:
    """Creates a file when it is unpickled."""

    def __init__(self, function: Any, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("function", [os.mkdir, exec, getattr])
def test_a_harmful_pickle_does_not_run(cifar, tmp_path, protocol, function):
    marker = tmp_path / "marker"
    arguments = {
        os.mkdir: (str(marker),),
        exec: (f"import os; os.mkdir({str(marker)!r})",),
        getattr: (0, "real"),
    }[function]
    content = pickle.dumps({"data": Harmful(function, *arguments)}, protocol)
    dataset = cifar.with_file("cifar-10-batches-py/data_batch_1", content)
    with pytest.raises(UserError, match=r"data_batch_1 was not read, since it asks to run \w+\."):
        dataset.load(cifar.write(tmp_path))
    assert not marker.exists()


def test_an_array_of_objects_is_not_read(cifar, tmp_path):
    content = python2_pickle({"data": np.array([[{}]], object), "labels": [1]})
    dataset = cifar.with_file("cifar-10-batches-py/data_batch_1", content)
    with pytest.raises(UserError, match="data_batch_1 is damaged"):
        dataset.load(cifar.write(tmp_path))


# -- downloads ----------------------------------------------------------------------------------


def test_a_download_is_complete_and_not_repeated(small, server, tmp_path, never):
    small.write(server.folder, small.downloads())
    dataset, data, reports = small.at(server.address), tmp_path / "data", []
    dataset.download(data, progress=reports.append, cancelled=never)
    assert file_names(data) == sorted(small.files)
    assert server.requests == [f"/{name}" for name in small.downloads()]
    assert {report.file: report.done_bytes for report in reports} == {
        name: len(content) for name, content in small.downloads().items()
    }
    assert {report.count for report in reports} == {len(small.downloads())}
    dataset.download(data, progress=reports.append, cancelled=never)
    assert len(server.requests) == len(small.downloads())
    assert len(dataset.load(data).train) == 30


def test_only_a_damaged_file_is_downloaded_again(small, server, tmp_path, never):
    small.write(server.folder, small.downloads())
    data = small.write(tmp_path / "data")
    name = small.dataset.test_files[0]
    (data / name).write_bytes(b"incomplete")
    dataset = small.at(server.address)
    dataset.download(data, progress=lambda _: None, cancelled=never)
    assert server.requests == [f"/{small.dataset.archive or name}"]
    assert len(dataset.load(data).test) == 20


def test_the_error_of_a_download_says_what_to_put_where(small, server, tmp_path, never):
    small.write(server.folder, dict.fromkeys(small.downloads(), b"something else"))
    with pytest.raises(UserError) as caught:
        small.at(server.address).download(tmp_path, progress=lambda _: None, cancelled=never)
    sentence = str(caught.value)
    assert sentence.startswith(f"{small.dataset.info.title} could not be downloaded")
    assert "wrong checksum" in sentence
    assert all(name in sentence for name in (*small.files, *small.downloads(), str(tmp_path)))
    assert not [name for name in file_names(tmp_path) if not name.startswith("served/")]


def test_cancel_while_the_server_is_silent(small, server, tmp_path):
    small.write(server.folder, small.downloads())
    dataset = small.at(f"{server.address}/slow")
    with pytest.raises(Cancelled):
        dataset.download(
            tmp_path / "data", progress=lambda _: None, cancelled=server.stalled.is_set
        )
    assert not file_names(tmp_path / "data")


def test_cancel_while_unpacking_leaves_no_partial_file(cifar, tmp_path):
    cifar.write(tmp_path, cifar.downloads())
    answers = iter([False] * 4)
    with pytest.raises(Cancelled):
        cifar.at().download(
            tmp_path, progress=lambda _: None, cancelled=lambda: next(answers, True)
        )
    for name in file_names(tmp_path):
        assert (tmp_path / name).read_bytes() == {**cifar.files, **cifar.downloads()}[name]


# -- torchvision --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_addresses_and_checksums_come_from_torchvision(name):
    dataset = get_dataset(name)
    source = torchvision_archive(dataset.torchvision_class)
    assert set(source.md5) == {*dataset.train_files, *dataset.test_files}
    downloads = [dataset.archive] if dataset.archive else list(source.md5)
    assert [file.name for file in source.remote.files] == downloads
    assert all(len(md5) == 32 for md5 in source.md5.values())
    assert all(mirror.startswith("http") for mirror in source.remote.mirrors)
    size = dataset.info.image_shape
    assert size == ((1, 16, 16) if name == "usps" else (3, 32, 32))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_real_files_match_the_metadata(name):
    dataset = get_dataset(name)
    if not dataset.is_available(REAL_DATA):
        pytest.skip(f"{name} is not in TSEXPLORER_DATA")
    splits = dataset.load(REAL_DATA)
    for split in (splits.train, splits.validation, splits.test):
        assert split.labels.unique().tolist() == list(range(len(splits.info.classes)))
