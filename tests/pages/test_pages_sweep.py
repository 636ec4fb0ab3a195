"""Maps on the page Tune: the form and its errors; a finished sweep, its choice and its cells."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.examples import TINY, enqueue_study
from tests.pages.conftest import OpenPage, errors, no_exception, page_text, train_study
from tsexplorer.jobs.progress import JobProgress
from tsexplorer.services import StudySnapshot
from tsexplorer.services.demo import is_demo
from tsexplorer.services.service import Service
from tsexplorer.specs import ObjectiveSpec
from tsexplorer.studies.sweep.spec import SweepSpec
from tsexplorer.training.events import Progress
from tsexplorer.ui.matrices import CellIndex, matrices
from tsexplorer.ui.study import sweep_view

GRID = SweepSpec(base=TINY, temperatures=(1, 4), lambdas=(0, 0.5), seeds=(0, 1))

ClickCell = Callable[[int, int, int], None]


@pytest.fixture
def tiny(service: Service) -> StudySnapshot[SweepSpec]:
    """A sweep of tiny nets, trained for an epoch."""
    return train_study(service, GRID, "tiny")


@pytest.fixture
def click_cell(monkeypatch: pytest.MonkeyPatch) -> ClickCell:
    """``click_cell(matrix, row, column)`` makes this cell the choice in all later runs."""

    def click(matrix: int, row: int, column: int) -> None:
        def with_choice(*args: object, **options: object) -> CellIndex:
            matrices(*args, **options)  # type: ignore[arg-type]
            return CellIndex(matrix, row, column)

        monkeypatch.setattr(sweep_view, matrices.__name__, with_choice)

    return click


def test_without_sweeps_the_page_explains_maps(open_page: OpenPage) -> None:
    page = open_page("sweep")
    text = page_text(page)
    assert "The choice is made **on validation**" in text
    assert "25 cells, 3 seeds: **63 students**. 1 other net first." in text
    assert "its students train together" in text
    assert page.selectbox(key="data").value == "mnist-5k"
    assert page.button(key="sweep_start").label == "Train the map"
    assert not page.error
    assert page.query_params["finding"] == "quick"  # a ready-made map is shown
    assert len(page.get("bidi_component")) == 1


def test_students_that_cannot_stack_train_in_turn(open_page: OpenPage) -> None:
    page = open_page("sweep", student="lenet-5")
    assert "its students train one after the other" in page_text(page)


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
def test_an_invalid_axis_is_one_error(
    open_page: OpenPage, key: str, values: str, sentence: str
) -> None:
    page = open_page("sweep")
    page.text_input(key=f"sweep.{key}").set_value(values).run()
    no_exception(page)
    (error,) = errors(page)
    assert sentence in error
    assert "sweep_start" not in [button.key for button in page.button]


def test_each_invalid_field_is_named_once(open_page: OpenPage) -> None:
    page = open_page("sweep")
    page.text_input(key="sweep.temperatures").set_value("-3, -2, -1")
    page.text_input(key="sweep.lambdas").set_value("7, 8")
    page.number_input(key="teacher_train.epochs").set_value(0).run()
    no_exception(page)
    (error,) = errors(page)
    for control in ("Temperatures T: ", "Weights of the labels λ: ", "Teacher, Epochs: "):
        assert error.count(control) == 1
    assert "(given: -3" in error
    assert "temperatures." not in error


def test_only_four_invalid_fields_are_named(open_page: OpenPage) -> None:
    page = open_page("sweep")
    for stage in ("teacher", "distilled"):
        for field in ("epochs", "batch_size", "learning_rate"):
            page.number_input(key=f"{stage}_train.{field}").set_value(0)
    page.run()
    (error,) = errors(page)
    assert error.count(": should be") == 4
    assert error.endswith("2 more are wrong.")


def test_too_many_students_are_an_error(open_page: OpenPage) -> None:
    page = open_page("sweep")
    page.text_input(key="sweep.temperatures").set_value(", ".join(map(str, range(1, 61))))
    page.number_input(key="sweep.seeds").set_value(20).run()
    (error,) = errors(page)
    assert "60" in error or "6,000" in error
    assert "2,500" in error


def test_the_form_sets_the_grid(open_page: OpenPage, service: Service) -> None:
    page = open_page("sweep")
    page.text_input(key="sweep.temperatures").set_value("9, 2.7 1")
    page.text_input(key="sweep.lambdas").set_value("0.3")
    page.text_input(key="sweep.rates").set_value("0.01; 0.001")
    page.number_input(key="sweep.seeds").set_value(2).run()
    assert "6 cells, 2 seeds" in page_text(page)
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


def test_the_form_sets_the_address_of_a_cluster(
    open_page: OpenPage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page("sweep")
    field = page.text_input(key="sweep.cluster")
    assert field.value == ""
    field.set_value("box").run()
    (error,) = errors(page)
    assert error.startswith("'box' is not the address of a Dask scheduler")
    assert "sweep_start" not in [button.key for button in page.button]
    monkeypatch.setattr(service.worker, "wake_worker", lambda: None)
    page.text_input(key="sweep.cluster").set_value("127.0.0.1:8786").run()
    page.button(key="sweep_start").click().run()
    no_exception(page)
    (job,) = service.jobs()
    assert job.cluster == "tcp://127.0.0.1:8786"


def test_progress_on_a_cluster_counts_chunks(
    open_page: OpenPage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = enqueue_study(service, GRID, "on a cluster", "tcp://127.0.0.1:8786")
    assert service.store.claim("elsewhere:1:1") is not None
    doing = "1 of 4 chunks, on a cluster of 2 workers"
    progress = Progress("", doing, 0, 0, 0.25, seconds=20.0, seconds_left=60.0, loss=None)
    job_progress = JobProgress(progress, 3, 11, ("A pause sends no more chunks.",))
    monkeypatch.setattr(service, "progress", lambda _job: job_progress)
    page = open_page("sweep", sweep=sweep.experiment_id)
    bars = [bar.proto.text for bar in page.get("progress")]
    assert bars == [f"Training · the teacher first · {doing} · 1 min 0 s left for it"]
    assert "A pause sends no more chunks" in page_text(page)
    assert service.store.set_job_status(sweep.id, "paused")
    page.run()
    assert page.button(key="job_step").label == "Send one chunk"


def test_without_clusters_the_form_has_no_address(
    open_page: OpenPage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.settings, "cluster", "off")
    page = open_page("sweep")
    assert "sweep.cluster" not in [field.key for field in page.text_input]
    assert "sweep_start" in [button.key for button in page.button]


def test_a_link_to_an_unknown_sweep_is_a_warning(open_page: OpenPage) -> None:
    page = open_page("sweep", sweep="gone")
    (warning,) = [warning.value for warning in page.warning]
    assert "gone" in warning
    assert "sweep" not in page.query_params


def test_a_finished_sweep_names_its_choice_and_rivals(
    open_page: OpenPage, service: Service, tiny: StudySnapshot[SweepSpec]
) -> None:
    page = open_page("sweep", sweep=tiny.id)
    results = service.studies.results(tiny.id)
    assert results.chosen is not None
    text = page_text(page)
    cell, test = results.chosen.cell, results.chosen.test
    assert f"**T = {cell.temperature:g}, λ = {cell.lam:g}**, test accuracy **" in text
    assert f"{100 * test.mean:.2f} % (95 % interval" in text
    others = sum(result.may_be_best for result in results.map.cells) - 1
    if others:
        assert f"{others} of 3 other settings cannot be told apart" in text
    assert "Validation split of MNIST" in text
    assert "None is corrected for the number of cells" in text
    assert "Baseline (λ = 1)" in text
    assert len(page.get("plotly_chart")) == 2
    table = page.dataframe[-1].value
    assert len(table) == 4
    assert table["Accuracy (%)"].max() == pytest.approx(
        100 * max(result.accuracy.mean for result in results.map.cells)
    )
    assert table["May be best"].sum() == others + 1


def test_a_map_without_gaps_says_why_it_is_empty(open_page: OpenPage, service: Service) -> None:
    lazy = TINY.teacher_train.model_copy(update={"learning_rate": 1e-9})
    keen = TINY.distilled_train.model_copy(update={"learning_rate": 0.05})
    base = TINY.model_copy(update={"teacher_train": lazy, "distilled_train": keen})
    sweep = train_study(service, GRID.model_copy(update={"base": base}), "lazy")
    page = open_page("sweep", sweep=sweep.id)
    assert len(page.get("bidi_component")) == 1
    page.button_group(key="sweep.measure").set_value("gap").run()
    no_exception(page)
    assert not page.get("bidi_component")
    assert "There is no gap to close: the teacher is not better" in page_text(page)


@pytest.mark.parametrize("measure", ["gap", "agreement", "ece"])
def test_the_map_shows_other_metrics(
    open_page: OpenPage, tiny: StudySnapshot[SweepSpec], measure: str
) -> None:
    page = open_page("sweep", sweep=tiny.id)
    before = page.get("bidi_component")[0].proto.json
    page.button_group(key="sweep.measure").set_value(measure).run()
    no_exception(page)
    assert page.get("bidi_component")[0].proto.json != before


def test_a_cell_can_be_made_an_experiment(
    open_page: OpenPage, service: Service, tiny: StudySnapshot[SweepSpec], click_cell: ClickCell
) -> None:
    click_cell(0, 1, 0)
    page = open_page("sweep", sweep=tiny.id)
    assert "T = 1, λ = 0.5" in [subheader.value for subheader in page.subheader]
    assert "Through the cell you chose" in page_text(page)
    page.button(key="adopt").click().run()
    no_exception(page)
    (experiment,) = [item for item in service.experiments() if not is_demo(item)]
    assert (experiment.spec.objective.temperature, experiment.spec.objective.lam) == (1, 0.5)
    assert experiment.spec.seeds == (0,)
    assert experiment.stage(0, "distilled").status == "done"  # taken from the sweep
    assert "It is the experiment" in page_text(page)
    assert {"to_compare", "to_soft_targets", "to_try_digit"} <= {
        button.key for button in page.button
    }


def test_each_learning_rate_has_its_own_map(
    open_page: OpenPage, service: Service, click_cell: ClickCell
) -> None:
    spec = GRID.model_copy(update={"learning_rates": (0.001, 0.01), "seeds": (0,)})
    sweep = train_study(service, spec, "rates")
    click_cell(1, 0, 1)
    page = open_page("sweep", sweep=sweep.id)
    text = page_text(page)
    assert "T = 4, λ = 0, learning rate 0.01" in text
    assert "at its best learning rate" in text
    assert "binomial over images, 1 seed" in text
    assert len(page.get("plotly_chart")) == 3
    assert set(page.dataframe[-1].value["Learning rate"]) == {0.001, 0.01}


def test_a_baseline_among_the_best_is_counted_once(open_page: OpenPage, service: Service) -> None:
    spec = GRID.model_copy(update={"lambdas": (1.0,), "seeds": (0,), "temperatures": (1, 4, 9)})
    spec = spec.model_copy(update={"learning_rates": (0.001, 0.0011)})
    sweep = train_study(service, spec, "labels")
    page = open_page("sweep", sweep=sweep.id)
    text = page_text(page)
    assert "λ = 1 (the baseline, whatever T), learning rate" in text
    # With λ = 1, all T are the same training: one for each learning rate.
    assert "1 of 1 other settings cannot be told apart" in text
    assert "The baseline is among the best" in text


def test_the_baseline_of_additive_is_outside_the_map(open_page: OpenPage, service: Service) -> None:
    page = open_page("sweep")
    page.selectbox(key="sweep.objective").set_value("additive").run()
    assert "25 cells, 3 seeds: **78 students**" in page_text(page)
    base = TINY.model_copy(update={"objective": ObjectiveSpec(name="additive")})
    sweep = train_study(
        service, GRID.model_copy(update={"base": base, "lambdas": (1.0,)}), "additive"
    )
    text = page_text(open_page("sweep", sweep=sweep.id))
    assert "Baseline (labels alone): **" in text
    assert re.search(r"\*\*T = \d, λ = 1\*\*, test accuracy", text)


def test_a_sweep_can_be_deleted(
    open_page: OpenPage, service: Service, tiny: StudySnapshot[SweepSpec]
) -> None:
    page = open_page("sweep")
    assert page.query_params["sweep"] == tiny.id  # the newest
    page.button(key=f"delete_{tiny.id}").click().run()
    no_exception(page)
    assert service.studies.all("sweep") == ()
    assert "The choice is made **on validation**" in page_text(page)


def test_a_cancelled_sweep_can_be_resumed(open_page: OpenPage, service: Service) -> None:
    sweep = enqueue_study(service, GRID, "waits")
    page = open_page("sweep", sweep=sweep.experiment_id)
    assert "The map begins with the first finished epoch" in page_text(page)
    page.button(key="job_cancel").click().run()
    no_exception(page)
    text = page_text(page)
    assert "Cancelled" in text
    assert "0 of " in text
    assert "job_resume" in [button.key for button in page.button]


def test_an_objective_of_the_grid_has_its_options(
    open_page: OpenPage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page("sweep", teacher="mlp-64", student="hinton-narrow")
    page.selectbox(key="sweep.objective").set_value("dkd").run()
    page.number_input(key="dkd.beta").set_value(4.0).run()
    no_exception(page)
    assert r"4\cdot\mathrm{KL}" in page.latex[0].value
    assert "T^2" in page.latex[0].value
    page.text_input(key="sweep.name").set_value("apart").run()
    monkeypatch.setattr(service.worker, "wake_worker", lambda: None)  # the sweep stays queued
    page.button(key="sweep_start").click().run()
    no_exception(page)
    base = service.studies.get("apart").spec.base
    assert (base.objective.name, base.objective.options) == ("dkd", {"beta": 4.0})


def test_all_axes_without_numbers_are_named(open_page: OpenPage) -> None:
    page = open_page("sweep")
    page.text_input(key="sweep.temperatures").set_value("4, warm").run()
    page.text_input(key="sweep.lambdas").set_value("half").run()
    (error,) = errors(page)
    assert "Temperatures T: 'warm' is not a number" in error
    assert "Weights of the labels λ: 'half' is not a number" in error
