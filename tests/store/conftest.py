"""A new, empty database for each test, on every backend.

PostgreSQL is included if TSEXPLORER_TEST_DATABASE_URL names a database in which schemas may be
created and dropped.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from tsexplorer.store import Store

SERVER = os.environ.get("TSEXPLORER_TEST_DATABASE_URL")


@pytest.fixture(params=["sqlite", "postgresql"] if SERVER else ["sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'home' / 'store.sqlite3'}"
        return
    schema = f"test_{secrets.token_hex(6)}"
    server = make_url(SERVER or "")
    engine = create_engine(server)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    schema_url = server.update_query_dict({"options": f"-csearch_path={schema}"})
    yield schema_url.render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store.open(url)
    yield opened
    opened.close()


@pytest.fixture
def file_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'store.sqlite3'}"
