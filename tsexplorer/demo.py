"""The trained pair that ships: put into a new store, so that every page has something to show.

``assets/demo/demo.json`` holds the experiment, its figures and its curves; the weights lie
beside it under their stage's hash. ``python -m tsexplorer.demo EXPERIMENT`` writes them anew
from an experiment in the store (``make demo`` trains it first).
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from typing import Any

from tsexplorer.assets import DEMO, read_json, write_json
from tsexplorer.data.registry import load_splits
from tsexplorer.data.sample import write_sample
from tsexplorer.planning import plan
from tsexplorer.settings import Settings, get_settings
from tsexplorer.specs import ExperimentSpec
from tsexplorer.store import EpochRow, ExperimentSnapshot, Store

NAME = "demo"
FILE = DEMO / "demo.json"
FIGURES = (
    "validation_accuracy",
    "validation_loss",
    "test_accuracy",
    "train_seconds",
    "kept_epoch",
)


@cache
def demo() -> dict[str, Any]:
    """The shipped experiment: spec, machine, date and, by stage hash, figures and epochs."""
    return read_json(FILE)


def install(store: Store) -> None:
    """Put the demo into a store that does not have it, in place of an earlier version's demo."""
    spec = ExperimentSpec.model_validate(demo()["spec"])
    planned = plan(spec)
    if store.has_experiment(NAME) and store.experiment(NAME).spec != spec:
        store.delete_experiment(NAME)
    if all(store.has_stage_done(stage.spec.hash) for stage in planned) and store.has_experiment(
        NAME
    ):
        return
    store.add_experiment(spec, planned)
    for stage in planned:
        figures = demo()["stages"][stage.spec.hash]
        store.stage_started(
            stage.spec.hash, parameters=figures["parameters"], machine=demo()["machine"]
        )
        for row in figures["epochs"]:
            store.record_epoch(stage.spec.hash, EpochRow(**row))
        store.stage_ended(stage.spec.hash, "done", **{name: figures[name] for name in FIGURES})


def export(store: Store, settings: Settings, experiment: ExperimentSnapshot) -> None:
    """Write the first seed of a finished experiment as the shipped demo."""
    from tsexplorer.jobs.weights import Shelf

    spec = experiment.spec.model_copy(update={"name": NAME, "seeds": experiment.spec.seeds[:1]})
    shelf = Shelf(settings.stages_folder)
    shutil.rmtree(DEMO, ignore_errors=True)
    DEMO.mkdir(parents=True)
    stages = {}
    for planned in plan(spec):
        key = planned.spec.hash
        stage = store.stage(key)
        source = shelf.path(key)
        if stage.status != "done" or source is None:
            raise SystemExit(f"The {planned.role} of {experiment.name} is not trained yet.")
        shutil.copyfile(source, DEMO / f"{key}.safetensors")
        stages[key] = {
            "role": planned.role,
            "parameters": stage.parameters,
            **{name: getattr(stage, name) for name in FIGURES},
            "epochs": [asdict(row) for row in store.epochs(key)],
        }
        machine = stage.machine
    content = {
        "spec": spec.model_dump(mode="json", by_alias=True),
        "machine": machine,
        "date": datetime.now(UTC).date().isoformat(),
        "stages": stages,
    }
    write_sample(load_splits(spec.data.name, settings.data_folder))
    write_json(FILE, content)


if __name__ == "__main__":
    _settings = get_settings()
    _store = Store.open(_settings.url)
    export(_store, _settings, _store.experiment(sys.argv[1]))
