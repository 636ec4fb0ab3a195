"""Fetching a dataset that a run needs, with a progress bar and Ctrl-C."""

from __future__ import annotations

from time import sleep

from rich.progress import BarColumn, Progress, TextColumn

from tsexplorer.cli.output import messages, say
from tsexplorer.cli.shell import INTERRUPTED, Ending
from tsexplorer.data.registry import DownloadProgress, get_dataset
from tsexplorer.errors import UserError
from tsexplorer.services import Service
from tsexplorer.services.downloads import Download

POLL_SECONDS = 0.1


def fetch_if_missing(service: Service, name: str) -> None:
    """Have a dataset here.

    Raises:
        UserError: it cannot be fetched; says what to put where.
        Ending: Ctrl-C; nothing half-fetched is left.
    """
    if service.dataset_available(name):
        return
    service.downloads.start(name)
    try:
        ended = _watch(service, name)
    except KeyboardInterrupt:
        service.downloads.cancel(name)
        ended = _watch(service, name)
    if ended.status == "failed":
        raise UserError(ended.sentence or f"The images of {name} could not be fetched.")
    if ended.status == "cancelled":
        raise Ending("The download was cancelled; nothing of it is left.", INTERRUPTED)
    say(f"Fetched {get_dataset(name).info.title} into {service.settings.data_folder}.")


def _watch(service: Service, name: str) -> Download:
    """Show a download until it ends; nothing is said of one that never begins."""
    info, console = get_dataset(name).info, messages()
    told = console.is_terminal
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[words]}"))
    with Progress(*columns, console=console, transient=True, disable=not told) as bars:
        bar = bars.add_task(f"Fetching {info.title}", total=None, words="")
        while (state := service.download(name)) is not None and state.status == "running":
            if (now := state.progress) is not None:
                bars.update(bar, completed=now.done_bytes, total=now.total_bytes, words=_words(now))
                if not told:
                    say(f"Fetching {info.title}, {info.download_megabytes:g} MB.")
                    told = True
            sleep(POLL_SECONDS)
    if state is None:
        raise AssertionError("a download that was started has a state")
    return state


def _words(now: DownloadProgress) -> str:
    total = f" of {now.total_bytes / 1e6:.1f}" if now.total_bytes else ""
    return f"{now.done_bytes / 1e6:.1f}{total} MB, file {now.number} of {now.count}"
