"""Board, ledger, turn, shelf and owner: the small parts of a job."""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.jobs.jobs_examples import STUDENT, settings, spec
from tests.jobs.jobs_processes import context, hold
from tsexplorer.errors import Cancelled, UserError
from tsexplorer.jobs import heartbeat as owner_module
from tsexplorer.jobs.epoch_log import EpochLog
from tsexplorer.jobs.heartbeat import SILENT_BEATS, alive, on_this_machine, recover, this_process
from tsexplorer.jobs.progress import JobProgress, ProgressBoard
from tsexplorer.jobs.stage_files import WeightFiles, stage_lock
from tsexplorer.models import build
from tsexplorer.planning import plan
from tsexplorer.services.service import Service
from tsexplorer.specs import StageSpec
from tsexplorer.store import Store, StoreError
from tsexplorer.training import checkpoints
from tsexplorer.training.events import EpochEnded, Notice, Progress, StageStarted

PROGRESS = Progress("stage", "training", 1, 2, 0.25, 3.0, None, 0.5)


class TestBoard:
    def test_nothing_is_known_of_a_job_before_it_begins(self):
        assert ProgressBoard().read(1) == JobProgress()

    def test_it_keeps_the_last_progress_and_each_notice_once(self):
        board = ProgressBoard()
        board.begin(1, stages=3)
        for event in (
            Notice("stage", "One."),
            replace(PROGRESS, fraction=0.1),
            PROGRESS,
            Notice("stage", "Two."),
            Notice("stage", "One."),
        ):
            board.take(1, event)
        assert board.read(1) == JobProgress(PROGRESS, 0, 3, ("One.", "Two."))
        assert board.read(2) == JobProgress()

    def test_a_stage_that_is_done_has_no_progress(self):
        board = ProgressBoard()
        board.begin(1, stages=2)
        board.take(1, PROGRESS)
        board.stage_done(1)
        assert board.read(1) == JobProgress(None, 1, 2)

    def test_a_job_that_is_taken_up_again_begins_anew(self):
        board = ProgressBoard()
        board.begin(1, stages=2)
        board.take(1, Notice("stage", "One."))
        board.stage_done(1)
        board.begin(1, stages=2)
        assert board.read(1) == JobProgress(None, 0, 2)

    def test_what_a_heartbeat_told_is_read_back(self):
        told = {**asdict(PROGRESS), "stages": 3, "stages_done": 1}
        assert JobProgress.reported(told) == JobProgress(PROGRESS, 1, 3)
        assert JobProgress.reported({"stages": 3, "stages_done": 1}) == JobProgress(None, 1, 3)
        assert JobProgress.reported({}) == JobProgress()
        assert JobProgress.reported({**told, "of a later version": 1}) == JobProgress(None, 1, 3)


def row(epoch: int) -> EpochEnded:
    return EpochEnded("stage", epoch, 0.5, {"labels": 0.5}, 0.9, 0.4, 0.8, 1e-3, 2.0)


@pytest.fixture
def store(service: Service) -> Store:
    return service.store


@pytest.fixture
def key(store: Store) -> str:
    asked = spec()
    return store.add_experiment(asked, plan(asked)).stages[0].stage.hash


class TestLedger:
    def epochs(self, store: Store, key: str) -> list[int]:
        return [one.epoch for one in store.epochs(key)]

    def test_epochs_are_taken_down_as_they_end(self, store: Store, key: str):
        ledger = EpochLog(store, store.stage(key))
        for epoch in (1, 2):
            ledger.take(row(epoch))
            assert self.epochs(store, key) == list(range(1, epoch + 1))

    def test_other_events_are_none_of_its_business(self, store: Store, key: str):
        ledger = EpochLog(store, store.stage(key))
        ledger.take(PROGRESS)
        assert self.epochs(store, key) == []

    def test_what_the_store_refuses_waits_and_keeps_its_turn(self, store, key, monkeypatch):
        def busy(*_: object) -> None:
            raise StoreError("The database is kept busy.")

        ledger = EpochLog(store, store.stage(key))
        with monkeypatch.context() as patch:
            patch.setattr(store, "record_epoch", busy)
            ledger.take(row(1))
            ledger.take(row(2))
            with pytest.raises(StoreError):
                ledger.settle()
        ledger.take(row(3))
        assert self.epochs(store, key) == [1, 2, 3]

    def test_epochs_that_only_the_checkpoint_has_come_back(self, store: Store, key: str):
        EpochLog(store, store.stage(key)).take(row(1))
        ledger = EpochLog(store, store.stage(key))
        changed = replace(row(1), train_loss=99.0)
        ledger.take(StageStarted("stage", 4, 3, 10, (changed, row(2), row(3))))
        assert self.epochs(store, key) == [1, 2, 3]
        assert store.epochs(key)[0].train_loss == 0.5  # what was there was left alone

    def test_a_stage_that_begins_again_forgets_later_epochs(self, store: Store, key: str):
        first = EpochLog(store, store.stage(key))
        for epoch in (1, 2, 3):
            first.take(row(epoch))
        again = EpochLog(store, store.stage(key))
        again.take(StageStarted("stage", 4, 0, 10))
        again.take(row(1))
        assert self.epochs(store, key) == [1]


class TestTurn:
    def test_it_waits_for_another_thread_or_process_and_then_goes_on(self, tmp_path: Path):
        elsewhere = context()
        makers = [(threading.Thread, threading.Event), (elsewhere.Process, elsewhere.Event)]
        for begin, event in makers:
            held, over = event(), event()
            other = begin(target=hold, args=(tmp_path / "stage", held, over))
            other.start()
            assert held.wait(60)
            waits: list[None] = []

            def waiting(waits=waits, over=over) -> None:
                waits.append(None)
                over.set()

            with stage_lock(tmp_path / "stage", waiting):
                assert waits
            other.join()

    def test_a_process_that_was_killed_holds_nothing(self, tmp_path: Path):
        elsewhere = context()
        held, never = elsewhere.Event(), elsewhere.Event()
        other = elsewhere.Process(target=hold, args=(tmp_path / "stage", held, never))
        other.start()
        assert held.wait(60)
        other.kill()
        other.join()
        waits: list[None] = []
        with stage_lock(tmp_path / "stage", lambda: waits.append(None)):
            assert waits == []

    def test_whoever_waits_can_give_up(self, tmp_path: Path):
        def give_up() -> None:
            raise Cancelled

        with stage_lock(tmp_path / "stage", lambda: None):
            with pytest.raises(Cancelled), stage_lock(tmp_path / "stage", give_up):
                pytest.fail("two have the turn")
            with stage_lock(tmp_path / "another", give_up):
                pass

    def test_it_is_let_go_also_by_what_goes_wrong(self, tmp_path: Path):
        with pytest.raises(ZeroDivisionError), stage_lock(tmp_path / "stage", lambda: None):
            _ = 1 // 0
        with stage_lock(tmp_path / "stage", lambda: pytest.fail("still held")):
            pass

    def test_a_folder_that_cannot_be_made_is_one_sentence(self, tmp_path: Path):
        (tmp_path / "stage").write_text("in the way")
        sentence = r"^.*stage cannot be written \(.*\); mend that and resume the job\.$"
        with pytest.raises(UserError, match=sentence), stage_lock(tmp_path / "stage", lambda: None):
            pass


class TestShelf:
    @pytest.fixture
    def stage(self) -> StageSpec:
        return plan(spec(teacher=STUDENT))[0].spec

    @pytest.fixture
    def shelf(self, tmp_path: Path) -> WeightFiles:
        return WeightFiles(tmp_path / "stages")

    def put(self, shelf: WeightFiles, stage: StageSpec) -> Path:
        path = shelf._folder / stage.hash / checkpoints.WEIGHTS
        checkpoints.write(path, build(stage.model, 10, 0).state_dict(), {})
        return path

    def test_weights_that_are_there(self, shelf: WeightFiles, stage: StageSpec):
        path = self.put(shelf, stage)
        assert shelf.path(stage.hash) == path
        assert shelf.are_whole(stage)
        build(stage.model, 10, 1).load_state_dict(shelf.weights(stage.hash))

    def test_weights_that_are_not(self, shelf: WeightFiles, stage: StageSpec):
        assert shelf.path(stage.hash) is None
        assert not shelf.are_whole(stage)
        with pytest.raises(UserError, match=r"^The weights of this net are missing; train the"):
            shelf.weights(stage.hash)

    def test_weights_that_are_damaged(self, shelf: WeightFiles, stage: StageSpec):
        path = self.put(shelf, stage)
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        assert not shelf.are_whole(stage)
        with pytest.raises(UserError, match="is damaged"):
            shelf.weights(stage.hash)

    def test_weights_of_another_net(self, shelf: WeightFiles, stage: StageSpec):
        path = self.put(shelf, stage)
        checkpoints.write(path, build(stage.model, 7, 0).state_dict(), {})
        assert not shelf.are_whole(stage)

    def test_weights_that_may_not_be_read_are_not_thought_lost(self, shelf, stage, monkeypatch):
        self.put(shelf, stage)

        def refuse(*_: object, **__: object) -> None:
            raise PermissionError("no")

        monkeypatch.setattr(checkpoints, "safe_open", refuse)
        with pytest.raises(UserError, match="cannot be read"):
            shelf.are_whole(stage)

    def test_weights_that_ship_are_found(self, shelf: WeightFiles, service: Service):
        for link in service.experiment("demo").stages:
            assert shelf.are_whole(link.stage.spec)

    def test_checkpoints_and_all(self, shelf: WeightFiles, stage: StageSpec):
        path = self.put(shelf, stage)
        for name in (checkpoints.CHECKPOINT, f".{checkpoints.CHECKPOINT}.99"):
            (path.parent / name).write_text("no longer needed")
        shelf.discard_checkpoint(stage.hash)
        assert [one.name for one in path.parent.iterdir()] == [checkpoints.WEIGHTS]
        shelf.discard_checkpoint("nowhere")
        shelf.discard(stage.hash)
        shelf.discard(stage.hash)
        assert not path.parent.exists()


class TestOwner:
    def test_this_process_lives_here(self):
        me = this_process()
        host, pid, _ = me.rsplit(":", 2)
        assert (host, int(pid)) == (socket.gethostname(), os.getpid())
        assert alive(me) is True
        assert on_this_machine(me)

    def test_a_process_that_ended_does_not_live(self):
        process = context().Process(target=os.getpid)
        process.start()
        stat = Path(f"/proc/{process.pid}/stat")
        start = stat.read_text().rpartition(")")[2].split()[19] if stat.exists() else "0"
        name = f"{socket.gethostname()}:{process.pid}:{start}"
        process.join()
        assert alive(name) is False

    def test_another_process_with_the_same_number_is_not_it(self):
        host, pid, start = this_process().rsplit(":", 2)
        assert alive(f"{host}:{pid}:{int(start) - 1}") is False

    def test_what_cannot_be_told(self, monkeypatch):
        assert alive("elsewhere:1:1") is None
        assert not on_this_machine("elsewhere:1:1")
        monkeypatch.setattr(owner_module, "_start", lambda _: "?")
        assert alive(this_process()) is None

        def refuse(*_: object) -> None:
            raise PermissionError

        monkeypatch.setattr(os, "kill", refuse)
        assert alive(this_process()) is None

    def test_a_hosts_name_may_hold_colons(self):
        assert alive("fe80::1:77:12345") is None


class TestRecovery:
    def test_silence_of_ten_beats_is_waited_for(self, service: Service, monkeypatch):
        job = service.enqueue(spec())
        service.store.claim("elsewhere:1:1", job.id)
        patience = timedelta(seconds=SILENT_BEATS * 0.25)
        moments = iter([patience * 0.9, patience * 1.1])

        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.now(tz) + next(moments)

        monkeypatch.setattr("tsexplorer.jobs.heartbeat.datetime", Clock)
        assert recover(service.store, service.settings) == []
        assert recover(service.store, service.settings) == [job.id]
        assert service.store.job(job.id).status == "interrupted"

    def test_another_process_may_be_first(self, service: Service, monkeypatch):
        job = service.enqueue(spec())
        service.store.claim(f"{socket.gethostname()}:1:1", job.id)
        real, asked = alive, []

        def first(owner: str) -> bool | None:
            if not asked:
                asked.append(owner)
                store = Store.open(service.settings.url)
                assert recover(store, service.settings) == [job.id]
                store.close()
            return real(owner)

        monkeypatch.setattr("tsexplorer.jobs.heartbeat.alive", first)
        assert recover(service.store, service.settings) == []
        assert asked
        assert service.store.job(job.id).status == "interrupted"

    def test_opening_a_service_marks_what_died(self, service: Service, home: Path, open_service):
        job = service.enqueue(spec())
        service.store.claim(f"{socket.gethostname()}:1:1", job.id)
        open_service(settings(home))
        assert service.store.job(job.id).status == "interrupted"

    def test_a_job_that_this_process_runs_is_left_alone(self, service: Service):
        job = service.enqueue(spec())
        service.store.claim(this_process(), job.id)
        assert recover(service.store, service.settings) == []
        assert datetime.now(UTC) > service.store.job(job.id).started_at
