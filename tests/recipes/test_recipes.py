"""Recipes: each can be planned and run as it stands, and says what was published for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tsexplorer.data.registry import dataset_names, get_dataset
from tsexplorer.errors import NotFoundError
from tsexplorer.models import count
from tsexplorer.objectives import get_objective, objective_names, planned
from tsexplorer.recipes import get_recipe, recipe_names
from tsexplorer.specs import ROLES, ExperimentSpec, ModelSpec, parse_spec

# Parameters of teacher and student. Where the source sets only a bound, the range says it.
NETS: dict[str, tuple[int | range, int]] = {
    "quick": (61_514, 50_890),
    "wu-2020": (61_514, 50_890),
    "korn-2017": (3_378_970, 415_258),
    "best-64": (range(50_890, 100_001), 50_890),
    "best-64-jitter": (range(50_890, 100_001), 50_890),
    "best-64-plain": (range(50_890, 100_001), 50_890),
    "best-64-no-3": (range(50_890, 100_001), 50_890),
    "hinton-2015": (2_395_210, 1_276_810),
    "hinton-no-3": (2_395_210, 1_276_810),
    "hinton-7-8": (2_395_210, 1_276_810),
    "hinton-narrow": (2_395_210, 24_790),
    "mlp-800-best": (61_514, 1_276_810),
    "meal-v2": (61_514, 50_890),
    "fitnets-mnist": (61_514, 5_018),
    "mutual-mnist": (61_514, 50_890),
    "born-again": (50_890, 50_890),
    "objectives-compared": (61_514, 5_018),
}
# Test accuracy of teacher, baseline and distilled student in percent.
PUBLISHED = {
    "wu-2020": (98.28, 92.30, 92.70),
    "korn-2017": (94.4, 91.6, 92.2),
    "hinton-2015": (99.33, 98.54, 99.26),
    "hinton-no-3": (99.33, 98.54, 97.94),
    "hinton-7-8": (99.33, 98.54, 52.7),
}
SMALLER_TEACHER = ("mlp-800-best", "never-seen-quick")
"""Those whose teacher has convolutions, and so fewer parameters than a dense student."""
EPOCHS = {"wu-2020": (2, 10, 5), "korn-2017": (26, 50, 50)}


def classes_of(spec: ExperimentSpec) -> int:
    return len(get_dataset(spec.data.name).info.classes)


def parameters(model: ModelSpec, spec: ExperimentSpec) -> int:
    return count(model, classes_of(spec)).parameters


def epochs(spec: ExperimentSpec) -> tuple[int, ...]:
    return tuple(getattr(spec, f"{role}_train").epochs for role in ROLES)


def test_the_quick_start_comes_first_and_then_the_alphabet() -> None:
    first, *others = recipe_names()
    assert first == "quick"
    assert others == sorted(others)
    assert {"wu-2020", "korn-2017"} <= set(others)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(NotFoundError) as caught:
        get_recipe("quik")
    known = ", ".join(recipe_names())
    assert str(caught.value) == f"There is no recipe called 'quik'; choose one of {known}."


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_say_what_they_are(name: str) -> None:
    recipe = get_recipe(name)
    assert recipe.name == recipe.spec.name == name
    assert recipe.title
    assert recipe.source
    for text in (recipe.summary, *recipe.caveats):
        assert text.endswith((".", "?"))
        assert "\n" not in text


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_plan(name: str) -> None:
    for entry in get_recipe(name).entries:
        spec = entry.spec
        needs_teacher = get_objective(spec.objective.name).needs_teacher
        stages = planned(spec)
        roles = [stage.role for stage in stages]
        assert [role for role in roles if role in ROLES] == list(ROLES) * len(spec.seeds)
        assert bool(stages[-1].spec.teachers) == needs_teacher
        hashes = {stage.role: stage.spec.hash for stage in stages}
        assert len({*hashes.values()}) == len(hashes) - (name == "born-again")


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_stand_up_to_the_checks_that_a_file_meets(name: str) -> None:
    """A recipe copies specs with changes, which pydantic does not look over."""
    for entry in get_recipe(name).entries:
        again = parse_spec(ExperimentSpec, entry.spec.to_json())
        assert again == entry.spec
        assert again.hash == entry.spec.hash


CONTESTS = [name for name in recipe_names() if get_recipe(name).rivals]


@pytest.mark.parametrize("name", CONTESTS)
def test_rivals_teach_one_student_from_the_same_baseline(name: str) -> None:
    """Or from one of their own, which then is part of what their training may cost."""
    recipe = get_recipe(name)
    budget = recipe.spec.baseline_train.epochs
    titles = [entry.title for entry in recipe.entries]
    assert len({*titles}) == len(titles)
    assert {*recipe.reference_titles} <= {*titles}
    names = [entry.spec.name for entry in recipe.entries]
    assert len({*names}) == len(names)
    baselines, distilled = set(), []
    for entry in recipe.entries:
        stages = {stage.role: stage.spec for stage in planned(entry.spec)}
        if entry.spec.baseline_train == recipe.spec.baseline_train:
            baselines.add(stages["baseline"].hash)
        else:
            trains = (entry.spec.baseline_train, entry.spec.distilled_train)
            assert entry.spec.warm_start
            assert sum(train.epochs for train in trains) == budget
        distilled.append(stages["distilled"].hash)
        objective = entry.spec.objective
        asked = objective.temperature, objective.lam, objective.options
        assert get_objective(objective.name).asked(*asked) == objective  # hashes as from a form
    assert len(baselines) == 1
    assert len({*distilled}) == len(distilled)


def test_all_objectives_meet_but_those_that_cannot() -> None:
    """Born-again nets need another pair; no objective is forgotten when one is added."""
    recipe = get_recipe("objectives-compared")
    known = {name for name in objective_names() if not get_objective(name).parent_objective}
    asked = [entry.spec.objective.name for entry in recipe.entries]
    assert sorted(asked) == sorted(known - {"labels", "born-again"})
    assert recipe.seeds >= 5


def test_the_best_single_teacher_is_among_the_ensembles_own() -> None:
    recipe = get_recipe("meal-v2")
    members = {one.model for one in recipe.spec.all_teachers}
    alone = {
        entry.spec.teacher for entry in recipe.entries if entry.title in recipe.reference_titles
    }
    assert alone == members
    assert len(members) == 3
    shared = {stage.spec.hash for stage in planned(recipe.spec)}
    for entry in recipe.rivals:
        assert planned(entry.spec)[0].spec.hash in shared


@pytest.mark.parametrize("name", recipe_names())
def test_batches_fit_the_data(name: str) -> None:
    spec = get_recipe(name).spec
    assert spec.data.name in dataset_names()
    train = get_dataset(spec.data.name).info.train
    for role in ROLES:
        assert getattr(spec, f"{role}_train").batch_size <= train


@pytest.mark.parametrize("name", recipe_names())
def test_students_are_smaller_than_their_teachers_or_say_otherwise(name: str) -> None:
    spec = get_recipe(name).spec
    larger = parameters(spec.student, spec) > parameters(spec.teacher, spec)
    assert larger == (name in SMALLER_TEACHER)
    if larger:
        assert any("convolutions" in caveat for caveat in get_recipe(name).caveats)


@pytest.mark.parametrize("name", [name for name in recipe_names() if name in NETS])
def test_nets_have_the_size_of_their_source(name: str) -> None:
    spec = get_recipe(name).spec
    teacher, student = NETS[name]
    allowed = teacher if isinstance(teacher, range) else (teacher,)
    assert parameters(spec.teacher, spec) in allowed
    assert parameters(spec.student, spec) == student


@pytest.mark.parametrize("name", recipe_names())
def test_published_figures_are_those_of_the_source(name: str) -> None:
    recipe = get_recipe(name)
    assert tuple(recipe.published.values()) == PUBLISHED.get(name, ())
    if recipe.published:
        assert tuple(recipe.published) == ROLES
        assert recipe.caveats


@pytest.mark.parametrize("name", EPOCHS)
def test_epochs_are_those_of_the_source(name: str) -> None:
    assert epochs(get_recipe(name).spec) == EPOCHS[name]


def test_the_quick_start_needs_no_download(tmp_path: Path) -> None:
    assert get_dataset(get_recipe("quick").spec.data.name).available(tmp_path)


def test_wu_goes_on_from_the_baseline_on_raw_pixels_without_labels() -> None:
    spec = get_recipe("wu-2020").spec
    assert spec.warm_start
    assert (spec.data.name, spec.data.scaling) == ("mnist", "raw")
    assert spec.objective.name == "vanilla"
    for role in ROLES:
        train = getattr(spec, f"{role}_train")
        assert (train.optimiser, train.learning_rate, train.epsilon) == ("adam", 1e-3, 1e-7)
        assert train.batch_size == 64


def test_hintons_students_differ_in_what_they_see_alone() -> None:
    paper = get_recipe("hinton-2015").spec
    assert (paper.data.name, paper.objective.temperature) == ("mnist", 20)
    assert paper.teacher_train.jitter == 2
    assert paper.teacher_train.max_norm is not None
    rate = {"learning_rate": paper.distilled_train.learning_rate}
    assert paper.baseline_train.model_copy(update=rate) == paper.distilled_train
    assert paper.distilled_train.jitter == 0
    for name, seen in (("hinton-no-3", {*range(10)} - {3}), ("hinton-7-8", {7, 8})):
        spec = get_recipe(name).spec
        assert {*range(10)} - {*spec.left_out} == seen
        assert spec.model_copy(update={"name": paper.name, "left_out": ()}) == paper


def test_hintons_errors_are_those_of_his_accuracies() -> None:
    for name in ("hinton-2015", "hinton-no-3", "hinton-7-8"):
        recipe = get_recipe(name)
        for role, errors in recipe.published_errors.items():
            assert recipe.published[role] == pytest.approx(100 - errors / 100)
    assert get_recipe("hinton-2015").published_errors["distilled"] == 74
    raised = get_recipe("hinton-no-3").published_biased
    assert raised is not None
    assert (raised.bias, raised.errors) == (3.5, 1.09)
    assert raised.never_seen_right == pytest.approx(100 * (1010 - 14) / 1010, abs=0.05)


def test_never_seen_comes_with_the_app_and_shares_the_quick_teacher() -> None:
    spec, quick = get_recipe("never-seen-quick").spec, get_recipe("quick").spec
    assert spec.left_out == (3,)
    assert planned(spec)[0].spec == planned(quick)[0].spec


def test_korn_adds_soft_targets_at_t_10_on_26_letters() -> None:
    spec = get_recipe("korn-2017").spec
    assert classes_of(spec) == 26
    objective = spec.objective
    assert (objective.name, objective.temperature, objective.lam) == ("additive", 10, 0.5)
    for role in ROLES:
        train = getattr(spec, f"{role}_train")
        assert (train.optimiser, train.batch_size, train.schedule) == ("adadelta", 256, "plateau")
        assert (train.plateau_patience, train.early_stopping) == (1, 3)
