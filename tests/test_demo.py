"""The nets that ship: whole, small, and as good as they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples import TINY
from tsexplorer.data import bundled_sample
from tsexplorer.published.recipe_results import same_settings
from tsexplorer.recipes import get_recipe
from tsexplorer.services import demo
from tsexplorer.services.service import Service
from tsexplorer.settings import get_settings
from tsexplorer.specs import ROLES, ExperimentSpec
from tsexplorer.store import Store

MEGABYTES_AT_MOST = 2.0


@pytest.fixture
def service(home: Path) -> Service:
    return Service(get_settings())


def test_it_is_small() -> None:
    size = sum(path.stat().st_size for path in demo.DEMO.iterdir())
    assert size < MEGABYTES_AT_MOST * 1e6


@pytest.mark.parametrize("name", demo.RECIPES)
def test_each_net_scores_on_the_shipped_images_what_its_figures_say(
    service: Service, name: str
) -> None:
    experiment = service.experiment(name)
    for role in ROLES:
        stage = experiment.stage(0, role)
        answers = service.reading.answers(stage, "test")
        accuracy = (answers.logits_NC.argmax(1) == answers.labels_N).mean()
        n = len(answers.labels_N)
        noise = 3 * (stage.test_accuracy * (1 - stage.test_accuracy) / n) ** 0.5
        assert accuracy == pytest.approx(stage.test_accuracy, abs=noise + 1e-3), role


@pytest.mark.parametrize(("name", "recipe"), demo.RECIPES.items())
def test_it_is_the_first_seed_of_its_recipe(name: str, recipe: str) -> None:
    spec = ExperimentSpec.model_validate(demo.shipped()[name]["spec"])
    assert same_settings(spec, get_recipe(recipe).spec)
    assert spec.seeds == get_recipe(recipe).spec.seeds[:1]


def test_what_two_experiments_share_ships_once() -> None:
    shipped = demo.shipped()
    assert len(demo.stages()) == sum(len(one["stages"]) for one in shipped.values())
    assert [one["role"] for one in shipped[demo.NEVER_SEEN]["stages"].values()] == ["distilled"]


def test_a_student_that_never_saw_a_three_knows_threes(service: Service) -> None:
    student = service.experiment(demo.NEVER_SEEN).stage(0, "distilled")
    study = service.reading.bias_study(student)
    moved = study.at(study.biases["label-free"])
    assert moved.raised_right > 0.9
    assert moved.errors < study.at(0.0).errors


def test_it_is_put_into_a_store_once(service: Service) -> None:
    before = service.experiments()
    demo.install(service.store)
    assert service.experiments() == before
    assert [one.name for one in before] == list(demo.RECIPES)
    for experiment in before:
        epochs = service.watch(experiment.id).epochs
        for link in experiment.stages:
            assert len(epochs[link.stage.hash]) == link.stage.spec.train.epochs


def test_an_earlier_versions_demo_is_replaced(service: Service) -> None:
    shipped = service.experiment(demo.NAME)
    service.store.delete_experiment(demo.NAME)
    earlier = TINY.model_copy(update={"name": demo.NAME})
    service.store.add_experiment(earlier, service.check(earlier).stages)
    demo.install(service.store)
    assert service.experiment(demo.NAME).spec == shipped.spec
    assert service.experiment(demo.NAME).done


def test_other_experiments_can_become_the_demo(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = TINY.model_copy(update={"name": "tiny without threes", "left_out": (3,)})
    jobs = [service.start(spec).id for spec in (TINY, other)]
    for _ in range(600):
        if all(service.store.job(job).status == "done" for job in jobs):
            break
        service.worker._thread.join(0.1)
    folder = tmp_path / "shipped"
    monkeypatch.setattr(demo, "DEMO", folder)
    monkeypatch.setattr(bundled_sample, "DEMO", folder)
    monkeypatch.setattr(demo, "RECIPES", {"demo": TINY.name, "demo-no-3": other.name})
    first, second = (service.experiment(spec.name) for spec in (TINY, other))
    demo.export(service.store, get_settings())
    service.close()
    weights = {link.stage.hash for one in (first, second) for link in one.stages}
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
            shown = empty.experiment(name)
            assert shown.spec.model_copy(update={"name": trained.name}) == trained.spec
            assert [link.stage.test_accuracy for link in shown.stages] == [
                link.stage.test_accuracy for link in trained.stages
            ]
    finally:
        demo.shipped.cache_clear()
