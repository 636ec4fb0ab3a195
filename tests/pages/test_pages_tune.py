"""Searches on the page Tune: the form and its errors; a finished search and its suggestion."""

from __future__ import annotations

import time

import pytest

from tests.examples import TINY, enqueue_study, start_study
from tests.pages.conftest import (
    PATIENCE_SECONDS,
    OpenPage,
    errors,
    no_exception,
    page_text,
    train_study,
)
from tsexplorer.services import StudySnapshot
from tsexplorer.services.demo import is_demo
from tsexplorer.services.service import Service
from tsexplorer.studies.tuning.spec import TuneSpec

SPEC = TuneSpec(base=TINY, trials=16, per_round=16, repeats=2, seeds=2, baselines=2)


@pytest.fixture
def tiny(service: Service) -> StudySnapshot[TuneSpec]:
    """A search over tiny nets, trained for an epoch."""
    return train_study(service, SPEC, "tiny")


def test_without_searches_the_page_explains_them(open_page: OpenPage) -> None:
    page = open_page("tuning")
    text = page_text(page)
    assert "The choice is made **on validation**" in text
    # 32 trials and 4 baselines, then 4 settings and a baseline on 3 seeds.
    assert "32 trials in 4 rounds: **51 students** at most" in text
    assert page.button(key="tune_start").label == "Search"
    assert not page.error
    assert not page.get("plotly_chart")


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("temperatures", "1, warm", "Temperature T from, to: 'warm' is not a number"),
        ("temperatures", "1, 2, 4", "Temperature T from, to: write the lower and the upper end"),
        ("temperatures", "0, 4", "must be above 0"),
        ("lambdas", "", "write the lower and the upper end"),
        ("lambdas", "0, nan", "must lie in 0...1"),
        ("rates", "-1", "must be above 0"),
        ("lambdas", "0, 1, x", "Weight of the labels λ from, to: 'x' is not a number"),
    ],
)
def test_an_invalid_range_is_one_error(
    open_page: OpenPage, key: str, value: str, sentence: str
) -> None:
    page = open_page("tuning")
    page.text_input(key=f"tune.{key}").set_value(value).run()
    no_exception(page)
    (error,) = errors(page)
    assert sentence in error
    assert "tune_start" not in [button.key for button in page.button]


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("trials", 0, "Trials: should be greater than or equal to 2 (given: 0)."),
        ("trials", 5000, "Trials: should be less than or equal to 1000 (given: 5000)."),
        ("seeds", 0, "Seeds for the re-check: should be greater than or equal to 1 (given: 0)."),
    ],
)
def test_an_invalid_number_is_named_by_its_title(
    open_page: OpenPage, key: str, value: int, sentence: str
) -> None:
    page = open_page("tuning")
    page.number_input(key=f"tune.{key}").set_value(value).run()
    assert errors(page) == [sentence]
    assert "tune_start" not in [button.key for button in page.button]


def test_the_form_sets_the_search(open_page: OpenPage, service: Service) -> None:
    page = open_page("tuning")
    page.text_input(key="tune.temperatures").set_value("8, 2")
    page.text_input(key="tune.lambdas").set_value("0.25")
    page.text_input(key="tune.rates").set_value("0.001, 0.01")
    page.number_input(key="tune.trials").set_value(6)
    page.toggle(key="tune.prune").set_value(False).run()
    page.button(key="tune_start").click().run()
    no_exception(page)
    (started,) = service.studies.all("tuning")
    spec = started.spec
    assert (spec.temperatures, spec.lambdas) == ((2, 8), (0.25, 0.25))
    assert (spec.rates, spec.trials, spec.prune) == ((0.001, 0.01), 6, False)
    assert page.query_params["tuning"] == started.id
    service.cancel(started.job or 0)


def test_a_finished_search_has_a_suggestion_and_figures(
    open_page: OpenPage, service: Service, tiny: StudySnapshot[TuneSpec]
) -> None:
    page = open_page("tuning", tuning=tiny.id)
    suggestion = service.studies.results(tiny.id).repeats.suggestion
    assert suggestion is not None
    cell, text = suggestion.result.cell, page_text(page)
    assert f"**T = {cell.temperature:g}, λ = {cell.lam:g}, learning rate" in text
    assert "t over 2 seeds)** on validation" in text
    assert "repeated on 2 seeds that the search never saw" in text
    assert "Baseline (labels alone, at the best of 2 learning rates" in text
    assert "From 16 trials, by PED-ANOVA" in text
    assert len(page.get("plotly_chart")) == 1 + 1 + 3
    assert len(page.dataframe[-1].value) == 16
    page.button(key="adopt").click().run()
    no_exception(page)
    (experiment,) = [item for item in service.experiments() if not is_demo(item)]
    assert experiment.spec.objective.temperature == cell.temperature
    assert experiment.stage(0, "distilled").status == "done"  # taken from the search
    assert "It is the experiment" in page_text(page)
    page = open_page("tuning")
    page.button(key=f"delete_{tiny.id}").click().run()
    no_exception(page)
    assert service.studies.all("tuning") == ()


def test_a_queued_search_can_be_cancelled_on_tune_only(
    open_page: OpenPage, service: Service
) -> None:
    job = enqueue_study(service, SPEC, "waits")
    page = open_page("tuning", tuning=job.experiment_id)
    assert "The search begins when the teacher is trained" in page_text(page)
    page.button(key="job_cancel").click().run()
    no_exception(page)
    assert "Cancelled" in page_text(page)
    compared = open_page("compare", experiments=job.experiment_id)
    assert "is a tuning; open it on the page Tune" in page_text(compared).replace("\\", "")
    train = open_page("train")
    assert f"show_{job.id}" in [button.key for button in train.button]
    assert "waits" not in page_text(open_page("home"))


def test_the_running_round_is_shown(open_page: OpenPage, service: Service) -> None:
    endless = TINY.distilled_train.model_copy(update={"epochs": 10_000})
    base = TINY.model_copy(update={"distilled_train": endless})
    started = start_study(service, SPEC.model_copy(update={"base": base, "per_round": 4}), "long")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not any(trial.epoch for trial in service.studies.results("long").running.values()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    page = open_page("tuning")
    rows = page.dataframe[-1].value
    service.cancel(started.job or 0)
    assert "**0 of 16** trials are over" in page_text(page)
    assert list(rows["Trial"]) == [1, 2, 3, 4]
    assert all("of 10000" in state for state in rows["State"])
    assert rows["Accuracy (%)"].between(0, 100).all()


def test_a_link_to_an_unknown_search_is_a_warning(open_page: OpenPage) -> None:
    page = open_page("tuning", tuning="gone")
    (warning,) = [warning.value for warning in page.warning]
    assert "gone" in warning
    assert "tuning" not in page.query_params
