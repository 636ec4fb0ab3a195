"""Fetching one file over HTTP: in chunks, checked, from the first mirror that has it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen
from uuid import uuid4

from tsexplorer import __version__
from tsexplorer.data.responsive import responsive

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
