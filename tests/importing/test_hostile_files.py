"""Zip files and folders that are refused, each in one sentence, and nothing is kept."""

from __future__ import annotations

import stat
import struct
import zipfile
from pathlib import Path

import pytest

from tests.importing.import_examples import (
    below,
    class_folders,
    png,
    refused_import,
    run_import,
    write_folder,
    write_zip,
)


@pytest.mark.parametrize(
    "name", ["../cat/9.png", "cat/../../9.png", "/etc/9.png", "C:/cat/9.png", "..\\cat\\9.png"]
)
def test_files_outside_of_the_archive_are_refused(name: str, tmp_path: Path, home: Path) -> None:
    path = write_zip(tmp_path / "x.zip", class_folders("cat", "dog") | {name: png(1)})
    assert "would lie outside of its folder" in refused_import(path, home)


def test_links_in_an_archive_are_refused(tmp_path: Path, home: Path) -> None:
    path = write_zip(tmp_path / "x.zip", class_folders("cat", "dog"))
    with zipfile.ZipFile(path, "a") as archive:
        member = zipfile.ZipInfo("cat/link.png")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    assert "has a link (“cat/link.png”)" in refused_import(path, home)


def test_an_encrypted_archive_is_refused(tmp_path: Path, home: Path) -> None:
    path = write_zip(tmp_path / "x.zip", class_folders("cat", "dog"))
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(signature) + offset] |= 1
    path.write_bytes(content)
    assert "without a password" in refused_import(path, home)


@pytest.mark.parametrize("end", ["", "1.png"])
def test_deeply_nested_folders_are_refused(end: str, tmp_path: Path, home: Path) -> None:
    files = class_folders("cat", "dog") | {"a/" * 10_000 + end: png(1)}
    path = write_zip(tmp_path / "x.zip", files)
    if end:
        assert "nested more than 12 deep" in refused_import(path, home)
    else:  # folders without files
        run_import(path, home)


def test_deep_folders_on_the_disk_are_refused(tmp_path: Path, home: Path) -> None:
    path = write_folder(tmp_path / "x", below("a/" * 30 + "b", class_folders("cat", "dog")))
    assert "nested more than 12 deep" in refused_import(path, home)


def test_a_bomb_is_refused_by_the_sizes_it_claims(tmp_path: Path, home: Path) -> None:
    path = write_zip(tmp_path / "x.zip", {f"a/{number}.png": bytes(1000) for number in range(400)})
    assert path.stat().st_size < 60_000
    content = path.read_bytes()
    claimed = content.replace(struct.pack("<I", 1000), struct.pack("<I", 10_000_000))
    path.write_bytes(claimed)
    text = refused_import(path, home)
    assert "to 4,000 MB" in text
    assert "pack the pictures alone" in text


def test_a_bomb_that_claims_less_is_not_unpacked(tmp_path: Path, home: Path) -> None:
    bomb = bytes(9_000_000)
    files = class_folders("cat", "dog") | {"cat/bomb.png": bomb}
    path = write_zip(tmp_path / "x.zip", files)
    content = path.read_bytes()
    path.write_bytes(content.replace(struct.pack("<I", len(bomb)), struct.pack("<I", 1000)))
    report = run_import(path, home).report
    assert [name for name, _ in report.faults] == ["cat/bomb.png"]


def test_an_archive_with_too_many_files_is_refused(tmp_path: Path, home: Path) -> None:
    path = write_zip(tmp_path / "x.zip", class_folders("cat", "dog"))
    content = bytearray(path.read_bytes())
    end = content.rindex(b"PK\5\6")
    content[end + 12 : end + 16] = struct.pack("<I", 400_000_000)  # size of the list of files
    path.write_bytes(content)
    assert "too many files" in refused_import(path, home)


@pytest.mark.parametrize("content", [b"", b"no zip file", b"PK\3\4" + bytes(100)])
def test_other_files_named_zip_are_refused(content: bytes, tmp_path: Path, home: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    assert "is no zip file or is damaged" in refused_import(path, home)


def test_a_zip_cut_in_the_middle_is_refused(tmp_path: Path, home: Path) -> None:
    path = write_zip(tmp_path / "x.zip", class_folders("cat", "dog"))
    path.write_bytes(path.read_bytes()[:3000])
    assert "is no zip file or is damaged" in refused_import(path, home)


@pytest.mark.parametrize("name", ["x.txt", "x.tar", "x", "x.npy"])
def test_other_types_of_files_are_refused(name: str, tmp_path: Path, home: Path) -> None:
    (tmp_path / name).write_bytes(b"abc")
    assert "none of the files that can be imported" in refused_import(tmp_path / name, home)


@pytest.mark.parametrize("name", ["missing", "missing.zip", "x" * 300, "a\0b"])
def test_a_missing_path_is_refused(name: str, tmp_path: Path, home: Path) -> None:
    assert "does not exist" in refused_import(tmp_path / name, home)


def test_a_folder_of_one_class_is_refused(tmp_path: Path, home: Path) -> None:
    path = write_folder(tmp_path / "x", class_folders("cat"))
    assert "There is one class, “cat”" in refused_import(path, home)


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_no_pictures_are_refused(form: str, tmp_path: Path, home: Path) -> None:
    files = {"cat/a.txt": b"x"}
    path = tmp_path / "x"
    path = write_folder(path, files) if form == "folder" else write_zip(path, files)
    assert "There are no pictures" in refused_import(path, home)


def test_an_empty_folder_is_refused(tmp_path: Path, home: Path) -> None:
    (tmp_path / "x").mkdir()
    assert "There are no pictures in “x”" in refused_import(tmp_path / "x", home)


def test_pictures_without_class_folders_are_refused(tmp_path: Path, home: Path) -> None:
    path = write_folder(tmp_path / "x", {f"{number}.png": png(number) for number in range(9)})
    assert "no images in class folders" in refused_import(path, home)


@pytest.mark.parametrize("count", [1, 2])
def test_a_class_needs_an_image_for_each_split(count: int, tmp_path: Path, home: Path) -> None:
    files = class_folders("cat", "dog") | class_folders("owl", count=count, seed=9000)
    text = refused_import(write_zip(tmp_path / "x.zip", files), home)
    assert "The class “owl” has" in text
    assert "at least 3" in text


def test_a_class_of_unreadable_files_is_refused(tmp_path: Path, home: Path) -> None:
    files = class_folders("cat", "dog") | {f"owl/{number}.jpg": b"text" for number in range(5)}
    text = refused_import(write_zip(tmp_path / "x.zip", files), home)
    assert "The class “owl” has 0 readable images" in text


def test_nothing_readable_is_refused_with_a_reason(tmp_path: Path, home: Path) -> None:
    files = dict.fromkeys(class_folders("cat", "dog"), b"text")
    text = refused_import(write_zip(tmp_path / "x.zip", files), home)
    assert "“0.png” is not a picture in a supported format" in text


@pytest.mark.parametrize(("first", "second"), [("Cat", "cat"), ("é", "e\u0301"), ("SS", "ß")])
def test_classes_that_look_the_same_are_refused(
    first: str, second: str, tmp_path: Path, home: Path
) -> None:
    path = write_zip(tmp_path / "x.zip", class_folders(first, second))
    text = refused_import(path, home)
    assert "rename one of them" in text


def test_class_names_can_have_any_characters(tmp_path: Path, home: Path) -> None:
    names = ["<b>bold", "# title", "🌹 rose", "$x^2$", "n" * 300, "9" * 5000, "a\tb", "a b"]
    path = write_zip(tmp_path / "x.zip", class_folders(*names, count=3))
    classes = run_import(path, home).report.info.classes
    assert len(set(classes)) == len(names)
    assert {"<b>bold", "# title", "🌹 rose", "$x^2$", "n" * 300, "a b"} <= set(classes)
    assert max(map(len, classes)) == 300


def test_too_many_classes_are_refused(tmp_path: Path, home: Path) -> None:
    image = png(1)
    path = write_zip(tmp_path / "x.zip", {f"{number}/1.png": image for number in range(5000)})
    assert "There are 5,000 classes, and the limit is 200" in refused_import(path, home)
