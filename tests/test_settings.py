"""Settings: defaults, environment variables, the file .env, invalid values."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tsexplorer.errors import UserError
from tsexplorer.settings import Settings, get_settings
from tsexplorer.store import Store

ROOT = Path(__file__).parent.parent


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without settings, and the means to change it."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TSEXPLORER_{name.upper()}", raising=False)
    return monkeypatch


# -- sources of settings ----------------------------------------------------------------------


@pytest.mark.usefixtures("environment")
def test_defaults() -> None:
    settings = Settings()
    assert settings.model_dump() == {
        "home": Path(".tsexplorer"),
        "data": None,
        "database_url": None,
        "threads": None,
        "device": "auto",
        "cluster": None,
        "import_folder": None,
        "import_bytes": 1_000_000_000,
        "heartbeat_seconds": 1.0,
    }
    assert settings.data_folder == Path(".tsexplorer/data")
    assert settings.stages_folder == Path(".tsexplorer/stages")
    assert settings.url == f"sqlite:///{Path.cwd() / '.tsexplorer/store.sqlite3'}"


def test_all_settings_can_be_environment_variables(environment: pytest.MonkeyPatch) -> None:
    values = {
        "home": "/somewhere",
        "data": "/elsewhere/data",
        "database_url": "postgresql+psycopg://user@host/base",
        "threads": "3",
        "device": "cuda:1",
        "cluster": "tcp://box:8786",
        "import_folder": "/pictures",
        "import_bytes": "2000000",
        "heartbeat_seconds": "0.5",
    }
    assert set(values) == set(Settings.model_fields)
    for name, value in values.items():
        environment.setenv(f"TSEXPLORER_{name.upper()}", value)
    settings = Settings()
    assert {name: str(value) for name, value in settings.model_dump().items()} == values
    assert settings.data_folder == Path("/elsewhere/data")
    assert settings.stages_folder == Path("/somewhere/stages")
    assert settings.url == "postgresql+psycopg://user@host/base"


def test_environment_variables_override_the_file(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / ".env"
    file.write_text("TSEXPLORER_DEVICE=cpu\nTSEXPLORER_THREADS=2\nOTHER_PROGRAM=1\n")
    environment.setenv("TSEXPLORER_THREADS", "5")
    settings = Settings(_env_file=file)
    assert (settings.device, settings.threads) == ("cpu", 5)


def test_the_file_is_read_from_the_working_folder(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In a separate process, because conftest.py disables the file for tests."""
    (tmp_path / ".env").write_text("TSEXPLORER_DEVICE=mps\n")
    environment.setenv("PYTHONPATH", str(ROOT))
    program = "from tsexplorer.settings import get_settings; print(get_settings().device)"
    output = subprocess.check_output([sys.executable, "-c", program], cwd=tmp_path, text=True)
    assert output == "mps\n"


@pytest.mark.parametrize("name", ["DATA", "DATABASE_URL", "THREADS", "HOME"])
def test_an_empty_variable_gives_the_default(name: str, environment: pytest.MonkeyPatch) -> None:
    environment.setenv(f"TSEXPLORER_{name}", "")
    assert Settings() == Settings.model_construct()


def test_settings_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = get_settings()
    monkeypatch.setenv("TSEXPLORER_DEVICE", "cpu")
    assert get_settings() is first
    get_settings.cache_clear()
    assert get_settings().device == "cpu"


# -- the database -----------------------------------------------------------------------------


def test_the_url_has_an_absolute_path(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.chdir(tmp_path)
    environment.setenv("TSEXPLORER_HOME", "mine")
    assert Settings().url == f"sqlite:///{tmp_path.resolve()}/mine/store.sqlite3"


@pytest.mark.parametrize("name", ["a?b", "100%25", "{x} ü #1", "a%3Fb", "it's"])
def test_home_can_have_special_characters(
    environment: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    environment.setenv("TSEXPLORER_HOME", str(tmp_path / name))
    store = Store.open(Settings().url)
    with store.optuna_storage():
        pass
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name / "store.sqlite3").is_file()


# -- values -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_a_description(name: str) -> None:
    description = Settings.model_fields[name].description
    assert description is not None
    assert description[0].isupper()
    assert len(description) > 20


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:0", "cuda:12", "mps"])
def test_valid_devices(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TSEXPLORER_DEVICE", device)
    assert Settings().device == device


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("THREADS", "0"),
        ("THREADS", "two"),
        ("DEVICE", "gpu"),
        ("DEVICE", "cuda:"),
        ("DEVICE", "cuda:0\n"),
        ("HEARTBEAT_SECONDS", "0"),
        ("HEARTBEAT_SECONDS", "nan"),
        ("HEARTBEAT_SECONDS", "inf"),
    ],
)
def test_invalid_values_give_one_sentence(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"TSEXPLORER_{name}", value)
    with pytest.raises(UserError) as caught:
        get_settings()
    text = str(caught.value)
    assert text.startswith(f"TSEXPLORER_{name}: ")
    assert text.endswith(f"(given: {value!r}).")
    assert "\n" not in text
