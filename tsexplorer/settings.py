"""Settings of the process, from the environment (``TSEXPLORER_*``) or a ``.env`` file.

Every field carries its help text; ``tests/test_docs.py`` holds the README to this list.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where things are kept and how much of the machine may be used."""

    model_config = SettingsConfigDict(env_prefix="TSEXPLORER_", env_file=".env", extra="ignore")

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
    heartbeat_seconds: float = Field(
        default=1.0,
        gt=0,
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
        return f"sqlite:///{(self.home / 'store.sqlite3').resolve()}"

    @property
    def stages_folder(self) -> Path:
        """One folder a stage: weights and checkpoint."""
        return self.home / "stages"


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The process-wide settings, read once."""
    return Settings()
