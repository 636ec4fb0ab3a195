"""A home folder of version 0.1.0 opens: its studies are found, and an interrupted job resumes."""

from __future__ import annotations

import json
import time
from pathlib import Path
from zipfile import ZipFile

import pytest

from tsexplorer.cli.commands.queue import job_document
from tsexplorer.cli.studies import experiment, sweep, tuning
from tsexplorer.services import ACTIVE, Service
from tsexplorer.settings import Settings
from tsexplorer.store import Store

DATA = Path(__file__).parent / "data"
EXPECTED = json.loads((DATA / "home-0.1.0.json").read_text(encoding="utf-8"))
"""What version 0.1.0 printed of this home with ``--json``."""
INTERRUPTED_JOB = 4
EPOCHS = 6
SECONDS = 120


@pytest.fixture
def old(home: Path) -> Service:
    """A service on a copy of the old home."""
    with ZipFile(DATA / "home-0.1.0.zip") as archive:
        archive.extractall(home)
    service = Service(Settings(home=home, threads=1))
    yield service
    service.close()


def test_every_study_is_found_by_name_and_id(old: Service) -> None:
    found = {study.name: (study.id, study.kind, study.status) for study in old.studies.all()}
    assert found == {
        "an experiment": ("969f34b2", "experiment", "done"),
        "a map": ("126f548c", "sweep", "done"),
        "a search": ("971c48e1", "tuning", "done"),
        "interrupted": ("7d401786", "experiment", "interrupted"),
        "demo": (found["demo"][0], "experiment", "done"),
        "demo-no-3": (found["demo-no-3"][0], "experiment", "done"),
    }
    for name, (key, *_) in found.items():
        assert old.studies.get(key).name == name


def test_json_output_is_that_of_the_old_version(old: Service) -> None:
    run = old.experiment("an experiment")
    assert experiment.document(old, run) == EXPECTED["run"]
    assert sweep.document(old.studies.results("a map")) == EXPECTED["sweep"]
    assert tuning.document(old.studies.results("a search")) == EXPECTED["tune"]
    jobs = [job_document(job, old.studies.get(job.experiment_id)) for job in old.jobs()]
    before = [job for job in EXPECTED["jobs"] if job["id"] != INTERRUPTED_JOB]
    assert [job for job in jobs if job["id"] != INTERRUPTED_JOB] == before


def test_stages_planned_now_have_the_old_hashes(old: Service) -> None:
    for name in ("an experiment", "a map"):
        study = old.studies.get(name)
        assert old.studies.check(study.spec).complete


def test_weights_of_the_old_version_answer(old: Service) -> None:
    stage = old.experiment("an experiment").stage(0, "distilled")
    images = old.reading.images("mnist-5k", "test")
    answers = old.reading.answers(stage, "test").logits_NC
    right = (answers.argmax(1) == images.labels_N).mean()
    assert right == pytest.approx(stage.test_accuracy, abs=0.002)


def test_interrupted_job_resumes_and_keeps_its_epochs(old: Service) -> None:
    key = old.experiment("interrupted").stage(0, "distilled").hash
    before = old.store.epochs(key)
    assert 2 <= len(before) < EPOCHS
    old.resume(INTERRUPTED_JOB)
    deadline = time.monotonic() + SECONDS
    while old.job(INTERRUPTED_JOB).status in ACTIVE and time.monotonic() < deadline:
        time.sleep(0.05)
    assert old.job(INTERRUPTED_JOB).status == "done"
    epochs = old.store.epochs(key)
    assert len(epochs) == EPOCHS
    # The process was killed while it wrote a checkpoint: one epoch may be trained again.
    assert epochs[: len(before) - 1] == before[:-1]


def test_store_is_of_the_new_schema_afterwards(old: Service, home: Path) -> None:
    old.close()
    again = Store.open(f"sqlite:///{home / 'store.sqlite3'}")
    assert {record.kind for record in again.records()} == {"experiment", "sweep", "tuning"}
    again.close()
