"""Picture files as a source: a folder or a zip file with one folder for each class.

``train/``, ``validation/`` (or ``val/``) and ``test/`` can stand above the class folders, and
``unlabelled/`` beside them. A zip file is read where it is; nothing is unpacked to the disk.
"""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from tsexplorer.errors import UserError
from tsexplorer.imaging.decoding import MAX_MEGABYTES, decode_net_input, display_name
from tsexplorer.importing.entries import (
    MAX_IMAGES,
    PART_NAMES,
    Entry,
    InputShape,
    Part,
    Pixels,
    Source,
    check_classes,
    clean_class_name,
    natural_key,
    shown,
    sorted_naturally,
)

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".heic", ".heif"}
)
MAX_DEPTH = 12
"""Folders above a file; deeper trees are refused before they are walked."""
MAX_RATIO = 200
"""Largest ratio of unpacked to packed size in a zip file."""
MAX_UNPACKED_BYTES = 50 * 10**9
HIDDEN_NAMES = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})
END_BYTES = 22 + 65_535
MAX_DIRECTORY_BYTES = 300_000_000
"""Largest list of files in a zip file; a file takes about 100 bytes."""


class PictureFile(NamedTuple):
    """A file with a picture.

    Attributes:
        parts: names of its folders and of the file, below the root.
        read: returns its bytes.
    """

    parts: tuple[str, ...]
    read: Callable[[], bytes]


def folder_source(folder: Path, name: str) -> Source:
    """The pictures in a folder.

    Args:
        folder: it or its subfolders have the class folders.
        name: its name, for display.

    Raises:
        UserError: there are no class folders, or something else is wrong.
    """
    return _source(name, list(_walk(folder, name)))


def zip_source(path: Path, name: str) -> Source:
    """The pictures in a zip file, which must exist as long as they are read.

    Args:
        path: the file.
        name: its name, for display.

    Raises:
        UserError: it is no zip file, encrypted or unsafe, or has no class folders.
    """
    try:
        _check_directory(path, display_name(name))
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise UserError(
            f"{display_name(name)} is no zip file or is damaged; pack the folder again."
        ) from error
    members = [member for member in archive.infolist() if not member.is_dir()]
    check_archive(members, path.stat().st_size, display_name(name))
    files = [
        PictureFile(_member_path(member).parts, partial(_read_member, archive, member))
        for member in members
        if _member_path(member).parts
    ]
    return _source(name, files)


def _check_directory(path: Path, shown_name: str) -> None:
    """Refuse an archive whose list of files could fill the memory, before the list is read.

    The size of the list is in the last bytes of the file (APPNOTE.TXT, 4.3.16); a comment of up to
    65,535 bytes can follow. A list of 4 GB or more is named elsewhere, and here as 0xFFFFFFFF.
    """
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - END_BYTES))
        tail = file.read()
    end = tail.rfind(b"PK\5\6")
    if end >= 0 and int.from_bytes(tail[end + 12 : end + 16], "little") > MAX_DIRECTORY_BYTES:
        raise UserError(f"{shown_name} has too many files; pack at most {MAX_IMAGES:,}.")


def _walk(folder: Path, origin: str) -> Iterator[PictureFile]:
    count = 0
    for parent, folders, names in os.walk(folder):
        below = Path(parent).relative_to(folder).parts
        if len(below) > MAX_DEPTH:
            raise UserError(
                f"Folders in “{shown(origin)}” are nested more than {MAX_DEPTH} deep; put the "
                "class folders directly into the folder that you import."
            )
        folders[:] = [name for name in folders if not _is_hidden(name)]
        count += len(names)
        if count > MAX_IMAGES:
            raise UserError(
                f"“{shown(origin)}” has more than {MAX_IMAGES:,} files, which is the limit; import "
                "a part of it."
            )
        for name in names:
            path = Path(parent) / name
            # A link could lead out of the folder, and reading a pipe would never end.
            if not stat.S_ISREG(path.lstat().st_mode):
                continue
            yield PictureFile((*below, name), partial(_read_file, path))


def _read_file(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_MEGABYTES * 1_000_000:
            raise UserError(
                f"{display_name(path.name)} has more than {MAX_MEGABYTES} MB; make it smaller."
            )
        return path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{display_name(path.name)} cannot be read ({error.strerror}); check the file."
        ) from error


def check_archive(members: Sequence[zipfile.ZipInfo], packed: int, shown_name: str) -> None:
    """Refuse what an honest archive of pictures does not have.

    Raises:
        UserError: members are encrypted, links, outside the archive, too many or too large.
    """
    total = sum(member.file_size for member in members)
    if total > MAX_UNPACKED_BYTES or total > MAX_RATIO * max(packed, 1_000):
        raise UserError(
            f"{shown_name} would unpack from {packed / 1e6:,.1f} MB to {total / 1e6:,.0f} MB, "
            "which pictures do not; pack the pictures alone."
        )
    if len(members) > MAX_IMAGES:
        raise UserError(
            f"{shown_name} has {len(members):,} files, and the limit is {MAX_IMAGES:,}; pack fewer."
        )
    for member in members:
        path = _member_path(member)
        if member.flag_bits & 1:
            raise UserError(f"{shown_name} is encrypted; pack it again without a password.")
        if path.is_absolute() or ".." in path.parts or (path.parts and path.parts[0].endswith(":")):
            raise UserError(
                f"{shown_name} has a file that would lie outside of its folder "
                f"(“{shown(member.filename)}”); pack the folder again."
            )
        if stat.S_ISLNK(member.external_attr >> 16):
            raise UserError(
                f"{shown_name} has a link (“{shown(member.filename)}”); pack the files themselves."
            )
        if len(path.parts) - 1 > MAX_DEPTH:
            raise UserError(
                f"Folders in {shown_name} are nested more than {MAX_DEPTH} deep; pack the folder "
                "that has the class folders."
            )


def _member_path(member: zipfile.ZipInfo) -> PurePosixPath:
    return PurePosixPath(member.filename.replace("\\", "/"))  # some Windows programs write "\\"


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.file_size > MAX_MEGABYTES * 1_000_000:
        raise UserError(
            f"{display_name(member.filename)} has more than {MAX_MEGABYTES} MB; make it smaller."
        )
    try:
        with archive.open(member) as file:
            # A damaged header can name a size that is too small: read no more than the limit.
            return file.read(MAX_MEGABYTES * 1_000_000 + 1)
    except Exception as error:  # BadZipFile, zlib.error, LZMAError, EOFError...
        raise UserError(
            f"{display_name(member.filename)} is damaged in the archive; pack it again."
        ) from error


def _source(origin: str, files: list[PictureFile]) -> Source:
    visible = [file for file in files if not any(map(_is_hidden, file.parts))]
    pictures = [file for file in visible if _suffix(file) in SUFFIXES]
    if not pictures:
        raise UserError(
            f"There are no pictures in “{shown(origin)}”; it should have one folder for each "
            "class with PNG, JPEG, WebP, BMP, TIFF, GIF or HEIC files."
        )
    root = _root_depth([file.parts for file in pictures])
    # The same files give the same dataset, in whatever order a folder or an archive lists them.
    pictures.sort(key=lambda file: ([natural_key(part) for part in file.parts], file.parts))
    placed = [(file, *_place(file.parts[root:])) for file in pictures]
    names = {name for _, _, name in placed if name is not None}
    classes = check_classes(sorted_naturally(names))
    label_by_name = {name: label for label, name in enumerate(classes)}
    entries = [
        Entry(
            "/".join(file.parts[root:]),
            -1 if name is None else label_by_name[name],
            part,
            partial(_decode, file),
        )
        for file, part, name in placed
        if name is not None or part == "unlabelled"
    ]
    loose = len(placed) - len(entries)
    notes = [f"{_count(loose)} left out: outside of class folders."] if loose else []
    if len(visible) > len(pictures):
        notes.append(_describe_others([file for file in visible if _suffix(file) not in SUFFIXES]))
    return Source(origin, tuple(map(clean_class_name, classes)), entries, tuple(notes))


def _describe_others(files: list[PictureFile]) -> str:
    """The sentence about files that are not taken for pictures."""
    suffixes = sorted({shown(_suffix(file), 10) or "none" for file in files})
    more = ", …" if len(suffixes) > 5 else ""
    return f"{_count(len(files), 'file')} left out: no pictures ({', '.join(suffixes[:5])}{more})."


def _count(number: int, noun: str = "picture") -> str:
    return f"1 {noun} was" if number == 1 else f"{number:,} {noun}s were"


def _decode(file: PictureFile, wanted: InputShape) -> Pixels:
    return decode_net_input(file.read(), file.parts[-1], *wanted)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in HIDDEN_NAMES


def _suffix(file: PictureFile) -> str:
    return PurePosixPath(file.parts[-1]).suffix.casefold()


def _root_depth(paths: Iterable[tuple[str, ...]]) -> int:
    """Number of folders above the class folders or above train/ and test/.

    A zip file often has one folder around everything, and that one another.
    """
    folders = [path[:-1] for path in paths]
    depth = 0
    while True:
        level = {folder[depth] if len(folder) > depth else None for folder in folders}
        if None in level or len(level) > 1:
            return depth
        [name] = level
        deeper = {folder[depth + 1] if len(folder) > depth + 1 else None for folder in folders}
        if (name is not None and name.casefold() in PART_NAMES) or deeper == {None}:
            return depth
        depth += 1


def _place(parts: tuple[str, ...]) -> tuple[Part | None, str | None]:
    """Split and class name of a file; no class name for a file outside of class folders."""
    folders = parts[:-1]
    part = PART_NAMES.get(folders[0].casefold()) if folders else None
    if part is None:
        return None, folders[0] if folders else None
    if part == "unlabelled" or len(folders) < 2:
        return part, None
    return part, folders[1]
