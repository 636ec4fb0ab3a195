"""Settings of the process, from the environment (``TSEXPLORER_*``) or a ``.env`` file.

Every field has a help text. ``tests/test_docs.py`` compares docs/shell.md with this list.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from tsexplorer.errors import UserError
from tsexplorer.specs import first_sentence

PREFIX = "TSEXPLORER_"


class Settings(BaseSettings):
    """Where things are kept and how much of the machine may be used."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore"
    )

    home: Path = Field(
        default=Path(".tsexplorer"),
        description="Folder for the database, the weights and the checkpoints.",
    )
    data: Path | None = Field(
        default=None,
        description="Folder with datasets in torchvision's layout; default: data/ below home.",
    )
    database_url: str | None = Field(
        default=None,
        description="SQLAlchemy URL of the store; default: SQLite in home. "
        "PostgreSQL: postgresql+psycopg://user:password@host/database",
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        description="Processor threads the trainer may use; default: all cores.",
    )
    device: str = Field(
        default="auto",
        pattern=r"^(auto|cpu|cuda(:\d+)?|mps)$",
        description="Device to train on: auto, cpu, cuda, cuda:N or mps. "
        "auto takes a GPU when there is one.",
    )
    cluster: str | None = Field(
        default=None,
        description="Address of the Dask scheduler whose workers train the students of sweeps, "
        "tcp://HOST:PORT, unless a sweep is given another one; default: this machine. "
        "off: no sweep may name one.",
    )
    heartbeat_seconds: float = Field(
        default=1.0,
        gt=0,
        allow_inf_nan=False,
        description="How often (s) a running job says it is alive. A job silent for ten times "
        "as long, or whose process is gone, counts as interrupted.",
    )

    @property
    def data_folder(self) -> Path:
        """The folder datasets are read from and downloaded to."""
        return self.data if self.data is not None else self.home / "data"

    @property
    def url(self) -> str:
        """The SQLAlchemy URL in force."""
        if self.database_url:
            return self.database_url
        place = str((self.home / "store.sqlite3").resolve())
        # In a URL "?" would end the path, and "%41" be an "A".
        return f"sqlite:///{place.replace('%', '%25').replace('?', '%3F')}"

    @property
    def stages_folder(self) -> Path:
        """One folder a stage: weights and checkpoint."""
        return self.home / "stages"

    @property
    def sweeps_folder(self) -> Path:
        """One folder a sweep: checkpoints of its chunks."""
        return self.home / "sweeps"


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The process-wide settings, read once.

    Raises:
        UserError: a setting is not what it may be.
    """
    try:
        return Settings()
    except ValidationError as error:
        name, _, reason = first_sentence(error).partition(": ")
        raise UserError(f"{PREFIX}{name.upper()}: {reason}") from error
