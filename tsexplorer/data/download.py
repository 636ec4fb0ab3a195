"""Downloading and unpacking single files.

A file is downloaded in chunks from the first mirror that has it, and its checksum is checked. A
download can be cancelled while the server sends nothing.
"""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from queue import Empty, Full, Queue
from typing import IO, Self, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen
from uuid import uuid4

from tsexplorer import __version__
from tsexplorer.errors import Cancelled, UserError

CHUNK_BYTES = 64 * 1024
TIMEOUT_SECONDS = 10.0
POLL_SECONDS = 0.1
"""Time between two checks for a cancel request while the source is silent."""
QUEUE_SIZE = 8
"""Number of items that a source may produce in advance."""
UNPACKING_ERRORS = (
    *(EOFError, gzip.BadGzipFile, zlib.error),
    *(zipfile.BadZipFile, tarfile.TarError, KeyError),
)

ReportBytes = Callable[[int, int | None], None]
"""Takes the bytes received so far and the total (None if the server does not send it)."""
Item = TypeVar("Item")


class TransferError(Exception):
    """No mirror delivered the file; the text gives the reason for each mirror."""


@dataclass(frozen=True)
class RemoteFile:
    """A file on a mirror.

    Attributes:
        name: its name on the mirrors and on disk.
        md5: MD5 checksum of its bytes, in hexadecimal.
    """

    name: str
    md5: str


@dataclass(frozen=True)
class Remote:
    """Mirrors of a dataset.

    Attributes:
        mirrors: addresses of folders, in the order in which they are tried.
        files: the files in each of them.
    """

    mirrors: tuple[str, ...]
    files: tuple[RemoteFile, ...]

    @classmethod
    def from_addresses(cls, *files: tuple[str, str]) -> Self:
        """A dataset of which each file is at one address.

        Args:
            files: full address and MD5 checksum of each file.
        """
        mirrors = dict.fromkeys(address.rsplit("/", 1)[0] for address, _ in files)
        return cls(
            tuple(mirrors),
            tuple(RemoteFile(address.rsplit("/", 1)[1], md5) for address, md5 in files),
        )


def fetch(
    file: RemoteFile,
    mirrors: tuple[str, ...],
    target: Path,
    report: ReportBytes,
    cancelled: Callable[[], bool],
) -> None:
    """Download a file to ``target`` and check it; on failure nothing is left there.

    Args:
        file: the file.
        mirrors: addresses of folders, in the order in which they are tried.
        target: path on disk.
        report: called after each chunk.
        cancelled: called about ten times a second; true stops the download.

    Raises:
        TransferError: no mirror delivered it.
        Cancelled: ``cancelled`` was true.
        OSError: it could not be written.
    """
    reasons = []
    for mirror in mirrors:
        try:
            with open_atomic(target) as part:
                _copy(f"{mirror.rstrip('/')}/{file.name}", file.md5, part, report, cancelled)
        except TransferError as error:
            reasons.append(f"{urlsplit(mirror).netloc or mirror}: {error}")
        else:
            return
    raise TransferError("; ".join(reasons))


@contextmanager
def open_atomic(target: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file that is renamed to ``target`` at the end, or removed on an error."""
    part = target.with_name(f".{target.name}.{uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            yield file
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def has_md5(path: Path, md5: str) -> bool:
    """Whether the file exists and has the checksum ``md5``."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, _md5).hexdigest() == md5


def _md5() -> hashlib._Hash:
    """MD5 that systems with restricted cryptography allow too: it only detects damage here."""
    return hashlib.md5(usedforsecurity=False)


def _copy(
    url: str, md5: str, part: IO[bytes], report: ReportBytes, cancelled: Callable[[], bool]
) -> None:
    digest, done, total = _md5(), 0, None
    for chunk, total in iterate_cancellable(_chunks(url), cancelled):
        part.write(chunk)
        digest.update(chunk)
        done += len(chunk)
        report(done, total)
    if total is not None and done < total:
        raise TransferError("the connection broke off")
    if digest.hexdigest() != md5:
        raise TransferError("the received file is damaged (wrong checksum)")


def _chunks(url: str) -> Generator[tuple[bytes, int | None], None, None]:
    """Chunks of a file as they arrive, each with the size of the whole file."""
    try:
        request = Request(url, headers={"User-Agent": f"tsexplorer/{__version__}"})
        with urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            total = response.length
            # read1 returns the bytes that are there; read would wait for a full chunk.
            while chunk := response.read1(CHUNK_BYTES):
                yield chunk, total
    except HTTPError as error:
        error.close()
        raise TransferError(f"HTTP {error.code}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise TransferError(_describe_network_error(error)) from error


def _describe_network_error(error: Exception) -> str:
    """The text of the underlying system error, if there is one."""
    cause = getattr(error, "reason", error)
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__


def iterate_cancellable(
    source: Generator[Item, None, None], cancelled: Callable[[], bool]
) -> Iterator[Item]:
    """Iterate over a source that may block, and check for a cancel request meanwhile.

    The source runs in a thread of its own, because a read from a silent server cannot be
    interrupted. If the caller stops early, the thread ends at its next item or its timeout.

    Args:
        source: closed in its thread at the end.
        cancelled: called before each item and every :data:`POLL_SECONDS` between items.

    Raises:
        Cancelled: ``cancelled`` was true.
        Exception: any exception of the source.
    """
    queue: Queue[Item | _EndOfSource] = Queue(maxsize=QUEUE_SIZE)
    stopped = threading.Event()
    threading.Thread(target=_produce, args=(source, queue, stopped), daemon=True).start()
    try:
        while True:
            if cancelled():
                raise Cancelled
            try:
                item = queue.get(timeout=POLL_SECONDS)
            except Empty:
                continue
            if isinstance(item, _EndOfSource):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        stopped.set()


class _EndOfSource:
    """Follows the last item in the queue; has the exception of the source, if there was one."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error


def _produce(
    source: Generator[Item, None, None],
    queue: Queue[Item | _EndOfSource],
    stopped: threading.Event,
) -> None:
    end = _EndOfSource()
    try:
        with closing(source):
            for item in source:
                if not _put(item, queue, stopped):
                    return
    except Exception as error:  # raised again in the caller's thread
        end = _EndOfSource(error)
    _put(end, queue, stopped)


def _put(
    item: Item | _EndOfSource, queue: Queue[Item | _EndOfSource], stopped: threading.Event
) -> bool:
    """Put an item into the queue; returns whether that happened before the caller stopped."""
    while not stopped.is_set():
        try:
            queue.put(item, timeout=POLL_SECONDS)
        except Full:
            continue
        return True
    return False


def find_file(raw: Path, name: str, bundle: str | None) -> Path | None:
    """Find the file that contains ``name``: itself, ``name.gz`` or the bundle.

    Args:
        raw: folder of the files.
        name: the unpacked file.
        bundle: name of a zip file that contains it, if the dataset has one.
    """
    candidates = (name, f"{name}.gz", *([bundle] if bundle else []))
    return next((raw / candidate for candidate in candidates if (raw / candidate).is_file()), None)


def unpack(raw: Path, name: str, bundle: str | None, cancelled: Callable[[], bool]) -> None:
    """Unpack ``name`` if there is only a packed file.

    Args:
        raw: folder of the files.
        name: the unpacked file.
        bundle: name of a zip file that contains ``gzip/<name>.gz``, if the dataset has one.
        cancelled: called between chunks; true stops the unpacking.

    Raises:
        UserError: the packed file is damaged.
        Cancelled: ``cancelled`` was true; no partial file is left.
        OSError: the unpacked file could not be written.
    """
    packed = find_file(raw, name, bundle)
    if packed is None or packed.name == name:
        return
    try:
        if packed.name == bundle:
            with zipfile.ZipFile(packed) as archive, archive.open(f"gzip/{name}.gz") as member:
                _decompress(member, raw / name, cancelled)
        else:
            with packed.open("rb") as file:
                _decompress(file, raw / name, cancelled)
    except UNPACKING_ERRORS as error:
        raise damaged_file(packed) from error


def unpack_tar(
    packed: Path, names: tuple[str, ...], target: Path, cancelled: Callable[[], bool]
) -> None:
    """Unpack regular files from a ``.tar.gz`` file; all its other members are ignored.

    Args:
        packed: the ``.tar.gz`` file.
        names: names of the members, which are also their paths below ``target``.
        target: folder for the unpacked files.
        cancelled: called between chunks; true stops the unpacking.

    Raises:
        UserError: the packed file is damaged or lacks a member.
        Cancelled: ``cancelled`` was true; no partial file is left.
        OSError: an unpacked file could not be written.
    """
    missing = set(names)
    try:
        # Members in their order: a step back would unpack the archive from its start again.
        with tarfile.open(packed, "r:gz") as archive:
            for member in archive:
                if cancelled():
                    raise Cancelled
                source = archive.extractfile(member) if member.isfile() else None
                if source is not None and member.name in missing:
                    (target / member.name).parent.mkdir(parents=True, exist_ok=True)
                    _write(source, target / member.name, cancelled)
                    missing.remove(member.name)
    except UNPACKING_ERRORS as error:
        raise damaged_file(packed) from error
    if missing:
        raise damaged_file(packed)


def damaged_file(path: Path) -> UserError:
    """The error for a damaged file that can be downloaded again."""
    return UserError(f"{path} is damaged; delete it and download it again.")


def _decompress(packed: IO[bytes], target: Path, cancelled: Callable[[], bool]) -> None:
    with gzip.GzipFile(fileobj=packed) as source:
        _write(source, target, cancelled)


def _write(source: IO[bytes] | gzip.GzipFile, target: Path, cancelled: Callable[[], bool]) -> None:
    with open_atomic(target) as unpacked:
        while chunk := source.read(CHUNK_BYTES):
            if cancelled():
                raise Cancelled
            unpacked.write(chunk)
