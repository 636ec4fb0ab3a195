"""The trained nets that ship: put into a new store, so that every page has something to show.

A pair, and the same pair with a student that never saw a three. ``assets/demo/NAME.json`` holds an
experiment, its figures and its curves; the weights lie beside it under their stage's hash, and
what two experiments share ships once. ``python -m tsexplorer.services.demo`` writes all anew from
the recipes' experiments in the store (``make demo`` trains them first).
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
"""What ships, and the recipe that each is the first seed of."""
FIGURES = (
    "validation_accuracy",
    "validation_loss",
    "test_accuracy",
    "train_seconds",
    "kept_epoch",
)


def is_demo(experiment: StudyRecord) -> bool:
    """Whether it ships, rather than having been trained here."""
    return experiment.name in RECIPES


def place(name: str) -> int:
    """Where an experiment stands in a list whose end is what ships."""
    return 1 + list(RECIPES).index(name) if name in RECIPES else 0


@cache
def shipped() -> dict[str, dict[str, Any]]:
    """By name, each experiment that ships: spec, machine, date and its stages' figures and epochs.

    A stage is in the first experiment that has it alone; :func:`stages` has them all.
    """
    return {name: read_json(DEMO / f"{name}.json") for name in RECIPES}


def stages() -> dict[str, dict[str, Any]]:
    """Figures, machine and epochs by stage hash."""
    return {
        key: {**figures, "machine": content["machine"]}
        for content in shipped().values()
        for key, figures in content["stages"].items()
    }


def install(store: Store) -> None:
    """Put what ships into a store that does not have it, in place of an earlier version's."""
    for name, content in shipped().items():
        _install(store, name, ExperimentSpec.model_validate(content["spec"]))


def _install(store: Store, name: str, spec: ExperimentSpec) -> None:
    planned = plan(spec)
    missing = [stage for stage in planned if not store.has_stage_done(stage.spec.hash)]
    if store.has_experiment(name):
        if store.experiment(name).spec == spec and not missing:
            return
        if store.experiment(name).spec != spec:
            store.delete_experiment(name)
    store.add_experiment(spec, planned)
    for stage in missing:
        figures = stages()[stage.spec.hash]
        store.stage_started(
            stage.spec.hash, parameters=figures["parameters"], machine=figures["machine"]
        )
        for row in figures["epochs"]:
            store.record_epoch(stage.spec.hash, EpochRow(**row))
        store.stage_ended(stage.spec.hash, "done", **{one: figures[one] for one in FIGURES})


def export(store: Store, settings: Settings) -> None:
    """Write the first seed of each recipe's experiment as what ships."""
    weights: dict[str, bytes] = {}
    documents = {
        name: _exported(store, settings, name, store.experiment(recipe), weights)
        for name, recipe in RECIPES.items()
    }
    shutil.rmtree(DEMO, ignore_errors=True)  # only now: what ships may be where weights came from
    DEMO.mkdir(parents=True)
    for key, content in weights.items():
        (DEMO / f"{key}.safetensors").write_bytes(content)
    for name, document in documents.items():
        write_json(DEMO / f"{name}.json", document)
        write_sample(load_splits(document["spec"]["data"]["name"], settings.data_folder))


def _exported(
    store: Store,
    settings: Settings,
    name: str,
    experiment: ExperimentSnapshot,
    weights: dict[str, bytes],
) -> dict[str, Any]:
    """One experiment's document; weights that are not there yet are added."""
    from tsexplorer.jobs.stage_files import WeightFiles

    spec = experiment.spec.model_copy(update={"name": name, "seeds": experiment.spec.seeds[:1]})
    shelf = WeightFiles(settings.stages_folder)
    found: dict[str, Any] = {}
    for planned in plan(spec):
        key = planned.spec.hash
        stage = store.stage(key)
        source = shelf.path(key)
        if stage.status != "done" or source is None:
            raise SystemExit(f"The {planned.role} of {experiment.name} is not trained yet.")
        machine = stage.machine
        if key in weights:
            continue
        weights[key] = source.read_bytes()
        found[key] = {
            "role": planned.role,
            "parameters": stage.parameters,
            **{name: getattr(stage, name) for name in FIGURES},
            "epochs": [asdict(row) for row in store.epochs(key)],
        }
    return {
        "spec": spec.model_dump(mode="json", by_alias=True),
        "machine": machine,
        "date": datetime.now(UTC).date().isoformat(),
        "stages": found,
    }


if __name__ == "__main__":
    _settings = get_settings()
    export(Store.open(_settings.url), _settings)
