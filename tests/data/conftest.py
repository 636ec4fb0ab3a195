"""Small datasets in torchvision's file formats, and a server to download them from."""

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
"""Numbers of images: in the training files, of these for validation, and in the test files."""


def idx_bytes(array: NDArray[np.uint8] | NDArray[np.int32]) -> bytes:
    """IDX: two zero bytes, 8 for unsigned bytes or 12 for int, the rank, big-endian sizes, data."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    kind = 8 if array.dtype == np.uint8 else 12
    return bytes([0, 0, kind, array.ndim]) + sizes + array.astype(f">u{array.itemsize}").tobytes()


@dataclass
class SmallDataset:
    """A dataset of few images, and the arrays of its four files."""

    dataset: IdxDataset
    images: NDArray[np.uint8]
    labels: NDArray[np.uint8] | NDArray[np.int32]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint8] | NDArray[np.int32]

    def files(self) -> dict[str, bytes]:
        """Content of the four files by name."""
        arrays = (self.images, self.labels, self.test_images, self.test_labels)
        return {
            name: idx_bytes(array) for name, array in zip(self.dataset.files, arrays, strict=True)
        }

    def write(self, data_folder: Path, form: str = "plain") -> Path:
        """Write the files below a data folder; returns their folder.

        Args:
            data_folder: the data folder.
            form: "plain", "gz" or "zip".
        """
        raw = self.dataset.raw(data_folder)
        raw.mkdir(parents=True, exist_ok=True)
        self.write_into(raw, form)
        return raw

    def write_into(self, folder: Path, form: str) -> None:
        """Write the files into a folder."""
        if form == "zip":
            with zipfile.ZipFile(folder / "gzip.zip", "w") as archive:
                archive.writestr("gzip/emnist-digits-mapping.txt", "not needed")
                for name, content in self.files().items():
                    archive.writestr(f"gzip/{name}.gz", gzip.compress(content))
            return
        for name, content in self.files().items():
            if form == "gz":
                (folder / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / name).write_bytes(content)

    def on_mirrors(self, mirrors: list[str], folder: Path) -> IdxDataset:
        """The dataset on ``mirrors``, with the checksums of the files in ``folder``."""
        files = [
            RemoteFile(path.name, hashlib.md5(path.read_bytes()).hexdigest())
            for path in sorted(folder.iterdir())
        ]
        return replace(self.dataset, remote=Remote(tuple(mirrors), tuple(files)))


def make_small_dataset(name: str, first_label: int) -> SmallDataset:
    random = np.random.default_rng(3)
    dataset = get_dataset(name)
    assert isinstance(dataset, IdxDataset)
    info = replace(dataset.info, train=LEARNING - VALIDATION, validation=VALIDATION, test=TEST)
    classes = len(info.classes)
    return SmallDataset(
        replace(dataset, info=info),
        random.integers(0, 256, (LEARNING, 28, 28), dtype=np.uint8),
        (np.arange(LEARNING) % classes + first_label).astype(np.uint8),
        random.integers(0, 256, (TEST, 28, 28), dtype=np.uint8),
        (np.arange(TEST) % classes + first_label).astype(np.uint8),
    )


@pytest.fixture
def mnist() -> SmallDataset:
    """MNIST with 40 + 20 images."""
    return make_small_dataset("mnist", 0)


@pytest.fixture
def letters() -> SmallDataset:
    """EMNIST letters with 40 + 20 images, labels from 1."""
    return make_small_dataset("emnist-letters", 1)


@pytest.fixture
def qmnist() -> SmallDataset:
    """QMNIST with 40 + 20 images; each label has a class and 7 other integers."""
    small = make_small_dataset("qmnist", 0)
    more = np.arange(7, dtype=np.int32) + 100_000
    small.labels, small.test_labels = (
        np.column_stack([labels.astype(np.int32), np.tile(more, (len(labels), 1))])
        for labels in (small.labels, small.test_labels)
    )
    return small


@dataclass
class Server:
    """A mirror on this machine.

    Attributes:
        folder: the files that it serves.
        address: its URL.
        requests: paths of all requests so far.
        stalled: set when a request under ``/slow/`` has sent half of its file.
        proceed: lets such requests end, with half of the file.
    """

    folder: Path
    address: str
    requests: list[str] = field(default_factory=list)
    stalled: threading.Event = field(default_factory=threading.Event)
    proceed: threading.Event = field(default_factory=threading.Event)


class _Handler(SimpleHTTPRequestHandler):
    """Serves a folder; a path under ``/slow/`` sends half of the file and then nothing."""

    def __init__(self, *args: object, server_state: Server, **kwargs: object) -> None:
        self._state = server_state
        super().__init__(*args, directory=str(server_state.folder), **kwargs)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self._state.requests.append(self.path)
        if not self.path.startswith("/slow/"):
            super().do_GET()
            return
        content = (self._state.folder / self.path.removeprefix("/slow/")).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])
        self._state.stalled.set()
        self._state.proceed.wait(10)

    def log_message(self, *args: object) -> None:
        pass


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # some tests disconnect on purpose


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
        state.proceed.set()
        http.shutdown()
        thread.join()


@pytest.fixture
def never() -> Callable[[], bool]:
    """A ``cancelled`` function that is always false."""
    return lambda: False
