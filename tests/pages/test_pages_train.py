"""Train: the form, what it says about the nets, and bad input."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.examples import TINY
from tests.pages.conftest import OpenPage, errors, no_exception, words
from tsexplorer.errors import UserError
from tsexplorer.recipes import get_recipe
from tsexplorer.services import demo
from tsexplorer.services.service import Service
from tsexplorer.specs import ObjectiveSpec
from tsexplorer.ui.forms import MORE


@pytest.fixture
def untrained(service: Service) -> str:
    """An experiment that nobody trains: it waits in the queue."""
    job = service.enqueue(TINY)
    return job.experiment_id


def test_a_first_visit_shows_the_demo_and_the_quick_recipe(open_page: OpenPage) -> None:
    page = open_page("train")
    said = words(page)
    assert "The demo pair" in said
    assert "61,514" in said
    assert "50,890" in said
    assert page.selectbox(key="data").value == "mnist-5k"
    assert page.select_slider(key="T").value == 4.0
    assert r"4^2" in page.latex[0].value
    assert not page.error


def test_the_formula_follows_t_and_lambda(open_page: OpenPage) -> None:
    page = open_page("train")
    page.select_slider(key="T").set_value(10.0)
    page.slider(key="lambda").set_value(0.25).run()
    formula = page.latex[0].value
    assert "10^2" in formula
    assert r"0.25\cdot" in formula
    assert r"0.75\cdot" in formula
    page.selectbox(key="objective").set_value("vanilla").run()
    assert not page.select_slider
    assert not [one for one in page.slider if one.key == "lambda"]
    no_exception(page)
    page.selectbox(key="objective").set_value("hinton").run()
    assert (page.select_slider(key="T").value, page.slider(key="lambda").value) == (10.0, 0.25)


@pytest.fixture
def only_queued(service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The service, which trains nothing of what it is asked to start."""
    monkeypatch.setattr(service, "start", service.enqueue)
    return service


def test_the_form_follows_the_objective(open_page: OpenPage, only_queued: Service) -> None:
    page = open_page("train", objective="dkd", **{"dkd.beta": "2.5", "dist.gamma": "7"})
    assert page.number_input(key="dkd.beta").value == 2.5
    assert page.number_input(key="dkd.warm_up").value == 3
    assert r"2.5\cdot\mathrm{KL}" in page.latex[0].value
    assert "dist.gamma" not in page.query_params
    page.number_input(key="dkd.alpha").set_value(1.5).run()
    assert page.query_params["dkd.alpha"] == "1.5"
    page.text_input(key="name").set_value("apart").run()
    page.button(key="start").click().run()
    no_exception(page)
    assert only_queued.experiment("apart").spec.objective.options == {"alpha": 1.5, "beta": 2.5}
    page.selectbox(key="objective").set_value("dist").run()
    no_exception(page)
    shown = {one.key for one in page.number_input}
    assert {"dist.beta", "dist.gamma"} <= shown
    assert not {"dkd.beta", "dkd.alpha"} & shown
    assert page.number_input(key="dist.gamma").value == 7  # it was asked for
    assert page.query_params["dist.gamma"] == "7.0"
    assert "dkd.beta" not in page.query_params


def test_options_as_they_are_usual_leave_no_trace(
    open_page: OpenPage, only_queued: Service
) -> None:
    page = open_page("train", objective="dkd", **{"dkd.beta": "nan", "dkd.warm_up": "0.5"})
    assert page.number_input(key="dkd.beta").value == 8.0
    assert page.number_input(key="dkd.warm_up").value == 3
    assert not [key for key in page.query_params if "." in key]
    page.text_input(key="name").set_value("usual").run()
    page.button(key="start").click().run()
    no_exception(page)
    spec = only_queued.experiment("usual").spec.objective
    assert spec == ObjectiveSpec(name="dkd", temperature=spec.temperature, lam=spec.lam)


def test_the_url_sets_the_form(open_page: OpenPage) -> None:
    page = open_page(
        "train",
        data="mnist",
        teacher="lenet-5",
        student="hinton-narrow",
        T="8.0",
        **{"lambda": 0.5},
    )
    assert page.selectbox(key="data").value == "mnist"
    assert page.selectbox(key="teacher").value == "lenet-5"
    assert page.selectbox(key="student").value == "hinton-narrow"
    assert page.select_slider(key="T").value == 8.0
    assert page.slider(key="lambda").value == 0.5


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("T", "nan"), ("T", "-1"), ("lambda", "2"), ("data", "nothing"), ("teacher", "<b>x</b>")],
)
def test_a_url_that_makes_no_sense_leaves_the_form_whole(
    open_page: OpenPage, parameter: str, value: str
) -> None:
    page = open_page("train", **{parameter: value})
    assert page.select_slider(key="T").value == 4.0
    assert page.selectbox(key="data").value == "mnist-5k"
    assert page.button(key="start").label
    [said] = [one.value for one in page.toast]
    assert said.endswith("in the address makes no sense here and was passed over.")
    assert said.startswith(parameter)
    assert "<b>" not in said
    page.run()
    assert not page.toast, "said once"


def test_a_url_that_names_nothing_says_so_and_shows_the_demo(open_page: OpenPage) -> None:
    page = open_page("train", experiment="gone *x*")
    assert len(page.warning) == 1
    assert r'There is no experiment "gone \*x\*"' in page.warning[0].value
    assert "The demo pair" in words(page)


def test_a_queued_job_can_be_cancelled(
    open_page: OpenPage, service: Service, untrained: str
) -> None:
    page = open_page("train", experiment=untrained)
    assert "tiny" in words(page)
    page.button(key="job_cancel").click().run()
    no_exception(page)
    assert service.jobs()[0].status == "cancelled"
    assert page.button(key="job_resume").label == "Resume"


def test_other_jobs_are_listed(open_page: OpenPage, untrained: str) -> None:
    page = open_page("train", experiment=demo.NAME)
    assert "Other jobs" in words(page)
    assert "tiny · queued" in words(page)


def test_a_recipe_fills_in_the_whole_form(open_page: OpenPage) -> None:
    page = open_page("train")
    page.button(key="recipe_wu-2020").click().run()
    no_exception(page)
    assert page.selectbox(key="data").value == "mnist"
    assert page.selectbox(key="student").value == "wu-mlp"
    assert page.toggle(key="warm_start").value is True
    assert page.number_input(key="distilled_train.epochs").value == 5


def custom_student(page: AppTest) -> AppTest:
    page.selectbox(key="student").set_value("custom").run()
    return page


def test_the_builder_counts_as_one_moves_the_controls(open_page: OpenPage) -> None:
    page = custom_student(open_page("train"))
    page.select_slider(key="student.dense.0").set_value(32).run()
    no_exception(page)
    assert f"{784 * 32 + 32 + 32 * 10 + 10:,}" in words(page)


def test_an_impossible_net_is_one_sentence_and_the_form_stays(open_page: OpenPage) -> None:
    page = custom_student(open_page("train"))
    page.number_input(key="student.convs").set_value(6).run()
    no_exception(page)
    sentences = set(errors(page))
    assert len(sentences) == 1
    assert "pool" in sentences.pop().lower()
    page.number_input(key="student.convs").set_value(1).run()
    assert not page.error


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("distilled_train.epochs", 0, "Distilled, Epochs: should be"),
        ("baseline_train.batch_size", 90_000, "Baseline, Batch size: should be"),
        ("teacher_train.batch_size", 4001, "batch size 4,001 is larger than the 4,000"),
        ("teacher_train.learning_rate", 0.0, "Teacher, Learning rate (peak): should be"),
    ],
)
def test_bad_numbers_are_one_sentence_and_nothing_is_lost(
    open_page: OpenPage, key: str, value: float, says: str
) -> None:
    page = open_page("train")
    page.text_input(key="name").set_value("kept")
    page.number_input(key=key).set_value(value).run()
    no_exception(page)
    assert len(page.error) == 1
    assert says in errors(page)[0]
    assert page.text_input(key="name").value == "kept"
    assert page.select_slider(key="T").value == 4.0


def test_all_bad_numbers_are_said_at_once(open_page: OpenPage) -> None:
    page = open_page("train")
    page.number_input(key="teacher_train.epochs").set_value(0)
    page.number_input(key="distilled_train.batch_size").set_value(90_000).run()
    no_exception(page)
    [said] = errors(page)
    assert "Teacher, Epochs: should be" in said
    assert "Distilled, Batch size: should be" in said


def test_of_a_student_that_never_saw_some_classes_no_gap_is_said(open_page: OpenPage) -> None:
    page = open_page("train", experiment=demo.NEVER_SEEN)
    assert "never saw an image of **3**" in words(page)
    assert "Gap closed (test)" not in [one.label for one in page.metric]
    assert page.button(key="never").label == "Move the bias"
    seen = open_page("train", experiment=demo.NAME)
    assert "Gap closed (test)" in [one.label for one in seen.metric]
    assert "never" not in [one.key for one in seen.button]


def test_a_smaller_teacher_is_allowed_and_said(open_page: OpenPage) -> None:
    page = open_page("train", teacher="hinton-narrow", student="hinton-student")
    assert "smaller than its student" in words(page)
    assert not page.button(key="start").disabled


@pytest.mark.parametrize(
    ("name", "key"), [("train", "start"), ("sweep", "sweep_start"), ("tuning", "tune_start")]
)
def test_data_that_is_not_here_can_be_fetched_and_not_trained_on(
    open_page: OpenPage, name: str, key: str
) -> None:
    page = open_page(name, data="fashion-mnist")
    assert page.button(key="download").label.startswith("Download")
    held = page.button(key=key)
    assert held.disabled
    assert held.help == "The images must be downloaded first."
    assert held.proto.type == "secondary"  # a primary one that is held shows no words
    assert open_page(name).button(key=key).proto.type == "primary"


def test_a_name_that_is_taken_is_one_sentence(open_page: OpenPage, untrained: str) -> None:
    page = open_page("train", teacher="mlp-64", student="hinton-narrow")
    page.text_input(key="name").set_value("tiny").run()
    page.button(key="start").click().run()
    no_exception(page)
    assert errors(page) == [
        'An experiment named "tiny" exists with other settings; '
        "choose another name or delete it first."
    ]


def test_what_is_trained_is_shown_without_a_job(open_page: OpenPage, service: Service) -> None:
    trained = service.experiment(demo.NAME).spec
    kept = service.keep(trained.model_copy(update={"name": "the demo again"}))
    assert kept.done
    assert not service.jobs()
    with pytest.raises(UserError, match="not trained yet"):
        service.keep(TINY)
    assert "the demo again" in words(open_page("train", experiment=kept.id))


def test_ones_newest_is_shown_where_the_url_names_none(
    open_page: OpenPage, service: Service
) -> None:
    assert "The demo pair" in words(open_page("train"))
    trained = service.experiment(demo.NAME).spec
    service.keep(trained.model_copy(update={"name": "my own"}))
    said = words(open_page("train"))
    assert "my own" in said
    assert "The demo pair" not in said


def test_what_is_at_work_gets_into_the_url_and_so_stays(
    open_page: OpenPage, untrained: str
) -> None:
    page = open_page("train")
    assert page.query_params["experiment"] == untrained


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("distilled_train.learning_rate", -1.0, "Distilled, Learning rate (peak): should be"),
        ("teacher_train.epochs", -3, "Teacher, Epochs: should be"),
        ("seeds", 0, "Seeds: give at least 1 value."),
        ("seeds", -2, "Seeds: give at least 1 value."),
        ("seeds", 10**9, "Seeds: give at most 100 values."),
    ],
)
def test_a_number_beyond_all_bounds_is_said_and_not_passed_over(
    open_page: OpenPage, key: str, value: float, sentence: str
) -> None:
    page = open_page("train")
    page.number_input(key=key).set_value(value).run()
    no_exception(page)
    (said,) = errors(page)
    assert sentence in said
    assert "start" not in [one.key for one in page.button]


def test_what_is_folded_away_counts_as_it_stands(open_page: OpenPage, service: Service) -> None:
    page = open_page("train")
    page.number_input(key="distilled_train.epochs").set_value(3).run()
    page.multiselect(key="left_out").set_value([3]).run()
    page.text_input(key="name").set_value("folded").run()
    page.session_state[MORE] = False
    page.run()
    assert not [one for one in page.number_input if one.key == "distilled_train.epochs"]
    page.button(key="start").click().run()
    no_exception(page)
    spec = service.experiment("folded").spec
    assert spec.distilled_train.epochs == 3
    assert spec.left_out == (3,)
    recipe = get_recipe("quick").spec
    assert spec.teacher_train == recipe.teacher_train
    assert spec.seeds == recipe.seeds


def test_of_an_experiment_the_latest_job_alone_waits_beside(
    open_page: OpenPage, service: Service
) -> None:
    """One that was interrupted and started anew is not offered to go on as well."""
    first = service.enqueue(TINY)
    service.store.cancel_queued(first.id)
    second = service.enqueue(TINY)
    assert (second.experiment_id, second.id) != (first.experiment_id, first.id)
    assert second.experiment_id == first.experiment_id
    page = open_page("train", experiment=service.experiment("demo").id)
    assert [one.key for one in page.button if one.key.startswith("act_")] == [f"act_{second.id}"]


def test_teachers_are_averaged_as_the_objective_wants_it(open_page: OpenPage) -> None:
    page = open_page("train", objective="meal-v2")
    page.session_state["more.open"] = True
    page.run()
    page.number_input(key="more.count").set_value(1).run()
    no_exception(page)
    assert page.selectbox(key="more.combine").value == "probabilities"
    assert not page.error
    page.selectbox(key="objective").set_value("hinton").run()
    assert page.selectbox(key="more.combine").options == ["Logits", "Probabilities"]


def test_a_teacher_that_takes_no_part_is_not_in_the_name(open_page: OpenPage) -> None:
    def name(**parameters: str) -> str:
        page = open_page("train", **parameters)
        [said] = [one.value for one in page.caption if " nets, as “" in one.value]
        return said.replace("\\", "").partition("“")[2]

    assert name(objective="mutual") == "mlp-64, mnist-5k, mutual”"
    assert name() == "mlp-64 from wu-cnn, mnist-5k, hinton, T 4, λ 0”"


def test_an_experiment_s_settings_fill_the_form(open_page: OpenPage, service: Service) -> None:
    page = open_page("train", experiment=service.experiment(demo.NEVER_SEEN).id)
    assert page.selectbox(key="data").value == "mnist-5k"
    page.button(key="refill").click().run()
    no_exception(page)
    assert page.selectbox(key="data").value == "mnist"
    assert page.query_params["data"] == "mnist"
    page.session_state[MORE] = True
    page.run()
    assert page.number_input(key="teacher_train.epochs").value == 12
    assert page.multiselect(key="left_out").value == [3]
