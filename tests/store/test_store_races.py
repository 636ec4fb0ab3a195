"""Several processes and threads at the same store, and what must come of it."""

from __future__ import annotations

import threading

from tests.store.store_examples import (
    OWNER,
    add,
    add_same,
    at_once,
    claim_all,
    epoch,
    interrupt_all,
    open_and_add,
)
from tsexplorer.store import Store

PROCESSES = 2
PAUSE = 0.001
"""Seconds between a thread's reads; without it, it would hardly let go of the interpreter."""


def test_processes_that_open_a_new_store_at_once_share_it(url: str) -> None:
    assert at_once(PROCESSES, open_and_add, url) == [PROCESSES] * PROCESSES


def test_each_job_is_claimed_by_one_process(store: Store, url: str) -> None:
    jobs = [store.enqueue(add(store, f"number {number}").id).id for number in range(30)]
    claimed = at_once(PROCESSES, claim_all, url)
    assert sorted(job for some in claimed for job in some) == jobs


def test_stale_job_is_marked_by_one_of_two_racers(store: Store, url: str) -> None:
    job = store.enqueue(add(store).id).id
    store.claim(OWNER)
    assert sorted(at_once(PROCESSES, interrupt_all, url)) == [[], [job]]
    assert store.job(job).status == "interrupted"


def test_experiment_that_two_processes_add_is_one(store: Store, url: str) -> None:
    ids = at_once(PROCESSES, add_same, url)
    assert [experiment.id for experiment in store.experiments()] == [ids[0]] == [ids[1]]


def test_threads_read_while_another_writes(store: Store) -> None:
    keys = [link.stage.hash for link in add(store).stages]
    job = store.enqueue(add(store).id).id
    store.claim(OWNER)
    written = threading.Event()
    torn: list[object] = []

    def read() -> None:
        seen = 0
        while not written.wait(PAUSE):
            try:
                rows = store.epochs(keys[0])
                store.experiments()
                store.job(job)
            except Exception as error:
                torn.append(error)
                return
            if [row.epoch for row in rows] != list(range(1, len(rows) + 1)) or len(rows) < seen:
                torn.append(rows)
            seen = len(rows)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for number in range(1, 41):
        store.record_epoch(keys[0], epoch(number))
        store.heartbeat(job, OWNER, {"epoch": number})
    written.set()
    for reader in readers:
        reader.join(timeout=30)
    assert torn == []
    assert store.stage(keys[0]).epochs_done == 40


def test_requests_of_many_threads_are_each_heard_once(store: Store) -> None:
    job = store.enqueue(add(store).id).id
    store.claim(OWNER)
    store.request(job, "pause")
    heard: list[str | None] = []
    beats = [
        threading.Thread(target=lambda: heard.append(store.heartbeat(job, OWNER, {})))
        for _ in range(6)
    ]
    for beat in beats:
        beat.start()
    for beat in beats:
        beat.join(timeout=30)
    assert sorted(heard, key=str) == [None] * 5 + ["pause"]


def test_reader_sees_one_moment_of_an_experiment_that_comes_and_goes(store: Store) -> None:
    over = threading.Event()
    seen: set[int] = set()

    def read() -> None:
        while not over.wait(PAUSE):
            seen.update(len(experiment.stages) for experiment in store.experiments())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(40):
        store.delete_experiment(add(store).id)
    over.set()
    reader.join(timeout=30)
    assert seen <= {3}
