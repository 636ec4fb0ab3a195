"""Settings of the process, from environment variables ``TSEXPLORER_*`` or a ``.env`` file.

``tests/test_docs.py`` checks that the documentation names every setting.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from tsexplorer.errors import UserError, format_first_fault

PREFIX = "TSEXPLORER_"


class Settings(BaseSettings):
    """Folders, database, device and other settings of the process."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore"
    )

    home: Path = Field(
        default=Path(".tsexplorer"),
        description="Folder of the database, the weights and the checkpoints.",
    )
    data: Path | None = Field(
        default=None,
        description="Folder of the datasets, in the layout of torchvision; default: data in home.",
    )
    database_url: str | None = Field(
        default=None,
        description="SQLAlchemy URL of the database; default: SQLite in home. "
        "PostgreSQL: postgresql+psycopg://user:password@host/database",
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        description="Number of CPU threads for training; default: all cores.",
    )
    device: str = Field(
        default="auto",
        pattern=r"^(auto|cpu|cuda(:\d+)?|mps)$",
        description="Device for training: auto, cpu, cuda, cuda:N or mps. "
        "auto selects a GPU if one is available.",
    )
    cluster: str | None = Field(
        default=None,
        description="Address of a Dask scheduler, tcp://HOST:PORT, whose workers train the "
        "students of sweeps unless a sweep specifies another one. Default: this machine. off: "
        "sweeps cannot specify an address.",
    )
    import_folder: Path | None = Field(
        default=None,
        description="Folder on this machine from which pages may import images; default: none, so "
        "that visitors can only upload files.",
    )
    import_bytes: int = Field(
        default=1_000_000_000,
        ge=1_000_000,
        description="Largest file of images that can be uploaded, in bytes.",
    )
    heartbeat_seconds: float = Field(
        default=1.0,
        gt=0,
        allow_inf_nan=False,
        description="Interval between the heartbeats of a running job, in seconds. A job counts as "
        "interrupted after ten intervals without a heartbeat, or when its process has ended.",
    )

    @property
    def data_folder(self) -> Path:
        """Folder from which datasets are read and to which they are downloaded."""
        return self.data if self.data is not None else self.home / "data"

    @property
    def url(self) -> str:
        """SQLAlchemy URL of the database."""
        if self.database_url:
            return self.database_url
        path = str((self.home / "store.sqlite3").resolve())
        # In a URL, "?" ends the path and "%41" means "A".
        return f"sqlite:///{path.replace('%', '%25').replace('?', '%3F')}"

    @property
    def stages_folder(self) -> Path:
        """Folder with one subfolder for each stage: weights and checkpoint."""
        return self.home / "stages"

    @property
    def sweeps_folder(self) -> Path:
        """Folder with one subfolder for each sweep: checkpoints of its chunks."""
        return self.home / "sweeps"


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of the process; they are read once.

    Raises:
        UserError: a setting is invalid.
    """
    try:
        return Settings()
    except ValidationError as error:
        name, _, reason = format_first_fault(error).partition(": ")
        raise UserError(f"{PREFIX}{name.upper()}: {reason}") from error
