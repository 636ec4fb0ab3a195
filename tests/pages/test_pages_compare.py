"""Compare: experiments side by side, named by the URL, with what differs between them."""

from __future__ import annotations

import pytest

from tests.pages.conftest import OpenPage, no_exception, words
from tsexplorer.services import demo
from tsexplorer.services.service import Service
from tsexplorer.specs import ObjectiveSpec
from tsexplorer.store import ExperimentSnapshot


@pytest.fixture
def warmer(service: Service) -> ExperimentSnapshot:
    """The demo's settings at another T: teacher and baseline are shared, and trained."""
    spec = service.experiment(demo.NAME).spec
    spec = spec.model_copy(
        update={"name": "warmer", "objective": ObjectiveSpec(temperature=17.5, lam=0.25)}
    )
    return service.store.add_experiment(spec, service.check(spec).stages)


def test_with_nothing_trained_it_shows_the_demo(open_page: OpenPage) -> None:
    page = open_page("compare")
    assert "The demo pair" in words(page)
    assert len(page.get("plotly_chart")) == 3
    assert "Split" in [one.label for one in page.button_group]


def test_the_url_names_what_is_shown_and_what_is_not_there(
    open_page: OpenPage, service: Service, warmer: ExperimentSnapshot
) -> None:
    page = open_page("compare", experiments=[warmer.id, service.experiment(demo.NAME).id, "gone"])
    assert page.multiselect(key="compared").value == [
        warmer.id,
        service.experiment(demo.NAME).id,
    ]
    assert [one.value for one in page.warning] == [
        'There is no experiment "gone"; give the id or the name of one that exists\\.'
    ]


def test_what_differs_is_shown_and_what_is_equal_is_not(
    open_page: OpenPage, service: Service, warmer: ExperimentSnapshot
) -> None:
    page = open_page("compare", experiments=[warmer.id, service.experiment(demo.NAME).id])
    table = page.dataframe[-1].value
    assert table.loc["Temperature T", "warmer"] == "17.5"
    assert table.loc["Weight of the labels λ", "warmer"] == "0.25"
    assert "Teacher net" not in table.index


def test_a_stage_that_is_not_trained_has_no_figure(
    open_page: OpenPage, warmer: ExperimentSnapshot
) -> None:
    page = open_page("compare", experiments=[warmer.id])
    row = page.dataframe[0].value.iloc[0]
    assert row["Distilled"] == "–"
    assert row["Gap closed"] == "–"
    assert row["Teacher"].endswith("%")


def test_the_demo_cannot_be_deleted_and_ones_own_can(
    open_page: OpenPage, service: Service, warmer: ExperimentSnapshot
) -> None:
    shared = service.experiment(demo.NAME)
    page = open_page("compare", experiments=[warmer.id, shared.id])
    keys = {one.key for one in page.button}
    assert f"delete_{shared.id}" not in keys
    page.button(key=f"delete_{warmer.id}").click().run()
    no_exception(page)
    assert [one.name for one in service.experiments()] == list(demo.RECIPES)
    assert service.experiment(demo.NAME).done


def test_choosing_nothing_is_said(open_page: OpenPage) -> None:
    page = open_page("compare")
    page.multiselect(key="compared").set_value([]).run()
    no_exception(page)
    assert "Choose at least one experiment." in words(page)
