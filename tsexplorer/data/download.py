"""Fetching one file over HTTP: in chunks, checked, from the first mirror that has it.

Waiting for something slow without getting deaf to a cancel.

Finding a file under one of the names it may have, and unpacking it as torchvision would.
"""

from __future__ import annotations

import gzip
import hashlib
import threading
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from queue import Empty, Full, Queue
from typing import IO, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen
from uuid import uuid4

from tsexplorer import __version__
from tsexplorer.errors import Cancelled, UserError

CHUNK_BYTES = 64 * 1024
TIMEOUT_SECONDS = 10.0
Report = Callable[[int, int | None], None]
"""Takes the bytes done and the bytes in all (None if the server does not say)."""


class TransferError(Exception):
    """A file could not be fetched; the text says why, a mirror at a time."""


@dataclass(frozen=True)
class RemoteFile:
    """A file that can be fetched.

    Attributes:
        name: its name on the mirrors and on disk.
        md5: what its bytes must add up to, in hex.
    """

    name: str
    md5: str


@dataclass(frozen=True)
class Remote:
    """Where files can be fetched.

    Attributes:
        mirrors: addresses of folders, tried in this order.
        files: what lies there.
    """

    mirrors: tuple[str, ...]
    files: tuple[RemoteFile, ...]


def fetch(
    file: RemoteFile,
    mirrors: tuple[str, ...],
    target: Path,
    report: Report,
    cancelled: Callable[[], bool],
) -> None:
    """Fetch a file to ``target``, whole and checked or not at all.

    Raises:
        TransferError: no mirror gave it.
        Cancelled: ``cancelled`` said so.
        OSError: it could not be written.
    """
    reasons = []
    for mirror in mirrors:
        try:
            with written_beside(target) as part:
                _copy(f"{mirror.rstrip('/')}/{file.name}", file.md5, part, report, cancelled)
        except TransferError as error:
            reasons.append(f"{urlsplit(mirror).netloc or mirror}: {error}")
        else:
            return
    raise TransferError("; ".join(reasons))


@contextmanager
def written_beside(target: Path) -> Iterator[IO[bytes]]:
    """A file that takes its name only once it is whole; after an exception nothing is left."""
    part = target.with_name(f".{target.name}.{uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            yield file
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def has_md5(path: Path, md5: str) -> bool:
    """Whether a file is there and its bytes add up to ``md5``."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, _md5).hexdigest() == md5


def _md5() -> hashlib._Hash:
    """MD5 guards against damage here, not against malice; so it may be used everywhere."""
    return hashlib.md5(usedforsecurity=False)


def _copy(
    url: str, md5: str, part: IO[bytes], report: Report, cancelled: Callable[[], bool]
) -> None:
    digest, done, total = _md5(), 0, None
    for chunk, total in responsive(_chunks(url), cancelled):
        part.write(chunk)
        digest.update(chunk)
        done += len(chunk)
        report(done, total)
    if total is not None and done < total:
        raise TransferError("the connection broke off")
    if digest.hexdigest() != md5:
        raise TransferError("what came is damaged (wrong checksum)")


def _chunks(url: str) -> Generator[tuple[bytes, int | None], None, None]:
    """Pieces of a file as they arrive, each with the size of the whole."""
    try:
        request = Request(url, headers={"User-Agent": f"tsexplorer/{__version__}"})
        with urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            total = response.length
            # read1 gives what is there: on a slow line read() would wait for a full chunk.
            while chunk := response.read1(CHUNK_BYTES):
                yield chunk, total
    except HTTPError as error:
        error.close()
        raise TransferError(f"HTTP {error.code}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise TransferError(_reason(error)) from error


def _reason(error: Exception) -> str:
    """The innermost plain words of a network error."""
    inner = getattr(error, "reason", error)
    return getattr(inner, "strerror", None) or str(inner) or type(inner).__name__


Item = TypeVar("Item")
POLL_SECONDS = 0.1
AHEAD = 8


class _End:
    """Stands behind the last item; carries what the source raised, if it did."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error


def responsive(
    source: Generator[Item, None, None], cancelled: Callable[[], bool]
) -> Iterator[Item]:
    """The items of ``source``, which may block for long, with an ear for ``cancelled``.

    The source runs in a thread of its own (a read from a silent server cannot be interrupted) and
    is left behind when the caller turns away; it then ends at its next item or its own timeout.

    Args:
        source: closed in its thread at the end.
        cancelled: asked before each item and every 0.1 s while there is none.

    Raises:
        Cancelled: ``cancelled`` said so.
        Exception: whatever the source raised.
    """
    box: Queue[Item | _End] = Queue(maxsize=AHEAD)
    left = threading.Event()
    threading.Thread(target=_produce, args=(source, box, left), daemon=True).start()
    try:
        while True:
            if cancelled():
                raise Cancelled
            try:
                item = box.get(timeout=POLL_SECONDS)
            except Empty:
                continue
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        left.set()


def _produce(
    source: Generator[Item, None, None], box: Queue[Item | _End], left: threading.Event
) -> None:
    end = _End()
    try:
        with closing(source):
            for item in source:
                if not _put(item, box, left):
                    return
    except Exception as error:  # handed to the thread that asked
        end = _End(error)
    _put(end, box, left)


def _put(item: Item | _End, box: Queue[Item | _End], left: threading.Event) -> bool:
    """Whether the item found its place before the caller turned away."""
    while not left.is_set():
        try:
            box.put(item, timeout=POLL_SECONDS)
        except Full:
            continue
        return True
    return False


DAMAGED = (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, KeyError)


def find(raw: Path, name: str, bundle: str | None) -> Path | None:
    """The file that holds ``name``: itself, ``name.gz`` or the bundle; None if none is there."""
    names = (name, f"{name}.gz", *([bundle] if bundle else []))
    return next((raw / one for one in names if (raw / one).is_file()), None)


def unpack(raw: Path, name: str, bundle: str | None, cancelled: Callable[[], bool]) -> None:
    """Make ``name`` a plain file if it is there in another form.

    Args:
        raw: folder of the files.
        name: the plain file.
        bundle: zip file that holds ``gzip/<name>.gz``, if the dataset has one.
        cancelled: asked between chunks.

    Raises:
        UserError: the packed file is damaged.
        Cancelled: ``cancelled`` said so; no partial file is left.
        OSError: the plain file could not be written.
    """
    packed = find(raw, name, bundle)
    if packed is None or packed.name == name:
        return
    try:
        if packed.name == bundle:
            with zipfile.ZipFile(packed) as archive, archive.open(f"gzip/{name}.gz") as member:
                _inflate(member, raw / name, cancelled)
        else:
            with packed.open("rb") as file:
                _inflate(file, raw / name, cancelled)
    except DAMAGED as error:
        raise UserError(f"{packed} is damaged; delete it and download it again.") from error


def _inflate(packed: IO[bytes], target: Path, cancelled: Callable[[], bool]) -> None:
    with gzip.GzipFile(fileobj=packed) as source, written_beside(target) as plain:
        while chunk := source.read(CHUNK_BYTES):
            if cancelled():
                raise Cancelled
            plain.write(chunk)
