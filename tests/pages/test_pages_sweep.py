"""The T × λ map: the form and what it refuses; a finished sweep, its choice and its cells."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from tests.examples import TINY, enqueue_study, start_study
from tests.pages.conftest import OpenPage, errors, no_exception, words
from tsexplorer.jobs.progress import JobProgress
from tsexplorer.services import StudySnapshot
from tsexplorer.services.demo import is_demo
from tsexplorer.services.service import ACTIVE, Service
from tsexplorer.specs import ObjectiveSpec
from tsexplorer.studies.sweep.spec import SweepSpec
from tsexplorer.training.events import Progress
from tsexplorer.ui.matrices import Chosen, matrices
from tsexplorer.ui.study import sweep_view

GRID = SweepSpec(base=TINY, temperatures=(1, 4), lambdas=(0, 0.5), seeds=(0, 1))
PATIENCE_SECONDS = 60

Click = Callable[[int, int, int], None]


@pytest.fixture
def tiny(service: Service) -> StudySnapshot[SweepSpec]:
    """A sweep of tiny nets, trained for an epoch."""
    return trained(service, GRID, "tiny")


@pytest.fixture
def click(monkeypatch: pytest.MonkeyPatch) -> Click:
    """``click(matrix, row, column)``: what the browser would send from then on."""

    def clicked(matrix: int, row: int, column: int) -> None:
        def chosen(*given: object, **named: object) -> Chosen:
            matrices(*given, **named)  # type: ignore[arg-type]
            return Chosen(matrix, row, column)

        monkeypatch.setattr(sweep_view, matrices.__name__, chosen)

    return clicked


def trained(service: Service, spec: SweepSpec, name: str) -> StudySnapshot[SweepSpec]:
    key = start_study(service, spec, name).id
    deadline = time.monotonic() + PATIENCE_SECONDS
    while service.studies.get(key).status in ACTIVE and time.monotonic() < deadline:
        time.sleep(0.05)
    found = service.studies.get(key)
    assert found.status == "done"
    return found


def test_a_first_visit_explains_and_offers_a_grid(open_page: OpenPage) -> None:
    page = open_page("sweep")
    said = words(page)
    assert "The choice is made **on validation**" in said
    assert "25 cells, 3 seeds: **63 students**. 1 other net first." in said
    assert "its students train together" in said
    assert page.selectbox(key="data").value == "mnist-5k"
    assert page.button(key="sweep_start").label == "Train the map"
    assert not page.error
    assert page.query_params["finding"] == "quick"  # a map that ships is open beside it
    assert len(page.get("bidi_component")) == 1


def test_what_does_not_stack_is_said(open_page: OpenPage) -> None:
    page = open_page("sweep", student="lenet-5")
    assert "its students train one after the other" in words(page)


@pytest.mark.parametrize(
    ("key", "values", "sentence"),
    [
        ("temperatures", "4, warm", "Temperatures T: 'warm' is not a number"),
        ("temperatures", " , ", "else the grid is empty"),
        ("temperatures", "0", "must be above 0"),
        ("temperatures", "inf", "at most 1000"),
        ("temperatures", "4, 4.0", "4 stands there twice"),
        ("lambdas", "", "else the grid is empty"),
        ("lambdas", "1.5", "must lie in 0...1"),
        ("lambdas", "nan", "must lie in 0...1"),
        ("rates", "-0.1", "must be above 0"),
    ],
)
def test_bad_input_is_one_sentence(
    open_page: OpenPage, key: str, values: str, sentence: str
) -> None:
    page = open_page("sweep")
    page.text_input(key=f"sweep.{key}").set_value(values).run()
    no_exception(page)
    (said,) = errors(page)
    assert sentence in said
    assert "sweep_start" not in [one.key for one in page.button]


def test_each_axis_and_field_that_is_wrong_is_said_once(open_page: OpenPage) -> None:
    page = open_page("sweep")
    page.text_input(key="sweep.temperatures").set_value("-3, -2, -1")
    page.text_input(key="sweep.lambdas").set_value("7, 8")
    page.number_input(key="teacher_train.epochs").set_value(0).run()
    no_exception(page)
    (said,) = errors(page)
    for control in ("Temperatures T: ", "Weights of the labels λ: ", "Teacher, Epochs: "):
        assert said.count(control) == 1
    assert "(given: -3" in said
    assert "temperatures." not in said


def test_of_many_wrong_fields_the_rest_is_counted(open_page: OpenPage) -> None:
    page = open_page("sweep")
    for stage in ("teacher", "distilled"):
        for field in ("epochs", "batch_size", "learning_rate"):
            page.number_input(key=f"{stage}_train.{field}").set_value(0)
    page.run()
    (said,) = errors(page)
    assert said.count(": should be") == 4
    assert said.endswith("2 more are wrong.")


def test_too_many_students_are_refused(open_page: OpenPage) -> None:
    page = open_page("sweep")
    page.text_input(key="sweep.temperatures").set_value(", ".join(map(str, range(1, 61))))
    page.number_input(key="sweep.seeds").set_value(20).run()
    (said,) = errors(page)
    assert "60" in said or "6,000" in said
    assert "2,500" in said


def test_values_of_ones_own_make_the_grid(open_page: OpenPage, service: Service) -> None:
    page = open_page("sweep")
    page.text_input(key="sweep.temperatures").set_value("9, 2.7 1")
    page.text_input(key="sweep.lambdas").set_value("0.3")
    page.text_input(key="sweep.rates").set_value("0.01; 0.001")
    page.number_input(key="sweep.seeds").set_value(2).run()
    assert "6 cells, 2 seeds" in words(page)
    page.button(key="sweep_start").click().run()
    no_exception(page)
    (started,) = service.studies.all("sweep")
    assert list(started.spec.temperatures) == [1, 2.7, 9]
    assert list(started.spec.lambdas) == [0.3]
    assert list(started.spec.learning_rates) == [0.001, 0.01]
    assert list(started.spec.seeds) == [0, 1]
    assert page.query_params["sweep"] == started.id
    assert started.job is not None
    service.cancel(started.job)


def test_a_cluster_is_named_by_its_address(
    open_page: OpenPage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page("sweep")
    field = page.text_input(key="sweep.cluster")
    assert field.value == ""
    field.set_value("box").run()
    (said,) = errors(page)
    assert said.startswith("'box' is not the address of a Dask scheduler")
    assert "sweep_start" not in [one.key for one in page.button]
    monkeypatch.setattr(service.worker, "wake_worker", lambda: None)
    page.text_input(key="sweep.cluster").set_value("127.0.0.1:8786").run()
    page.button(key="sweep_start").click().run()
    no_exception(page)
    (job,) = service.jobs()
    assert job.cluster == "tcp://127.0.0.1:8786"


def test_chunks_stand_for_epochs_where_a_cluster_trains(
    open_page: OpenPage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = enqueue_study(service, GRID, "away", "tcp://127.0.0.1:8786")
    assert service.store.claim("elsewhere:1:1") is not None
    doing = "1 of 4 chunks, on a cluster of 2 workers"
    progress = Progress("", doing, 0, 0, 0.25, seconds=20.0, seconds_left=60.0, loss=None)
    standing = JobProgress(progress, 3, 11, ("A pause sends no more chunks.",))
    monkeypatch.setattr(service, "progress", lambda _job: standing)
    page = open_page("sweep", sweep=sweep.experiment_id)
    said = [one.proto.text for one in page.get("progress")]
    assert said == [f"Training · the teacher first · {doing} · 1 min 0 s left for it"]
    assert "A pause sends no more chunks" in words(page)
    assert service.store.set_job_status(sweep.id, "paused")
    page.run()
    assert page.button(key="job_step").label == "Send one chunk"


def test_no_cluster_is_offered_where_they_are_switched_off(
    open_page: OpenPage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.settings, "cluster", "off")
    page = open_page("sweep")
    assert "sweep.cluster" not in [one.key for one in page.text_input]
    assert "sweep_start" in [one.key for one in page.button]


def test_a_link_that_names_nothing_is_said(open_page: OpenPage) -> None:
    page = open_page("sweep", sweep="gone")
    (said,) = [one.value for one in page.warning]
    assert "gone" in said
    assert "sweep" not in page.query_params


def test_a_finished_sweep_names_its_choice_and_how_sure_it_is(
    open_page: OpenPage, service: Service, tiny: StudySnapshot[SweepSpec]
) -> None:
    page = open_page("sweep", sweep=tiny.id)
    figures = service.studies.results(tiny.id)
    assert figures.chosen is not None
    said = words(page)
    cell, test = figures.chosen.cell, figures.chosen.test
    assert f"**T = {cell.temperature:g}, λ = {cell.lam:g}**, test accuracy **" in said
    assert f"{100 * test.mean:.2f} % (95 % interval" in said
    others = sum(one.may_be_best for one in figures.map.cells) - 1
    if others:
        assert f"{others} of 3 other settings cannot be told apart" in said
    assert "Validation split of MNIST" in said
    assert "None is corrected for the number of cells" in said
    assert "Baseline (λ = 1)" in said
    assert len(page.get("plotly_chart")) == 2
    table = page.dataframe[-1].value
    assert len(table) == 4
    assert table["Accuracy (%)"].max() == pytest.approx(
        100 * max(one.accuracy.mean for one in figures.map.cells)
    )
    assert table["May be best"].sum() == others + 1


def test_a_teacher_that_is_not_better_leaves_no_gap_and_no_empty_map(
    open_page: OpenPage, service: Service
) -> None:
    lazy = TINY.teacher_train.model_copy(update={"learning_rate": 1e-9})
    keen = TINY.distilled_train.model_copy(update={"learning_rate": 0.05})
    base = TINY.model_copy(update={"teacher_train": lazy, "distilled_train": keen})
    sweep = trained(service, GRID.model_copy(update={"base": base}), "lazy")
    page = open_page("sweep", sweep=sweep.id)
    assert len(page.get("bidi_component")) == 1
    page.button_group(key="sweep.measure").set_value("gap").run()
    no_exception(page)
    assert not page.get("bidi_component")
    assert "There is no gap to close: the teacher is not better" in words(page)


@pytest.mark.parametrize("measure", ["gap", "agreement", "ece"])
def test_the_map_shows_other_figures(
    open_page: OpenPage, tiny: StudySnapshot[SweepSpec], measure: str
) -> None:
    page = open_page("sweep", sweep=tiny.id)
    before = page.get("bidi_component")[0].proto.json
    page.button_group(key="sweep.measure").set_value(measure).run()
    no_exception(page)
    assert page.get("bidi_component")[0].proto.json != before


def test_a_cell_becomes_an_experiment(
    open_page: OpenPage, service: Service, tiny: StudySnapshot[SweepSpec], click: Click
) -> None:
    click(0, 1, 0)
    page = open_page("sweep", sweep=tiny.id)
    assert "T = 1, λ = 0.5" in [one.value for one in page.subheader]
    assert "Through the cell you chose" in words(page)
    page.button(key="adopt").click().run()
    no_exception(page)
    (made,) = [one for one in service.experiments() if not is_demo(one)]
    assert (made.spec.objective.temperature, made.spec.objective.lam) == (1, 0.5)
    assert made.spec.seeds == (0,)
    assert made.stage(0, "distilled").status == "done"  # taken from the sweep
    assert "It is the experiment" in words(page)
    assert {"to_compare", "to_soft_targets", "to_try_digit"} <= {one.key for one in page.button}


def test_rates_have_maps_side_by_side_and_parallel_axes(
    open_page: OpenPage, service: Service, click: Click
) -> None:
    spec = GRID.model_copy(update={"learning_rates": (0.001, 0.01), "seeds": (0,)})
    sweep = trained(service, spec, "rates")
    click(1, 0, 1)
    page = open_page("sweep", sweep=sweep.id)
    said = words(page)
    assert "T = 4, λ = 0, learning rate 0.01" in said
    assert "at the learning rate that suits it best" in said
    assert "binomial over images, 1 seed" in said
    assert len(page.get("plotly_chart")) == 3
    assert set(page.dataframe[-1].value["Learning rate"]) == {0.001, 0.01}


def test_a_baseline_among_the_best_is_said_and_counted_once(
    open_page: OpenPage, service: Service
) -> None:
    spec = GRID.model_copy(update={"lambdas": (1.0,), "seeds": (0,), "temperatures": (1, 4, 9)})
    spec = spec.model_copy(update={"learning_rates": (0.001, 0.0011)})
    sweep = trained(service, spec, "labels")
    page = open_page("sweep", sweep=sweep.id)
    said = words(page)
    assert "λ = 1 (the baseline, whatever T), learning rate" in said
    assert "1 of 1 other settings cannot be told apart" in said  # three T, one training a rate
    assert "The baseline is among the best" in said


def test_additive_has_its_baseline_outside_the_map(open_page: OpenPage, service: Service) -> None:
    page = open_page("sweep")
    page.selectbox(key="sweep.objective").set_value("additive").run()
    assert "25 cells, 3 seeds: **78 students**" in words(page)
    base = TINY.model_copy(update={"objective": ObjectiveSpec(name="additive")})
    sweep = trained(service, GRID.model_copy(update={"base": base, "lambdas": (1.0,)}), "additive")
    said = words(open_page("sweep", sweep=sweep.id))
    assert "Baseline (labels alone): **" in said
    assert re.search(r"\*\*T = \d, λ = 1\*\*, test accuracy", said)


def test_a_sweep_can_be_deleted(
    open_page: OpenPage, service: Service, tiny: StudySnapshot[SweepSpec]
) -> None:
    page = open_page("sweep")
    assert page.query_params["sweep"] == tiny.id  # the newest
    page.button(key=f"delete_{tiny.id}").click().run()
    no_exception(page)
    assert service.studies.all("sweep") == ()
    assert "The choice is made **on validation**" in words(page)


def test_what_is_known_of_a_cancelled_sweep_stays(open_page: OpenPage, service: Service) -> None:
    sweep = enqueue_study(service, GRID, "waits")
    page = open_page("sweep", sweep=sweep.experiment_id)
    assert "The map begins with the first finished epoch" in words(page)
    page.button(key="job_cancel").click().run()
    no_exception(page)
    said = words(page)
    assert "Cancelled" in said
    assert "0 of " in said
    assert "job_resume" in [one.key for one in page.button]


def test_the_grids_objective_brings_its_options(open_page: OpenPage, service: Service) -> None:
    page = open_page("sweep", teacher="mlp-64", student="hinton-narrow")
    page.selectbox(key="sweep.objective").set_value("dkd").run()
    page.number_input(key="dkd.beta").set_value(4.0).run()
    no_exception(page)
    assert r"4\cdot\mathrm{KL}" in page.latex[0].value
    assert "T^2" in page.latex[0].value
    page.text_input(key="sweep.name").set_value("apart").run()
    service.studies._wake_worker = lambda: None  # it waits in the queue
    page.button(key="sweep_start").click().run()
    no_exception(page)
    base = service.studies.get("apart").spec.base
    assert (base.objective.name, base.objective.options) == ("dkd", {"beta": 4.0})


def test_axes_that_are_no_numbers_are_all_said(open_page: OpenPage) -> None:
    page = open_page("sweep")
    page.text_input(key="sweep.temperatures").set_value("4, warm").run()
    page.text_input(key="sweep.lambdas").set_value("half").run()
    (said,) = errors(page)
    assert "Temperatures T: 'warm' is not a number" in said
    assert "Weights of the labels λ: 'half' is not a number" in said
