"""The owner of a job, and the jobs of processes that have ended."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.jobs.experiment_examples import settings, spec
from tests.jobs.job_processes import process_context
from tsexplorer.jobs import heartbeat
from tsexplorer.jobs.heartbeat import (
    STALE_AFTER_HEARTBEATS,
    is_alive,
    on_this_machine,
    process_start_time,
    recover,
    this_process,
)
from tsexplorer.services.service import Service
from tsexplorer.store import Store

HOST = socket.gethostname()


class TestOwner:
    def test_this_process_is_alive_on_this_machine(self):
        owner = this_process()
        host, pid, start = owner.rsplit(":", 2)
        assert (host, int(pid)) == (HOST, os.getpid())
        assert start == process_start_time(os.getpid())
        assert is_alive(owner) is True
        assert on_this_machine(owner)

    def test_ended_process_is_not_alive(self):
        process = process_context().Process(target=os.getpid)
        process.start()
        owner = f"{HOST}:{process.pid}:{process_start_time(process.pid or 0)}"
        process.join()
        assert is_alive(owner) is False

    @pytest.mark.skipif(not Path("/proc").exists(), reason="start times come from /proc")
    def test_process_with_a_reused_id_is_another_process(self):
        host, pid, start = this_process().rsplit(":", 2)
        assert is_alive(f"{host}:{pid}:{int(start) - 1}") is False

    def test_unknown_where_start_or_permission_is_missing(self, monkeypatch):
        assert is_alive("elsewhere:1:1") is None
        assert not on_this_machine("elsewhere:1:1")
        assert is_alive(f"{HOST}:{os.getpid()}:?") is None

        def refuse(*_: object) -> None:
            raise PermissionError

        monkeypatch.setattr(os, "kill", refuse)
        assert is_alive(this_process()) is None

    def test_start_time_is_unknown_without_proc(self, monkeypatch):
        monkeypatch.setattr(heartbeat, "Path", lambda _: Path("no such file"))
        assert this_process().endswith(":?")

    def test_host_name_may_contain_colons(self):
        assert is_alive("fe80::1:77:12345") is None


class TestRecovery:
    def test_job_may_miss_ten_heartbeats(self, service: Service, monkeypatch):
        job = service.enqueue(spec())
        service.store.claim("elsewhere:1:1", job.id)
        patience = timedelta(seconds=STALE_AFTER_HEARTBEATS * 0.25)
        delays = iter([patience * 0.9, patience * 1.1])

        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.now(tz) + next(delays)

        monkeypatch.setattr("tsexplorer.jobs.heartbeat.datetime", Clock)
        assert recover(service.store, service.settings) == []
        assert recover(service.store, service.settings) == [job.id]
        assert service.store.job(job.id).status == "interrupted"

    def test_only_one_process_marks_a_job(self, service: Service, monkeypatch):
        job = service.enqueue(spec())
        service.store.claim(f"{HOST}:1:1", job.id)
        owners: list[str] = []

        def recover_elsewhere_first(owner: str) -> bool | None:
            if not owners:
                owners.append(owner)
                store = Store.open(service.settings.url)
                assert recover(store, service.settings) == [job.id]
                store.close()
            return is_alive(owner)

        monkeypatch.setattr("tsexplorer.jobs.heartbeat.is_alive", recover_elsewhere_first)
        assert recover(service.store, service.settings) == []
        assert owners
        assert service.store.job(job.id).status == "interrupted"

    def test_opening_a_service_recovers_jobs(self, service: Service, home: Path, open_service):
        job = service.enqueue(spec())
        service.store.claim(f"{HOST}:1:1", job.id)
        open_service(settings(home))
        assert service.store.job(job.id).status == "interrupted"

    def test_job_of_this_process_is_not_recovered(self, service: Service):
        job = service.enqueue(spec())
        service.store.claim(this_process(), job.id)
        assert recover(service.store, service.settings) == []
        assert datetime.now(UTC) > service.store.job(job.id).started_at
