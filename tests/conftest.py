"""Settings of all tests: a separate home folder, one thread, no network."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tsexplorer.services.service import Service

TESTS = Path(__file__).parent
# Assertions in helper modules show the compared values; pytest needs the names before the import.
HELPERS = [
    ".".join(("tests", *helper.relative_to(TESTS).with_suffix("").parts))
    for pattern in ("*/*_actions.py", "*/*_contract.py", "*/*_examples.py")
    for helper in sorted(TESTS.glob(pattern))
    if not helper.name.startswith("test_")
]
pytest.register_assert_rewrite(*HELPERS)

from tsexplorer.settings import Settings, get_settings  # noqa: E402

# Torch and numpy read these once, when a test first imports them; nothing above does.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")


class NetworkError(AssertionError):
    """A test used another machine. Not an OSError, which the tested code may handle."""


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Restrict sockets to this machine, so that tests pass without a network."""
    connect, connect_ex, getaddrinfo = (
        socket.socket.connect,
        socket.socket.connect_ex,
        socket.getaddrinfo,
    )

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _refuse_other_machines(self.family, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _refuse_other_machines(self.family, address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        if host is not None and not _is_this_machine(host):
            raise NetworkError(f"a test requested the address of {host!r}")
        return getaddrinfo(host, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield


def _refuse_other_machines(family: int, address: Any) -> None:
    if family in (socket.AF_INET, socket.AF_INET6) and not _is_this_machine(address[0]):
        raise NetworkError(f"a test connected to {address!r}")


def _is_this_machine(host: str | bytes) -> bool:
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
    """A separate TSEXPLORER_HOME; all other settings have their defaults.

    A test that changes TSEXPLORER_* calls ``get_settings.cache_clear()`` afterwards.
    """
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TSEXPLORER_{name.upper()}", raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.delenv("COLUMNS", raising=False)  # pytest-xdist sets it to 80
    folder = tmp_path / "home"
    monkeypatch.setenv("TSEXPLORER_HOME", str(folder))
    monkeypatch.setenv("TSEXPLORER_THREADS", "1")
    get_settings.cache_clear()
    yield folder
    get_settings.cache_clear()


@pytest.fixture
def float64() -> Iterator[None]:
    """Make float64 the default type of nets, images and losses.

    For tests that two computations are equal: their results then differ by less than 1e-9 on every
    processor, in whatever order it computes sums. Autocast does not change float64, so nothing is
    computed in bf16.
    """
    import torch

    dtype = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(dtype)


@pytest.fixture(params=["fp32", "bf16"])
def precision(request: pytest.FixtureRequest) -> str:
    """bf16 on every processor, or fp32; with fp32 the default type is float64."""
    if request.param == "fp32":
        request.getfixturevalue("float64")
    return str(request.param)


@pytest.fixture(scope="session")
def new_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a new home; tests copy it, which is faster than to create one."""
    from tsexplorer.services.service import Service

    folder = tmp_path_factory.mktemp("new home")
    Service(Settings(home=folder)).close()
    return folder / "store.sqlite3"


@pytest.fixture
def settled(home: Path, new_store: Path) -> Path:
    """The test's home with a database that contains the demo."""
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(new_store, home / new_store.name)
    return home


@pytest.fixture
def service(settled: Path) -> Iterator[Service]:
    """A service on the test's home with the demo; it is closed at the end."""
    from tsexplorer.services.service import Service

    opened = Service(get_settings())
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """Restore ``__main__``: AppTest replaces it with a page, which spawned processes would run."""
    module = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = module
