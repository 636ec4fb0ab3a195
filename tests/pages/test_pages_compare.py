"""The page Compare: experiments side by side, from the URL, and the settings that differ."""

from __future__ import annotations

import pytest

from tests.pages.conftest import OpenPage, no_exception, page_text
from tsexplorer.services import demo
from tsexplorer.services.service import Service
from tsexplorer.specs import ObjectiveSpec
from tsexplorer.store import ExperimentSnapshot


@pytest.fixture
def warmer(service: Service) -> ExperimentSnapshot:
    """The demo's settings at another T: it shares the trained teacher and baseline."""
    spec = service.experiment(demo.NAME).spec
    spec = spec.model_copy(
        update={"name": "warmer", "objective": ObjectiveSpec(temperature=17.5, lam=0.25)}
    )
    return service.store.add_experiment(spec, service.check(spec).stages)


def test_the_demo_is_shown_by_default(open_page: OpenPage) -> None:
    page = open_page("compare")
    assert "The demo pair" in page_text(page)
    assert len(page.get("plotly_chart")) == 3
    assert "Split" in [group.label for group in page.button_group]


def test_unknown_experiments_in_the_url_are_warnings(
    open_page: OpenPage, service: Service, warmer: ExperimentSnapshot
) -> None:
    page = open_page("compare", experiments=[warmer.id, service.experiment(demo.NAME).id, "gone"])
    assert page.multiselect(key="compared").value == [
        warmer.id,
        service.experiment(demo.NAME).id,
    ]
    assert [warning.value for warning in page.warning] == [
        'There is no experiment "gone"; give the id or the name of one that exists\\.'
    ]


def test_only_settings_that_differ_are_shown(
    open_page: OpenPage, service: Service, warmer: ExperimentSnapshot
) -> None:
    page = open_page("compare", experiments=[warmer.id, service.experiment(demo.NAME).id])
    table = page.dataframe[-1].value
    assert table.loc["Temperature T", "warmer"] == "17.5"
    assert table.loc["Weight of the labels λ", "warmer"] == "0.25"
    assert "Teacher net" not in table.index


def test_an_untrained_stage_has_no_accuracy(
    open_page: OpenPage, warmer: ExperimentSnapshot
) -> None:
    page = open_page("compare", experiments=[warmer.id])
    row = page.dataframe[0].value.iloc[0]
    assert row["Distilled"] == "–"
    assert row["Gap closed"] == "–"
    assert row["Teacher"].endswith("%")


def test_own_experiments_can_be_deleted_but_not_the_demo(
    open_page: OpenPage, service: Service, warmer: ExperimentSnapshot
) -> None:
    demo_pair = service.experiment(demo.NAME)
    page = open_page("compare", experiments=[warmer.id, demo_pair.id])
    keys = {button.key for button in page.button}
    assert f"delete_{demo_pair.id}" not in keys
    page.button(key=f"delete_{warmer.id}").click().run()
    no_exception(page)
    assert [experiment.name for experiment in service.experiments()] == list(demo.RECIPES)
    assert service.experiment(demo.NAME).done


def test_without_a_choice_the_page_asks_for_one(open_page: OpenPage) -> None:
    page = open_page("compare")
    page.multiselect(key="compared").set_value([]).run()
    no_exception(page)
    assert "Choose at least one experiment." in page_text(page)
