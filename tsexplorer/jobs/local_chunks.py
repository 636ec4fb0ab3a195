"""The students of a sweep, chunk by chunk, once their teachers are trained."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from tsexplorer.data.registry import Splits
from tsexplorer.errors import UserError
from tsexplorer.jobs.cluster_chunks import ClusterChunkRunner
from tsexplorer.jobs.progress import ProgressBoard
from tsexplorer.jobs.stage_files import noted
from tsexplorer.jobs.stage_lock import turn
from tsexplorer.jobs.student_results import StudentResultWriter, in_words
from tsexplorer.settings import Settings
from tsexplorer.specs import StageSpec
from tsexplorer.store import JobSnapshot, Store
from tsexplorer.students.chunks import Chunk, ChunkRequest, check_fits, plan_chunks
from tsexplorer.students.events import PruningRule, prune_nothing
from tsexplorer.students.run_chunk import run_chunk
from tsexplorer.students.stacking_rule import available_memory
from tsexplorer.training import events
from tsexplorer.training.control import Control
from tsexplorer.training.device import machine, pick_device

STUDENTS = "chunk.json"
"""Beside a chunk's checkpoint: which students it is of."""


@dataclass(frozen=True)
class StudentBatch:
    """Students that are wanted.

    Attributes:
        students: each once.
        folder: for their chunks, and nothing else; gone at the end.
        before: students of the same job that are over.
        total: students of the job.
    """

    students: tuple[StageSpec, ...]
    folder: Path
    before: int
    total: int


class LocalChunkRunner:
    """Trains what is missing of a lot.

    A chunk has a folder of its own while it trains. One that was begun by a process that is gone
    is taken up again as it was cut then, whatever is missing now.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        board: ProgressBoard,
        job: JobSnapshot,
        lot: StudentBatch,
        splits: Splits,
        give_up: PruningRule = prune_nothing,
        given_up: Collection[str] = (),
    ) -> None:
        """Students of a job that this process has.

        Args:
            store: where they are kept; each is a stage there.
            settings: of the process.
            board: where the job's standing is told.
            job: what they are trained for.
            lot: they.
            splits: their data.
            give_up: says after each epoch who need not go on; on this machine alone.
            given_up: hashes of those who need not be trained, looked at again and again.
        """
        self._settings, self._board, self._job = settings, board, job
        self._keeper = StudentResultWriter(store, settings, splits, given_up)
        self._lot, self._students, self._folder = lot, lot.students, lot.folder
        self._give_up, self._given_up = give_up, given_up
        self._left = 0

    def run(
        self, control: Control, listener: events.Listener, waiting: Callable[[str], object]
    ) -> None:
        """Train until nothing is missing.

        Args:
            control: pause, resume, step, cancel.
            listener: hears the chunks.
            waiting: called with a net's hash while another process trains it; may raise.

        Raises:
            Cancelled: ``control`` said so; what is done stays.
            UserError: in one sentence, why a chunk failed.
        """
        missing = self._keeper.missing(self._students)
        self._keeper.ask(self._known(missing), control.check)
        for _ in range(len(self._students) - len(missing)):
            self._board.stage_done(self._job.id)
        if self._job.cluster is None:
            self._here(missing, control, listener, waiting)
        elif missing:
            away = ClusterChunkRunner(
                self._keeper, self._settings, self._board, self._job, len(self._students)
            )
            away.run(missing, control, listener, waiting)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _known(self, missing: Sequence[StageSpec]) -> list[StageSpec]:
        """Students that are trained, and of whom nobody asked what a map shows."""
        others = {student.hash for student in missing} | set(self._given_up)
        store = self._keeper.store
        return [
            one
            for one in self._students
            if one.hash not in others and store.stage(one.hash).ece is None
        ]

    def _here(
        self,
        missing: list[StageSpec],
        control: Control,
        listener: events.Listener,
        waiting: Callable[[str], object],
    ) -> None:
        """One chunk after the other, in the calling thread."""
        while missing:
            control.check()
            self._left = len(missing)
            chunk = self._next(missing)
            self._in_turn(chunk, missing, control, listener, waiting)
            control.epoch_ended()
            still = self._keeper.missing(missing)
            for _ in range(len(missing) - len(still)):
                self._board.stage_done(self._job.id)
            missing = still

    def _next(self, missing: Sequence[StageSpec]) -> Chunk:
        """A chunk that was begun and still has something to give, else the first of the rest."""
        info, budget = self._keeper.splits.info, available_memory()
        planned = plan_chunks(missing, info, budget)
        keys = {student.hash for student in missing}
        known = {student.hash: student for student in self._students}
        for place in sorted(self._folder.glob(f"*/{STUDENTS}")):
            begun = _begun(place, known, planned[0].sentence)
            if begun is not None and any(one.hash in keys for one in begun.students):
                try:
                    check_fits(begun, info, budget)
                except UserError:  # there is less memory now: cut anew
                    continue
                return begun
        return planned[0]

    def _in_turn(
        self,
        chunk: Chunk,
        missing: Sequence[StageSpec],
        control: Control,
        listener: events.Listener,
        waiting: Callable[[str], object],
    ) -> None:
        """Train a chunk, unless another process was at one of its students: then look again."""
        keys = {student.hash for student in missing}
        wanted = [student for student in chunk.students if student.hash in keys]
        with ExitStack() as turns:
            # In one order everywhere: two processes cannot wait for each other.
            for key in sorted(student.hash for student in wanted):
                folder = self._settings.stages_folder / key
                turns.enter_context(turn(folder, lambda key=key: waiting(key)))  # type: ignore[misc]
            if len(self._keeper.missing(wanted)) < len(wanted):
                return
            hashes = [student.hash for student in wanted]
            with noted(hashes, self._keeper.store, self._keeper.shelf, listener):
                self._train(chunk, hashes, control, listener)

    def _train(
        self, chunk: Chunk, wanted: Sequence[str], control: Control, listener: events.Listener
    ) -> None:
        place = self._folder / chunk.key
        _write_students(place, chunk)
        words = in_words(machine(pick_device(self._settings.device)), chunk)
        register = self._keeper.begin(chunk, wanted, words)
        self._board.take(self._job.id, events.Notice(chunk.key, chunk.sentence))

        def listen(event: events.Event) -> None:
            register.take(event)
            if isinstance(event, events.Progress):
                event = self._of_job(event, len(wanted))
            self._board.take(self._job.id, event)
            listener(event)

        request = ChunkRequest(
            chunk,
            self._keeper.nets(chunk),
            self._settings.data_folder,
            folder=place,
            device=self._settings.device,
        )
        result = run_chunk(request, listen, control, self._keeper.splits, self._give_up)
        register.settle()
        self._keeper.keep(result, set(wanted))
        shutil.rmtree(place, ignore_errors=True)

    def _of_job(self, event: events.Progress, size: int) -> events.Progress:
        """Where the job's students stand, by where this chunk does; the rest take as long."""
        total = self._lot.total
        over = self._lot.before + len(self._students) - self._left
        left = event.seconds_left
        if left is not None and event.fraction < 1:
            whole = left / (1 - event.fraction)
            left += whole * (total - over - size) / size
        return replace(event, fraction=(over + event.fraction * size) / total, seconds_left=left)


def _write_students(place: Path, chunk: Chunk) -> None:
    content = {"stacked": chunk.stacked, "students": [one.hash for one in chunk.students]}
    try:
        place.mkdir(parents=True, exist_ok=True)
        (place / STUDENTS).write_text(json.dumps(content), encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{place.parent} cannot be written ({error.strerror}); mend that and resume the job."
        ) from error


def _begun(file: Path, known: dict[str, StageSpec], sentence: str) -> Chunk | None:
    """The chunk that a folder is of; None where it was not written to its end."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        students = tuple(known[key] for key in content["students"])
        return Chunk(students, bool(content["stacked"]), sentence)
    except (OSError, ValueError, KeyError, TypeError):
        return None
