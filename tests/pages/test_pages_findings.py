"""Ready-made maps on the page Tune: opened without training, trained here, beside own maps."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.examples import TINY, enqueue_study
from tests.pages.conftest import OpenPage, no_exception, words
from tsexplorer.plots.grid_metrics import in_words
from tsexplorer.published.maps import get_finding, shipped, shipped_names
from tsexplorer.services.demo import is_demo
from tsexplorer.services.service import Service
from tsexplorer.studies.sweep.spec import SweepSpec
from tsexplorer.ui.matrices import Chosen, matrices
from tsexplorer.ui.study import sweep_view
from tsexplorer.ui.study.picker import SHIPPED, SOURCE
from tsexplorer.ui.url_state import FINDING, SWEEP

QUICK = get_finding("quick")


def keys(page: AppTest) -> set[str | None]:
    return {one.key for one in page.button}


def enqueued(service: Service, name: str) -> str:
    """A sweep that nobody trains."""
    spec = SweepSpec(base=TINY, temperatures=(1, 4), lambdas=(0,), seeds=(0,))
    return enqueue_study(service, spec, name).experiment_id


def click(monkeypatch: pytest.MonkeyPatch, row: int, column: int) -> None:
    """What the browser sends from then on."""

    def chosen(*given: object, **named: object) -> Chosen:
        matrices(*given, **named)  # type: ignore[arg-type]
        return Chosen(0, row, column)

    monkeypatch.setattr(sweep_view, matrices.__name__, chosen)


@pytest.mark.parametrize("name", shipped_names())
def test_a_finding_shows_what_a_trained_sweep_shows_and_that_it_ships(
    open_page: OpenPage, name: str
) -> None:
    page = open_page("sweep", finding=name)
    found = shipped(name)
    assert found.figures.chosen is not None
    said = words(page)
    assert page.selectbox(key=SHIPPED).value == name
    assert found.finding.asks in said
    assert found.finding.shows in said
    assert "ships with the app as figures, without its nets" in said
    assert f"test accuracy **{in_words(found.figures.chosen.test)}**" in said
    assert page.code[0].value == f"python -m tsexplorer sweep --finding {name}"
    assert len(page.get("bidi_component")) == 1
    assert len(page.get("plotly_chart")) == 2
    assert len(page.dataframe[-1].value) == len(found.figures.sweep.spec.cells)
    assert not page.error
    assert page.query_params[FINDING] == name


def test_a_finding_fills_the_form(open_page: OpenPage, service: Service) -> None:
    page = open_page("sweep", finding="quick", student="wu-mlp", data="mnist")
    page.text_input(key="sweep.temperatures").set_value("9").run()
    page.button(key="finding_fill").click().run()
    no_exception(page)
    assert page.text_input(key="sweep.temperatures").value == "1, 2, 4, 8, 16"
    page.button(key="sweep_start").click().run()
    no_exception(page)
    (started,) = service.studies.all("sweep")
    assert [one.hash for one in started.spec.students] == [one.hash for one in QUICK.spec.students]
    assert page.query_params[SWEEP] == started.id  # what is trained here takes its place
    assert FINDING not in page.query_params
    service.cancel(started.job or 0)


def test_a_cell_of_a_finding_can_be_trained_here(
    open_page: OpenPage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    click(monkeypatch, 1, 3)
    page = open_page("sweep", finding="quick")
    assert "T = 8, λ = 0.25" in [one.value for one in page.subheader]
    assert "it has 3 nets, 3 of them still to be trained here" in words(page)
    assert {"cell_cost", "train_cell"} <= keys(page)
    assert not {"adopt", "to_compare", "to_soft_targets"} & keys(page)
    page.button(key="train_cell").click().run()
    no_exception(page)
    (made,) = [one for one in service.experiments() if not is_demo(one)]
    assert (made.spec.objective.temperature, made.spec.objective.lam) == (8, 0.25)
    cell = QUICK.spec.cells[1 * 5 + 3]
    assert made.stage(0, "distilled").hash == QUICK.spec.student(cell, 0).hash
    assert "It is the experiment" in words(page)
    (job,) = service.jobs(active_only=True)
    service.cancel(job.id)


def test_findings_stand_apart_from_ones_own_sweeps(open_page: OpenPage, service: Service) -> None:
    first, second = enqueued(service, "first"), enqueued(service, "second")
    page = open_page("sweep")
    assert page.query_params[SWEEP] == second  # the newest of one's own
    page.selectbox(key="sweep.shown").set_value(first).run()
    assert page.query_params[SWEEP] == first
    page.button_group(key=SOURCE).set_value(FINDING).run()
    no_exception(page)
    assert (page.query_params[FINDING], SWEEP in page.query_params) == ("quick", False)
    assert QUICK.asks in words(page)
    page.button_group(key=SOURCE).set_value(SWEEP).run()
    assert (SWEEP in page.query_params, FINDING in page.query_params) == (True, False)


@pytest.mark.parametrize("name", ["nothing", "../demo/demo"])
def test_a_link_to_no_finding_is_said_and_another_shown(open_page: OpenPage, name: str) -> None:
    page = open_page("sweep", finding=name)
    (said,) = [one.value for one in page.warning]
    assert "There is no finding called" in said
    assert "Shown instead: a ready-made map" in said
    assert page.query_params[FINDING] == "quick"
