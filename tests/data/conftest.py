"""Small datasets in torchvision's file formats, and a server to fetch them from."""

from __future__ import annotations

import gzip
import hashlib
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tsexplorer.data.download import Remote, RemoteFile
from tsexplorer.data.registry import get_dataset
from tsexplorer.data.torchvision_idx import IdxDataset

LEARNING, VALIDATION, TEST = 40, 10, 20


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    """IDX: two zero bytes, 8 for unsigned bytes, the rank, big-endian sizes, the data."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


@dataclass
class Small:
    """A dataset of few images, and the bytes of its four files."""

    dataset: IdxDataset
    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]

    def files(self) -> dict[str, bytes]:
        arrays = (self.images, self.labels, self.test_images, self.test_labels)
        return {
            name: idx_bytes(array) for name, array in zip(self.dataset.files, arrays, strict=True)
        }

    def write(self, folder: Path, form: str = "plain") -> Path:
        """Put the files below a data folder: plain, gz or zip."""
        raw = self.dataset.raw(folder)
        raw.mkdir(parents=True, exist_ok=True)
        self.write_into(raw, form)
        return raw

    def write_into(self, place: Path, form: str) -> None:
        if form == "zip":
            with zipfile.ZipFile(place / "gzip.zip", "w") as archive:
                archive.writestr("gzip/emnist-digits-mapping.txt", "not needed")
                for name, content in self.files().items():
                    archive.writestr(f"gzip/{name}.gz", gzip.compress(content))
            return
        for name, content in self.files().items():
            if form == "gz":
                (place / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (place / name).write_bytes(content)

    def served(self, mirrors: list[str], place: Path) -> IdxDataset:
        """The dataset, fetched from ``mirrors``, with the checksums of the files in ``place``."""
        md5 = [
            RemoteFile(path.name, hashlib.md5(path.read_bytes()).hexdigest())
            for path in sorted(place.iterdir())
        ]
        return replace(self.dataset, remote=Remote(tuple(mirrors), tuple(md5)))


def small(name: str, first_label: int) -> Small:
    random = np.random.default_rng(3)
    dataset = get_dataset(name)
    assert isinstance(dataset, IdxDataset)
    info = replace(dataset.info, train=LEARNING - VALIDATION, validation=VALIDATION, test=TEST)
    classes = len(info.classes)
    return Small(
        replace(dataset, info=info),
        random.integers(0, 256, (LEARNING, 28, 28), dtype=np.uint8),
        (np.arange(LEARNING) % classes + first_label).astype(np.uint8),
        random.integers(0, 256, (TEST, 28, 28), dtype=np.uint8),
        (np.arange(TEST) % classes + first_label).astype(np.uint8),
    )


@pytest.fixture
def mnist() -> Small:
    """MNIST with 40 + 20 images."""
    return small("mnist", 0)


@pytest.fixture
def letters() -> Small:
    """EMNIST letters with 40 + 20 images, labels from 1."""
    return small("emnist-letters", 1)


@dataclass
class Server:
    """A mirror on this machine."""

    folder: Path
    address: str
    asked: list[str] = field(default_factory=list)
    stalled: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)


class _Handler(SimpleHTTPRequestHandler):
    """Serves a folder; what lies under ``/slow/`` stops half-way until it is let go on."""

    def __init__(self, *args: object, server_state: Server, **kwargs: object) -> None:
        self._state = server_state
        super().__init__(*args, directory=str(server_state.folder), **kwargs)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self._state.asked.append(self.path)
        if not self.path.startswith("/slow/"):
            super().do_GET()
            return
        content = (self._state.folder / self.path.removeprefix("/slow/")).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])
        self._state.stalled.set()
        self._state.go_on.wait(10)

    def log_message(self, *args: object) -> None:
        pass


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that hangs up is what some tests are about


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A mirror that serves ``server.folder``."""
    monkeypatch.setenv("no_proxy", "*")
    state = Server(tmp_path / "served", "")
    state.folder.mkdir()
    with _QuietServer(("127.0.0.1", 0), partial(_Handler, server_state=state)) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        state.address = f"http://127.0.0.1:{http.server_port}"
        yield state
        state.go_on.set()
        http.shutdown()
        thread.join()


@pytest.fixture
def never() -> Callable[[], bool]:
    """Nobody cancels."""
    return lambda: False
