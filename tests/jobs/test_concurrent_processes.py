"""Two processes share a home: nothing is trained twice, and each gets its results."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

from tests.jobs.experiment_examples import PATIENCE, settings, spec, weights
from tests.jobs.job_processes import process_context, start_and_finish
from tsexplorer.jobs import job_runner
from tsexplorer.jobs.job_runner import TRAINED_ELSEWHERE, JobRunner
from tsexplorer.jobs.progress import ProgressBoard
from tsexplorer.jobs.stage_files import stage_lock
from tsexplorer.services.demo import RECIPES
from tsexplorer.services.service import Service
from tsexplorer.studies.kind import steps_of
from tsexplorer.training.control import Control


def test_two_apps_train_each_stage_once(home: Path, tmp_path: Path, open_service):
    """Both start one experiment, and each starts another one with the same teacher and baseline."""
    service = open_service(settings(home, heartbeat_seconds=5.0))
    both = spec("both")
    log = tmp_path / "trainings"
    processes = [
        process_context().Process(
            target=start_and_finish,
            args=(home, [both, spec(f"own {number}", lam=0.5 + number / 10)], log),
        )
        for number in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE)
    assert [process.exitcode for process in processes] == [0, 0]
    jobs = service.jobs()
    assert [job.status for job in jobs] == ["done"] * len(jobs)
    experiments = {
        experiment.name: experiment
        for experiment in service.experiments()
        if experiment.name not in RECIPES
    }
    assert set(experiments) == {"both", "own 0", "own 1"}
    assert all(experiment.done for experiment in experiments.values())
    lines = [line.split() for line in log.read_text().splitlines()]
    hashes = {link.stage.hash for experiment in experiments.values() for link in experiment.stages}
    assert Counter(key for key, *_ in lines) == dict.fromkeys(hashes, 1)
    for experiment in experiments.values():
        assert set(weights(home, experiment)) == {"0 teacher", "0 baseline", "0 distilled"}


def test_job_waits_for_a_stage_of_another_process(service: Service, monkeypatch):
    """As on two machines with the same store and home: they train at once, but not one stage."""
    started, finish = threading.Event(), threading.Event()
    trainings: list[str] = []
    original = job_runner.train

    def train(task, *arguments, **keywords):
        trainings.append(task.key)
        if len(trainings) == 1:
            started.set()
            assert finish.wait(PATIENCE)
        return original(task, *arguments, **keywords)

    monkeypatch.setattr(job_runner, "train", train)
    statuses: dict[str, str] = {}
    boards = [ProgressBoard(), ProgressBoard()]

    def run(number: int) -> None:
        owner = f"machine {number}:1:?"
        job = service.store.claim(owner)
        runner = JobRunner(service.store, service.settings, boards[number], owner, steps_of)
        statuses[owner] = runner.run(job, Control())

    jobs = [service.enqueue(spec(str(number), lam=0.2 + number / 10)) for number in range(2)]
    first = threading.Thread(target=run, args=(0,))
    first.start()
    assert started.wait(PATIENCE)
    second = threading.Thread(target=run, args=(1,))
    second.start()
    while not boards[1].read(jobs[1].id).notices:
        assert second.is_alive()
    finish.set()
    first.join(PATIENCE)
    second.join(PATIENCE)
    assert set(statuses.values()) == {"done"}
    assert max(Counter(trainings).values()) == 1
    assert len(trainings) == 4  # a teacher, a baseline and two distilled students
    assert boards[1].read(jobs[1].id).notices == (TRAINED_ELSEWHERE,)
    assert boards[0].read(jobs[0].id).notices[1:] == ()


def test_job_that_waits_for_a_stage_can_be_cancelled(service: Service, home: Path):
    job = service.enqueue(spec())
    key = service.experiment(job.experiment_id).stages[0].stage.hash
    claimed = service.store.claim("machine:1:?", job.id)
    board, control = ProgressBoard(), Control()
    runner = JobRunner(service.store, service.settings, board, "machine:1:?", steps_of)
    statuses: list[str] = []
    with stage_lock(home / "stages" / key, lambda: None):
        thread = threading.Thread(target=lambda: statuses.append(runner.run(claimed, control)))
        thread.start()
        while not board.read(job.id).notices:
            assert thread.is_alive()
        control.cancel()
        thread.join(PATIENCE)
    assert statuses == ["cancelled"]
    assert service.store.job(job.id).status == "cancelled"
    assert service.store.stage(key).status == "new"
