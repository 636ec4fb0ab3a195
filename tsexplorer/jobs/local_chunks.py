"""Trains the missing students of a job: chunk by chunk here, or on the job's cluster."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tsexplorer.errors import UserError
from tsexplorer.jobs.cluster_chunks import ClusterChunkRunner
from tsexplorer.jobs.stage_files import recorded_failures, stage_lock
from tsexplorer.jobs.student_results import StudentResultWriter, machine_label
from tsexplorer.jobs.study_run import StudyRun
from tsexplorer.specs import StageSpec
from tsexplorer.students.chunks import Chunk, ChunkRequest, check_fits, plan_chunks
from tsexplorer.students.events import PruningRule, prune_nothing
from tsexplorer.students.run_chunk import run_chunk
from tsexplorer.students.stacking_rule import available_memory
from tsexplorer.training import events
from tsexplorer.training.device import describe_machine, pick_device

CHUNK_FILE = "chunk.json"
"""Beside a chunk's checkpoint: the students of the chunk."""


@dataclass(frozen=True)
class StudentBatch:
    """Students that a job trains together.

    Attributes:
        students: each once.
        done_before: number of students of the same job that ended before these.
        total: number of students of the job.
    """

    students: tuple[StageSpec, ...]
    done_before: int
    total: int


def train_students(
    run: StudyRun,
    batch: StudentBatch,
    prune: PruningRule = prune_nothing,
    pruned: Collection[str] = (),
) -> None:
    """Train the students of a batch that are not trained yet.

    Args:
        run: the job.
        batch: the students; each is a stage of the job's study already.
        prune: called after each epoch; returns which students are stopped. Not used on clusters.
        pruned: hashes of the students that need no training; read again after each chunk.

    Raises:
        Cancelled: the job was cancelled; finished students stay.
        UserError: why a chunk failed, in one sentence.
    """
    LocalChunkRunner(run, batch, prune, pruned).run()


class LocalChunkRunner:
    """Trains a batch in chunks.

    Each chunk has its own folder while it trains. A chunk that an earlier process began is
    continued with the same students, whichever of them are missing now.
    """

    def __init__(
        self, run: StudyRun, batch: StudentBatch, prune: PruningRule, pruned: Collection[str]
    ) -> None:
        """Prepare a run; for the arguments see :func:`train_students`."""
        self._run, self._batch, self._prune, self._pruned = run, batch, prune, pruned
        self._folder = run.settings.sweeps_folder / run.study.id
        self._results = StudentResultWriter(run.store, run.settings, run.splits, pruned)
        self._left = 0

    def run(self) -> None:
        """Train until no student is missing."""
        students, run = self._batch.students, self._run
        missing = self._results.missing(students)
        self._results.score(self._unscored(missing), run.control.check)
        self._count_done(len(students) - len(missing))
        if run.job.cluster is None:
            self._train_here(missing)
        elif missing:
            cluster = ClusterChunkRunner(
                self._results, run.settings, run.board, run.job, len(students)
            )
            cluster.run(missing, run.control, run.listener, run.wait)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _unscored(self, missing: Sequence[StageSpec]) -> list[StageSpec]:
        """Return the trained students whose agreement and calibration error are not stored."""
        excluded = {student.hash for student in missing} | set(self._pruned)
        scored = {
            stage.hash
            for stage in self._run.store.stage_figures(self._run.study.id)
            if stage.ece is not None
        }
        return [
            student
            for student in self._batch.students
            if student.hash not in excluded and student.hash not in scored
        ]

    def _train_here(self, missing: list[StageSpec]) -> None:
        while missing:
            self._run.control.check()
            self._left = len(missing)
            self._train_locked(self._next_chunk(missing), missing)
            self._run.control.epoch_ended()
            still_missing = self._results.missing(missing)
            self._count_done(len(missing) - len(still_missing))
            missing = still_missing

    def _next_chunk(self, missing: Sequence[StageSpec]) -> Chunk:
        """Return an interrupted chunk with missing students, else the first of a new plan."""
        info, budget = self._results.splits.info, available_memory()
        planned = plan_chunks(missing, info, budget)
        keys = {student.hash for student in missing}
        students = {student.hash: student for student in self._batch.students}
        for file in sorted(self._folder.glob(f"*/{CHUNK_FILE}")):
            chunk = _read_chunk(file, students, planned[0].sentence)
            if chunk is not None and any(student.hash in keys for student in chunk.students):
                try:
                    check_fits(chunk, info, budget)
                except UserError:  # less memory than before: plan the students again
                    continue
                return chunk
        return planned[0]

    def _train_locked(self, chunk: Chunk, missing: Sequence[StageSpec]) -> None:
        """Train a chunk, unless another process trained one of its students meanwhile."""
        missing_keys = {student.hash for student in missing}
        students = [student for student in chunk.students if student.hash in missing_keys]
        keys = [student.hash for student in students]
        with ExitStack() as locks:
            # All processes lock in the same order, so that they cannot block each other.
            for key in sorted(keys):
                folder = self._run.settings.stages_folder / key
                locks.enter_context(stage_lock(folder, partial(self._run.wait, key)))
            if len(self._results.missing(students)) < len(students):
                return
            with recorded_failures(keys, self._run.store, self._results.files, self._run.listener):
                self._train(chunk, keys)

    def _train(self, chunk: Chunk, keys: Sequence[str]) -> None:
        run, settings = self._run, self._run.settings
        folder = self._folder / chunk.key
        write_chunk_file(folder, chunk)
        description = machine_label(describe_machine(pick_device(settings.device)), chunk)
        epoch_log = self._results.begin(chunk, keys, description)
        run.board.record(run.job.id, events.Notice(chunk.key, chunk.sentence))

        def listen(event: events.Event) -> None:
            epoch_log.record(event)
            if isinstance(event, events.Progress):
                event = self._job_progress(event, len(keys))
            run.board.record(run.job.id, event)
            run.listener(event)

        request = ChunkRequest(
            chunk,
            self._results.source_nets(chunk),
            settings.data_folder,
            folder=folder,
            device=settings.device,
        )
        result = run_chunk(request, listen, run.control, self._results.splits, self._prune)
        epoch_log.flush()
        self._results.keep(result, set(keys))
        shutil.rmtree(folder, ignore_errors=True)

    def _job_progress(self, event: events.Progress, size: int) -> events.Progress:
        """Return the job's progress; all students are assumed to take as long as the chunk's."""
        total = self._batch.total
        done = self._batch.done_before + len(self._batch.students) - self._left
        seconds_left = event.seconds_left
        if seconds_left is not None and event.fraction < 1:
            chunk_seconds = seconds_left / (1 - event.fraction)
            seconds_left += chunk_seconds * (total - done - size) / size
        fraction = (done + event.fraction * size) / total
        return replace(event, fraction=fraction, seconds_left=seconds_left)

    def _count_done(self, students: int) -> None:
        for _ in range(students):
            self._run.board.stage_done(self._run.job.id)


def write_chunk_file(folder: Path, chunk: Chunk) -> None:
    """Write which students a chunk has, so that it can be continued.

    Raises:
        UserError: the folder cannot be written.
    """
    content = {
        "stacked": chunk.stacked,
        "students": [student.hash for student in chunk.students],
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CHUNK_FILE).write_text(json.dumps(content), encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{folder.parent} cannot be written ({error.strerror}); make it writable and "
            "resume the job."
        ) from error


def _read_chunk(file: Path, students: dict[str, StageSpec], sentence: str) -> Chunk | None:
    """Return the chunk that a folder belongs to; None if its file is damaged."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        members = tuple(students[key] for key in content["students"])
        return Chunk(members, bool(content["stacked"]), sentence)
    except (OSError, ValueError, KeyError, TypeError):
        return None
