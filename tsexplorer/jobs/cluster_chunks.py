"""Trains the students of a job on a Dask cluster, one chunk on each free worker.

Pause submits no more chunks; the running ones finish and are kept. Step submits one chunk. Cancel
takes effect at once and cancels the running chunks. A chunk on a cluster has no checkpoint, so a
chunk that was cancelled starts again from its first epoch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from time import monotonic, sleep

from tsexplorer.errors import Cancelled
from tsexplorer.jobs.progress import ProgressBoard
from tsexplorer.jobs.stage_files import LOCK_POLL_SECONDS, recorded_failures, stage_lock
from tsexplorer.jobs.student_results import StudentResultWriter, machine_label
from tsexplorer.settings import Settings
from tsexplorer.specs import StageSpec
from tsexplorer.store import JobSnapshot
from tsexplorer.students.chunks import Chunk, ChunkRequest, ChunkResult, plan_chunks
from tsexplorer.students.dask_cluster import CompletedChunk, DaskCluster, WorkerCount
from tsexplorer.students.stacking_rule import MEMORY_SHARE, available_memory
from tsexplorer.training import events
from tsexplorer.training.control import Control

POLL_SECONDS = 0.05
"""Time to wait for completed chunks before control requests are read again."""
CLUSTER_NOTICE = (
    "The students train on the cluster at {address}: their curves arrive with each completed "
    "chunk. Pause submits no more chunks and keeps the running ones; Step submits one chunk."
)
FAILURE_NOTICE = "A chunk failed; the job waits for the other running chunks and keeps them."


@dataclass(frozen=True)
class SubmittedChunk:
    """A chunk that trains on the cluster, and the locks of its students' stages."""

    chunk: Chunk
    locks: ExitStack

    @property
    def hashes(self) -> list[str]:
        """Hashes of its students."""
        return [student.hash for student in self.chunk.students]


class ClusterChunkRunner:
    """Trains the missing students of one job on the cluster that the job names."""

    def __init__(
        self,
        results: StudentResultWriter,
        settings: Settings,
        board: ProgressBoard,
        job: JobSnapshot,
        students: int,
    ) -> None:
        """Prepare a run.

        Args:
            results: reads and writes students in the store.
            settings: of the process.
            board: receives the progress of the job.
            job: names a cluster.
            students: number of students of the job, including those that are trained already.
        """
        assert job.cluster is not None
        self._results, self._settings, self._board = results, settings, board
        self._job, self._address, self._total = job.id, job.cluster, students
        self._submitted: dict[str, SubmittedChunk] = {}
        self._running: list[str] = []
        self._failure: Exception | None = None
        self._completed_chunks = 0
        self._seconds = 0.0

    def run(
        self,
        missing: Sequence[StageSpec],
        control: Control,
        listener: events.Listener,
        waiting: Callable[[str], object],
    ) -> None:
        """Train students until none is missing.

        Args:
            missing: the students to train.
            control: pause, resume, step, cancel.
            listener: receives the progress and the failures.
            waiting: called with a student's hash while another process trains it; may raise.

        Raises:
            Cancelled: on request of ``control``; completed chunks are kept.
            UserError: no connection to the cluster, or a chunk failed, in one sentence.
        """
        self._missing = self._remaining = len(missing)
        with DaskCluster.connect(self._address, lambda: _raise_if_cancelled(control)) as cluster:
            workers = cluster.workers
            budget = int(MEMORY_SHARE * workers.memory) if workers.memory else available_memory()
            chunks = deque(plan_chunks(missing, self._results.splits.info, budget, workers.slots))
            self._chunks = len(chunks)
            self._publish(
                events.Notice(self._address, CLUSTER_NOTICE.format(address=self._address))
            )
            for sentence in dict.fromkeys(chunk.sentence for chunk in chunks):
                self._publish(events.Notice(self._address, sentence))
            # The list is read when training stops: the students that are running then.
            with (
                self._locks_released(),
                recorded_failures(
                    self._running, self._results.store, self._results.files, listener
                ),
            ):
                self._train(cluster, chunks, control, listener, waiting)

    def _train(
        self,
        cluster: DaskCluster,
        chunks: deque[Chunk],
        control: Control,
        listener: events.Listener,
        waiting: Callable[[str], object],
    ) -> None:
        """Submit chunks and keep their results until all are done or one has failed."""
        before = monotonic()
        while self._submitted or (chunks and self._failure is None):
            _raise_if_cancelled(control)
            if self._failure is None and not control.paused:
                self._submit(cluster, chunks, control, waiting)
            for completed in cluster.completed(POLL_SECONDS):
                self._handle(completed)
            now = monotonic()
            self._seconds += (now - before) * bool(self._submitted)
            before = now
            progress = self._progress(cluster.workers)
            self._publish(progress)
            listener(progress)
        if self._failure is not None:
            raise self._failure

    def _submit(
        self,
        cluster: DaskCluster,
        chunks: deque[Chunk],
        control: Control,
        waiting: Callable[[str], object],
    ) -> None:
        """Submit chunks while there are free workers; skip those that another process trains."""
        locked = None
        for _ in range(len(chunks)):
            if len(self._submitted) >= cluster.workers.slots or control.paused:
                return
            chunk = chunks.popleft()
            try:
                part = self._lock_missing(chunk)
            except _LockedError as error:
                locked = error.key
                chunks.append(chunk)
                continue
            if part is not None:
                self._start(cluster, part)
                control.epoch_ended()
        if locked is not None and not self._submitted:
            waiting(locked)
            sleep(LOCK_POLL_SECONDS)

    def _lock_missing(self, chunk: Chunk) -> SubmittedChunk | None:
        """Lock the stages of a chunk, and return its students that are still missing.

        Returns:
            None if no student is missing.

        Raises:
            _LockedError: another process holds a lock. Waiting for it while holding other locks
                could block both processes.
        """
        with ExitStack() as locks:
            for key in sorted(student.hash for student in chunk.students):
                folder = self._settings.stages_folder / key
                locks.enter_context(stage_lock(folder, lambda key=key: _raise_locked(key)))  # type: ignore[misc]
            missing = self._results.missing(chunk.students)
            self._count_done(len(chunk.students) - len(missing))
            if not missing:
                self._chunks -= 1
                return None
            part = Chunk(tuple(missing), chunk.stacked, chunk.sentence)
            return SubmittedChunk(part, locks.pop_all())

    def _start(self, cluster: DaskCluster, part: SubmittedChunk) -> None:
        chunk = part.chunk
        self._submitted[chunk.key] = part
        self._running += part.hashes
        self._results.begin(chunk, part.hashes, machine_label(f"cluster at {self._address}", chunk))
        nets = self._results.source_nets(chunk)
        cluster.submit(ChunkRequest(chunk, nets, self._settings.data_folder))

    def _handle(self, completed: CompletedChunk) -> None:
        """Keep the result of a chunk, or its error as the failure of the job."""
        part = self._submitted[completed.key]
        if completed.result is not None:
            self._keep(part, completed.result)
            for key in part.hashes:
                self._running.remove(key)
            self._count_done(len(part.hashes))
            self._completed_chunks += 1
        else:
            self._failure = self._failure or completed.error
            if len(self._submitted) > 1:
                self._publish(events.Notice(completed.key, FAILURE_NOTICE))
        del self._submitted[completed.key]
        part.locks.close()

    def _keep(self, part: SubmittedChunk, result: ChunkResult) -> None:
        """Write the epochs and the weights of a chunk."""
        machine = machine_label(result.machine, part.chunk)
        epoch_log = self._results.begin(part.chunk, part.hashes, machine)
        for student in result.students:
            for epoch in student.epochs:
                epoch_log.record(epoch)
        epoch_log.flush()
        self._results.keep(result, set(part.hashes))

    def _count_done(self, students: int) -> None:
        self._remaining -= students
        for _ in range(students):
            self._board.stage_done(self._job)

    def _progress(self, workers: WorkerCount) -> events.Progress:
        done = self._missing - self._remaining
        return events.Progress(
            self._address,
            doing=f"{self._completed_chunks} of {self._chunks} chunks, on a cluster of "
            f"{workers.processes} worker{'s' * (workers.processes != 1)}",
            epoch=0,
            epochs=0,
            fraction=1 - self._remaining / self._total,
            seconds=self._seconds,
            seconds_left=self._seconds / done * self._remaining if done else None,
            loss=None,
        )

    def _publish(self, event: events.Event) -> None:
        self._board.record(self._job, event)

    @contextmanager
    def _locks_released(self) -> Iterator[None]:
        """Release the locks of all submitted chunks at the end."""
        try:
            yield
        finally:
            for part in self._submitted.values():
                part.locks.close()


class _LockedError(Exception):
    """Another process trains a student; ``key`` is its hash."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _raise_locked(key: str) -> None:
    raise _LockedError(key)


def check_cluster(address: str, control: Control) -> None:
    """Check that a cluster answers and has workers, before training starts.

    Raises:
        Cancelled: on request of ``control``.
        UserError: it does not answer, or has no workers.
    """
    DaskCluster.connect(address, lambda: _raise_if_cancelled(control)).close()


def _raise_if_cancelled(control: Control) -> None:
    """Raise on cancel, but do not wait during a pause as ``control.check()`` does."""
    if control.cancelled:
        raise Cancelled
