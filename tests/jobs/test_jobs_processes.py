"""Two processes at one home: nothing is run twice, and nobody disturbs the other."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import tsexplorer.jobs.job_runner as runner_module
from tests.jobs.jobs_examples import PATIENCE, settings, spec, weights
from tests.jobs.jobs_processes import context, start_and_finish
from tsexplorer.jobs.job_runner import TRAINED_ELSEWHERE, JobRunner
from tsexplorer.jobs.progress import ProgressBoard
from tsexplorer.jobs.stage_files import stage_lock
from tsexplorer.services.demo import RECIPES
from tsexplorer.services.service import Service
from tsexplorer.studies.kind import steps_of
from tsexplorer.training.control import Control


def test_two_apps_at_one_home(home: Path, tmp_path: Path, open_service):
    """One experiment that both start, and one of each that shares its teacher and baseline."""
    service = open_service(settings(home, heartbeat_seconds=5.0))
    both = spec("both")
    log = tmp_path / "trainings"
    processes = [
        context().Process(
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
    experiments = {one.name: one for one in service.experiments() if one.name not in RECIPES}
    assert set(experiments) == {"both", "own 0", "own 1"}
    assert all(one.done for one in experiments.values())
    lines = [line.split() for line in log.read_text().splitlines()]
    hashes = {link.stage.hash for one in experiments.values() for link in one.stages}
    assert Counter(key for key, *_ in lines) == dict.fromkeys(hashes, 1)
    for one in experiments.values():
        assert set(weights(home, one)) == {"0 teacher", "0 baseline", "0 distilled"}


def test_net_that_another_process_trains_is_waited_for(service: Service, monkeypatch):
    """Two machines at one store and one home, say: both train, but not the same net."""
    begun, go_on = threading.Event(), threading.Event()
    trainings: list[str] = []
    real = runner_module.train

    def train(task, *arguments, **keywords):
        trainings.append(task.key)
        if len(trainings) == 1:
            begun.set()
            assert go_on.wait(PATIENCE)
        return real(task, *arguments, **keywords)

    monkeypatch.setattr(runner_module, "train", train)
    said: dict[str, str] = {}
    boards = [ProgressBoard(), ProgressBoard()]

    def run(number: int) -> None:
        owner = f"machine {number}:1:?"
        job = service.store.claim(owner)
        runner = JobRunner(service.store, service.settings, boards[number], owner, steps_of)
        said[owner] = runner.run(job, Control())

    jobs = [service.enqueue(spec(str(number), lam=0.2 + number / 10)) for number in range(2)]
    first = threading.Thread(target=run, args=(0,))
    first.start()
    assert begun.wait(PATIENCE)
    second = threading.Thread(target=run, args=(1,))
    second.start()
    while not boards[1].read(jobs[1].id).notices:
        assert second.is_alive()
    go_on.set()
    first.join(PATIENCE)
    second.join(PATIENCE)
    assert set(said.values()) == {"done"}
    assert max(Counter(trainings).values()) == 1
    assert len(trainings) == 4  # a teacher, a baseline, and two that are distilled
    assert boards[1].read(jobs[1].id).notices == (TRAINED_ELSEWHERE,)
    assert boards[0].read(jobs[0].id).notices[1:] == ()


def test_whoever_waits_for_a_net_can_be_cancelled(service: Service, monkeypatch, home: Path):
    job = service.enqueue(spec())
    key = service.experiment(job.experiment_id).stages[0].stage.hash
    claimed = service.store.claim("machine:1:?", job.id)
    board, control = ProgressBoard(), Control()
    runner = JobRunner(service.store, service.settings, board, "machine:1:?", steps_of)
    said: list[str] = []
    with stage_lock(home / "stages" / key, lambda: None):
        thread = threading.Thread(target=lambda: said.append(runner.run(claimed, control)))
        thread.start()
        while not board.read(job.id).notices:
            assert thread.is_alive()
        control.cancel()
        thread.join(PATIENCE)
    assert said == ["cancelled"]
    assert service.store.job(job.id).status == "cancelled"
    assert service.store.stage(key).status == "new"
