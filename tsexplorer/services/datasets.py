"""Imported datasets: import in the background, preview, keep, rename, delete."""

from __future__ import annotations

import itertools
import logging
import os
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tsexplorer.data.imported import ImportedDataset, ImportedDatasets, is_running
from tsexplorer.errors import Cancelled, UserError, shorten
from tsexplorer.settings import Settings

if TYPE_CHECKING:
    from tsexplorer.importing.preparation import (
        ImportOptions,
        ImportProgress,
        ImportReport,
        Preparation,
    )

log = logging.getLogger(__name__)
EXAMPLE = "example-images.zip"
UPLOADS = "uploads"
"""Folder in the data folder where uploaded files are kept during an import."""
CLOSE_SECONDS = 5.0
"""How long :meth:`Datasets.close` waits for an import; one that reads arrays does not stop."""


@dataclass(frozen=True)
class ImportState:
    """The state of an import.

    Attributes:
        key: identifies the import in this process.
        origin: name of the file or folder.
        status: ``ready`` when it can be kept or discarded.
        progress: None before the first image.
        report: what was found; None before the status is ``ready``.
        sentence: why it failed.
    """

    key: str
    origin: str
    status: Literal["running", "ready", "failed", "cancelled"]
    progress: ImportProgress | None = None
    report: ImportReport | None = None
    sentence: str | None = None


class _Import:
    def __init__(self, state: ImportState) -> None:
        self.state = state
        self.cancel = threading.Event()
        self.preparation: Preparation | None = None
        self.thread: threading.Thread | None = None


class Datasets:
    """The imported datasets of a data folder, and the imports of this process."""

    def __init__(self, settings: Settings, used_by_jobs: Callable[[], set[str]]) -> None:
        """Open the data folder.

        Args:
            settings: of the process.
            used_by_jobs: returns the names of the datasets that queued and running jobs need.
        """
        self._settings, self._used_by_jobs = settings, used_by_jobs
        self._datasets = ImportedDatasets(settings.data_folder)
        self._imports: dict[str, _Import] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    # -- import ---------------------------------------------------------------------------------

    def check_path(self, text: str) -> Path:
        """A path on this machine that may be imported from a page.

        Raises:
            UserError: there is no such path, or TSEXPLORER_IMPORT_FOLDER does not allow it.
        """
        allowed = self._settings.import_folder
        if allowed is None:
            raise UserError(
                "Folders of the server cannot be imported here; set TSEXPLORER_IMPORT_FOLDER to "
                "allow one, or upload a zip file."
            )
        try:
            path = (allowed / text.strip()).resolve()
            exists = path.exists()
        except (OSError, RuntimeError, ValueError) as error:  # too long, a loop of links, or "\0"
            raise UserError(f"{shorten(text)} is no path that can be read; check it.") from error
        if not path.is_relative_to(allowed.resolve()):
            raise UserError(
                f"{shorten(text)} is outside of {allowed}, which TSEXPLORER_IMPORT_FOLDER sets; "
                "choose a path in this folder."
            )
        if not exists:
            raise UserError(f"{shorten(str(path))} does not exist; check the path.")
        return path

    def prepare(
        self,
        path: Path,
        name: str,
        options: ImportOptions,
        progress: Callable[[ImportProgress], None] = lambda _progress: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Preparation:
        """Read images and wait for the result, which is kept or discarded by the caller.

        Args:
            path: a folder, or a zip, npz or Parquet file.
            name: its name, for display.
            options: size, colours and split.
            progress: called about ten times a second.
            cancelled: true stops the import.

        Raises:
            UserError: the images cannot be imported, in one sentence.
            Cancelled: ``cancelled`` was true.
        """
        from tsexplorer.importing.build import prepare_import
        from tsexplorer.importing.open_source import open_source

        source = open_source(path, name)
        return prepare_import(source, options, self._datasets, progress, cancelled)

    def upload_path(self, name: str) -> Path:
        """A new path for an uploaded file; :meth:`start` removes the file."""
        folder = self._settings.data_folder / UPLOADS
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*-*"):  # of processes that ended during an import
            process = path.name.partition("-")[0]
            if process.isdecimal() and not is_running(int(process)):
                path.unlink(missing_ok=True)
        number = next(self._numbers)
        return folder / f"{os.getpid()}-{number}{Path(name).suffix.casefold()[:10]}"

    def start(self, path: Path, name: str, options: ImportOptions, *, remove: bool = False) -> str:
        """Begin an import in a thread of its own.

        Args:
            path: what to import.
            name: its name, for display.
            options: size, colours and split.
            remove: whether the file is removed afterwards, as an uploaded one.

        Returns:
            The key of the import.
        """
        return self._start(path, name, options, remove=remove)

    def start_example(self, options: ImportOptions) -> str:
        """Begin an import of example images, which are drawn first."""
        from tsexplorer.importing.example_images import write_example_images

        path = self.upload_path(EXAMPLE)
        return self._start(path, EXAMPLE, options, remove=True, make=write_example_images)

    def _start(
        self,
        path: Path,
        name: str,
        options: ImportOptions,
        *,
        remove: bool,
        make: Callable[[Path], object] = lambda _path: None,
    ) -> str:
        """Begin an import; ``make`` is called first and writes the file, if it is not there yet."""
        key = secrets.token_hex(4)
        running = _Import(ImportState(key, name, "running"))
        running.thread = threading.Thread(
            target=self._run,
            args=(running, path, options, remove, make),
            name=f"import-{key}",
            daemon=True,
        )
        with self._lock:
            self._imports[key] = running
        running.thread.start()
        return key

    def state(self, key: str) -> ImportState | None:
        """The state of an import; None if this process does not have it."""
        with self._lock:
            found = self._imports.get(key)
            return None if found is None else found.state

    def cancel(self, key: str) -> None:
        """Stop an import, or discard what it prepared."""
        with self._lock:
            found = self._imports.get(key)
        if found is not None:
            found.cancel.set()
            if found.preparation is not None:
                found.preparation.discard()
            if found.state.status == "ready":
                self._set(found, replace(found.state, status="cancelled", report=None))

    def cancel_all(self) -> None:
        """Stop all imports and discard what is not kept."""
        with self._lock:
            keys = list(self._imports)
        for key in keys:
            self.cancel(key)

    def keep(self, key: str, title: str) -> ImportedDataset:
        """Keep what an import prepared.

        Raises:
            UserError: the title is empty, too long or taken, the images are there already, or the
                import is no longer there.
        """
        with self._lock:
            found = self._imports.get(key)
        if found is None or found.preparation is None or found.state.status != "ready":
            raise UserError("This import is no longer there; import the images again.")
        kept = found.preparation.keep(title)
        with self._lock:
            del self._imports[key]
        return kept

    def _run(
        self,
        running: _Import,
        path: Path,
        options: ImportOptions,
        remove: bool,
        make: Callable[[Path], object],
    ) -> None:
        def show(progress: ImportProgress) -> None:
            self._set(running, replace(running.state, progress=progress))

        try:
            try:
                make(path)
                prepared = self.prepare(
                    path, running.state.origin, options, show, running.cancel.is_set
                )
            finally:
                if remove:
                    path.unlink(missing_ok=True)
        except Cancelled:
            self._set(running, replace(running.state, status="cancelled"))
        except UserError as error:
            self._set(running, replace(running.state, status="failed", sentence=str(error)))
        except Exception as error:
            log.exception("the import of %s failed", running.state.origin)
            sentence = (
                f"The import stopped on an unexpected error ({type(error).__name__}); the log has "
                "the details."
            )
            self._set(running, replace(running.state, status="failed", sentence=sentence))
        else:
            running.preparation = prepared
            self._set(running, replace(running.state, status="ready", report=prepared.report))
            if running.cancel.is_set():
                self.cancel(running.state.key)

    def _set(self, running: _Import, state: ImportState) -> None:
        with self._lock:
            running.state = state

    def check_title(self, title: str) -> str:
        """A title for a new dataset, without spaces around it.

        Raises:
            UserError: it is empty, too long or taken.
        """
        return self._datasets.check_title(title)

    # -- what is kept ---------------------------------------------------------------------------

    def all(self) -> tuple[ImportedDataset, ...]:
        """The imported datasets by title."""
        return self._datasets.all()

    def rename(self, key: str, title: str) -> ImportedDataset:
        """Give a dataset another title.

        Raises:
            NotFoundError: there is no such dataset.
            UserError: the title is empty, too long or taken.
        """
        return self._datasets.rename(key, title)

    def delete(self, key: str) -> None:
        """Delete the images of a dataset; its experiments stay.

        Raises:
            NotFoundError: there is no such dataset.
            UserError: a queued or running job needs it.
        """
        dataset = self._datasets.find(key)
        if dataset.name in self._used_by_jobs():
            raise UserError(
                f"A job needs “{dataset.info.title}”; cancel the job or wait for its end."
            )
        self._datasets.delete(dataset.name)

    def close(self) -> None:
        """Stop imports, wait for them, and remove uploads."""
        self.cancel_all()
        with self._lock:
            threads = [running.thread for running in self._imports.values() if running.thread]
        for thread in threads:
            thread.join(CLOSE_SECONDS)
        for path in (self._settings.data_folder / UPLOADS).glob(f"{os.getpid()}-*"):
            path.unlink(missing_ok=True)
