"""Experiments that train more than three nets, on the pages that show them."""

from __future__ import annotations

from tests.examples import TINY
from tests.jobs.jobs_examples import ended
from tests.pages.conftest import OpenPage
from tsexplorer.service import Service
from tsexplorer.specs import ROLES, ObjectiveSpec, TrainSpec
from tsexplorer.ui.results import accuracy_dots, accuracy_lines

TWO = TrainSpec(epochs=2, batch_size=500)


def trained(service: Service, **changes: object) -> str:
    """An experiment whose nets are all trained."""
    job = service.start(TINY.model_copy(update={"name": "further", **changes}))
    assert ended(service, job).status == "done"
    return job.experiment_id


def test_hints_are_shown_with_their_loss_and_no_accuracy(
    service: Service, open_page: OpenPage
) -> None:
    key = trained(service, objective=ObjectiveSpec(name="fitnets"), distilled_train=TWO)
    page = open_page("train", experiment=key)
    [hints] = [one.value for one in page.caption if "First part of the distilled" in one.value]
    assert "2 epochs in" in hints
    assert "loss " in hints
    assert "%" not in hints
    assert "Loss of the hints by epoch" in [one.label for one in page.expander]
    experiments = [service.experiment(key)]
    assert [one.role for one in accuracy_dots(service, experiments, "test")] == list(ROLES)
    assert [one.role for one in accuracy_lines(service, experiments)] == list(ROLES)
