"""The pair that ships: whole, small, and as good as it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples import TINY
from tsexplorer import demo
from tsexplorer.data import sample
from tsexplorer.service import Service
from tsexplorer.settings import get_settings
from tsexplorer.specs import ROLES
from tsexplorer.store import Store

MEGABYTES_AT_MOST = 2.0


@pytest.fixture
def service(home: Path) -> Service:
    return Service(get_settings())


def test_it_is_small() -> None:
    size = sum(path.stat().st_size for path in demo.DEMO.iterdir())
    assert size < MEGABYTES_AT_MOST * 1e6


def test_each_net_scores_on_the_shipped_images_what_its_figures_say(service: Service) -> None:
    experiment = service.experiment(demo.NAME)
    for role in ROLES:
        stage = experiment.stage(0, role)
        answers = service.reading.answers(stage, "test")
        accuracy = (answers.logits_NC.argmax(1) == answers.labels_N).mean()
        n = len(answers.labels_N)
        noise = 3 * (stage.test_accuracy * (1 - stage.test_accuracy) / n) ** 0.5
        assert accuracy == pytest.approx(stage.test_accuracy, abs=noise + 1e-3), role


def test_it_is_put_into_a_store_once(service: Service) -> None:
    before = service.experiments()
    demo.install(service.store)
    assert service.experiments() == before
    assert [one.name for one in before] == [demo.NAME]
    epochs = service.watch(demo.NAME).epochs
    for link in before[0].stages:
        assert len(epochs[link.stage.hash]) == link.stage.spec.train.epochs


def test_an_earlier_versions_demo_is_replaced(service: Service) -> None:
    shipped = service.experiment(demo.NAME)
    service.store.delete_experiment(demo.NAME)
    earlier = TINY.model_copy(update={"name": demo.NAME})
    service.store.add_experiment(earlier, service.check(earlier).planned)
    demo.install(service.store)
    assert service.experiment(demo.NAME).spec == shipped.spec
    assert service.experiment(demo.NAME).done


def test_another_experiment_can_become_the_demo(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = service.start(TINY)
    folder = tmp_path / "shipped"
    service.worker._thread.join(0)
    for _ in range(600):
        if service.store.job(job.id).status == "done":
            break
        service.worker._thread.join(0.1)
    monkeypatch.setattr(demo, "DEMO", folder)
    monkeypatch.setattr(demo, "FILE", folder / "demo.json")
    monkeypatch.setattr(sample, "DEMO", folder)
    trained = service.experiment(TINY.name)
    demo.export(service.store, get_settings(), trained)
    service.close()
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "demo.json",
        "mnist-5k-images.npz",
        *(f"{link.stage.hash}.safetensors" for link in trained.stages),
    }
    demo.demo.cache_clear()
    try:
        other = Store.open(f"sqlite:///{tmp_path / 'other.sqlite3'}")
        demo.install(other)
        shown = other.experiment(demo.NAME)
        assert shown.spec.model_copy(update={"name": TINY.name}) == TINY
        assert [link.stage.test_accuracy for link in shown.stages] == [
            link.stage.test_accuracy for link in trained.stages
        ]
    finally:
        demo.demo.cache_clear()
