"""Experiments in the service: check, start, reuse of stages, deletion, results."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.experiment_examples import (
    ENDLESS,
    STUDENT,
    TEACHER,
    ended,
    has_epochs,
    spec,
    trained,
    wait_until,
)
from tsexplorer.data.base import ImageTask
from tsexplorer.data.registry import DownloadProgress
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.models import count
from tsexplorer.services.demo import NEVER_SEEN, RECIPES
from tsexplorer.services.service import Service
from tsexplorer.specs import (
    DataSpec,
    ExperimentSpec,
    ModelSpec,
    NetConfig,
    ObjectiveSpec,
    TrainSpec,
)
from tsexplorer.store import StageSnapshot

LARGE = ModelSpec(name="mlp-64")
"""A teacher larger than the toy student, and a student larger than it."""


def custom(model: ModelSpec, **changes: Any) -> ModelSpec:
    """The same net with other layers."""
    return model.model_copy(update={"net": model.net.model_copy(update=changes)})


def run(service: Service, experiment: ExperimentSpec) -> set[str]:
    """Run an experiment; returns the roles of the stages that were trained."""
    end_times = {stage.hash: stage.finished_at for stage in service.store.stages()}
    finished = trained(service, service.start(experiment))
    return {
        link.role
        for link in finished.stages
        if end_times.get(link.stage.hash) != link.stage.finished_at
    }


def stages(service: Service, name: str) -> dict[str, StageSnapshot]:
    """The stages of an experiment by role."""
    return {link.role: link.stage for link in service.experiment(name).stages}


def folders(home: Path) -> set[str]:
    """Names of the folders of stages."""
    return {folder.name for folder in (home / "stages").iterdir()}


# -- check ------------------------------------------------------------------------------------


def test_check_returns_plan_and_counts_and_trains_nothing(service: Service):
    check = service.check(spec(teacher=LARGE))
    assert [(stage.seed, stage.role) for stage in check.stages] == [
        (0, "teacher"),
        (0, "baseline"),
        (0, "distilled"),
    ]
    assert (check.teacher, check.student) == (
        count(LARGE, ImageTask(10)),
        count(STUDENT, ImageTask(10)),
    )
    assert (check.trained, check.remarks) == (frozenset(), ())
    assert not service.store.has_study("toy")
    assert service.jobs() == ()


def test_check_returns_the_stages_that_are_trained(service: Service):
    run(service, spec())
    shared = {stages(service, "toy")[role].hash for role in ("teacher", "baseline")}
    assert service.check(spec("second", lam=0.9)).trained == shared


def test_teacher_smaller_than_its_student_gives_a_remark(service: Service):
    check = service.check(spec(teacher=STUDENT, student=LARGE))
    assert check.remarks == (
        "The teacher (9,614 parameters) is smaller than its student (50,890); this is allowed "
        "but seldom helps.",
    )
    assert service.check(spec(teacher=LARGE, student=LARGE)).remarks == ()
    assert run(service, spec(teacher=STUDENT, student=LARGE)) == {
        "teacher",
        "baseline",
        "distilled",
    }


def test_distilling_from_labels_alone_gives_a_remark(service: Service):
    objective = ObjectiveSpec(name="labels", temperature=1.0, lam=1.0)
    check = service.check(spec(teacher=LARGE, objective=objective))
    assert check.remarks == ("The distilled stage learns from labels alone, as the baseline does.",)
    assert check.stages[2].spec.teachers == ()


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"left_out": (3, 12)}, r"^MNIST, 5,000 digits has no class 12 to leave out; its labels are 0"),
    ({"left_out": tuple(range(10))}, r"^With all classes left out nothing is left to learn from"),
    (
        {"left_out": (3,), "distilled_train": TrainSpec(batch_size=3601)},
        r"^The batch size 3,601 is larger than the 3,600 training images that are left without",
    ),
    ({"data": DataSpec(name="cats")}, r"^There is no dataset called 'cats'; choose one of mnist"),
    ({"teacher": ModelSpec(name="hal")}, r"^There is no net called 'hal'; choose one of "),
    ({"student": ModelSpec(name="hal")}, r"^There is no net called 'hal'; choose one of "),
    (
        {"objective": ObjectiveSpec(name="hope")},
        r"^There is no objective called 'hope'; choose one of labels, hinton",
    ),
    (
        {"objective": ObjectiveSpec(options={"temprature": 3})},
        r"^The objective hinton has no option 'temprature'; remove it\.$",
    ),
    *(
        (
            {part: TrainSpec(batch_size=4001)},
            r"^The batch size 4,001 is larger than the 4,000 training images of MNIST, 5,000",
        )
        for part in ("teacher_train", "baseline_train", "distilled_train")
    ),
    ({"teacher": custom(TEACHER, conv=(8,) * 6)}, r"poolings shrink 28 px below 1 pixel; use at"),
    (
        {"student": custom(STUDENT, dense=(8000, 8000))},
        r"^This net has [\d,]+ parameters, and the limit is 50,000,000",
    ),
]


@pytest.mark.parametrize(("change", "sentence"), REFUSED)
def test_invalid_experiment_is_an_error_and_is_not_stored(service, change, sentence):
    with pytest.raises(UserError, match=sentence):
        service.check(spec(**change))
    with pytest.raises(UserError, match=sentence):
        service.start(spec(**change))
    assert not service.store.has_study("toy")
    assert service.jobs() == ()
    assert not service.has_worker


def test_batch_may_be_as_large_as_the_training_split(service: Service):
    assert service.check(spec(teacher=LARGE, batch_size=4000)).remarks == ()


def test_missing_data_is_an_error_before_queueing(service: Service):
    service.check(spec(data=DataSpec(name="mnist")))
    with pytest.raises(UserError, match=r"^The images of mnist are not in .*home/data; download"):
        service.start(spec(data=DataSpec(name="mnist")))
    assert not service.store.has_study("toy")


# -- reuse ------------------------------------------------------------------------------------


def test_only_stages_that_differ_are_trained(service: Service):
    everything = {"teacher", "baseline", "distilled"}
    assert run(service, spec("first", lam=0.3)) == everything
    assert run(service, spec("other lambda", lam=0.4)) == {"distilled"}
    warm = ObjectiveSpec(name="hinton", temperature=9.0, lam=0.3)
    assert run(service, spec("other T", objective=warm)) == {"distilled"}
    longer = TrainSpec(epochs=3, batch_size=30, learning_rate=0.01)
    assert run(service, spec("longer", distilled_train=longer)) == {"distilled"}
    # Another student uses the teacher of the first experiment.
    assert run(service, spec("student", student=LARGE)) == {"baseline", "distilled"}
    # The baseline does not depend on the teacher.
    other = custom(STUDENT, dense=(9,))
    assert run(service, spec("teacher", teacher=other)) == {"teacher", "distilled"}
    assert run(service, spec("other name")) == set()
    assert run(service, spec("seed", seeds=(0, 1))) == everything
    assert len(stages(service, "seed")) == 3


def test_warm_start_uses_the_trained_baseline(service: Service):
    run(service, spec("cold"))
    assert run(service, spec("warm", warm_start=True)) == {"distilled"}
    warm = stages(service, "warm")
    assert warm["distilled"].spec.start_from == warm["baseline"].hash


def test_trained_experiment_can_be_kept_without_a_job(service: Service):
    run(service, spec("first"))
    second = service.keep(spec("second"))
    assert second.done
    assert service.watch("second").job is None
    with pytest.raises(UserError, match=r"^Some nets of this experiment are not trained yet"):
        service.keep(spec("third", lam=0.9))
    assert not service.store.has_study("third")


# -- delete -----------------------------------------------------------------------------------


def test_deleting_keeps_nets_of_other_experiments(service: Service, home: Path):
    run(service, spec("first", lam=0.3))
    run(service, spec("second", lam=0.7))
    first, second = stages(service, "first"), stages(service, "second")
    service.delete("first")
    assert folders(home) == {stage.hash for stage in second.values()}
    assert first["distilled"].hash not in {stage.hash for stage in service.store.stages()}
    assert all(stage.status == "done" for stage in stages(service, "second").values())
    assert run(service, spec("second", lam=0.7)) == set()
    service.delete("second")
    assert folders(home) == set()
    with pytest.raises(NotFoundError, match=r'^There is no experiment "second"'):
        service.experiment("second")


def test_deleting_keeps_nets_of_the_demo(service: Service):
    demo = service.experiment("demo")
    twin = service.keep(demo.spec.model_copy(update={"name": "twin"}))
    service.delete(twin.id)
    assert service.experiment("demo").done
    assert service.check(demo.spec).trained == {link.stage.hash for link in demo.stages}


@pytest.mark.parametrize("name", RECIPES)
def test_demo_cannot_be_deleted(service: Service, name: str):
    with pytest.raises(UserError, match=rf'^"{name}" is part of the app and cannot be deleted'):
        service.delete(name)
    assert service.experiment(name).done


def test_experiment_in_training_cannot_be_deleted(service: Service):
    job = service.start(spec(epochs=ENDLESS, teacher=STUDENT))
    wait_until(has_epochs(service, "toy"))
    sentence = rf'^The experiment "toy" is being trained; cancel its job {job.id} first\.$'
    with pytest.raises(UserError, match=sentence):
        service.delete("toy")
    service.pause(job.id)
    with pytest.raises(UserError, match=sentence):
        service.delete("toy")
    service.cancel(job.id)
    ended(service, job)
    service.delete("toy")
    assert not service.store.has_study("toy")


def test_deleting_removes_an_experiment_from_the_queue(service: Service, home: Path):
    running = service.start(spec("first", epochs=ENDLESS, teacher=STUDENT))
    waiting = service.start(spec("second", seeds=(1,)))
    last = service.start(spec("third", seeds=(2,)))
    wait_until(has_epochs(service, "first"))
    service.delete("second")
    with pytest.raises(NotFoundError):
        service.store.job(waiting.id)
    service.cancel(running.id)
    trained(service, last)
    remaining = [*stages(service, "first").values(), *stages(service, "third").values()]
    assert folders(home) <= {stage.hash for stage in remaining}


def test_deleting_an_unknown_experiment_is_an_error(service: Service):
    with pytest.raises(NotFoundError, match=r'^There is no experiment "nothing"; give the id'):
        service.delete("nothing")


# -- lists, results, downloads ----------------------------------------------------------------


def test_experiments_are_listed_newest_first_and_the_demo_last(service: Service):
    for name in ("first", "second"):
        service.enqueue(spec(name))
    assert [experiment.name for experiment in service.experiments()] == [
        "second",
        "first",
        *RECIPES,
    ]


def test_student_with_excluded_classes_has_no_gap_closed(service: Service):
    gain = service.gain(service.experiment(NEVER_SEEN))
    assert all(gain.accuracy.values())
    assert (gain.gap, gain.gap_of_means) == (None, None)
    assert service.gain(service.experiment("demo")).gap is not None


def test_gain_uses_the_accuracy_of_the_requested_split(service: Service):
    run(service, spec(seeds=(0, 1)))
    experiment = service.experiment("toy")
    for split in ("validation", "test"):
        gain = service.gain(experiment, split)
        for role in ("teacher", "baseline", "distilled"):
            values = [getattr(experiment.stage(seed, role), f"{split}_accuracy") for seed in (0, 1)]
            assert gain.accuracy[role].mean == pytest.approx(sum(values) / 2)


def test_gain_of_an_untrained_experiment_has_no_gap(service: Service):
    service.enqueue(spec())
    assert service.gain(service.experiment("toy")).gap is None


def test_downloads_can_be_observed_and_are_stopped_on_close(service: Service, monkeypatch):
    started = threading.Event()

    class SlowDataset:
        def download(self, _folder: Path, *, progress: Any, cancelled: Any) -> None:
            progress(DownloadProgress("digits.gz", 1, 2, 1, 1))
            started.set()
            wait_until(cancelled)
            raise UserError("It was stopped.")

    monkeypatch.setattr("tsexplorer.services.downloads.get_dataset", lambda _: SlowDataset())
    assert service.download("mnist") is None
    service.downloads.start("mnist")
    assert started.wait(30)
    assert service.download("mnist").status == "running"
    service.close()
    wait_until(lambda: service.download("mnist").status == "failed")
    assert service.download("mnist").sentence == "It was stopped."


def test_closed_service_stops_training_but_can_be_read(service: Service):
    job = service.start(spec(epochs=ENDLESS, teacher=STUDENT))
    wait_until(has_epochs(service, "toy"))
    service.close()
    assert service.store.job(job.id).status == "cancelled"
    assert not [thread for thread in threading.enumerate() if thread.name == "trainer"]


def test_a_net_that_does_not_fit_into_memory_is_refused(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsexplorer.studies.experiment.available_memory", lambda: 300_000_000)
    large = ModelSpec(name="resnet18")
    with pytest.raises(UserError, match=r"needs about .* may be used; use smaller images or a sm"):
        service.check(spec(teacher=large))
    wide = ModelSpec(name="custom", net=NetConfig(conv=(64, 64)))
    with pytest.raises(UserError, match=r"the largest batch size that fits is about 250\."):
        service.check(spec(teacher=wide, batch_size=1000))
    service.check(spec(teacher=wide, batch_size=100))
