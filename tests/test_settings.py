"""Settings: their defaults, where they come from, and what is said about bad ones."""

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
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that sets nothing."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TSEXPLORER_{name.upper()}", raising=False)
    return monkeypatch


@pytest.mark.usefixtures("bare")
def test_defaults() -> None:
    settings = Settings()
    assert settings.model_dump() == {
        "home": Path(".tsexplorer"),
        "data": None,
        "database_url": None,
        "threads": None,
        "device": "auto",
        "cluster": None,
        "heartbeat_seconds": 1.0,
    }
    assert settings.data_folder == Path(".tsexplorer/data")
    assert settings.stages_folder == Path(".tsexplorer/stages")
    assert settings.url == f"sqlite:///{Path.cwd() / '.tsexplorer/store.sqlite3'}"


def test_every_setting_comes_from_the_environment(bare: pytest.MonkeyPatch) -> None:
    given = {
        "home": "/somewhere",
        "data": "/elsewhere/data",
        "database_url": "postgresql+psycopg://user@host/base",
        "threads": "3",
        "device": "cuda:1",
        "cluster": "tcp://box:8786",
        "heartbeat_seconds": "0.5",
    }
    assert set(given) == set(Settings.model_fields)
    for name, value in given.items():
        bare.setenv(f"TSEXPLORER_{name.upper()}", value)
    settings = Settings()
    assert {name: str(value) for name, value in settings.model_dump().items()} == given
    assert settings.data_folder == Path("/elsewhere/data")
    assert settings.stages_folder == Path("/somewhere/stages")
    assert settings.url == "postgresql+psycopg://user@host/base"


def test_the_store_lies_in_home_wherever_the_process_goes(
    bare: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bare.chdir(tmp_path)
    bare.setenv("TSEXPLORER_HOME", "mine")
    assert Settings().url == f"sqlite:///{tmp_path.resolve()}/mine/store.sqlite3"


@pytest.mark.parametrize("name", ["a?b", "100%25", "{x} ü #1", "a%3Fb", "it's"])
def test_any_folder_may_be_home(bare: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    """What means something in a URL means nothing in a path."""
    bare.setenv("TSEXPLORER_HOME", str(tmp_path / name))
    store = Store.open(Settings().url)
    with store.studying():
        pass
    store.close()
    assert [one.name for one in tmp_path.iterdir()] == [name]
    assert (tmp_path / name / "store.sqlite3").is_file()


def test_a_file_gives_settings_and_the_environment_wins(
    bare: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / ".env"
    file.write_text("TSEXPLORER_DEVICE=cpu\nTSEXPLORER_THREADS=2\nOTHER_PROGRAM=1\n")
    bare.setenv("TSEXPLORER_THREADS", "5")
    settings = Settings(_env_file=file)
    assert (settings.device, settings.threads) == ("cpu", 5)


def test_the_file_is_looked_for_where_the_process_starts(
    bare: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In a process of its own: conftest.py keeps such files away from the tests."""
    (tmp_path / ".env").write_text("TSEXPLORER_DEVICE=mps\n")
    bare.setenv("PYTHONPATH", str(ROOT))
    program = "from tsexplorer.settings import get_settings; print(get_settings().device)"
    said = subprocess.check_output([sys.executable, "-c", program], cwd=tmp_path, text=True)
    assert said == "mps\n"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_a_help_text(name: str) -> None:
    text = Settings.model_fields[name].description
    assert text is not None
    assert text[0].isupper()
    assert len(text) > 20


def test_the_settings_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = get_settings()
    monkeypatch.setenv("TSEXPLORER_DEVICE", "cpu")
    assert get_settings() is first
    get_settings.cache_clear()
    assert get_settings().device == "cpu"


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:0", "cuda:12", "mps"])
def test_devices_that_are_known(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_a_bad_setting_is_answered_with_one_sentence(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"TSEXPLORER_{name}", value)
    with pytest.raises(UserError) as caught:
        get_settings()
    text = str(caught.value)
    assert text.startswith(f"TSEXPLORER_{name}: ")
    assert text.endswith(f"(given: {value!r}).")
    assert "\n" not in text


@pytest.mark.parametrize("name", ["DATA", "DATABASE_URL", "THREADS", "HOME"])
def test_a_setting_left_empty_is_a_setting_not_given(name: str, bare: pytest.MonkeyPatch) -> None:
    bare.setenv(f"TSEXPLORER_{name}", "")
    assert Settings() == Settings.model_construct()
