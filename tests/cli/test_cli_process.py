"""The command line as a separate process: imports, output streams and exit codes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

from tests.cli.conftest import SpecFile
from tsexplorer import __version__
from tsexplorer.cli.requests import requested_experiment
from tsexplorer.services import Service

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 300.0
SLOW = {"torch", "torchvision", "streamlit", "sqlalchemy", "pandas", "scipy", "plotly", "numpy"}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tsexplorer", *arguments]


def run_command(*arguments: str, encoding: str = "utf-8") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        cwd=ROOT,
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
        encoding=encoding,
        timeout=TIMEOUT_SECONDS,
    )


def test_lists_import_no_slow_package() -> None:
    script = (
        "import json, sys\n"
        "from tsexplorer.cli import app\n"
        "for name in ('models', 'datasets', 'objectives', 'recipes'):\n"
        "    app([name, '--json'], standalone_mode=False)\n"
        "json.dump(sorted(sys.modules), sys.stderr)\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    imported = json.loads(process.stderr)
    assert "tsexplorer.models.registry" in imported
    assert SLOW.isdisjoint(imported)


def test_run_prints_only_one_json_document(spec_file: SpecFile) -> None:
    process = run_command("run", "--spec", spec_file(), "--json")
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout)["experiment"] == "toy"
    assert process.stderr.startswith('Training "toy" as job 1.\n')


def test_bad_argument_gives_one_line_and_exit_code_2() -> None:
    process = run_command("run", "nowhere", "--json")
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.splitlines() == [
        "There is no recipe called 'nowhere'; choose one of "
        + process.stderr.rpartition("one of ")[2].strip()
    ]


def test_help_and_version() -> None:
    overview = run_command()
    assert (overview.returncode, overview.stderr) == (0, "")
    assert "Usage: python -m tsexplorer " in overview.stdout
    assert overview.stdout.index(" run ") < overview.stdout.index(" models ")
    assert run_command("--help").stdout == overview.stdout
    assert run_command("--version").stdout == f"{__version__}\n"


def test_closed_pipe_gives_exit_code_141_without_a_message() -> None:
    process = subprocess.Popen(
        command("models"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    _, errors = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 128 + signal.SIGPIPE
    assert errors == b""


def test_characters_outside_the_encoding_are_replaced() -> None:
    convention = "hinton: λ·CE + (1 − λ)·T²·KL, nats, batch mean"
    process = run_command("objectives", "--json", encoding="ascii")
    assert json.loads(process.stdout)[1]["convention"] == convention
    table = run_command("objectives", encoding="ascii")
    assert table.returncode == 0, table.stderr
    assert "hinton: ?" in table.stdout


def test_ctrl_c_in_a_terminal_cancels_the_run(spec_file: SpecFile, service: Service) -> None:
    endless = spec_file(teacher_train={"epochs": 10_000, "batch_size": 100})
    process = subprocess.Popen(
        command("run", "--spec", endless, "--json"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # As in a terminal: a test run in the background ignores SIGINT, which processes inherit.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = monotonic() + TIMEOUT_SECONDS
    while not any(stage.status == "running" for stage in service.store.stages()):
        assert process.poll() is None, process.communicate()
        assert monotonic() < deadline
        sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=TIMEOUT_SECONDS)
    assert (process.returncode, output) == (130, "")
    assert errors.splitlines()[-1].endswith("to continue: python -m tsexplorer resume 1")
    assert "Traceback" not in errors
    assert service.store.job(1).status == "cancelled"


def test_ctrl_c_stops_the_app_while_a_job_runs(spec_file: SpecFile, service: Service) -> None:
    endless = spec_file(teacher_train={"epochs": 10_000, "batch_size": 100})
    service.enqueue(requested_experiment(None, Path(endless)))
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
    process = subprocess.Popen(
        command("app", "--port", str(port)),
        cwd=ROOT,
        env=os.environ | {"STREAMLIT_SERVER_ADDRESS": "127.0.0.1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # As in a terminal: a test run in the background ignores SIGINT, which processes inherit.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = monotonic() + TIMEOUT_SECONDS
    while not any(stage.status == "running" for stage in service.store.stages()):
        assert process.poll() is None, process.communicate()
        assert monotonic() < deadline
        sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=TIMEOUT_SECONDS)
    assert (process.returncode, errors) == (130, "The app has stopped.\n")
    assert f"http://127.0.0.1:{port}" in output  # and not localhost, as config.toml says
