"""Full disks, damaged files and folders that are gone: one sentence, nothing else lost."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
import torch

from tests.jobs.jobs_examples import (
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


def failing_writes(patch: pytest.MonkeyPatch, number: int, after: int) -> None:
    """Let the disk take so many files and no more."""
    taken = iter(range(10**6))
    real = checkpoints._write_through

    def write(path: Path, content: bytes) -> None:
        if next(taken) >= after:
            raise OSError(number, os.strerror(number))
        real(path, content)

    patch.setattr(checkpoints, "_write_through", write)


@pytest.mark.parametrize(
    ("number", "sentence", "after"),
    [
        (errno.ENOSPC, "There is no space left in", 0),
        (errno.ENOSPC, "There is no space left in", 1),
        (errno.ENOSPC, "There is no space left in", 2),
        (errno.ENOSPC, "There is no space left in", 8),
        (errno.EROFS, "cannot be written (Read-only", 3),
    ],
)
def test_full_or_read_only_disk(service: Service, home: Path, monkeypatch, number, sentence, after):
    """At the first checkpoint, a later one, the weights, another stage's weights."""
    with monkeypatch.context() as patch:
        failing_writes(patch, number, after)
        job = ended(service, service.start(spec()))
    assert job.status == "failed"
    assert sentence in job.error
    assert job.error.endswith("resume the job.")
    service.resume(job.id)
    found = trained(service, job)
    assert all(len(rows["rows"]) == 2 for rows in figures(service, found).values())


def test_failed_job_does_not_stop_the_next(service: Service, home: Path, monkeypatch):
    first = service.enqueue(spec("first"))
    second = service.enqueue(spec("second", seeds=(5,)))
    broken = service.experiment(first.experiment_id).stages[0].stage.hash
    real = checkpoints.write

    def write(path: Path, *content: object) -> None:
        if path.parent.name == broken:
            raise UserError("There is no space left.")
        real(path, *content)

    monkeypatch.setattr(checkpoints, "write", write)
    service.worker.wake_worker()
    trained(service, second)
    assert service.store.job(first.id).error == "There is no space left."


def test_stages_folder_that_was_removed_is_made_again(service: Service, home: Path):
    job = service.start(spec())
    experiment = trained(service, job)
    before = weights(home, experiment)
    shutil.rmtree(home / "stages")
    again = service.start(spec())
    assert_same_weights(weights(home, trained(service, again)), before)


def test_a_file_in_the_place_of_the_stages_folder(service: Service, home: Path):
    (home / "stages").write_text("in the way")
    job = ended(service, service.start(spec()))
    assert job.status == "failed"
    assert "cannot be written (" in job.error
    (home / "stages").unlink()
    service.resume(job.id)
    trained(service, job)


def test_damaged_checkpoint_is_set_aside_and_said(service: Service, home: Path, monkeypatch):
    with monkeypatch.context() as patch:
        failing_writes(patch, errno.ENOSPC, 1)
        job = ended(service, service.start(spec()))
    experiment = service.experiment(job.experiment_id)
    checkpoint = stage_file(home, experiment, "teacher", checkpoints.CHECKPOINT)
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[: len(content) // 2])
    service.resume(job.id)
    done = trained(service, job)
    notices = service.watch(job.experiment_id).progress.notices
    assert notices == ("A damaged checkpoint was set aside; this stage starts again.",)
    assert [row.epoch for row in service.store.epochs(done.stages[0].stage.hash)] == [1, 2]
    trained(service, service.start(spec("another", lam=0.9)))
    assert service.watch("another").progress.notices == ()


def damage(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    match how:
        case "gone":
            path.unlink()
            return
        case "cut":
            del content[-100:]
        case "one bit":
            content[-40] ^= 1
        case "of another net":
            tensors, numbers = checkpoints.read(path)
            twice = {name: torch.cat([tensor, tensor]) for name, tensor in tensors.items()}
            checkpoints.write(path, twice, numbers)
            return
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["gone", "cut", "one bit", "of another net"])
@pytest.mark.parametrize("role", ["teacher", "distilled"])
def test_done_stage_without_its_weights_is_trained_again(
    service: Service, home: Path, role: str, how: str
):
    experiment = trained(service, service.start(spec()))
    before, known = weights(home, experiment), figures(service, experiment)
    damage(stage_file(home, experiment, role, checkpoints.WEIGHTS), how)
    begun = {link.role: link.stage.finished_at for link in experiment.stages}
    again = trained(service, service.start(spec()))
    assert_same_weights(weights(home, again), before)
    assert figures(service, again) == known
    changed = {r for r, moment in begun.items() if again.stage(0, r).finished_at != moment}
    assert changed == {role}


def test_teacher_without_weights_is_trained_again_for_a_new_student(service: Service, home: Path):
    experiment = trained(service, service.start(spec()))
    damage(stage_file(home, experiment, "teacher", checkpoints.WEIGHTS), "one bit")
    trained(service, service.start(spec("second", lam=0.8)))
    checkpoints.read(stage_file(home, experiment, "teacher", checkpoints.WEIGHTS))


def test_leftover_checkpoint_of_a_stage_without_weights_goes_too(service: Service, home: Path):
    """Else the stage would go on from its last epoch, and its curve would have no other."""
    experiment = trained(service, service.start(spec()))
    path = stage_file(home, experiment, "teacher", checkpoints.WEIGHTS)
    tensors, _ = checkpoints.read(path)
    path.unlink()
    checkpoints.write(path.with_name(checkpoints.CHECKPOINT), tensors, {})
    again = trained(service, service.start(spec()))
    assert len(service.store.epochs(again.stages[0].stage.hash)) == 2
    assert service.watch(again.id).progress.notices == ()


def test_data_removed_between_start_and_run(
    home: Path, open_service, monkeypatch: pytest.MonkeyPatch
):
    """Its job fails in one sentence; the others go on."""

    def load(name: str, folder: Path):
        return load_few(name, folder) if name == "mnist-5k" else load_splits(name, folder)

    monkeypatch.setattr("tsexplorer.jobs.job_runner.load_splits", load)
    service = open_service(settings(home))
    raw = get_dataset("mnist").raw(service.settings.data_folder)
    raw.mkdir(parents=True)
    for name in get_dataset("mnist").files:
        (raw / name).write_bytes(b"not read in this test")
    gone = service.enqueue(spec("gone", data=DataSpec(name="mnist")))
    other = service.enqueue(spec("other"))
    shutil.rmtree(raw)
    service.worker.wake_worker()
    trained(service, other)
    failed = service.store.job(gone.id)
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
    # Moved away as the sentence says, a new one is made; what was trained is trained again.
    database.rename(home / "damaged")
    fresh = open_service(settings(home))
    trained(fresh, fresh.start(spec()))


def test_checkpoint_without_its_database_brings_the_curve_with_it(
    home: Path, open_service, monkeypatch
):
    service = open_service(settings(home))
    with monkeypatch.context() as patch:
        failing_writes(patch, errno.ENOSPC, 1)
        ended(service, service.start(spec()))
    service.close()
    (home / "store.sqlite3").unlink()
    fresh = open_service(settings(home))
    found = trained(fresh, fresh.start(spec()))
    assert [row.epoch for row in fresh.store.epochs(found.stages[0].stage.hash)] == [1, 2]


def busy_for(patch: pytest.MonkeyPatch, calls: range) -> list[int]:
    """Let the store refuse some epochs; the numbers of the calls so far."""
    seen: list[int] = []
    real = Store.record_epoch

    def record(self: Store, key: str, row: object) -> None:
        seen.append(len(seen))
        if seen[-1] in calls:
            raise StoreError("The database is kept busy by another program; try again.")
        real(self, key, row)

    patch.setattr(Store, "record_epoch", record)
    return seen


def test_epochs_that_a_busy_store_refused_are_taken_down_later(service: Service, monkeypatch):
    with monkeypatch.context() as patch:
        busy_for(patch, range(1, 4))
        found = trained(service, service.start(spec(epochs=6)))
    for link in found.stages:
        assert [row.epoch for row in service.store.epochs(link.stage.hash)] == [1, 2, 3, 4, 5, 6]


def test_store_that_refuses_to_the_end_fails_the_job_and_nothing_is_lost(
    service: Service, monkeypatch
):
    with monkeypatch.context() as patch:
        busy_for(patch, range(1, 10**6))
        job = ended(service, service.start(spec(epochs=4)))
    assert (job.status, job.error) == (
        "failed",
        "The database is kept busy by another program; try again.",
    )
    service.resume(job.id)
    found = trained(service, job)
    for link in found.stages:
        assert [row.epoch for row in service.store.epochs(link.stage.hash)] == [1, 2, 3, 4]


def test_heartbeats_that_a_busy_store_refuses_stop_nothing(home: Path, open_service, monkeypatch):
    lost: list[None] = []
    real = Store.heartbeat

    def heartbeat(self: Store, *arguments: object) -> object:
        if len(lost) < 3:
            lost.append(None)
            raise StoreError("The database is kept busy by another program; try again.")
        return real(self, *arguments)

    monkeypatch.setattr(Store, "heartbeat", heartbeat)
    service = open_service(settings(home, heartbeat_seconds=0.05))
    job = service.start(spec(epochs=5000))
    wait_until(lambda: service.store.job(job.id).progress.get("stages") == 3)
    assert len(lost) == 3
    service.cancel(job.id)
    assert ended(service, job).status == "cancelled"


def test_a_training_that_diverges_fails_in_one_sentence_and_says_what_to_do(service: Service):
    """What was trained before it stays, and with a lower rate all is well."""
    student = ModelSpec(name="custom", net=NetConfig(conv=(4, 6), dense=(12, 12)))
    base = spec("diverges", data=DataSpec(scaling="raw"), student=student)
    wild = base.distilled_train.model_copy(
        update={"optimiser": "sgd", "learning_rate": 1000.0, "batch_size": 3}
    )
    job = service.start(base.model_copy(update={"distilled_train": wild}))
    failed = ended(service, job)
    assert failed.status == "failed"
    assert "became infinite or NaN in epoch 1; train it with a lower learning rate" in failed.error
    experiment = service.experiment(job.experiment_id)
    assert [link.stage.status for link in experiment.stages if link.role != "distilled"] == [
        "done",
        "done",
    ]
    assert experiment.stage(0, "distilled").status != "done"
    trained(service, service.start(base.model_copy(update={"name": "tame"})))
