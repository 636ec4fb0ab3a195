"""What holds for every test: a home of its own, one thread, no network."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parent
# Before any is imported, by whichever test: assertions in shared helpers say what they compared.
HELPERS = [
    ".".join(("tests", *helper.relative_to(TESTS).with_suffix("").parts))
    for pattern in ("*/*_examples.py", "*/*_contract.py")
    for helper in sorted(TESTS.glob(pattern))
    if not helper.name.startswith("test_")
]
pytest.register_assert_rewrite(*HELPERS)

from tsexplorer.settings import Settings, get_settings  # noqa: E402

# Torch and numpy read these once, when a test first imports them; nothing above does.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")


class NetworkError(AssertionError):
    """A test reached for another machine. Not an OSError: code that copes with those must not."""


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Let sockets reach this machine only, so that a test passes on a train too."""
    connect, connect_ex, look_up = (
        socket.socket.connect,
        socket.socket.connect_ex,
        socket.getaddrinfo,
    )

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _refuse_elsewhere(self.family, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _refuse_elsewhere(self.family, address)
        return connect_ex(self, address)

    def guarded_look_up(host: Any, *args: Any, **options: Any) -> Any:
        if host is not None and not _is_here(host):
            raise NetworkError(f"a test asked for the address of {host!r}")
        return look_up(host, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        yield


def _refuse_elsewhere(family: int, address: Any) -> None:
    if family in (socket.AF_INET, socket.AF_INET6) and not _is_here(address[0]):
        raise NetworkError(f"a test reached for {address!r}")


def _is_here(host: str | bytes) -> bool:
    text = host.decode() if isinstance(host, bytes) else host
    if text in ("", "localhost", socket.gethostname()):
        return True
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """TSEXPLORER_HOME in a folder of the test's own, all other settings at their defaults.

    Whoever changes TSEXPLORER_* in a test calls ``get_settings.cache_clear()`` afterwards.
    """
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TSEXPLORER_{name.upper()}", raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.delenv("COLUMNS", raising=False)  # pytest-xdist says 80 to its processes
    folder = tmp_path / "home"
    monkeypatch.setenv("TSEXPLORER_HOME", str(folder))
    monkeypatch.setenv("TSEXPLORER_THREADS", "1")
    get_settings.cache_clear()
    yield folder
    get_settings.cache_clear()


@pytest.fixture
def float64() -> Iterator[None]:
    """Nets, images and losses are float64 by default.

    For tests whose claim is that two computations are equal: their results then differ by less
    than 1e-9 on every processor, however it orders its sums. Autocast leaves float64 alone, so
    nothing is computed in bf16.
    """
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.fixture(params=["fp32", "bf16"])
def precision(request: pytest.FixtureRequest) -> str:
    """Each precision in turn, forced on every processor; without bf16 all is float64."""
    if request.param == "fp32":
        request.getfixturevalue("float64")
    return str(request.param)


@pytest.fixture(scope="session")
def new_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as a new home has it; a copy is quicker than another one."""
    from tsexplorer.services.service import Service

    folder = tmp_path_factory.mktemp("new home")
    Service(Settings(home=folder)).close()
    return folder / "store.sqlite3"


@pytest.fixture
def settled(home: Path, new_store: Path) -> Path:
    """The test's home, its database laid out and the demo pair in it."""
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(new_store, home / new_store.name)
    return home


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """Keep ``__main__``: AppTest puts the page there, and a spawned process would run it again."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before
