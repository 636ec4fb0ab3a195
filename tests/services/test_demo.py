"""The demo: the nets and figures that the app contains."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.examples import TINY
from tests.jobs.experiment_examples import wait_until
from tsexplorer.data import bundled_sample
from tsexplorer.published.recipe_results import same_settings
from tsexplorer.recipes import get_recipe
from tsexplorer.services import demo
from tsexplorer.services.service import Service
from tsexplorer.settings import get_settings
from tsexplorer.specs import ROLES, ExperimentSpec
from tsexplorer.store import Store

MAX_MEGABYTES = 2.0


@pytest.fixture
def service(home: Path) -> Iterator[Service]:
    """A service on a new home, with all images."""
    service = Service(get_settings())
    yield service
    service.close()


def test_demo_is_at_most_two_megabytes() -> None:
    size = sum(path.stat().st_size for path in demo.DEMO.iterdir())
    assert size < MAX_MEGABYTES * 1e6


@pytest.mark.parametrize("name", demo.RECIPES)
def test_accuracy_on_the_bundled_images_agrees_with_the_figures(
    service: Service, name: str
) -> None:
    experiment = service.experiment(name)
    for role in ROLES:
        stage = experiment.stage(0, role)
        predictions = service.inference.answers(stage, "test")
        accuracy = (predictions.logits_NC.argmax(1) == predictions.labels_N).mean()
        n = len(predictions.labels_N)
        noise = 3 * (stage.test_accuracy * (1 - stage.test_accuracy) / n) ** 0.5
        assert accuracy == pytest.approx(stage.test_accuracy, abs=noise + 1e-3), role


@pytest.mark.parametrize(("name", "recipe"), demo.RECIPES.items())
def test_demo_is_the_first_seed_of_its_recipe(name: str, recipe: str) -> None:
    spec = ExperimentSpec.model_validate(demo.shipped()[name]["spec"])
    assert same_settings(spec, get_recipe(recipe).spec)
    assert spec.seeds == get_recipe(recipe).spec.seeds[:1]


def test_shared_stages_are_contained_once() -> None:
    shipped = demo.shipped()
    assert len(demo.stages()) == sum(len(experiment["stages"]) for experiment in shipped.values())
    stages = shipped[demo.NEVER_SEEN]["stages"].values()
    assert [stage["role"] for stage in stages] == ["distilled"]


def test_student_without_threes_recognises_threes_with_a_bias(service: Service) -> None:
    student = service.experiment(demo.NEVER_SEEN).stage(0, "distilled")
    study = service.inference.bias_study(student)
    shifted = study.evaluate(study.biases["label-free"])
    assert shifted.raised_recall > 0.9
    assert shifted.errors < study.evaluate(0.0).errors


def test_demo_is_installed_once(service: Service) -> None:
    before = service.experiments()
    demo.install(service.store)
    assert service.experiments() == before
    assert [experiment.name for experiment in before] == list(demo.RECIPES)
    for experiment in before:
        epochs = service.watch(experiment.id).epochs
        for link in experiment.stages:
            assert len(epochs[link.stage.hash]) == link.stage.spec.train.epochs


def test_demo_of_an_earlier_version_is_replaced(service: Service) -> None:
    shipped = service.experiment(demo.NAME)
    service.store.delete_study(demo.NAME)
    earlier = TINY.model_copy(update={"name": demo.NAME})
    service.store.add_experiment(earlier, service.check(earlier).stages)
    demo.install(service.store)
    assert service.experiment(demo.NAME).spec == shipped.spec
    assert service.experiment(demo.NAME).done


def test_exported_experiments_can_be_installed_as_the_demo(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = TINY.model_copy(update={"name": "tiny without threes", "left_out": (3,)})
    jobs = [service.start(spec).id for spec in (TINY, other)]
    wait_until(lambda: all(service.store.job(job).status == "done" for job in jobs))
    folder = tmp_path / "shipped"
    monkeypatch.setattr(demo, "DEMO", folder)
    monkeypatch.setattr(bundled_sample, "DEMO", folder)
    monkeypatch.setattr(demo, "RECIPES", {"demo": TINY.name, "demo-no-3": other.name})
    first, second = (service.experiment(spec.name) for spec in (TINY, other))
    demo.export(service.store, get_settings())
    service.close()
    weights = {link.stage.hash for link in (*first.stages, *second.stages)}
    assert len(weights) == 4
    assert {path.name for path in folder.iterdir()} == {
        "demo.json",
        "demo-no-3.json",
        "mnist-5k-images.npz",
        *(f"{key}.safetensors" for key in weights),
    }
    demo.shipped.cache_clear()
    try:
        empty = Store.open(f"sqlite:///{tmp_path / 'other.sqlite3'}")
        demo.install(empty)
        for name, trained in (("demo", first), ("demo-no-3", second)):
            installed = empty.experiment(name)
            assert installed.spec.model_copy(update={"name": trained.name}) == trained.spec
            assert [link.stage.test_accuracy for link in installed.stages] == [
                link.stage.test_accuracy for link in trained.stages
            ]
    finally:
        demo.shipped.cache_clear()
