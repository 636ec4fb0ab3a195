"""The shell as a process of its own: what it imports, its streams, its exit codes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

from tsexplorer import __version__
from tsexplorer.cli.requests import asked_for
from tsexplorer.services import Service

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 300.0
SLOW = {"torch", "torchvision", "streamlit", "sqlalchemy", "pandas", "scipy", "plotly", "numpy"}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tsexplorer", *arguments]


def call(*arguments: str, encoding: str = "utf-8") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        cwd=ROOT,
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
        encoding=encoding,
        timeout=PATIENCE_SECONDS,
    )


def test_looking_things_up_imports_nothing_slow() -> None:
    script = (
        "import json, sys\n"
        "from tsexplorer.cli import app\n"
        "for name in ('models', 'datasets', 'objectives', 'recipes'):\n"
        "    app([name, '--json'], standalone_mode=False)\n"
        "json.dump(sorted(sys.modules), sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    imported = json.loads(done.stderr)
    assert "tsexplorer.models.registry" in imported
    assert SLOW.isdisjoint(imported)


def test_a_run_prints_one_document_and_nothing_else(spec_file: Callable[..., str]) -> None:
    done = call("run", "--spec", spec_file(), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["experiment"] == "toy"
    assert done.stderr.startswith('Training "toy" as job 1.\n')


def test_a_bad_argument_is_one_line_and_exit_code_two() -> None:
    done = call("run", "nowhere", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "There is no recipe called 'nowhere'; choose one of "
        + done.stderr.rpartition("one of ")[2].strip()
    ]


def test_help_and_version() -> None:
    overview = call()
    assert (overview.returncode, overview.stderr) == (0, "")
    assert "Usage: python -m tsexplorer " in overview.stdout
    assert overview.stdout.index(" run ") < overview.stdout.index(" models ")
    assert call("--help").stdout == overview.stdout
    assert call("--version").stdout == f"{__version__}\n"


def test_a_reader_that_goes_away_is_no_error() -> None:
    process = subprocess.Popen(
        command("models"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 128 + signal.SIGPIPE
    assert errors == b""


def test_letters_that_cannot_be_shown_are_escaped_or_replaced() -> None:
    convention = "hinton: λ·CE + (1 − λ)·T²·KL, nats, batch mean"
    done = call("objectives", "--json", encoding="ascii")
    assert json.loads(done.stdout)[1]["convention"] == convention
    table = call("objectives", encoding="ascii")
    assert table.returncode == 0, table.stderr
    assert "hinton: ?" in table.stdout


def test_ctrl_c_in_a_terminal(spec_file: Callable[..., str], service: Service) -> None:
    endless = spec_file(teacher_train={"epochs": 10_000, "batch_size": 100})
    process = subprocess.Popen(
        command("run", "--spec", endless, "--json"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # As from a terminal, also where the tests run in the background and ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = monotonic() + PATIENCE_SECONDS
    while not any(stage.status == "running" for stage in service.store.stages()):
        assert process.poll() is None, process.communicate()
        assert monotonic() < deadline
        sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, output) == (130, "")
    assert errors.splitlines()[-1].endswith("to continue: python -m tsexplorer resume 1")
    assert "Traceback" not in errors
    assert service.store.job(1).status == "cancelled"


def test_ctrl_c_stops_the_app_while_a_job_runs(
    spec_file: Callable[..., str], service: Service
) -> None:
    endless = spec_file(teacher_train={"epochs": 10_000, "batch_size": 100})
    service.enqueue(asked_for(None, Path(endless)))
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
    process = subprocess.Popen(
        command("app", "--port", str(port)),
        cwd=ROOT,
        env=os.environ | {"STREAMLIT_SERVER_ADDRESS": "127.0.0.1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test run in the background ignores SIGINT, and the process would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = monotonic() + PATIENCE_SECONDS
    while not any(stage.status == "running" for stage in service.store.stages()):
        assert process.poll() is None, process.communicate()
        assert monotonic() < deadline
        sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, errors) == (130, "The app has stopped.\n")
    assert f"http://127.0.0.1:{port}" in output  # and not localhost, as config.toml says
