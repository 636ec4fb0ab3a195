"""Full disks, damaged or missing files, diverging training: one sentence, and no data is lost."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
import torch

from tests.jobs.experiment_examples import (
    assert_same_weights,
    ended,
    figures,
    load_few,
    settings,
    spec,
    trained,
    wait_until,
    weights,
)
from tsexplorer.data.registry import get_dataset, load_splits
from tsexplorer.errors import UserError
from tsexplorer.services.service import Service
from tsexplorer.specs import DataSpec, ModelSpec, NetConfig
from tsexplorer.store import ExperimentSnapshot, Store, StoreError
from tsexplorer.training import checkpoints


def stage_file(home: Path, experiment: ExperimentSnapshot, role: str, name: str) -> Path:
    return home / "stages" / experiment.stage(0, role).hash / name


def fail_writes(patch: pytest.MonkeyPatch, error_number: int, after: int) -> None:
    """Let writing files fail after the first ``after`` of them."""
    written = iter(range(10**6))
    original = checkpoints.write_through

    def write(path: Path, content: bytes) -> None:
        if next(written) >= after:
            raise OSError(error_number, os.strerror(error_number))
        original(path, content)

    patch.setattr(checkpoints, "write_through", write)


@pytest.mark.parametrize(
    ("error_number", "sentence", "after"),
    [
        (errno.ENOSPC, "There is no space left in", 0),
        (errno.ENOSPC, "There is no space left in", 1),
        (errno.ENOSPC, "There is no space left in", 2),
        (errno.ENOSPC, "There is no space left in", 8),
        (errno.EROFS, "cannot be written (Read-only", 3),
    ],
)
def test_full_or_read_only_disk_is_one_sentence(
    service: Service, monkeypatch, error_number, sentence, after
):
    """At the first checkpoint, a later one, the weights, and another stage's weights."""
    with monkeypatch.context() as patch:
        fail_writes(patch, error_number, after)
        job = ended(service, service.start(spec()))
    assert job.status == "failed"
    assert sentence in job.error
    assert job.error.endswith("resume the job.")
    service.resume(job.id)
    experiment = trained(service, job)
    assert all(len(stage["rows"]) == 2 for stage in figures(service, experiment).values())


def test_failed_job_does_not_stop_the_next(service: Service, monkeypatch):
    first = service.enqueue(spec("first"))
    second = service.enqueue(spec("second", seeds=(5,)))
    failing = service.experiment(first.experiment_id).stages[0].stage.hash
    original = checkpoints.write

    def write(path: Path, *content: object) -> None:
        if path.parent.name == failing:
            raise UserError("There is no space left.")
        original(path, *content)

    monkeypatch.setattr(checkpoints, "write", write)
    service.worker.wake_worker()
    trained(service, second)
    assert service.store.job(first.id).error == "There is no space left."


def test_removed_stages_folder_is_made_again(service: Service, home: Path):
    job = service.start(spec())
    experiment = trained(service, job)
    before = weights(home, experiment)
    shutil.rmtree(home / "stages")
    second = service.start(spec())
    assert_same_weights(weights(home, trained(service, second)), before)


def test_file_named_like_the_stages_folder_is_one_sentence(service: Service, home: Path):
    (home / "stages").write_text("a file, not a folder")
    job = ended(service, service.start(spec()))
    assert job.status == "failed"
    assert "cannot be written (" in job.error
    (home / "stages").unlink()
    service.resume(job.id)
    trained(service, job)


def test_damaged_checkpoint_is_set_aside_with_a_notice(service: Service, home: Path, monkeypatch):
    with monkeypatch.context() as patch:
        fail_writes(patch, errno.ENOSPC, 1)
        job = ended(service, service.start(spec()))
    experiment = service.experiment(job.experiment_id)
    checkpoint = stage_file(home, experiment, "teacher", checkpoints.CHECKPOINT)
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[: len(content) // 2])
    service.resume(job.id)
    experiment = trained(service, job)
    notices = service.watch(job.experiment_id).progress.notices
    assert notices == ("A damaged checkpoint was set aside; this stage starts again.",)
    assert [row.epoch for row in service.store.epochs(experiment.stages[0].stage.hash)] == [1, 2]
    trained(service, service.start(spec("another", lam=0.9)))
    assert service.watch("another").progress.notices == ()


def damage(path: Path, kind: str) -> None:
    content = bytearray(path.read_bytes())
    match kind:
        case "missing":
            path.unlink()
            return
        case "truncated":
            del content[-100:]
        case "one bit":
            content[-40] ^= 1
        case "of another net":
            tensors, header = checkpoints.read(path)
            larger = {name: torch.cat([tensor, tensor]) for name, tensor in tensors.items()}
            checkpoints.write(path, larger, header)
            return
    path.write_bytes(content)


@pytest.mark.parametrize("kind", ["missing", "truncated", "one bit", "of another net"])
@pytest.mark.parametrize("role", ["teacher", "distilled"])
def test_done_stage_without_intact_weights_is_trained_again(
    service: Service, home: Path, role: str, kind: str
):
    experiment = trained(service, service.start(spec()))
    first_weights, first_figures = weights(home, experiment), figures(service, experiment)
    damage(stage_file(home, experiment, role, checkpoints.WEIGHTS), kind)
    end_times = {link.role: link.stage.finished_at for link in experiment.stages}
    second = trained(service, service.start(spec()))
    assert_same_weights(weights(home, second), first_weights)
    assert figures(service, second) == first_figures
    changed = {
        stage_role
        for stage_role, moment in end_times.items()
        if second.stage(0, stage_role).finished_at != moment
    }
    assert changed == {role}


def test_damaged_teacher_is_trained_again_for_a_new_student(service: Service, home: Path):
    experiment = trained(service, service.start(spec()))
    damage(stage_file(home, experiment, "teacher", checkpoints.WEIGHTS), "one bit")
    trained(service, service.start(spec("second", lam=0.8)))
    checkpoints.read(stage_file(home, experiment, "teacher", checkpoints.WEIGHTS))


def test_checkpoint_of_a_stage_without_weights_is_removed(service: Service, home: Path):
    """Otherwise the stage would continue at its last epoch, with no other in its curve."""
    experiment = trained(service, service.start(spec()))
    path = stage_file(home, experiment, "teacher", checkpoints.WEIGHTS)
    tensors, _ = checkpoints.read(path)
    path.unlink()
    checkpoints.write(path.with_name(checkpoints.CHECKPOINT), tensors, {})
    second = trained(service, service.start(spec()))
    assert len(service.store.epochs(second.stages[0].stage.hash)) == 2
    assert service.watch(second.id).progress.notices == ()


def test_removed_data_fails_its_job_in_one_sentence(
    home: Path, open_service, monkeypatch: pytest.MonkeyPatch
):
    """The data is removed while the job is queued; other jobs are trained."""

    def load(name: str, folder: Path):
        return load_few(name, folder) if name == "mnist-5k" else load_splits(name, folder)

    monkeypatch.setattr("tsexplorer.jobs.job_runner.load_splits", load)
    service = open_service(settings(home))
    raw = get_dataset("mnist").raw(service.settings.data_folder)
    raw.mkdir(parents=True)
    for name in get_dataset("mnist").files:
        (raw / name).write_bytes(b"not read in this test")
    without_data = service.enqueue(spec("without data", data=DataSpec(name="mnist")))
    other = service.enqueue(spec("other"))
    shutil.rmtree(raw)
    service.worker.wake_worker()
    trained(service, other)
    failed = service.store.job(without_data.id)
    assert failed.status == "failed"
    assert failed.error.startswith("MNIST is not in the data folder; download it, or put ")
    assert str(raw.resolve()) in failed.error


def test_damaged_database_is_one_sentence(home: Path, open_service):
    service = open_service(settings(home))
    trained(service, service.start(spec()))
    service.close()
    database = home / "store.sqlite3"
    database.write_bytes(os.urandom(database.stat().st_size))
    for leftover in home.glob("store.sqlite3-*"):
        leftover.unlink()
    with pytest.raises(StoreError, match=r"^The database .*store\.sqlite3 is damaged .* made\.$"):
        Service(settings(home))
    # The sentence says to move the file away: then a new database is made.
    database.rename(home / "damaged")
    restarted = open_service(settings(home))
    trained(restarted, restarted.start(spec()))


def test_checkpoint_restores_the_curve_in_a_new_database(home: Path, open_service, monkeypatch):
    service = open_service(settings(home))
    with monkeypatch.context() as patch:
        fail_writes(patch, errno.ENOSPC, 1)
        ended(service, service.start(spec()))
    service.close()
    (home / "store.sqlite3").unlink()
    restarted = open_service(settings(home))
    experiment = trained(restarted, restarted.start(spec()))
    key = experiment.stages[0].stage.hash
    assert [row.epoch for row in restarted.store.epochs(key)] == [1, 2]


def refuse_epochs(patch: pytest.MonkeyPatch, refused: range) -> None:
    """Let the store refuse to write epochs in calls with the given numbers."""
    calls: list[None] = []
    original = Store.record_epoch

    def record(self: Store, key: str, row: object) -> None:
        calls.append(None)
        if len(calls) - 1 in refused:
            raise StoreError("The database is kept busy by another program; try again.")
        original(self, key, row)

    patch.setattr(Store, "record_epoch", record)


def test_epochs_that_a_busy_store_refused_are_written_later(service: Service, monkeypatch):
    with monkeypatch.context() as patch:
        refuse_epochs(patch, range(1, 4))
        experiment = trained(service, service.start(spec(epochs=6)))
    for link in experiment.stages:
        assert [row.epoch for row in service.store.epochs(link.stage.hash)] == [1, 2, 3, 4, 5, 6]


def test_store_that_refuses_all_epochs_fails_the_job(service: Service, monkeypatch):
    with monkeypatch.context() as patch:
        refuse_epochs(patch, range(1, 10**6))
        job = ended(service, service.start(spec(epochs=4)))
    assert (job.status, job.error) == (
        "failed",
        "The database is kept busy by another program; try again.",
    )
    service.resume(job.id)
    experiment = trained(service, job)
    for link in experiment.stages:
        assert [row.epoch for row in service.store.epochs(link.stage.hash)] == [1, 2, 3, 4]


def test_job_survives_heartbeats_that_a_busy_store_refused(home: Path, open_service, monkeypatch):
    lost: list[None] = []
    original = Store.heartbeat

    def heartbeat(self: Store, *arguments: object) -> object:
        if len(lost) < 3:
            lost.append(None)
            raise StoreError("The database is kept busy by another program; try again.")
        return original(self, *arguments)

    monkeypatch.setattr(Store, "heartbeat", heartbeat)
    service = open_service(settings(home, heartbeat_seconds=0.05))
    job = service.start(spec(epochs=5000))
    wait_until(lambda: service.store.job(job.id).progress.get("stages") == 3)
    assert len(lost) == 3
    service.cancel(job.id)
    assert ended(service, job).status == "cancelled"


def test_diverging_training_fails_in_one_sentence(service: Service):
    """Stages that are done remain; with a lower learning rate the experiment is trained."""
    student = ModelSpec(name="custom", net=NetConfig(conv=(4, 6), dense=(12, 12)))
    base = spec("diverges", data=DataSpec(scaling="raw"), student=student)
    diverging = base.distilled_train.model_copy(
        update={"optimiser": "sgd", "learning_rate": 1000.0, "batch_size": 3}
    )
    job = service.start(base.model_copy(update={"distilled_train": diverging}))
    failed = ended(service, job)
    assert failed.status == "failed"
    assert "became infinite or NaN in epoch 1; train it with a lower learning rate" in failed.error
    experiment = service.experiment(job.experiment_id)
    assert [link.stage.status for link in experiment.stages if link.role != "distilled"] == [
        "done",
        "done",
    ]
    assert experiment.stage(0, "distilled").status != "done"
    trained(service, service.start(base.model_copy(update={"name": "converges"})))
