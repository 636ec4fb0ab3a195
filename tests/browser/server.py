"""A Streamlit server for tests, with a free port and its own home."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 10.0

# A log must not contain exceptions, warnings or deprecations.
COMPLAINTS = re.compile(
    r"Traceback|Uncaught|[Dd]eprecat|\bWARNING\b|\bERROR\b|is not a valid config"
)


@dataclass(frozen=True)
class AppServer:
    """A running server.

    Attributes:
        url: its address, without a slash at the end.
        home: its TSEXPLORER_HOME.
        log: the file of its output.
        process: the leader of its process group.
    """

    url: str
    home: Path
    log: Path
    process: subprocess.Popen[bytes]

    def complaints(self) -> list[str]:
        """Lines of the log with an exception, a warning or a deprecation."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if COMPLAINTS.search(line)]

    def kill(self) -> None:
        """Kill the server and its child processes, as a crash would."""
        self._signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Interrupt the server as Ctrl-C would, and kill it if it does not end in time."""
        self._signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_TIMEOUT_SECONDS)
        # Also after the leader has ended: a child process may still run.
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


@contextmanager
def serve(
    app: Path, home: Path, *, env: Mapping[str, str] | None = None, folder: Path = ROOT
) -> Iterator[AppServer]:
    """Run ``streamlit run app`` until the block ends.

    Args:
        app: the script.
        home: TSEXPLORER_HOME; the log is written beside it.
        env: further environment, for example other TSEXPLORER_* settings.
        folder: working directory; its ``.streamlit/config.toml`` is used.

    Raises:
        RuntimeError: the server ended or was not ready in time; the text contains its log.
    """
    port = _free_port()
    home.mkdir(parents=True, exist_ok=True)
    log = home.parent / f"{home.name}-server-{port}.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(app), f"--server.port={port}"],
            cwd=folder,
            env=_environment(home, env or {}),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = AppServer(f"http://localhost:{port}", home, log, process)
    try:
        _wait_until_healthy(server)
        yield server
    finally:
        server.stop()


def _environment(home: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process without TSEXPLORER_* and STREAMLIT_* settings."""
    settings = ("TSEXPLORER_", "STREAMLIT_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(settings)}
    return {
        **kept,
        "OMP_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
        "TSEXPLORER_THREADS": "1",
        "TSEXPLORER_HOME": str(home),
        **extra,
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


def _wait_until_healthy(server: AppServer) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    log = server.log.read_text(errors="replace")[-4000:]
    raise RuntimeError(f"streamlit did not start:\n{log}")
