"""``app``: starts Streamlit on a port; ends with one sentence."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tsexplorer.assets import APP_SCRIPT, ASSETS, PAGES_FOLDER

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def streamlit_stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Replace Streamlit by a function that prints its arguments and presses Ctrl-C."""

    def run_module(name: str, run_name: str) -> None:
        print(name, run_name, *sys.argv[1:])
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("runpy.run_module", run_module)
    monkeypatch.setattr("os._exit", sys.exit)
    monkeypatch.setattr(sys, "argv", ["tsexplorer"])
    monkeypatch.delenv("STREAMLIT_SERVER_ADDRESS", raising=False)
    monkeypatch.delenv("STREAMLIT_SERVER_PORT", raising=False)
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("localhost", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.usefixtures("streamlit_stub")
def test_streamlit_gets_the_port_and_ctrl_c_stops_it(shell: Shell, free_port: int) -> None:
    result = shell("app", "--port", str(free_port))
    assert result.exit_code == 130
    assert result.stdout == f"streamlit __main__ run {APP_SCRIPT} --server.port={free_port}\n"
    assert result.stderr == "The app has stopped.\n"


@pytest.mark.usefixtures("streamlit_stub")
def test_port_can_come_from_streamlits_variable(
    shell: Shell, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMLIT_SERVER_PORT", str(free_port))
    assert f"--server.port={free_port}\n" in shell("app").stdout


@pytest.mark.usefixtures("streamlit_stub")
def test_port_in_use_gives_one_sentence(shell: Shell) -> None:
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
        result = shell("app", "--port", str(port))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Port {port} is in use. Choose another port with --port")
    assert result.stderr.count("\n") == 1


@pytest.mark.usefixtures("streamlit_stub")
def test_address_of_another_machine_gives_one_sentence(
    shell: Shell, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMLIT_SERVER_ADDRESS", "192.0.2.1")  # reserved by RFC 5737
    result = shell("app", "--port", str(free_port))
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"cannot listen on port {free_port} of 192.0.2.1" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("port", ["0", "65536", "many"])
def test_port_out_of_range_is_a_bad_argument(shell: Shell, port: str) -> None:
    result = shell("app", "--port", port)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--port" in result.stderr


def test_files_of_a_checkout_are_beside_the_package() -> None:
    assert (APP_SCRIPT, PAGES_FOLDER, ASSETS) == (ROOT / "app.py", ROOT / "pages", ROOT / "assets")
    assert APP_SCRIPT.is_file()
