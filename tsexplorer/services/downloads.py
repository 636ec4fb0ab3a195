"""Downloads of datasets: one thread for each; any page can show or cancel them."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tsexplorer.data.registry import DownloadProgress, get_dataset
from tsexplorer.errors import Cancelled, UserError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Download:
    """The state of a download; ``sentence`` says why it failed."""

    status: Literal["running", "done", "cancelled", "failed"]
    progress: DownloadProgress | None = None
    sentence: str | None = None


@dataclass
class Downloads:
    """The downloads of this process, by dataset name."""

    folder: Path
    _states: dict[str, Download] = field(default_factory=dict)
    _cancels: dict[str, threading.Event] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def state(self, name: str) -> Download | None:
        """Return the state of a dataset's last download, None if there was none."""
        with self._lock:
            return self._states.get(name)

    def start(self, name: str) -> None:
        """Start to download a dataset, unless a download of it is running."""
        with self._lock:
            running = self._states.get(name)
            if running is not None and running.status == "running":
                return
            self._states[name] = Download("running")
            cancel = self._cancels[name] = threading.Event()
        threading.Thread(
            target=self._download, args=(name, cancel), name=f"download-{name}", daemon=True
        ).start()

    def cancel(self, name: str) -> None:
        """Cancel a download; the incomplete files are removed."""
        with self._lock:
            event = self._cancels.get(name)
        if event is not None:
            event.set()

    def cancel_all(self) -> None:
        """Cancel all downloads."""
        with self._lock:
            events = list(self._cancels.values())
        for event in events:
            event.set()

    def _download(self, name: str, cancel: threading.Event) -> None:
        def show(progress: DownloadProgress) -> None:
            self._set(name, Download("running", progress))

        try:
            dataset = get_dataset(name)
            dataset.download(self.folder, progress=show, cancelled=cancel.is_set)
        except Cancelled:
            self._set(name, Download("cancelled"))
        except UserError as error:
            self._set(name, Download("failed", sentence=str(error)))
        except Exception as error:
            log.exception("downloading %s failed", name)
            sentence = (
                f"The download stopped on an unexpected error ({type(error).__name__}); "
                "the log has the details."
            )
            self._set(name, Download("failed", sentence=sentence))
        else:
            self._set(name, Download("done"))

    def _set(self, name: str, state: Download) -> None:
        with self._lock:
            self._states[name] = state
