"""Pages of experiments with more than three nets: ensembles, generations, hints and peers."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from scipy.special import softmax

from tests.examples import TINY
from tests.jobs.experiment_examples import ended
from tests.pages.conftest import OpenPage, no_exception, page_text
from tsexplorer.analysis.formatting import percent
from tsexplorer.data.base import ImageTask
from tsexplorer.services.service import Service
from tsexplorer.specs import ROLES, FurtherTeacher, ModelSpec, ObjectiveSpec, TrainSpec
from tsexplorer.ui.results import accuracy_curves, accuracy_points, cost_points

TWO_EPOCHS = TrainSpec(epochs=2, batch_size=500)


def trained(service: Service, **changes: object) -> str:
    """Train an experiment; return its id."""
    job = service.start(TINY.model_copy(update={"name": "further", **changes}))
    assert ended(service, job).status == "done"
    return job.experiment_id


def test_the_form_starts_an_ensemble(service: Service, open_page: OpenPage) -> None:
    page = open_page("train")
    page.number_input(key="more.count").set_value(2).run()
    page.selectbox(key="more.1.net").set_value("lenet-5").run()
    page.number_input(key="more.1.weight").set_value(3.0).run()
    page.selectbox(key="more.combine").set_value("probabilities").run()
    no_exception(page)
    assert "5 nets" in page_text(page)
    assert "First teacher v. student:" in page_text(page)
    page.button(key="start").click().run()
    spec = service.experiments()[0].spec
    first, second = spec.more_teachers
    assert first == FurtherTeacher(model=spec.teacher, seed_offset=1000)
    assert second == FurtherTeacher(model=ModelSpec(name="lenet-5"), weight=3)
    assert spec.combine == "probabilities"


def test_members_are_listed_beside_their_ensemble(service: Service, open_page: OpenPage) -> None:
    member = FurtherTeacher(model=TINY.teacher, seed_offset=1)
    key = trained(service, more_teachers=(member,))
    page = open_page("train", experiment=key)
    no_exception(page)
    text = page_text(page)
    assert "The teachers and their ensemble" in text
    assert "**Teacher 2**" in text
    assert "gap closed against the first" in text
    table, agreement = (frame.value for frame in page.dataframe[-2:])
    assert table["Teacher"].tolist() == ["Teacher 1", "Teacher 2", "Ensemble"]
    stages = [link.stage for link in service.experiment(key).stages][:2]
    shown = [percent(stage.validation_accuracy) for stage in stages]
    assert table["Accuracy"].tolist()[:2] == shown
    assert agreement.iloc[0, 1] == agreement.iloc[1, 0]
    assert agreement.iloc[0, 0] == "100.00 %"


def test_generations_are_listed_beside_their_ensemble(
    service: Service, open_page: OpenPage
) -> None:
    objective = ObjectiveSpec(name="born-again", options={"generations": 3})
    key = trained(service, teacher=TINY.student, objective=objective)
    page = open_page("train", experiment=key)
    no_exception(page)
    text = page_text(page)
    assert "The generations and their ensemble" in text
    assert text.count(" · seed 0") == 3, "the experiment's seed, and not one derived from it"
    assert "The teachers and their ensemble" not in text
    table, agreement = (frame.value for frame in page.dataframe[-2:])
    names = ["Generation 1", "Generation 2", "Generation 3"]
    assert table["Generation"].tolist() == [*names, "Ensemble"]
    roles = ("generation", "distilled")
    stages = [link.stage for link in service.experiment(key).stages if link.role in roles]
    assert table["Accuracy"].tolist()[:3] == [
        percent(stage.validation_accuracy) for stage in stages
    ]
    assert agreement.index.tolist() == names


def test_hints_have_a_loss_and_no_accuracy(service: Service, open_page: OpenPage) -> None:
    objective = ObjectiveSpec(name="fitnets", options={"hint_epochs": 3})
    key = trained(service, objective=objective, distilled_train=TWO_EPOCHS)
    page = open_page("train", experiment=key)
    [hints] = [
        caption.value for caption in page.caption if "First part of the distilled" in caption.value
    ]
    assert "3 epochs in" in hints, "of their own: the student has two"
    assert "loss " in hints
    assert "%" not in hints
    assert "Loss of the hints by epoch" in [expander.label for expander in page.expander]
    experiments = [service.experiment(key)]
    assert [point.role for point in accuracy_points(service, experiments, "test")] == list(ROLES)
    assert [line.role for line in accuracy_curves(service, experiments)] == list(ROLES)


def test_the_page_compare_shows_peers_beside_the_student(
    service: Service, open_page: OpenPage
) -> None:
    objective = ObjectiveSpec(name="mutual", options={"peers": 2})
    key = trained(service, objective=objective, distilled_train=TWO_EPOCHS)
    lines = accuracy_curves(service, [service.experiment(key)])
    assert [(line.role, line.peer) for line in lines] == [
        ("teacher", ""),
        ("baseline", ""),
        ("distilled", ""),
        ("distilled", "Peer 1"),
        ("distilled", "Peer 2"),
    ]
    stage = service.experiment(key).stage(0, "distilled")
    rows = service.watch(key).epochs[stage.hash]
    measured = [100 * row.terms["peer 2, validation accuracy"] for row in rows]
    assert lines[-1].values == tuple(measured)
    assert lines[-1].values != lines[-3].values
    page = open_page("compare", experiments=[key])
    no_exception(page)
    assert "Thin: nets trained along with the student" in page_text(page)


def test_the_costs_of_several_teachers_are_added(service: Service, open_page: OpenPage) -> None:
    member = FurtherTeacher(model=ModelSpec(name="lenet-5"))
    key = trained(service, more_teachers=(member,))
    teacher, student = cost_points([service.experiment(key)], service, "parameters")
    nets = [
        service.count(net, ImageTask(10)).parameters
        for net in (TINY.teacher, member.model, TINY.student)
    ]
    assert (teacher.value, student.value) == (nets[0] + nets[1], nets[2])
    page = open_page("compare", experiments=[key])
    no_exception(page)
    assert "Several teachers: the sum of their costs." in page_text(page)
    assert "Several teachers: the accuracy of the first." in page_text(page)
    times, _ = cost_points([service.experiment(key)], service, "latency")
    each = [service.latency(net, ImageTask(10)).median for net in (TINY.teacher, member.model)]
    assert times.value == pytest.approx(sum(each))


def test_teachers_that_the_objective_ignores_cost_nothing(
    service: Service, open_page: OpenPage
) -> None:
    member = FurtherTeacher(model=ModelSpec(name="lenet-5"))
    key = trained(service, more_teachers=(member,), objective=ObjectiveSpec(name="mutual"))
    teacher, _ = cost_points([service.experiment(key)], service, "parameters")
    assert teacher.value == service.count(TINY.teacher, ImageTask(10)).parameters
    page = open_page("compare", experiments=[key])
    no_exception(page)
    text = page_text(page) + " ".join(map(str, page.dataframe[0].value.iloc[0]))
    for phrase in ("the sum of their costs", "the accuracy of the first", "averaged by"):
        assert phrase not in text


def test_a_peer_curve_is_over_the_seeds_that_measured_it(service: Service) -> None:
    key = trained(service, objective=ObjectiveSpec(name="mutual"), seeds=(0, 1))
    watch = service.watch(key)
    older, newer = (watch.experiment.stage(seed, "distilled").hash for seed in (0, 1))
    without_terms = tuple(replace(row, terms={}) for row in watch.epochs[older])
    epochs = watch.epochs | {older: without_terms}
    changed = SimpleNamespace(watch=lambda _: replace(watch, epochs=epochs))
    *_, peer = accuracy_curves(cast(Service, changed), [watch.experiment])
    assert (peer.peer, peer.seeds) == ("Peer 1", 1)
    measured = [100 * row.terms["peer 1, validation accuracy"] for row in watch.epochs[newer]]
    assert peer.values == tuple(measured)


def test_soft_targets_are_those_of_the_ensemble(service: Service, open_page: OpenPage) -> None:
    member = FurtherTeacher(model=TINY.teacher, seed_offset=1)
    key = trained(service, more_teachers=(member,), combine="probabilities")
    for view in ("lens", "classes"):
        page = open_page("soft_targets", experiment=key, view=view)
        no_exception(page)
        assert "Teacher: the mean of all 2 teachers." in page_text(page)
    experiment = service.experiment(key)
    targets_NC = softmax(service.inference.teacher_logits(experiment, 0, "validation"), axis=1)
    stages = [link.stage for link in experiment.stages if link.role in ("teacher", "member")]
    teachers = [
        softmax(service.inference.answers(stage, "validation").logits_NC, 1) for stage in stages
    ]
    assert np.abs(targets_NC - sum(teachers) / 2).max() < 1e-6
    assert np.abs(targets_NC - teachers[0]).max() > 0.01
