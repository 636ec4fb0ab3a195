"""The page Train: the form, its errors, the URL, jobs and results."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.examples import TINY
from tests.pages.conftest import OpenPage, errors, no_exception, page_text
from tsexplorer.errors import UserError
from tsexplorer.recipes import get_recipe
from tsexplorer.services import demo
from tsexplorer.services.service import Service
from tsexplorer.specs import ObjectiveSpec
from tsexplorer.ui.forms import MORE_OPEN


@pytest.fixture
def untrained(service: Service) -> str:
    """Id of an experiment that stays in the queue."""
    return service.enqueue(TINY).experiment_id


def test_the_page_starts_with_the_demo_and_the_quick_recipe(open_page: OpenPage) -> None:
    page = open_page("train")
    text = page_text(page)
    assert "The demo pair" in text
    assert "61,514" in text
    assert "50,890" in text
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
    assert not [slider for slider in page.slider if slider.key == "lambda"]
    no_exception(page)
    page.selectbox(key="objective").set_value("hinton").run()
    assert (page.select_slider(key="T").value, page.slider(key="lambda").value) == (10.0, 0.25)


@pytest.fixture
def only_queued(service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The service, whose experiments stay in the queue."""
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
    keys = {field.key for field in page.number_input}
    assert {"dist.beta", "dist.gamma"} <= keys
    assert not {"dkd.beta", "dkd.alpha"} & keys
    assert page.number_input(key="dist.gamma").value == 7  # from the URL
    assert page.query_params["dist.gamma"] == "7.0"
    assert "dkd.beta" not in page.query_params


def test_default_options_are_not_in_url_and_spec(open_page: OpenPage, only_queued: Service) -> None:
    page = open_page("train", objective="dkd", **{"dkd.beta": "nan", "dkd.warm_up": "0.5"})
    assert page.number_input(key="dkd.beta").value == 8.0
    assert page.number_input(key="dkd.warm_up").value == 3
    assert not [key for key in page.query_params if "." in key]
    page.text_input(key="name").set_value("defaults").run()
    page.button(key="start").click().run()
    no_exception(page)
    spec = only_queued.experiment("defaults").spec.objective
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
def test_invalid_url_parameters_are_ignored_with_a_toast(
    open_page: OpenPage, parameter: str, value: str
) -> None:
    page = open_page("train", **{parameter: value})
    assert page.select_slider(key="T").value == 4.0
    assert page.selectbox(key="data").value == "mnist-5k"
    assert page.button(key="start").label
    [toast] = [toast.value for toast in page.toast]
    assert toast.startswith(f"Ignored {parameter} = ")
    assert r"in the address\: not " in toast
    assert "<b>" not in toast
    page.run()
    assert not page.toast, "shown only once"


def test_an_unknown_experiment_is_replaced_by_the_demo(open_page: OpenPage) -> None:
    page = open_page("train", experiment="gone *x*")
    assert len(page.warning) == 1
    assert r'There is no experiment "gone \*x\*"' in page.warning[0].value
    assert "The demo pair" in page_text(page)


def test_a_queued_job_can_be_cancelled(
    open_page: OpenPage, service: Service, untrained: str
) -> None:
    page = open_page("train", experiment=untrained)
    assert "tiny" in page_text(page)
    page.button(key="job_cancel").click().run()
    no_exception(page)
    assert service.jobs()[0].status == "cancelled"
    assert page.button(key="job_resume").label == "Resume"


def test_other_jobs_are_listed(open_page: OpenPage, untrained: str) -> None:
    page = open_page("train", experiment=demo.NAME)
    assert "Other jobs" in page_text(page)
    assert "tiny · queued" in page_text(page)


def test_a_recipe_fills_the_form(open_page: OpenPage) -> None:
    page = open_page("train")
    page.button(key="recipe_wu-2020").click().run()
    no_exception(page)
    assert page.selectbox(key="data").value == "mnist"
    assert page.selectbox(key="student").value == "wu-mlp"
    assert page.toggle(key="warm_start").value is True
    assert page.number_input(key="distilled_train.epochs").value == 5


def custom_student(page: AppTest) -> AppTest:
    """Choose to build the student's net."""
    page.selectbox(key="student").set_value("custom").run()
    return page


def test_a_custom_net_shows_its_parameters(open_page: OpenPage) -> None:
    page = custom_student(open_page("train"))
    page.select_slider(key="student.dense.0").set_value(32).run()
    no_exception(page)
    assert f"{784 * 32 + 32 + 32 * 10 + 10:,}" in page_text(page)


def test_an_impossible_net_is_one_error(open_page: OpenPage) -> None:
    page = custom_student(open_page("train"))
    page.number_input(key="student.convs").set_value(6).run()
    no_exception(page)
    (error,) = set(errors(page))
    assert "pool" in error.lower()
    page.number_input(key="student.convs").set_value(1).run()
    assert not page.error


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("distilled_train.epochs", 0, "Distilled, Epochs: should be"),
        ("baseline_train.batch_size", 90_000, "Baseline, Batch size: should be"),
        ("teacher_train.batch_size", 4001, "batch size 4,001 is larger than the 4,000"),
        ("teacher_train.learning_rate", 0.0, "Teacher, Learning rate (peak): should be"),
    ],
)
def test_an_invalid_number_is_one_error_and_the_form_stays(
    open_page: OpenPage, key: str, value: float, message: str
) -> None:
    page = open_page("train")
    page.text_input(key="name").set_value("my name")
    page.number_input(key=key).set_value(value).run()
    no_exception(page)
    assert len(page.error) == 1
    assert message in errors(page)[0]
    assert page.text_input(key="name").value == "my name"
    assert page.select_slider(key="T").value == 4.0


def test_all_invalid_numbers_are_named_at_once(open_page: OpenPage) -> None:
    page = open_page("train")
    page.number_input(key="teacher_train.epochs").set_value(0)
    page.number_input(key="distilled_train.batch_size").set_value(90_000).run()
    no_exception(page)
    [error] = errors(page)
    assert "Teacher, Epochs: should be" in error
    assert "Distilled, Batch size: should be" in error


def test_with_excluded_classes_there_is_no_gap(open_page: OpenPage) -> None:
    page = open_page("train", experiment=demo.NEVER_SEEN)
    assert "never saw an image of **3**" in page_text(page)
    assert "Gap closed (test)" not in [metric.label for metric in page.metric]
    assert page.button(key="never").label == "Move the bias"
    other = open_page("train", experiment=demo.NAME)
    assert "Gap closed (test)" in [metric.label for metric in other.metric]
    assert "never" not in [button.key for button in other.button]


def test_a_smaller_teacher_is_allowed_with_a_remark(open_page: OpenPage) -> None:
    page = open_page("train", teacher="hinton-narrow", student="hinton-student")
    assert "smaller than its student" in page_text(page)
    assert not page.button(key="start").disabled


@pytest.mark.parametrize(
    ("name", "key"), [("train", "start"), ("sweep", "sweep_start"), ("tuning", "tune_start")]
)
def test_images_must_be_downloaded_before_training(
    open_page: OpenPage, name: str, key: str
) -> None:
    page = open_page(name, data="fashion-mnist")
    assert page.button(key="download").label.startswith("Download")
    start = page.button(key=key)
    assert start.disabled
    assert start.help == "The images must be downloaded first."
    assert start.proto.type == "secondary"  # the label of a disabled primary button is invisible
    assert open_page(name).button(key=key).proto.type == "primary"


def test_a_name_in_use_is_an_error(open_page: OpenPage, untrained: str) -> None:
    page = open_page("train", teacher="mlp-64", student="hinton-narrow")
    page.text_input(key="name").set_value("tiny").run()
    page.button(key="start").click().run()
    no_exception(page)
    assert errors(page) == [
        'An experiment named "tiny" exists with other settings; '
        "choose another name or delete it first."
    ]


def test_a_trained_experiment_is_shown_without_a_job(open_page: OpenPage, service: Service) -> None:
    trained = service.experiment(demo.NAME).spec
    experiment = service.keep(trained.model_copy(update={"name": "the demo again"}))
    assert experiment.done
    assert not service.jobs()
    with pytest.raises(UserError, match="not trained yet"):
        service.keep(TINY)
    assert "the demo again" in page_text(open_page("train", experiment=experiment.id))


def test_the_newest_experiment_is_shown_by_default(open_page: OpenPage, service: Service) -> None:
    assert "The demo pair" in page_text(open_page("train"))
    trained = service.experiment(demo.NAME).spec
    service.keep(trained.model_copy(update={"name": "my own"}))
    text = page_text(open_page("train"))
    assert "my own" in text
    assert "The demo pair" not in text


def test_an_active_experiment_is_written_to_the_url(open_page: OpenPage, untrained: str) -> None:
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
def test_a_number_out_of_bounds_is_an_error(
    open_page: OpenPage, key: str, value: float, sentence: str
) -> None:
    page = open_page("train")
    page.number_input(key=key).set_value(value).run()
    no_exception(page)
    (error,) = errors(page)
    assert sentence in error
    assert "start" not in [button.key for button in page.button]


def test_controls_that_are_not_drawn_keep_their_values(
    open_page: OpenPage, service: Service
) -> None:
    page = open_page("train")
    page.number_input(key="distilled_train.epochs").set_value(3).run()
    page.multiselect(key="left_out").set_value([3]).run()
    page.text_input(key="name").set_value("closed").run()
    page.session_state[MORE_OPEN] = False
    page.run()
    assert "distilled_train.epochs" not in [field.key for field in page.number_input]
    page.button(key="start").click().run()
    no_exception(page)
    spec = service.experiment("closed").spec
    assert spec.distilled_train.epochs == 3
    assert spec.left_out == (3,)
    recipe = get_recipe("quick").spec
    assert spec.teacher_train == recipe.teacher_train
    assert spec.seeds == recipe.seeds


def test_only_the_latest_job_of_a_study_is_listed(open_page: OpenPage, service: Service) -> None:
    """An interrupted job that was started again cannot be resumed as well."""
    first = service.enqueue(TINY)
    service.store.cancel_queued(first.id)
    second = service.enqueue(TINY)
    assert (second.experiment_id, second.id) != (first.experiment_id, first.id)
    assert second.experiment_id == first.experiment_id
    page = open_page("train", experiment=service.experiment("demo").id)
    assert [button.key for button in page.button if button.key.startswith("act_")] == [
        f"act_{second.id}"
    ]


def test_an_objective_may_fix_the_average_of_teachers(open_page: OpenPage) -> None:
    page = open_page("train", objective="meal-v2")
    page.session_state["more.open"] = True
    page.run()
    page.number_input(key="more.count").set_value(1).run()
    no_exception(page)
    assert page.selectbox(key="more.combine").value == "probabilities"
    assert not page.error
    page.selectbox(key="objective").set_value("hinton").run()
    assert page.selectbox(key="more.combine").options == ["Logits", "Probabilities"]


def test_an_unused_teacher_is_not_in_the_name(open_page: OpenPage) -> None:
    def name(**parameters: str) -> str:
        page = open_page("train", **parameters)
        [text] = [item.value for item in page.caption if " nets, as “" in item.value]
        return text.replace("\\", "").partition("“")[2]

    assert name(objective="mutual") == "mlp-64, mnist-5k, mutual”"
    assert name() == "mlp-64 from wu-cnn, mnist-5k, hinton, T 4, λ 0”"


def test_the_settings_of_an_experiment_fill_the_form(open_page: OpenPage, service: Service) -> None:
    page = open_page("train", experiment=service.experiment(demo.NEVER_SEEN).id)
    assert page.selectbox(key="data").value == "mnist-5k"
    page.button(key="refill").click().run()
    no_exception(page)
    assert page.selectbox(key="data").value == "mnist"
    assert page.query_params["data"] == "mnist"
    page.session_state[MORE_OPEN] = True
    page.run()
    assert page.number_input(key="teacher_train.epochs").value == 12
    assert page.multiselect(key="left_out").value == [3]
