"""Database errors: each is raised as one sentence, and loses no stored data."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from tests.store.store_examples import add
from tsexplorer.errors import UserError
from tsexplorer.store import Store, StoreError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The SQLite file of a closed store with one experiment."""
    path = tmp_path / "store.sqlite3"
    store = Store.open(f"sqlite:///{path}")
    add(store)
    store.close()
    return path


@pytest.fixture
def full(file: Path) -> Iterator[Path]:
    """A store's file that can grow by two pages only, as on a disk that is nearly full."""

    def limit(connection: Any, _record: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")

    event.listen(Engine, "connect", limit)
    yield file
    event.remove(Engine, "connect", limit)


def test_file_that_is_not_a_database_is_an_error_and_remains(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Notes, not a database. " * 50)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"notes\.txt is damaged or is not a database; move"):
        Store.open(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_damaged_database_is_an_error_and_remains(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[100:] = b"\xff" * (len(content) - 100)
    file.write_bytes(content)
    with pytest.raises(StoreError, match=r"store\.sqlite3 is damaged"):
        Store.open(f"sqlite:///{file}").experiments()
    assert file.read_bytes()[100:] == content[100:]


def test_empty_file_becomes_a_store(tmp_path: Path) -> None:
    (tmp_path / "new.sqlite3").touch()
    store = Store.open(f"sqlite:///{tmp_path / 'new.sqlite3'}")
    assert store.experiments() == []
    store.close()


def test_read_only_database_can_be_read(file: Path) -> None:
    store = Store.open(f"sqlite:///file:{file}?mode=ro&uri=true")
    assert [experiment.name for experiment in store.experiments()] == ["first"]
    with pytest.raises(StoreError, match="is read-only; check the permissions"):
        add(store, "second")
    store.close()


def test_full_disk_loses_no_stored_data(full: Path) -> None:
    store = Store.open(f"sqlite:///{full}")

    def add_many() -> None:
        for number in range(50):
            add(store, f"number {number}", lam=number / 50)

    with pytest.raises(StoreError, match=r"store\.sqlite3 is full; free some space"):
        add_many()
    kept = store.experiments()
    assert 0 < len(kept) < 50
    assert all(len(experiment.stages) == 3 for experiment in kept)
    store.close()


@pytest.mark.parametrize("blocked", ["", "below/it"])
def test_folder_that_cannot_be_created_is_an_error(tmp_path: Path, blocked: str) -> None:
    home = tmp_path / "home"
    home.touch() if blocked else home.mkdir()
    with pytest.raises(StoreError, match=r"home.* cannot be opened; check that its folder"):
        Store.open(f"sqlite:///{home / blocked}")


def test_file_is_in_wal_mode(file: Path) -> None:
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_writer_waits_for_a_locked_database(file: Path) -> None:
    store = Store.open(f"sqlite:///{file}")
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, other.execute, ("COMMIT",))
    began = time.monotonic()
    release.start()
    add(store, "second")
    assert time.monotonic() - began >= 0.25
    release.join()
    other.close()
    store.close()


def test_database_that_stays_locked_is_an_error(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsexplorer.store.engine.LOCK_TIMEOUT_SECONDS", 0.1)
    store = Store.open(f"sqlite:///{file}")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked by another program; try again"):
        add(store, "second")
    assert len(store.experiments()) == 1
    other.execute("COMMIT")
    other.close()
    add(store, "second")
    store.close()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("not a url", "is not a database URL"),
        ("postgresql://host:port/x", "is not a database URL"),
        ("mysql://host/x", "A store on mysql is not supported"),
        ("postgresql+asyncpg://host/x", "is not supported"),
        ("sqlite://", "in memory cannot be shared"),
        ("sqlite:///:memory:", "in memory cannot be shared"),
    ],
)
def test_unsupported_url_is_an_error_that_says_what_to_use(url: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        Store.open(url)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_postgresql_without_psycopg_says_what_to_install(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UserError, match=r'pip install "psycopg\[binary\]"'):
        Store.open(f"{scheme}://user:secret@127.0.0.1/x")


def test_process_killed_during_a_write_loses_no_committed_data(file: Path) -> None:
    code = (
        "import os, sys\n"
        "from tsexplorer.store import Store\n"
        "from tsexplorer.store.engine import connect\n"
        "Store.open(sys.argv[1]).rename_study('first', 'kept')\n"
        "with connect(sys.argv[1]).begin() as connection:\n"
        "    connection.exec_driver_sql(\"UPDATE experiments SET name = 'lost'\")\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, f"sqlite:///{file}"], check=False)
    assert killed.returncode == -9
    store = Store.open(f"sqlite:///{file}")
    assert [experiment.name for experiment in store.experiments()] == ["kept"]
    store.close()
