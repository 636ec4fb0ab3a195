"""The demo: trained nets that ship with the app, so that no page of a new store is empty.

The demo is a teacher with its students, and the same teacher with a student that was trained
without threes. ``assets/demo/NAME.json`` holds an experiment, its figures and its curves. The
weights are in the same folder, named by their stage's hash; a stage that two experiments share
ships once. ``python -m tsexplorer.services.demo`` writes the demo from the recipes' experiments in
the store; ``make demo`` trains them first.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from typing import Any

from tsexplorer.assets import DEMO, read_json, write_json
from tsexplorer.data.bundled_sample import write_sample
from tsexplorer.data.registry import load_splits
from tsexplorer.planning import plan
from tsexplorer.settings import Settings, get_settings
from tsexplorer.specs import ExperimentSpec
from tsexplorer.store import EpochRow, ExperimentSnapshot, Store, StudyRecord

NAME = "demo"
NEVER_SEEN = "demo-no-3"
RECIPES = {NAME: "best-64-plain", NEVER_SEEN: "best-64-no-3"}
"""Experiments of the demo, and the recipes of which they are the first seed."""
FIGURES = (
    "validation_accuracy",
    "validation_loss",
    "test_accuracy",
    "train_seconds",
    "kept_epoch",
)


def is_demo(experiment: StudyRecord) -> bool:
    """Whether an experiment belongs to the demo, so that it was not trained here."""
    return experiment.name in RECIPES


def list_position(name: str) -> int:
    """Return a sort key that puts the demo at the end of a list of experiments."""
    return 1 + list(RECIPES).index(name) if name in RECIPES else 0


@cache
def shipped() -> dict[str, dict[str, Any]]:
    """Return the documents of the demo by name: spec, machine, date, and stages by hash.

    A stage that experiments share is in the first one only; :func:`stages` has all of them.
    """
    return {name: read_json(DEMO / f"{name}.json") for name in RECIPES}


def stages() -> dict[str, dict[str, Any]]:
    """Return the figures, machine and epochs of the demo's stages by hash."""
    return {
        key: {**figures, "machine": content["machine"]}
        for content in shipped().values()
        for key, figures in content["stages"].items()
    }


def install(store: Store) -> None:
    """Add the demo to a store that lacks it; replace the demo of an earlier version."""
    for name, content in shipped().items():
        _install(store, name, ExperimentSpec.model_validate(content["spec"]))


def _install(store: Store, name: str, spec: ExperimentSpec) -> None:
    planned = plan(spec)
    missing = [stage for stage in planned if not store.is_stage_done(stage.spec.hash)]
    if store.has_study(name):
        if store.experiment(name).spec == spec and not missing:
            return
        if store.experiment(name).spec != spec:
            store.delete_study(name)
    store.add_experiment(spec, planned)
    for stage in missing:
        figures = stages()[stage.spec.hash]
        store.record_stage_started(
            stage.spec.hash, parameters=figures["parameters"], machine=figures["machine"]
        )
        for row in figures["epochs"]:
            store.record_epoch(stage.spec.hash, EpochRow(**row))
        store.record_stage_ended(
            stage.spec.hash, "done", **{name: figures[name] for name in FIGURES}
        )


def export(store: Store, settings: Settings) -> None:
    """Write the first seed of each recipe's experiment as the demo."""
    weights: dict[str, bytes] = {}
    documents = {
        name: _export_experiment(store, settings, name, store.experiment(recipe), weights)
        for name, recipe in RECIPES.items()
    }
    shutil.rmtree(DEMO, ignore_errors=True)  # last: the weights may have been read from there
    DEMO.mkdir(parents=True)
    for key, content in weights.items():
        (DEMO / f"{key}.safetensors").write_bytes(content)
    for name, document in documents.items():
        write_json(DEMO / f"{name}.json", document)
        write_sample(load_splits(document["spec"]["data"]["name"], settings.data_folder))


def _export_experiment(
    store: Store,
    settings: Settings,
    name: str,
    experiment: ExperimentSnapshot,
    weights: dict[str, bytes],
) -> dict[str, Any]:
    """Return an experiment's document; add its weights to ``weights``."""
    from tsexplorer.jobs.stage_files import WeightFiles

    spec = experiment.spec.model_copy(update={"name": name, "seeds": experiment.spec.seeds[:1]})
    files = WeightFiles(settings.stages_folder)
    exported: dict[str, Any] = {}
    for planned in plan(spec):
        key = planned.spec.hash
        stage = store.stage(key)
        source = files.path(key)
        if stage.status != "done" or source is None:
            raise SystemExit(f"The {planned.role} of {experiment.name} is not trained; train it.")
        machine = stage.machine
        if key in weights:
            continue
        weights[key] = source.read_bytes()
        exported[key] = {
            "role": planned.role,
            "parameters": stage.parameters,
            **{name: getattr(stage, name) for name in FIGURES},
            "epochs": [asdict(row) for row in store.epochs(key)],
        }
    return {
        "spec": spec.model_dump(mode="json", by_alias=True),
        "machine": machine,
        "date": datetime.now(UTC).date().isoformat(),
        "stages": exported,
    }


if __name__ == "__main__":
    _settings = get_settings()
    export(Store.open(_settings.url), _settings)
