"""Experiments that train more than three nets, on the pages that show them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from scipy.special import softmax

from tests.examples import TINY
from tests.jobs.jobs_examples import ended
from tests.pages.conftest import OpenPage, no_exception, words
from tsexplorer.analysis.formatting import percent
from tsexplorer.services.service import Service
from tsexplorer.specs import ROLES, FurtherTeacher, ModelSpec, ObjectiveSpec, TrainSpec
from tsexplorer.ui.results import accuracy_dots, accuracy_lines, costs

TWO = TrainSpec(epochs=2, batch_size=500)


def trained(service: Service, **changes: object) -> str:
    """An experiment whose nets are all trained."""
    job = service.start(TINY.model_copy(update={"name": "further", **changes}))
    assert ended(service, job).status == "done"
    return job.experiment_id


def test_an_ensemble_is_asked_for_in_the_form(service: Service, open_page: OpenPage) -> None:
    page = open_page("train")
    page.number_input(key="more.count").set_value(2).run()
    page.selectbox(key="more.1.net").set_value("lenet-5").run()
    page.number_input(key="more.1.weight").set_value(3.0).run()
    page.selectbox(key="more.combine").set_value("probabilities").run()
    no_exception(page)
    assert "5 nets" in words(page)
    assert "The first teacher has" in words(page)
    page.button(key="start").click().run()
    spec = service.experiments()[0].spec
    first, second = spec.more_teachers
    assert first == FurtherTeacher(model=spec.teacher, seed_offset=1000)
    assert second == FurtherTeacher(model=ModelSpec(name="lenet-5"), weight=3)
    assert spec.combine == "probabilities"


def test_members_are_shown_beside_their_ensemble(service: Service, open_page: OpenPage) -> None:
    member = FurtherTeacher(model=TINY.teacher, seed_offset=1)
    key = trained(service, more_teachers=(member,))
    page = open_page("train", experiment=key)
    no_exception(page)
    said = words(page)
    assert "The teachers, one by one and together" in said
    assert "**Teacher 2**" in said
    assert "gap closed against the first" in said
    table, agreement = (one.value for one in page.dataframe[-2:])
    assert table["Teacher"].tolist() == ["Teacher 1", "Teacher 2", "Ensemble"]
    stages = [link.stage for link in service.experiment(key).stages][:2]
    shown = [percent(stage.validation_accuracy) for stage in stages]
    assert table["Accuracy"].tolist()[:2] == shown
    assert agreement.iloc[0, 1] == agreement.iloc[1, 0]
    assert agreement.iloc[0, 0] == "100.00 %"


def test_generations_are_shown_beside_their_ensemble(service: Service, open_page: OpenPage) -> None:
    objective = ObjectiveSpec(name="born-again", options={"generations": 3})
    key = trained(service, teacher=TINY.student, objective=objective)
    page = open_page("train", experiment=key)
    no_exception(page)
    said = words(page)
    assert "The generations, one by one and together" in said
    assert said.count(" · seed 0") == 3, "the experiment's seed, and not one derived from it"
    assert "The teachers, one by one and together" not in said
    table, agreement = (one.value for one in page.dataframe[-2:])
    names = ["Generation 1", "Generation 2", "Generation 3"]
    assert table["Generation"].tolist() == [*names, "Ensemble"]
    roles = ("generation", "distilled")
    stages = [one.stage for one in service.experiment(key).stages if one.role in roles]
    assert table["Accuracy"].tolist()[:3] == [percent(one.validation_accuracy) for one in stages]
    assert agreement.index.tolist() == names


def test_hints_are_shown_with_their_loss_and_no_accuracy(
    service: Service, open_page: OpenPage
) -> None:
    objective = ObjectiveSpec(name="fitnets", options={"hint_epochs": 3})
    key = trained(service, objective=objective, distilled_train=TWO)
    page = open_page("train", experiment=key)
    [hints] = [one.value for one in page.caption if "First part of the distilled" in one.value]
    assert "3 epochs in" in hints, "of their own: the student has two"
    assert "loss " in hints
    assert "%" not in hints
    assert "Loss of the hints by epoch" in [one.label for one in page.expander]
    experiments = [service.experiment(key)]
    assert [one.role for one in accuracy_dots(service, experiments, "test")] == list(ROLES)
    assert [one.role for one in accuracy_lines(service, experiments)] == list(ROLES)


def test_peers_are_compared_with_their_student(service: Service, open_page: OpenPage) -> None:
    objective = ObjectiveSpec(name="mutual", options={"peers": 2})
    key = trained(service, objective=objective, distilled_train=TWO)
    lines = accuracy_lines(service, [service.experiment(key)])
    assert [(one.role, one.peer) for one in lines] == [
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
    assert "Thin: nets that learn along with the student" in words(page)


def test_several_teachers_cost_what_all_of_them_do(service: Service, open_page: OpenPage) -> None:
    member = FurtherTeacher(model=ModelSpec(name="lenet-5"))
    key = trained(service, more_teachers=(member,))
    teacher, student = costs([service.experiment(key)], service, "parameters")
    nets = [service.count(one, 10).parameters for one in (TINY.teacher, member.model, TINY.student)]
    assert (teacher.value, student.value) == (nets[0] + nets[1], nets[2])
    page = open_page("compare", experiments=[key])
    no_exception(page)
    assert "Of several teachers, what they cost together." in words(page)
    assert "Teacher: of several, the first." in words(page)
    times, _ = costs([service.experiment(key)], service, "latency")
    each = [service.latency(one, 10).median for one in (TINY.teacher, member.model)]
    assert times.value == pytest.approx(sum(each))


def test_teachers_that_take_no_part_cost_nothing(service: Service, open_page: OpenPage) -> None:
    member = FurtherTeacher(model=ModelSpec(name="lenet-5"))
    key = trained(service, more_teachers=(member,), objective=ObjectiveSpec(name="mutual"))
    teacher, _ = costs([service.experiment(key)], service, "parameters")
    assert teacher.value == service.count(TINY.teacher, 10).parameters
    page = open_page("compare", experiments=[key])
    no_exception(page)
    said = words(page) + " ".join(map(str, page.dataframe[0].value.iloc[0]))
    for one in ("what they cost together", "of several, the first", "averaged by"):
        assert one not in said


def test_peers_that_one_seed_did_not_measure_are_of_the_others(service: Service) -> None:
    key = trained(service, objective=ObjectiveSpec(name="mutual"), seeds=(0, 1))
    watch = service.watch(key)
    older, newer = (watch.experiment.stage(seed, "distilled").hash for seed in (0, 1))
    bare = tuple(replace(row, terms={}) for row in watch.epochs[older])
    seen = SimpleNamespace(watch=lambda _: replace(watch, epochs=watch.epochs | {older: bare}))
    *_, peer = accuracy_lines(cast(Service, seen), [watch.experiment])
    assert (peer.peer, peer.seeds) == ("Peer 1", 1)
    measured = [100 * row.terms["peer 1, validation accuracy"] for row in watch.epochs[newer]]
    assert peer.values == tuple(measured)


def test_soft_targets_are_the_ensembles(service: Service, open_page: OpenPage) -> None:
    member = FurtherTeacher(model=TINY.teacher, seed_offset=1)
    key = trained(service, more_teachers=(member,), combine="probabilities")
    for view in ("lens", "classes"):
        page = open_page("soft_targets", experiment=key, view=view)
        no_exception(page)
        assert "Teacher: all 2 averaged, as they teach." in words(page)
    experiment = service.experiment(key)
    taught = softmax(service.reading.taught(experiment, 0, "validation"), axis=1)
    stages = [one.stage for one in experiment.stages if one.role in ("teacher", "member")]
    alone = [softmax(service.reading.answers(one, "validation").logits_NC, 1) for one in stages]
    assert np.abs(taught - sum(alone) / 2).max() < 1e-6
    assert np.abs(taught - alone[0]).max() > 0.01
