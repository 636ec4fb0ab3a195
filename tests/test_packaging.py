"""The wheel contains all files of the app; pinned versions and hooks agree with their sources."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from email.parser import Parser
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
NOT_SHIPPED = ("assets/screenshots/",)
TIMEOUT_SECONDS = 60.0
PATHS = """
import json
from tsexplorer import assets, cli
from tsexplorer.data.sets.mnist_5k import ASSET
from tsexplorer.ui.router import PAGES, path_of
names = ("APP_SCRIPT", "PAGES_FOLDER", "ASSETS", "DEMO", "FINDINGS", "RESULTS")
paths = [str(getattr(assets, name)) for name in names] + [path_of(name) for name in PAGES]
print(json.dumps([cli.__file__, str(ASSET), *paths]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (file,) = folder.iterdir()
    return file


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the wheel, as in site-packages."""
    folder = tmp_path_factory.mktemp("site-packages")
    with ZipFile(wheel) as file:
        file.extractall(folder)
    return folder


def start(installed: Path, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start Python in a folder where ``tsexplorer`` is the installed package."""
    variables = {
        name: text for name, text in os.environ.items() if not name.startswith("STREAMLIT_")
    }
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=variables | {"PYTHONPATH": str(installed), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A test run in the background ignores SIGINT, and the process would inherit this.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def sources(folder: str, pattern: str = "*") -> set[str]:
    """Files below a folder of the project, as paths from its root."""
    files = (path for path in (ROOT / folder).rglob(pattern) if path.is_file())
    names = {path.relative_to(ROOT).as_posix() for path in files}
    return {name for name in names if "__pycache__" not in name}


def requirements(file: str) -> set[str]:
    """Normalised requirements of a file and of the files that it includes."""
    result: set[str] = set()
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        text = line.split("#")[0].strip()
        if text.startswith("-r"):
            result |= requirements(text.split()[1])
        elif text:
            result.add(normalise(Requirement(text)))
    return result


def normalise(requirement: Requirement) -> str:
    return f"{canonicalize_name(requirement.name)}{requirement.specifier}"


def test_wheel_contains_code_pages_and_assets(wheel: Path) -> None:
    extra = {"app.py", ".streamlit/config.toml"} | sources("pages", "*.py") | sources("assets")
    shipped = {name for name in extra if not name.startswith(NOT_SHIPPED)}
    migrations = "tsexplorer/store/migrations/script.py.mako"
    code = sources("tsexplorer", "*.py") | {migrations}
    with ZipFile(wheel) as file:
        names = {name for name in file.namelist() if ".dist-info/" not in name}
    assert names == code | {f"tsexplorer/_app/{name}" for name in shipped}


def test_wheel_metadata_has_requirements_and_command(wheel: Path) -> None:
    with ZipFile(wheel) as file:
        (info,) = {name.split("/")[0] for name in file.namelist() if ".dist-info/" in name}
        metadata = Parser().parsestr(file.read(f"{info}/METADATA").decode())
        commands = file.read(f"{info}/entry_points.txt").decode()
    listed = [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]
    base_requirements = {
        normalise(requirement) for requirement in listed if requirement.marker is None
    }
    extras = {
        extra: {
            normalise(requirement)
            for requirement in listed
            if requirement.marker and requirement.marker.evaluate({"extra": extra})
        }
        for extra in metadata.get_all("Provides-Extra", [])
    }
    base = requirements("requirements.txt")
    assert base_requirements == base
    assert extras == {
        "cluster": requirements("requirements-cluster.txt") - base,
        "test": requirements("requirements-test.txt") - base,
    }
    assert "tsexplorer = tsexplorer.cli:app" in commands


def test_installed_package_finds_its_files(installed: Path, tmp_path: Path) -> None:
    output, _ = start(installed, tmp_path, "-c", PATHS).communicate(timeout=TIMEOUT_SECONDS)
    paths = [Path(text) for text in json.loads(output)]
    assert [path for path in paths if not path.is_relative_to(installed)] == []
    assert [path for path in paths if not path.exists()] == []


def test_installed_app_starts_with_its_settings_and_stops(installed: Path, tmp_path: Path) -> None:
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
    process = start(installed, tmp_path, "-m", "tsexplorer", "app", "--port", str(port))
    try:
        wait_until_healthy(process, port)
    finally:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 130, output
    # Without server.address from .streamlit/config.toml there are two addresses, local and network.
    assert [line.strip() for line in output.splitlines() if "URL" in line] == [
        f"URL: http://localhost:{port}"
    ]
    assert output.splitlines()[-1] == "The app has stopped."
    assert "Traceback" not in output


def wait_until_healthy(process: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"http://localhost:{port}/_stcore/health", timeout=5):
                return
        except OSError:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_every_requirement_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if not line.startswith("#")]
    assert [line for line in pinned if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    versions = {canonicalize_name(name): text for name, text in (x.split("==") for x in pinned)}
    for text in sorted(requirements("requirements-test.txt")):
        requirement = Requirement(text)
        assert requirement.name in versions, text
        assert requirement.specifier.contains(versions[requirement.name]), text


def test_hooks_run_the_commands_of_make_lint() -> None:
    hooks: Any = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    entries = [hook["entry"] for repo in hooks["repos"] for hook in repo["hooks"]]
    recipe = re.search(
        r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert recipe is not None
    assert [
        line.strip().replace("$(BIN)", ".venv/bin") for line in recipe[1].splitlines()
    ] == entries
