"""After a crash: jobs whose process is gone, or silent too long, become interrupted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tsexplorer.jobs.owner import alive
from tsexplorer.settings import Settings
from tsexplorer.store import Store

SILENT_BEATS = 10


def recover(store: Store, settings: Settings) -> list[int]:
    """Mark the jobs that nobody runs any more; another process may do so at the same time.

    Returns:
        Ids of the jobs that this call marked.
    """
    patience = timedelta(seconds=SILENT_BEATS * settings.heartbeat_seconds)
    return store.interrupt_stale(datetime.now(UTC), patience, alive)
