"""Several processes and threads that use one store at the same time."""

from __future__ import annotations

import threading

from tests.store.store_examples import (
    OWNER,
    add,
    add_same,
    claim_all,
    epoch,
    interrupt_all,
    open_and_add,
    run_in_processes,
)
from tsexplorer.store import Store

PROCESSES = 2
PAUSE = 0.001
"""Seconds between the reads of a thread; without a pause it would block the other threads."""


def test_processes_can_open_a_new_store_at_the_same_time(url: str) -> None:
    assert run_in_processes(PROCESSES, open_and_add, url) == [PROCESSES] * PROCESSES


def test_each_job_is_claimed_by_one_process(store: Store, url: str) -> None:
    jobs = [store.enqueue(add(store, f"number {number}").id).id for number in range(30)]
    claimed = run_in_processes(PROCESSES, claim_all, url)
    assert sorted(job for process_jobs in claimed for job in process_jobs) == jobs


def test_stale_job_is_marked_by_one_of_two_processes(store: Store, url: str) -> None:
    job = store.enqueue(add(store).id).id
    store.claim(OWNER)
    assert sorted(run_in_processes(PROCESSES, interrupt_all, url)) == [[], [job]]
    assert store.job(job).status == "interrupted"


def test_experiment_that_two_processes_add_exists_once(store: Store, url: str) -> None:
    ids = run_in_processes(PROCESSES, add_same, url)
    assert [experiment.id for experiment in store.experiments()] == [ids[0]] == [ids[1]]


def test_threads_read_consistent_data_while_another_writes(store: Store) -> None:
    keys = [link.stage.hash for link in add(store).stages]
    job = store.enqueue(add(store).id).id
    store.claim(OWNER)
    finished = threading.Event()
    problems: list[object] = []

    def read() -> None:
        previous = 0
        while not finished.wait(PAUSE):
            try:
                rows = store.epochs(keys[0])
                store.experiments()
                store.job(job)
            except Exception as error:
                problems.append(error)
                return
            if [row.epoch for row in rows] != list(range(1, len(rows) + 1)) or len(rows) < previous:
                problems.append(rows)
            previous = len(rows)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for number in range(1, 41):
        store.record_epoch(keys[0], epoch(number))
        store.heartbeat(job, OWNER, {"epoch": number})
    finished.set()
    for reader in readers:
        reader.join(timeout=30)
    assert problems == []
    assert store.stage(keys[0]).epochs_done == 40


def test_request_is_returned_to_one_of_many_threads(store: Store) -> None:
    job = store.enqueue(add(store).id).id
    store.claim(OWNER)
    store.request(job, "pause")
    requests: list[str | None] = []
    threads = [
        threading.Thread(target=lambda: requests.append(store.heartbeat(job, OWNER, {})))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(requests, key=str) == [None] * 5 + ["pause"]


def test_reader_never_sees_an_experiment_without_its_stages(store: Store) -> None:
    finished = threading.Event()
    counts: set[int] = set()

    def read() -> None:
        while not finished.wait(PAUSE):
            counts.update(len(experiment.stages) for experiment in store.experiments())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(40):
        store.delete_study(add(store).id)
    finished.set()
    reader.join(timeout=30)
    assert counts <= {3}
