"""The students of a sweep on a cluster: as many chunks at once as its workers take.

A pause sends no more chunks; those under way still come in and are kept. A step sends one. Who
cancels is heard at once, and what is under way is given up. Nothing of a chunk is there before all
of it is, so that one that was given up begins anew.
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
from tsexplorer.jobs.student_results import StudentResultWriter, in_words
from tsexplorer.settings import Settings
from tsexplorer.specs import StageSpec
from tsexplorer.store import JobSnapshot
from tsexplorer.students.chunks import Chunk, ChunkRequest, ChunkResult, plan_chunks
from tsexplorer.students.dask_client import Answer, Cluster, Workers
from tsexplorer.students.stacking_rule import SHARE, available
from tsexplorer.training import events
from tsexplorer.training.control import Control

LISTEN_SECONDS = 0.05
"""How long answers are waited for before somebody may say something else."""
PAUSE = (
    "Its students train on the cluster at {address}: figures come in with each chunk, a pause "
    "sends no more chunks and keeps those under way, a step sends one."
)
REST = "A chunk was not trained; the others that are under way are waited for and kept."


@dataclass(frozen=True)
class Sent:
    """A chunk under way, and the turns that this process has with its students."""

    chunk: Chunk
    turns: ExitStack


class ClusterChunkRunner:
    """Trains what is missing of one sweep on the cluster of its job."""

    def __init__(
        self,
        keeper: StudentResultWriter,
        settings: Settings,
        board: ProgressBoard,
        job: JobSnapshot,
        students: int,
    ) -> None:
        """A job that has a cluster; its sweep has so many students."""
        assert job.cluster is not None
        self._keeper, self._settings, self._board = keeper, settings, board
        self._job, self._address, self._count = job.id, job.cluster, students
        self._sent: dict[str, Sent] = {}
        self._under_way: list[str] = []
        self._failure: Exception | None = None
        self._kept = 0
        self._seconds = 0.0

    def run(
        self,
        missing: Sequence[StageSpec],
        control: Control,
        listener: events.Listener,
        waiting: Callable[[str], object],
    ) -> None:
        """Train these students; the arguments are those of ``LocalChunkRunner.run``.

        Raises:
            Cancelled: ``control`` said so; what is done stays.
            UserError: in one sentence, why there is no cluster or a chunk failed.
        """
        self._left = self._missing = len(missing)
        with Cluster.reach(self._address, lambda: _hear(control)) as cluster:
            workers = cluster.workers
            budget = int(SHARE * workers.memory) if workers.memory else available()
            chunks = deque(plan_chunks(missing, self._keeper.splits.info, budget, workers.slots))
            self._chunks = len(chunks)
            self._say(events.Notice(self._address, PAUSE.format(address=self._address)))
            for sentence in dict.fromkeys(chunk.sentence for chunk in chunks):
                self._say(events.Notice(self._address, sentence))
            # Read when something happens: the students that are under way then.
            with (
                self._turns_ended(),
                recorded_failures(
                    self._under_way, self._keeper.store, self._keeper.files, listener
                ),
            ):
                self._until_done(cluster, chunks, control, listener, waiting)

    def _until_done(
        self,
        cluster: Cluster,
        chunks: deque[Chunk],
        control: Control,
        listener: events.Listener,
        waiting: Callable[[str], object],
    ) -> None:
        before = monotonic()
        while self._sent or (chunks and self._failure is None):
            _hear(control)
            if self._failure is None and not control.paused:
                self._send(cluster, chunks, control, waiting)
            for answer in cluster.answers(LISTEN_SECONDS):
                self._take(answer)
            now = monotonic()
            self._seconds += (now - before) * bool(self._sent)
            before = now
            progress = self._progress(cluster.workers)
            self._say(progress)
            listener(progress)
        if self._failure is not None:
            raise self._failure

    def _send(
        self,
        cluster: Cluster,
        chunks: deque[Chunk],
        control: Control,
        waiting: Callable[[str], object],
    ) -> None:
        """Send as many as there are workers for; another process may be at some of them."""
        busy = None
        for _ in range(len(chunks)):
            if len(self._sent) >= cluster.workers.slots or control.paused:
                return
            chunk = chunks.popleft()
            try:
                taken = self._taken(chunk)
            except _BusyError as error:
                busy = error.key
                chunks.append(chunk)
                continue
            if taken is not None:
                self._set_off(cluster, taken)
                control.epoch_ended()
        if busy is not None and not self._sent:
            waiting(busy)
            sleep(LOCK_POLL_SECONDS)

    def _taken(self, chunk: Chunk) -> Sent | None:
        """The part of a chunk that is still missing, this process having its turn; else None.

        Raises:
            _BusyError: another process has it, and is not waited for with turns in hand.
        """
        with ExitStack() as turns:
            for key in sorted(student.hash for student in chunk.students):
                folder = self._settings.stages_folder / key
                turns.enter_context(stage_lock(folder, lambda key=key: _give_up(key)))  # type: ignore[misc]
            still = self._keeper.missing(chunk.students)
            self._done(len(chunk.students) - len(still))
            if not still:
                self._chunks -= 1
                return None
            part = Chunk(tuple(still), chunk.stacked, chunk.sentence)
            return Sent(part, turns.pop_all())

    def _set_off(self, cluster: Cluster, sent: Sent) -> None:
        chunk = sent.chunk
        self._sent[chunk.key] = sent
        wanted = _hashes(chunk)
        self._under_way += wanted
        self._keeper.begin(chunk, wanted, in_words(f"cluster at {self._address}", chunk))
        nets = self._keeper.source_nets(chunk)
        cluster.send(ChunkRequest(chunk, nets, self._settings.data_folder))

    def _take(self, answer: Answer) -> None:
        sent = self._sent[answer.key]
        if answer.result is not None:
            self._keep(sent.chunk, answer.result)
            for key in _hashes(sent.chunk):
                self._under_way.remove(key)
            self._done(len(sent.chunk.students))
            self._kept += 1
        else:
            self._failure = self._failure or answer.error
            if len(self._sent) > 1:
                self._say(events.Notice(answer.key, REST))
        del self._sent[answer.key]
        sent.turns.close()

    def _keep(self, chunk: Chunk, result: ChunkResult) -> None:
        wanted = _hashes(chunk)
        register = self._keeper.begin(chunk, wanted, in_words(result.machine, chunk))
        for student in result.students:
            for row in student.epochs:
                register.take(row)
        register.settle()
        self._keeper.keep(result, set(wanted))

    def _done(self, students: int) -> None:
        self._left -= students
        for _ in range(students):
            self._board.stage_done(self._job)

    def _progress(self, workers: Workers) -> events.Progress:
        done = self._missing - self._left
        left = self._seconds / done * self._left if done else None
        return events.Progress(
            self._address,
            doing=f"{self._kept} of {self._chunks} chunks, on a cluster of {workers.count} "
            f"worker{'s' * (workers.count != 1)}",
            epoch=0,
            epochs=0,
            fraction=1 - self._left / self._count,
            seconds=self._seconds,
            seconds_left=left,
            loss=None,
        )

    def _say(self, event: events.Event) -> None:
        self._board.take(self._job, event)

    @contextmanager
    def _turns_ended(self) -> Iterator[None]:
        try:
            yield
        finally:
            for sent in self._sent.values():
                sent.turns.close()


class _BusyError(Exception):
    """Another process trains a student."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def check_cluster(address: str, control: Control) -> None:
    """See whether a cluster answers, before anything is trained for it.

    Raises:
        Cancelled: ``control`` said so meanwhile.
        UserError: it does not, or has no workers.
    """
    Cluster.reach(address, lambda: _hear(control)).close()


def _hear(control: Control) -> None:
    """Unlike ``control.check()``, a pause is not waited for."""
    if control.cancelled:
        raise Cancelled


def _give_up(key: str) -> None:
    raise _BusyError(key)


def _hashes(chunk: Chunk) -> list[str]:
    return [student.hash for student in chunk.students]
