"""Locks and weight files of stages."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.jobs.experiment_examples import STUDENT, spec
from tests.jobs.job_processes import hold_lock, process_context
from tsexplorer.data.base import ImageTask
from tsexplorer.errors import Cancelled, UserError
from tsexplorer.jobs.stage_files import WeightFiles, stage_lock
from tsexplorer.models import build
from tsexplorer.planning import plan
from tsexplorer.services.service import Service
from tsexplorer.specs import StageSpec
from tsexplorer.training import checkpoints


class TestStageLock:
    def test_lock_waits_for_another_thread_or_process(self, tmp_path: Path):
        context = process_context()
        kinds = [(threading.Thread, threading.Event), (context.Process, context.Event)]
        for make_holder, make_event in kinds:
            locked, release = make_event(), make_event()
            holder = make_holder(target=hold_lock, args=(tmp_path / "stage", locked, release))
            holder.start()
            assert locked.wait(60)
            waits: list[None] = []

            def wait(waits=waits, release=release) -> None:
                waits.append(None)
                release.set()

            with stage_lock(tmp_path / "stage", wait):
                assert waits
            holder.join()

    def test_killed_process_releases_its_lock(self, tmp_path: Path):
        context = process_context()
        locked, never = context.Event(), context.Event()
        holder = context.Process(target=hold_lock, args=(tmp_path / "stage", locked, never))
        holder.start()
        assert locked.wait(60)
        holder.kill()
        holder.join()
        waits: list[None] = []
        with stage_lock(tmp_path / "stage", lambda: waits.append(None)):
            assert waits == []

    def test_wait_may_raise_to_give_up(self, tmp_path: Path):
        def give_up() -> None:
            raise Cancelled

        with stage_lock(tmp_path / "stage", lambda: None):
            with pytest.raises(Cancelled), stage_lock(tmp_path / "stage", give_up):
                pytest.fail("two hold the lock")
            with stage_lock(tmp_path / "another", give_up):
                pass

    def test_exception_releases_the_lock(self, tmp_path: Path):
        with pytest.raises(ZeroDivisionError), stage_lock(tmp_path / "stage", lambda: None):
            _ = 1 // 0
        with stage_lock(tmp_path / "stage", lambda: pytest.fail("still locked")):
            pass

    def test_folder_that_cannot_be_made_is_one_sentence(self, tmp_path: Path):
        (tmp_path / "stage").write_text("a file, not a folder")
        sentence = r"^.*stage cannot be written \(.*\); make it writable and resume the job\.$"
        with pytest.raises(UserError, match=sentence), stage_lock(tmp_path / "stage", lambda: None):
            pass


class TestWeightFiles:
    @pytest.fixture
    def stage(self) -> StageSpec:
        return plan(spec(teacher=STUDENT))[0].spec

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path / "stages"

    @pytest.fixture
    def files(self, folder: Path) -> WeightFiles:
        return WeightFiles(folder)

    @pytest.fixture
    def path(self, folder: Path, stage: StageSpec) -> Path:
        """The weights file of the stage, which exists."""
        path = folder / stage.hash / checkpoints.WEIGHTS
        checkpoints.write(path, build(stage.model, ImageTask(10), 0).state_dict(), {})
        return path

    def test_existing_weights_are_read(self, files: WeightFiles, stage: StageSpec, path: Path):
        assert files.path(stage.hash) == path
        assert files.are_intact(stage)
        build(stage.model, ImageTask(10), 1).load_state_dict(files.weights(stage.hash))

    def test_missing_weights_are_one_sentence(self, files: WeightFiles, stage: StageSpec):
        assert files.path(stage.hash) is None
        assert not files.are_intact(stage)
        with pytest.raises(UserError, match=r"^The weights of this net are missing; train the"):
            files.weights(stage.hash)

    def test_damaged_weights_are_one_sentence(self, files, stage: StageSpec, path: Path):
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        assert not files.are_intact(stage)
        with pytest.raises(UserError, match="is damaged"):
            files.weights(stage.hash)

    def test_weights_of_another_net_are_not_intact(self, files, stage: StageSpec, path: Path):
        checkpoints.write(path, build(stage.model, ImageTask(7), 0).state_dict(), {})
        assert not files.are_intact(stage)

    @pytest.mark.usefixtures("path")
    def test_unreadable_weights_are_not_trained_again(self, files, stage, monkeypatch):
        def refuse(*_: object, **__: object) -> None:
            raise PermissionError("no")

        monkeypatch.setattr(checkpoints, "safe_open", refuse)
        with pytest.raises(UserError, match="cannot be read"):
            files.are_intact(stage)

    def test_weights_that_ship_are_intact(self, files: WeightFiles, service: Service):
        for link in service.experiment("demo").stages:
            assert files.are_intact(link.stage.spec)

    def test_discard_removes_checkpoint_or_all(self, files, stage: StageSpec, path: Path):
        for name in (checkpoints.CHECKPOINT, f".{checkpoints.CHECKPOINT}.99"):
            (path.parent / name).write_text("not needed any more")
        files.discard_checkpoint(stage.hash)
        assert [file.name for file in path.parent.iterdir()] == [checkpoints.WEIGHTS]
        files.discard_checkpoint("no such stage")
        files.discard(stage.hash)
        files.discard(stage.hash)
        assert not path.parent.exists()
