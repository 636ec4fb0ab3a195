"""The one door: what may be started, what is reused, and what is refused in one sentence."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.jobs_examples import (
    ENDLESS,
    STUDENT,
    TEACHER,
    ended,
    has_epochs,
    load_few,
    settings,
    spec,
    trained,
    wait_until,
)
from tsexplorer.data.registry import DownloadProgress
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.jobs.heartbeat import this_process
from tsexplorer.jobs.progress import JobProgress
from tsexplorer.jobs.worker import Worker
from tsexplorer.models import count
from tsexplorer.services.demo import NEVER_SEEN, RECIPES
from tsexplorer.services.service import Service
from tsexplorer.specs import DataSpec, ExperimentSpec, ModelSpec, ObjectiveSpec, TrainSpec
from tsexplorer.store import StageSnapshot

LARGE = ModelSpec(name="mlp-64")
"""A teacher larger than the toy student, and a student larger than it."""


def custom(model: ModelSpec, **changes: Any) -> ModelSpec:
    """The same net but for some of its layers."""
    return model.model_copy(update={"net": model.net.model_copy(update=changes)})


@pytest.fixture
def service(settled: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setattr("tsexplorer.jobs.job_runner.load_splits", load_few)
    opened = Service(settings(settled))
    yield opened
    opened.close()


def run(service: Service, wanted: ExperimentSpec) -> set[str]:
    """Run an experiment to its end; the roles that were trained for it."""
    before = {stage.hash: stage.finished_at for stage in service.store.stages()}
    found = trained(service, service.start(wanted))
    return {
        link.role for link in found.stages if before.get(link.stage.hash) != link.stage.finished_at
    }


def stages(service: Service, name: str) -> dict[str, StageSnapshot]:
    return {link.role: link.stage for link in service.experiment(name).stages}


def folders(home: Path) -> set[str]:
    return {folder.name for folder in (home / "stages").iterdir()}


# -- check --------------------------------------------------------------------------------------


def test_check_plans_counts_and_trains_nothing(service: Service):
    found = service.check(spec(teacher=LARGE))
    assert [(stage.seed, stage.role) for stage in found.stages] == [
        (0, "teacher"),
        (0, "baseline"),
        (0, "distilled"),
    ]
    assert (found.teacher, found.student) == (count(LARGE, 10), count(STUDENT, 10))
    assert (found.trained, found.remarks) == (frozenset(), ())
    assert not service.store.has_experiment("toy")
    assert service.jobs() == ()


def test_check_says_what_is_trained_already(service: Service):
    run(service, spec())
    shared = {stages(service, "toy")[role].hash for role in ("teacher", "baseline")}
    assert service.check(spec("second", lam=0.9)).trained == shared


def test_teacher_smaller_than_its_student_is_allowed_and_said(service: Service):
    found = service.check(spec(teacher=STUDENT, student=LARGE))
    assert found.remarks == (
        "The teacher (9,614 parameters) is smaller than its student (50,890); this is allowed "
        "but seldom helps.",
    )
    assert service.check(spec(teacher=LARGE, student=LARGE)).remarks == ()
    assert run(service, spec(teacher=STUDENT, student=LARGE)) == {
        "teacher",
        "baseline",
        "distilled",
    }


def test_distilling_from_labels_alone_is_allowed_and_said(service: Service):
    objective = ObjectiveSpec(name="labels", temperature=1.0, lam=1.0)
    found = service.check(spec(teacher=LARGE, objective=objective))
    assert found.remarks == ("The distilled stage learns from labels alone, as the baseline does.",)
    assert found.stages[2].spec.teachers == ()


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
def test_what_cannot_be_trained_is_refused_and_leaves_nothing(service, change, sentence):
    with pytest.raises(UserError, match=sentence):
        service.check(spec(**change))
    with pytest.raises(UserError, match=sentence):
        service.start(spec(**change))
    assert not service.store.has_experiment("toy")
    assert service.jobs() == ()
    assert service._worker is None


def test_batch_as_large_as_the_data_is_allowed(service: Service):
    assert service.check(spec(teacher=LARGE, batch_size=4000)).remarks == ()


def test_data_that_is_not_there_is_said_before_anything_is_queued(service: Service):
    service.check(spec(data=DataSpec(name="mnist")))
    with pytest.raises(UserError, match=r"^The images of mnist are not in .*home/data; download"):
        service.start(spec(data=DataSpec(name="mnist")))
    assert not service.store.has_experiment("toy")


# -- reuse --------------------------------------------------------------------------------------


def test_only_what_differs_is_trained(service: Service):
    everything = {"teacher", "baseline", "distilled"}
    assert run(service, spec("first", lam=0.3)) == everything
    assert run(service, spec("moved lambda", lam=0.4)) == {"distilled"}
    warmer = ObjectiveSpec(name="hinton", temperature=9.0, lam=0.3)
    assert run(service, spec("moved T", objective=warmer)) == {"distilled"}
    longer = TrainSpec(epochs=3, batch_size=30, learning_rate=0.01)
    assert run(service, spec("longer", distilled_train=longer)) == {"distilled"}
    # The student alone: its teacher is still the first one's.
    assert run(service, spec("student", student=LARGE)) == {"baseline", "distilled"}
    # The teacher alone: the baseline does not know of it.
    other = custom(STUDENT, dense=(9,))
    assert run(service, spec("teacher", teacher=other)) == {"teacher", "distilled"}
    assert run(service, spec("other name")) == set()
    assert run(service, spec("seed", seeds=(0, 1))) == everything
    assert len(stages(service, "seed")) == 3


def test_warm_start_goes_on_from_the_baseline(service: Service):
    run(service, spec("cold"))
    assert run(service, spec("warm", warm_start=True)) == {"distilled"}
    warm = stages(service, "warm")
    assert warm["distilled"].spec.start_from == warm["baseline"].hash


def test_experiment_whose_nets_are_trained_can_be_kept_without_a_job(service: Service):
    run(service, spec("first"))
    kept = service.keep(spec("second"))
    assert kept.done
    assert service.watch("second").job is None
    with pytest.raises(UserError, match=r"^Some nets of this experiment are not trained yet"):
        service.keep(spec("third", lam=0.9))
    assert not service.store.has_experiment("third")


# -- the queue ----------------------------------------------------------------------------------


def test_same_experiment_twice_is_one_job(service: Service):
    first = service.start(spec(epochs=ENDLESS, teacher=STUDENT))
    assert service.start(spec(epochs=ENDLESS, teacher=STUDENT)).id == first.id
    wait_until(has_epochs(service, "toy"))
    assert service.start(spec(epochs=ENDLESS, teacher=STUDENT)).id == first.id
    assert len(service.jobs()) == 1


def test_taken_name_is_one_sentence(service: Service):
    service.enqueue(spec(lam=0.3))
    with pytest.raises(UserError, match=r'^An experiment named "toy" exists with other settings;'):
        service.start(spec(lam=0.4))
    assert len(service.jobs()) == 1
    assert service.free_name(spec(lam=0.3), "toy") == "toy"
    assert service.free_name(spec(lam=0.4), "toy") == "toy (2)"


def test_watch_follows_a_job_to_its_end(service: Service):
    job = service.start(spec(epochs=ENDLESS, teacher=STUDENT))
    wait_until(has_epochs(service, "toy", 2))
    watch = service.watch("toy")
    assert (watch.job.id, watch.job.status, watch.jobs_before) == (job.id, "running", 0)
    assert (watch.progress.stages, watch.progress.stages_done) == (3, 0)
    progress = wait_until(lambda: service.watch("toy").progress.progress)
    assert progress.stage == watch.experiment.stages[0].stage.hash
    service.cancel(job.id)
    ended(service, job)
    assert service.watch("toy").job.status == "cancelled"


def test_what_another_process_trains_is_told_by_its_heartbeats(service: Service, home: Path):
    service.start(spec(epochs=ENDLESS, teacher=STUDENT))
    onlooker = Service(settings(home))
    seen = wait_until(lambda: onlooker.watch("toy").progress.progress)
    assert (seen.doing, seen.epochs) == ("training", ENDLESS)
    assert onlooker.watch("toy").progress.stages == 3
    onlooker.close()


def test_standing_of_a_job_that_went_on_elsewhere_is_the_others(service: Service):
    job = service.start(spec(epochs=ENDLESS, teacher=STUDENT))
    wait_until(lambda: service.watch("toy").progress.progress)
    service.cancel(job.id)
    ended(service, job)
    service.worker.stop()  # else it may take the job up again before the other process does
    service.store.requeue(job.id)
    service.store.claim("elsewhere:1:1", job.id)
    service.store.heartbeat(job.id, "elsewhere:1:1", {"stages": 3, "stages_done": 2})
    assert service.watch("toy").progress == JobProgress(stages=3, stages_done=2)


def test_resume_pressed_twice_is_resumed_once(service: Service, monkeypatch):
    """At the same time, too: both look before either acts."""
    job = service.enqueue(spec())
    service.cancel(job.id)
    both = threading.Barrier(2)
    real = service.store.requeue

    def requeue(number: int) -> Any:
        both.wait(30)
        return real(number)

    errors: list[Exception] = []

    def press() -> None:
        try:
            service.resume(job.id)
        except Exception as error:
            errors.append(error)

    with monkeypatch.context() as patch:
        patch.setattr(service.store, "requeue", requeue)
        threads = [threading.Thread(target=press) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert errors == []
    trained(service, job)
    assert len(service.jobs()) == 1


def test_resume_of_what_is_queued_or_runs_does_nothing(service: Service):
    job = service.start(spec(epochs=ENDLESS, teacher=STUDENT))
    waiting = service.start(spec("second", seeds=(1,)))
    wait_until(has_epochs(service, "toy"))
    service.resume(waiting.id)
    service.resume(job.id)
    assert service.store.job(waiting.id).status == "queued"
    assert service.store.job(job.id).status == "running"


def test_resume_of_an_experiment_that_is_queued_anew_names_that_job(service: Service):
    first = service.enqueue(spec())
    service.cancel(first.id)
    second = service.enqueue(spec())
    sentence = rf"^The experiment of job {first.id} is already queued as job {second.id}; follow"
    with pytest.raises(UserError, match=sentence):
        service.resume(first.id)


def test_interrupted_job_can_be_given_up(service: Service):
    job = service.enqueue(spec())
    service.store.claim("elsewhere:1:1", job.id)
    service.store.set_job_status(job.id, "interrupted")
    service.cancel(job.id)
    assert service.store.job(job.id).status == "cancelled"
    assert service.store.heartbeat(job.id, "elsewhere:1:1", {}) == "cancel"  # it was only slow
    service.resume(job.id)
    trained(service, job)


def test_wish_for_a_job_that_ends_at_that_moment_changes_nothing(service: Service, monkeypatch):
    job = service.enqueue(spec())
    service.store.claim(this_process(), job.id)
    assert service.worker  # has nothing to do with it

    def steer(self: Worker, number: int, request: str) -> bool:
        service.store.set_job_status(number, "done")
        return True

    monkeypatch.setattr(Worker, "steer", steer)
    service.pause(job.id)
    assert service.store.job(job.id).status == "done"


# -- delete -------------------------------------------------------------------------------------


def test_delete_keeps_the_nets_that_others_use(service: Service, home: Path):
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


def test_delete_keeps_the_nets_of_the_demo(service: Service):
    demo = service.experiment("demo")
    twin = service.keep(demo.spec.model_copy(update={"name": "twin"}))
    service.delete(twin.id)
    assert service.experiment("demo").done
    assert service.check(demo.spec).trained == {link.stage.hash for link in demo.stages}


@pytest.mark.parametrize("name", RECIPES)
def test_what_ships_is_not_deleted(service: Service, name: str):
    with pytest.raises(UserError, match=rf'^"{name}" ships with the app and stays; delete another'):
        service.delete(name)
    assert service.experiment(name).done


def test_what_is_being_trained_is_not_deleted(service: Service):
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
    assert not service.store.has_experiment("toy")


def test_delete_takes_an_experiment_out_of_the_queue(service: Service, home: Path):
    running = service.start(spec("first", epochs=ENDLESS, teacher=STUDENT))
    waiting = service.start(spec("second", seeds=(1,)))
    last = service.start(spec("third", seeds=(2,)))
    wait_until(has_epochs(service, "first"))
    service.delete("second")
    with pytest.raises(NotFoundError):
        service.store.job(waiting.id)
    service.cancel(running.id)
    trained(service, last)
    kept = stages(service, "first"), stages(service, "third")
    assert folders(home) <= {stage.hash for one in kept for stage in one.values()}


def test_delete_of_what_is_not_there(service: Service):
    with pytest.raises(NotFoundError, match=r'^There is no experiment "nothing"; give the id'):
        service.delete("nothing")


# -- the rest -----------------------------------------------------------------------------------


def test_experiments_come_newest_first_and_the_demo_last(service: Service):
    for name in ("first", "second"):
        service.enqueue(spec(name))
    assert [one.name for one in service.experiments()] == ["second", "first", *RECIPES]


def test_a_student_that_never_saw_some_classes_closes_no_gap(service: Service):
    found = service.gain(service.experiment(NEVER_SEEN))
    assert all(found.accuracy.values())
    assert (found.gap, found.gap_of_means) == (None, None)
    assert service.gain(service.experiment("demo")).gap is not None


def test_gain_is_read_from_the_split_that_is_asked_for(service: Service):
    run(service, spec(seeds=(0, 1)))
    experiment = service.experiment("toy")
    for split in ("validation", "test"):
        found = service.gain(experiment, split)
        for role in ("teacher", "baseline", "distilled"):
            values = [getattr(experiment.stage(seed, role), f"{split}_accuracy") for seed in (0, 1)]
            assert found.accuracy[role].mean == pytest.approx(sum(values) / 2)


def test_gain_of_what_is_not_trained_yet_is_nothing(service: Service):
    service.enqueue(spec())
    assert service.gain(service.experiment("toy")).gap is None


def test_downloads_are_seen_through_the_door(service: Service, monkeypatch):
    begun = threading.Event()

    class Slow:
        def download(self, _folder: Path, *, progress: Any, cancelled: Any) -> None:
            progress(DownloadProgress("digits.gz", 1, 2, 1, 1))
            begun.set()
            wait_until(cancelled)
            raise UserError("It was stopped.")

    monkeypatch.setattr("tsexplorer.services.downloads.get_dataset", lambda _: Slow())
    assert service.download("mnist") is None
    service.downloads.start("mnist")
    assert begun.wait(30)
    assert service.download("mnist").status == "running"
    service.close()
    wait_until(lambda: service.download("mnist").status == "failed")
    assert service.download("mnist").sentence == "It was stopped."


def test_closed_service_trains_no_more_and_can_still_be_asked(service: Service):
    job = service.start(spec(epochs=ENDLESS, teacher=STUDENT))
    wait_until(has_epochs(service, "toy"))
    service.close()
    assert service.store.job(job.id).status == "cancelled"
    assert not [thread for thread in threading.enumerate() if thread.name == "trainer"]
