"""Ready-made maps on the page Tune: shown without training, trained here, beside own sweeps."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.examples import TINY, enqueue_study
from tests.pages.conftest import OpenPage, no_exception, page_text
from tsexplorer.plots.grid_metrics import estimate_in_words
from tsexplorer.published.maps import get_ready_map, load_map, published_map_names
from tsexplorer.services.demo import is_demo
from tsexplorer.services.service import Service
from tsexplorer.studies.sweep.spec import SweepSpec
from tsexplorer.ui.matrices import CellIndex, matrices
from tsexplorer.ui.study import sweep_view
from tsexplorer.ui.study.picker import READY_MAP, SOURCE
from tsexplorer.ui.url_state import FINDING, SWEEP

QUICK = get_ready_map("quick")


def button_keys(page: AppTest) -> set[str | None]:
    return {button.key for button in page.button}


def enqueued(service: Service, name: str) -> str:
    """Add a sweep that stays in the queue; return its id."""
    spec = SweepSpec(base=TINY, temperatures=(1, 4), lambdas=(0,), seeds=(0,))
    return enqueue_study(service, spec, name).experiment_id


def click_cell(monkeypatch: pytest.MonkeyPatch, row: int, column: int) -> None:
    """Let the browser send a click on a cell in every run from now on."""

    def clicked(*args: object, **options: object) -> CellIndex:
        matrices(*args, **options)  # type: ignore[arg-type]
        return CellIndex(0, row, column)

    monkeypatch.setattr(sweep_view, matrices.__name__, clicked)


@pytest.mark.parametrize("name", published_map_names())
def test_a_ready_map_is_shown_like_a_trained_sweep(open_page: OpenPage, name: str) -> None:
    page = open_page("sweep", finding=name)
    published = load_map(name)
    assert published.results.chosen is not None
    text = page_text(page)
    assert page.selectbox(key=READY_MAP).value == name
    assert published.entry.question in text
    assert published.entry.answer in text
    assert "made map has figures, but no nets" in text
    assert f"test accuracy **{estimate_in_words(published.results.chosen.test)}**" in text
    assert page.code[0].value == f"python -m tsexplorer sweep --finding {name}"
    assert len(page.get("bidi_component")) == 1
    assert len(page.get("plotly_chart")) == 2
    assert len(page.dataframe[-1].value) == len(published.results.sweep.spec.cells)
    assert not page.error
    assert page.query_params[FINDING] == name


def test_a_ready_map_fills_the_form(open_page: OpenPage, service: Service) -> None:
    page = open_page("sweep", finding="quick", student="wu-mlp", data="mnist")
    page.text_input(key="sweep.temperatures").set_value("9").run()
    page.button(key="finding_fill").click().run()
    no_exception(page)
    assert page.text_input(key="sweep.temperatures").value == "1, 2, 4, 8, 16"
    page.button(key="sweep_start").click().run()
    no_exception(page)
    (started,) = service.studies.all("sweep")
    hashes = [[stage.hash for stage in spec.students] for spec in (started.spec, QUICK.spec)]
    assert hashes[0] == hashes[1]
    assert page.query_params[SWEEP] == started.id  # the sweep replaces the map
    assert FINDING not in page.query_params
    service.cancel(started.job or 0)


def test_a_cell_of_a_ready_map_can_be_trained(
    open_page: OpenPage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    click_cell(monkeypatch, 1, 3)
    page = open_page("sweep", finding="quick")
    assert "T = 8, λ = 0.25" in [subheader.value for subheader in page.subheader]
    assert "the cell has 3 nets; 3 of them are not trained here yet" in page_text(page)
    assert {"cell_cost", "train_cell"} <= button_keys(page)
    assert not {"adopt", "to_compare", "to_soft_targets"} & button_keys(page)
    page.button(key="train_cell").click().run()
    no_exception(page)
    (experiment,) = [experiment for experiment in service.experiments() if not is_demo(experiment)]
    assert (experiment.spec.objective.temperature, experiment.spec.objective.lam) == (8, 0.25)
    cell = QUICK.spec.cells[1 * 5 + 3]
    assert experiment.stage(0, "distilled").hash == QUICK.spec.student(cell, 0).hash
    assert "It is the experiment" in page_text(page)
    (job,) = service.jobs(active_only=True)
    service.cancel(job.id)


def test_ready_maps_and_own_sweeps_are_chosen_separately(
    open_page: OpenPage, service: Service
) -> None:
    first, second = enqueued(service, "first"), enqueued(service, "second")
    page = open_page("sweep")
    assert page.query_params[SWEEP] == second  # the newest
    page.selectbox(key="sweep.shown").set_value(first).run()
    assert page.query_params[SWEEP] == first
    page.button_group(key=SOURCE).set_value(FINDING).run()
    no_exception(page)
    assert (page.query_params[FINDING], SWEEP in page.query_params) == ("quick", False)
    assert QUICK.question in page_text(page)
    page.button_group(key=SOURCE).set_value(SWEEP).run()
    assert (SWEEP in page.query_params, FINDING in page.query_params) == (True, False)


@pytest.mark.parametrize("name", ["nothing", "../demo/demo"])
def test_a_link_to_an_unknown_map_is_replaced(open_page: OpenPage, name: str) -> None:
    page = open_page("sweep", finding=name)
    (warning,) = [warning.value for warning in page.warning]
    assert r"There is no ready\-made map called" in warning
    assert "Shown instead: a ready-made map" in warning
    assert page.query_params[FINDING] == "quick"
