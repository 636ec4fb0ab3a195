"""A home folder of version 0.1.0 can be used: its studies, weights and interrupted job."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
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
"""The ``--json`` output of version 0.1.0 for this home."""
INTERRUPTED_JOB = 4
EPOCHS = 6
TIMEOUT_SECONDS = 120


@pytest.fixture
def old(home: Path) -> Iterator[Service]:
    """A service on a copy of the old home."""
    with ZipFile(DATA / "home-0.1.0.zip") as archive:
        archive.extractall(home)
    service = Service(Settings(home=home, threads=1))
    yield service
    service.close()


def test_studies_are_found_by_name_and_id(old: Service) -> None:
    studies = {study.name: (study.id, study.kind, study.status) for study in old.studies.all()}
    assert studies == {
        "an experiment": ("969f34b2", "experiment", "done"),
        "a map": ("126f548c", "sweep", "done"),
        "a search": ("971c48e1", "tuning", "done"),
        "interrupted": ("7d401786", "experiment", "interrupted"),
        "demo": (studies["demo"][0], "experiment", "done"),
        "demo-no-3": (studies["demo-no-3"][0], "experiment", "done"),
    }
    for name, (key, *_) in studies.items():
        assert old.studies.get(key).name == name


def test_json_output_equals_that_of_the_old_version(old: Service) -> None:
    run = old.experiment("an experiment")
    assert experiment.document(old, run) == EXPECTED["run"]
    assert sweep.document(old.studies.results("a map")) == EXPECTED["sweep"]
    assert tuning.document(old.studies.results("a search")) == EXPECTED["tune"]
    jobs = [job_document(job, old.studies.get(job.experiment_id)) for job in old.jobs()]
    expected = [job for job in EXPECTED["jobs"] if job["id"] != INTERRUPTED_JOB]
    assert [job for job in jobs if job["id"] != INTERRUPTED_JOB] == expected


def test_planned_stages_have_the_hashes_of_the_old_version(old: Service) -> None:
    for name in ("an experiment", "a map"):
        study = old.studies.get(name)
        assert old.studies.check(study.spec).complete


def test_weights_of_the_old_version_can_be_used(old: Service) -> None:
    stage = old.experiment("an experiment").stage(0, "distilled")
    images = old.inference.images("mnist-5k", "test")
    logits_NC = old.inference.answers(stage, "test").logits_NC
    accuracy = (logits_NC.argmax(1) == images.labels_N).mean()
    assert accuracy == pytest.approx(stage.test_accuracy, abs=0.002)


def test_interrupted_job_resumes_and_keeps_its_epochs(old: Service) -> None:
    key = old.experiment("interrupted").stage(0, "distilled").hash
    before = old.store.epochs(key)
    assert 2 <= len(before) < EPOCHS
    old.resume(INTERRUPTED_JOB)
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while old.job(INTERRUPTED_JOB).status in ACTIVE and time.monotonic() < deadline:
        time.sleep(0.05)
    assert old.job(INTERRUPTED_JOB).status == "done"
    epochs = old.store.epochs(key)
    assert len(epochs) == EPOCHS
    # The process was killed while it wrote a checkpoint: one epoch may be trained again.
    assert epochs[: len(before) - 1] == before[:-1]


def test_store_has_the_new_schema_afterwards(old: Service, home: Path) -> None:
    old.close()
    store = Store.open(f"sqlite:///{home / 'store.sqlite3'}")
    assert {study.kind for study in store.studies()} == {"experiment", "sweep", "tuning"}
    store.close()
