"""Training in the foreground: fetches the data, runs or follows the job, and handles Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Callable
from time import sleep
from types import FrameType
from typing import Any, Self

from rich.progress import BarColumn, Progress, TextColumn

from tsexplorer.cli.output import error_console, print_json, print_message
from tsexplorer.cli.progress import Reporter
from tsexplorer.cli.requests import MAX_NAME_LENGTH
from tsexplorer.cli.shell import INTERRUPTED, CommandExit, open_service
from tsexplorer.cli.study_shell import study_shells
from tsexplorer.data.registry import DownloadProgress, get_dataset
from tsexplorer.errors import UserError
from tsexplorer.services import ExperimentSnapshot, JobSnapshot, Service, StudyCheck
from tsexplorer.services.downloads import Download
from tsexplorer.services.foreground import EndNotStoredError, ForegroundJob, StillRunningError
from tsexplorer.specs import Spec
from tsexplorer.studies.kind import kind_of

POLL_SECONDS = 0.1
RESUME = "python -m tsexplorer resume"


class CtrlC:
    """A context in which the first Ctrl-C sets ``requested`` and the second raises.

    Where the calling shell ignores Ctrl-C, as for a job started with ``&`` in a script, it is
    ignored here as well.
    """

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> Self:
        self._previous = signal.getsignal(signal.SIGINT)
        if self._previous is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, self._request)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._previous)

    def _request(self, _number: int, _frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True


def train_study(
    spec: Spec,
    name: str | None,
    default_name: str,
    describe: Callable[[StudyCheck[Any]], str],
    *,
    json: bool,
    cluster: str | None = None,
) -> None:
    """Check a study, fetch its data, train it in the foreground, and print its results.

    Args:
        spec: of the study.
        name: name of the study; None: the default name, with a number if it is taken.
        default_name: name of a study without a name.
        describe: returns a sentence that says how much is trained.
        json: whether to print one JSON document.
        cluster: address of the cluster that trains the students; None: TSEXPLORER_CLUSTER.

    Raises:
        UserError: it cannot be trained.
        CommandExit: the job did not finish.
    """
    with open_service() as service:
        service.studies.cluster_address(cluster)
        checked = service.studies.check(spec)
        for remark in checked.remarks:
            print_message(remark)
        fetch_if_missing(service, kind_of(spec).base(spec).data.name)
        stored_name = name or service.studies.free_name(spec, default_name[:MAX_NAME_LENGTH])
        print_message(describe(checked))
        train_and_print(
            service, lambda: service.studies.enqueue(checked, stored_name, cluster), json=json
        )


def train_and_print(service: Service, enqueue: Callable[[], JobSnapshot], *, json: bool) -> None:
    """Train a study in the foreground and print its results.

    Args:
        service: the service.
        enqueue: queues the job.
        json: whether to print one JSON document instead of a table.

    Raises:
        UserError: the job cannot be queued.
        CommandExit: the job did not finish; says why, and how to continue.
    """
    experiment = train_in_foreground(service, enqueue)
    shell = study_shells()[experiment.kind]
    if json:
        print_json(shell.document(service, experiment.id))
    else:
        shell.show(service, experiment.id)


def train_in_foreground(service: Service, enqueue: Callable[[], JobSnapshot]) -> ExperimentSnapshot:
    """Queue a study, train it to its end, and return its final state.

    Raises:
        UserError: the job cannot be queued.
        CommandExit: the job did not finish.
    """
    with CtrlC() as ctrl_c:
        job = enqueue()
        experiment = service.study_of(job)
        shell = study_shells()[experiment.kind]
        print_message(f'{shell.verb} "{experiment.name}" as job {job.id}.')
        with shell.reporter(service, experiment) as reporter:
            _follow_job(service, job, reporter, ctrl_c)
    return service.study_of(job)


def fetch_if_missing(service: Service, name: str) -> None:
    """Download a dataset unless it is available, with a progress bar.

    Raises:
        UserError: the download fails; says which files to put where.
        CommandExit: Ctrl-C; no partial file is left.
    """
    if service.dataset_available(name):
        return
    service.downloads.start(name)
    try:
        download = _show_download(service, name)
    except KeyboardInterrupt:
        service.downloads.cancel(name)
        download = _show_download(service, name)
    if download.status == "failed":
        raise UserError(download.sentence or f"The images of {name} could not be fetched.")
    if download.status == "cancelled":
        raise CommandExit("The download was cancelled; its files are removed.", INTERRUPTED)
    print_message(f"Fetched {get_dataset(name).info.title} into {service.settings.data_folder}.")


def _follow_job(service: Service, job: JobSnapshot, reporter: Reporter, ctrl_c: CtrlC) -> None:
    """Run or follow a job until it has ended.

    Ctrl-C cancels a job that waits or runs in this process, and only stops following a job that
    runs in another one.

    Raises:
        CommandExit: the job did not finish; says why, and how to continue.
    """
    foreground = ForegroundJob(
        service, job, reporter.show, reporter.print_message, lambda: ctrl_c.requested
    )
    try:
        ended = foreground.run()
    except StillRunningError as error:
        raise CommandExit(
            f"Job {job.id} continues in the other process; "
            f"to stop it: python -m tsexplorer cancel {job.id}",
            INTERRUPTED,
        ) from error
    except EndNotStoredError as error:
        raise CommandExit(f"{error} {_how_to_resume(job.id)}") from error
    except UserError as error:  # the store or the study is gone
        raise CommandExit(str(error)) from error
    if ended.status == "cancelled" and ctrl_c.requested:
        raise CommandExit(f"Cancelled. {_how_to_resume(ended.id)}", INTERRUPTED)
    if ended.status == "failed":
        raise CommandExit(ended.error or "The job failed.")
    if ended.status != "done":
        raise CommandExit(f"Job {ended.id} was {ended.status}. {_how_to_resume(ended.id)}")


def _how_to_resume(job: int) -> str:
    return f"Finished epochs are kept; to continue: {RESUME} {job}"


def _show_download(service: Service, name: str) -> Download:
    """Show a download until it ends; nothing is printed before its first progress."""
    info, console = get_dataset(name).info, error_console()
    announced = console.is_terminal
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[text]}"))
    with Progress(*columns, console=console, transient=True, disable=not announced) as bars:
        bar = bars.add_task(f"Fetching {info.title}", total=None, text="")
        while (state := service.download(name)) is not None and state.status == "running":
            if (progress := state.progress) is not None:
                bars.update(
                    bar,
                    completed=progress.done_bytes,
                    total=progress.total_bytes,
                    text=_download_text(progress),
                )
                if not announced:
                    print_message(f"Fetching {info.title}, {info.download_megabytes:g} MB.")
                    announced = True
            sleep(POLL_SECONDS)
    if state is None:
        raise AssertionError("a download that was started has a state")
    return state


def _download_text(progress: DownloadProgress) -> str:
    total = f" of {progress.total_bytes / 1e6:.1f}" if progress.total_bytes else ""
    file = f"file {progress.number} of {progress.count}"
    return f"{progress.done_bytes / 1e6:.1f}{total} MB, {file}"
