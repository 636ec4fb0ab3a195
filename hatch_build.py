"""Reads the dependencies of the package from the requirements files, their one source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

DEPENDENCIES = "requirements.txt"
EXTRAS = {"cluster": "requirements-cluster.txt", "test": "requirements-test.txt"}


class RequirementsHook(MetadataHookInterface):
    """Sets the dependencies and the extras, which pyproject.toml lists as dynamic."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the dependencies to the metadata of the project."""
        folder = Path(self.root)
        dependencies = read_requirements(folder / DEPENDENCIES)
        metadata["dependencies"] = dependencies
        metadata["optional-dependencies"] = {
            extra: [
                requirement
                for requirement in read_requirements(folder / file)
                if requirement not in dependencies
            ]
            for extra, file in EXTRAS.items()
        }


def read_requirements(file: Path) -> list[str]:
    """List the requirements of a file, without comments; ``-r`` lines are followed."""
    requirements: list[str] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        requirement = line.partition("#")[0].strip()
        if requirement.startswith("-r "):
            requirements += read_requirements(file.parent / requirement.removeprefix("-r ").strip())
        elif requirement:
            requirements.append(requirement)
    return requirements
