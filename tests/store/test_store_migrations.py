"""Migrations from every revision, and databases of other programs and versions."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from optuna.study import StudyDirection
from sqlalchemy import func, inspect, select, text

from tests.store.store_examples import add, epoch
from tsexplorer.errors import UserError
from tsexplorer.store import Store
from tsexplorer.store.engine import connect
from tsexplorer.store.migrate import (
    HEAD,
    MIGRATIONS_FOLDER,
    OPTUNA_VERSION_TABLE,
    VERSION_TABLE,
    upgrade_database,
)
from tsexplorer.store.schema import Base

SCRIPTS = ScriptDirectory(str(MIGRATIONS_FOLDER))
REVISIONS = [script.revision for script in SCRIPTS.walk_revisions()]


def test_head_is_the_newest_migration() -> None:
    assert SCRIPTS.get_heads() == [HEAD]


@pytest.mark.parametrize("revision", REVISIONS)
def test_each_revision_is_upgraded_to_the_schema_of_the_code(url: str, revision: str) -> None:
    engine = connect(url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS_FOLDER))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    upgrade_database(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_failed_migration_is_rolled_back_completely(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("in the middle")

    engine = connect(url)
    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.create_index", fail)
        with pytest.raises(RuntimeError):
            upgrade_database(engine)
    assert inspect(engine).get_table_names() == []
    upgrade_database(engine)
    assert "jobs" in inspect(engine).get_table_names()
    engine.dispose()


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_old_store_frees_the_version_table_of_optuna(url: str, revision: str) -> None:
    engine = connect(url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS_FOLDER))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.execute(
            text(f"CREATE TABLE {OPTUNA_VERSION_TABLE} AS SELECT * FROM {VERSION_TABLE}")
        )
        connection.execute(text(f"DROP TABLE {VERSION_TABLE}"))  # as before 0003
    upgrade_database(engine)
    with engine.connect() as connection:
        assert OPTUNA_VERSION_TABLE not in inspect(connection).get_table_names()
        query = text(f"SELECT version_num FROM {VERSION_TABLE}")
        assert list(connection.execute(query).scalars()) == [HEAD]
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_store_and_search_share_a_database(url: str) -> None:
    store = Store.open(url)
    experiment = add(store)
    with store.optuna_storage() as storage:
        study = storage.create_new_study([StudyDirection.MAXIMIZE], experiment.id)
        storage.create_new_trial(study)
    store.close()
    again = Store.open(url)
    assert again.experiments() == [experiment]
    with again.optuna_storage() as storage:
        assert [study.study_name for study in storage.get_all_studies()] == [experiment.id]
    again.delete_trials(experiment.id)
    again.delete_trials(experiment.id)  # deleted already
    with again.optuna_storage() as storage:
        assert storage.get_all_studies() == []
    again.close()


def test_trials_of_another_version_of_optuna_are_an_error(url: str) -> None:
    store = Store.open(url)
    with store.optuna_storage():
        pass
    store.close()
    engine = connect(url)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {OPTUNA_VERSION_TABLE} SET version_num = 'v3.0.0.a'"))
    engine.dispose()
    store = Store.open(url)
    with pytest.raises(UserError, match="optuna storage upgrade"), store.optuna_storage():
        pass
    store.close()


def test_store_of_a_newer_version_is_an_error(url: str) -> None:
    Store.open(url).close()
    engine = connect(url)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(UserError, match="was written by a newer version; update this program"):
        Store.open(url)
    engine.dispose()


def test_database_of_another_program_is_an_error_and_remains(tmp_path: Path) -> None:
    file = tmp_path / "other.sqlite3"
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE jobs (title TEXT)")
    other.close()
    before = file.read_bytes()
    with pytest.raises(UserError, match=r"other\.sqlite3 holds the tables of another program"):
        Store.open(f"sqlite:///{file}")
    assert file.read_bytes() == before


@pytest.mark.parametrize("opened_before", [False, True])
def test_deleting_the_only_experiment_leaves_no_rows(url: str, opened_before: bool) -> None:
    """SQLite's foreign keys are off during a migration, and must be on again afterwards."""
    if opened_before:
        Store.open(url).close()
    store = Store.open(url)
    experiment = add(store)
    store.enqueue(experiment.id)
    store.record_epoch(experiment.stages[0].stage.hash, epoch(1))
    store.delete_study(experiment.id)
    store.close()
    engine = connect(url)
    with engine.connect() as connection:
        rows = {
            table.name: connection.scalar(select(func.count()).select_from(table))
            for table in Base.metadata.sorted_tables
        }
    engine.dispose()
    assert rows == {
        "experiments": 0,
        "stages": 0,
        "experiment_stages": 0,
        "epochs": 0,
        "jobs": 0,
    }


def test_current_store_opens_without_alembic_or_torch(url: str) -> None:
    Store.open(url).close()
    code = (
        "import sys; from tsexplorer.store import Store; Store.open(sys.argv[1]).close(); "
        "print([name for name in ('alembic', 'torch') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, url], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
