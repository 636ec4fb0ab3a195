"""The isolation of tests in conftest.py: network, home folder, settings, threads."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.conftest import NetworkError
from tsexplorer.settings import Settings, get_settings

OTHER_MACHINE = "192.0.2.1"  # reserved for documentation (RFC 5737), belongs to no machine


def test_other_machines_cannot_be_reached() -> None:
    with socket.socket() as client, pytest.raises(AssertionError, match=OTHER_MACHINE):
        client.connect((OTHER_MACHINE, 80))
    with socket.socket() as client, pytest.raises(AssertionError, match=OTHER_MACHINE):
        client.connect_ex((OTHER_MACHINE, 80))
    with pytest.raises(AssertionError, match=r"example\.org"):
        socket.create_connection(("example.org", 80))


def test_the_network_error_is_not_an_os_error() -> None:
    assert not issubclass(NetworkError, OSError)


def test_this_machine_can_be_reached() -> None:
    with socket.create_server(("localhost", 0)) as server:
        socket.create_connection(server.getsockname()[:2]).close()


def test_home_is_in_the_temporary_folder_of_the_test(home: Path, tmp_path: Path) -> None:
    assert home.is_relative_to(tmp_path)
    assert get_settings().home == home
    assert get_settings().stages_folder.is_relative_to(tmp_path)


def test_settings_of_a_developer_have_no_effect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("TSEXPLORER_DEVICE=cuda\n")
    monkeypatch.chdir(tmp_path)
    assert Settings().device == "auto"
    assert "TSEXPLORER_DATABASE_URL" not in os.environ


def test_torch_uses_one_thread() -> None:
    assert os.environ["OMP_NUM_THREADS"].isdigit()
    assert get_settings().threads == 1
