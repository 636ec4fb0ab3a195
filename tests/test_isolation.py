"""The guards of conftest.py do guard."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.conftest import NetworkError
from tsexplorer.settings import Settings, get_settings

ELSEWHERE = "192.0.2.1"  # reserved for documentation (RFC 5737): nobody is there


def test_another_machine_is_out_of_reach() -> None:
    with socket.socket() as away, pytest.raises(AssertionError, match=ELSEWHERE):
        away.connect((ELSEWHERE, 80))
    with socket.socket() as away, pytest.raises(AssertionError, match=ELSEWHERE):
        away.connect_ex((ELSEWHERE, 80))
    with pytest.raises(AssertionError, match=r"example\.org"):
        socket.create_connection(("example.org", 80))


def test_the_refusal_does_not_pass_for_a_network_that_is_down() -> None:
    assert not issubclass(NetworkError, OSError)


def test_this_machine_is_within_reach() -> None:
    with socket.create_server(("localhost", 0)) as server:
        socket.create_connection(server.getsockname()[:2]).close()


def test_home_is_the_tests_own(home: Path, tmp_path: Path) -> None:
    assert home.is_relative_to(tmp_path)
    assert get_settings().home == home
    assert get_settings().stages_folder.is_relative_to(tmp_path)


def test_a_developers_settings_do_not_leak_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("TSEXPLORER_DEVICE=cuda\n")
    monkeypatch.chdir(tmp_path)
    assert Settings().device == "auto"
    assert "TSEXPLORER_DATABASE_URL" not in os.environ


def test_torch_has_one_thread() -> None:
    assert os.environ["OMP_NUM_THREADS"].isdigit()
    assert get_settings().threads == 1
