"""Recipes: valid experiments, published values, settings of their sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from tsexplorer.data.registry import dataset_names, get_dataset
from tsexplorer.errors import NotFoundError
from tsexplorer.models import count
from tsexplorer.objectives import get_objective, objective_names, plan_experiment
from tsexplorer.recipes import get_recipe, recipe_names
from tsexplorer.specs import ROLES, ExperimentSpec, ModelSpec, parse_spec

# Parameters of teacher and student; a range if the source only states a limit.
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
"""Recipes with a convolutional teacher that has fewer parameters than the dense student."""
EPOCHS = {"wu-2020": (2, 10, 5), "korn-2017": (26, 50, 50)}
COMPARISONS = [name for name in recipe_names() if get_recipe(name).rivals]


def number_of_classes(spec: ExperimentSpec) -> int:
    return len(get_dataset(spec.data.name).info.classes)


def number_of_parameters(model: ModelSpec, spec: ExperimentSpec) -> int:
    return count(model, get_dataset(spec.data.name).info.task).parameters


# -- all recipes ------------------------------------------------------------------------------


def test_quick_precedes_the_alphabetical_order() -> None:
    first, *others = recipe_names()
    assert first == "quick"
    assert others == sorted(others)
    assert {"wu-2020", "korn-2017"} <= set(others)


def test_an_unknown_name_gives_the_list_of_names() -> None:
    with pytest.raises(NotFoundError) as caught:
        get_recipe("quik")
    names = ", ".join(recipe_names())
    assert str(caught.value) == f"There is no recipe called 'quik'; choose one of {names}."


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_have_descriptions(name: str) -> None:
    recipe = get_recipe(name)
    assert recipe.name == recipe.spec.name == name
    assert recipe.title
    assert recipe.source
    for text in (recipe.summary, *recipe.caveats):
        assert text.endswith((".", "?"))
        assert "\n" not in text


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_can_be_planned(name: str) -> None:
    for entry in get_recipe(name).entries:
        needs_teacher = get_objective(entry.spec.objective.name).needs_teacher
        stages = plan_experiment(entry.spec)
        roles = [stage.role for stage in stages if stage.role in ROLES]
        assert roles == list(ROLES) * len(entry.spec.seeds)
        assert bool(stages[-1].spec.teachers) == needs_teacher
        hashes = {stage.role: stage.spec.hash for stage in stages}
        # The first teacher of born-again nets is the baseline.
        assert len({*hashes.values()}) == len(hashes) - (name == "born-again")


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_are_valid_specs(name: str) -> None:
    """Recipes use ``model_copy``, which does not validate."""
    for entry in get_recipe(name).entries:
        parsed = parse_spec(ExperimentSpec, entry.spec.to_json())
        assert parsed == entry.spec
        assert parsed.hash == entry.spec.hash


@pytest.mark.parametrize("name", recipe_names())
def test_batches_are_smaller_than_the_data(name: str) -> None:
    spec = get_recipe(name).spec
    assert spec.data.name in dataset_names()
    images = get_dataset(spec.data.name).info.train
    for role in ROLES:
        assert getattr(spec, f"{role}_train").batch_size <= images


@pytest.mark.parametrize("name", recipe_names())
def test_caveats_mention_a_teacher_smaller_than_the_student(name: str) -> None:
    recipe = get_recipe(name)
    student = number_of_parameters(recipe.spec.student, recipe.spec)
    is_larger = student > number_of_parameters(recipe.spec.teacher, recipe.spec)
    assert is_larger == (name in SMALLER_TEACHER)
    if is_larger:
        assert any("convolutions" in caveat for caveat in recipe.caveats)


@pytest.mark.parametrize("name", NETS)
def test_nets_have_the_size_in_the_source(name: str) -> None:
    spec = get_recipe(name).spec
    teacher, student = NETS[name]
    allowed = teacher if isinstance(teacher, range) else (teacher,)
    assert number_of_parameters(spec.teacher, spec) in allowed
    assert number_of_parameters(spec.student, spec) == student


@pytest.mark.parametrize("name", recipe_names())
def test_published_accuracies_are_those_of_the_source(name: str) -> None:
    recipe = get_recipe(name)
    assert tuple(recipe.published.values()) == PUBLISHED.get(name, ())
    if recipe.published:
        assert tuple(recipe.published) == ROLES
        assert recipe.caveats


@pytest.mark.parametrize("name", EPOCHS)
def test_epochs_are_those_of_the_source(name: str) -> None:
    spec = get_recipe(name).spec
    assert tuple(getattr(spec, f"{role}_train").epochs for role in ROLES) == EPOCHS[name]


# -- comparisons ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMPARISONS)
def test_titles_and_names_of_rivals_are_unique(name: str) -> None:
    recipe = get_recipe(name)
    titles = [entry.title for entry in recipe.entries]
    names = [entry.spec.name for entry in recipe.entries]
    assert len({*titles}) == len(titles)
    assert len({*names}) == len(names)
    assert {*recipe.reference_titles} <= {*titles}


def test_few_labels_has_a_baseline_for_each_share_and_one_student() -> None:
    stages = [
        {stage.role: stage.spec for stage in plan_experiment(entry.spec)}
        for entry in get_recipe("few-labels").entries
    ]
    assert [stage["baseline"].label_share for stage in stages] == [0.01, 0.03, 0.1, 1.0]
    assert len({stage["distilled"].hash for stage in stages}) == 1  # λ = 0: it uses no label
    assert len({stage["teacher"].hash for stage in stages}) == 1


@pytest.mark.parametrize("name", [name for name in COMPARISONS if name != "few-labels"])
def test_rivals_have_the_same_baseline_or_the_same_budget(name: str) -> None:
    """A rival with a shorter baseline starts from it, so that both add up to the budget."""
    recipe = get_recipe(name)
    budget = recipe.spec.baseline_train.epochs
    baselines, distilled = set(), []
    for entry in recipe.entries:
        stages = {stage.role: stage.spec for stage in plan_experiment(entry.spec)}
        distilled.append(stages["distilled"].hash)
        if entry.spec.baseline_train == recipe.spec.baseline_train:
            baselines.add(stages["baseline"].hash)
        else:
            assert entry.spec.warm_start
            trains = (entry.spec.baseline_train, entry.spec.distilled_train)
            assert sum(train.epochs for train in trains) == budget
    assert len(baselines) == 1
    assert len({*distilled}) == len(distilled)


@pytest.mark.parametrize("name", COMPARISONS)
def test_objectives_of_rivals_hash_as_those_of_a_form(name: str) -> None:
    for entry in get_recipe(name).entries:
        spec = entry.spec.objective
        made = get_objective(spec.name).make_spec(spec.temperature, spec.lam, spec.options)
        assert made == spec


def test_all_objectives_except_born_again_are_compared() -> None:
    recipe = get_recipe("objectives-compared")
    compared = [entry.spec.objective.name for entry in recipe.entries]
    assert sorted(compared) == sorted({*objective_names()} - {"labels", "born-again"})
    assert recipe.seeds >= 5


def test_the_single_teachers_are_members_of_the_ensemble() -> None:
    recipe = get_recipe("meal-v2")
    members = {teacher.model for teacher in recipe.spec.all_teachers}
    single_teachers = {
        entry.spec.teacher for entry in recipe.entries if entry.title in recipe.reference_titles
    }
    assert single_teachers == members
    assert len(members) == 3
    hashes = {stage.spec.hash for stage in plan_experiment(recipe.spec)}
    for rival in recipe.rivals:
        assert plan_experiment(rival.spec)[0].spec.hash in hashes


# -- single recipes ---------------------------------------------------------------------------


def test_the_quick_recipe_needs_no_download(tmp_path: Path) -> None:
    assert get_dataset(get_recipe("quick").spec.data.name).is_available(tmp_path)


def test_settings_of_wu_2020_are_those_of_the_source() -> None:
    spec = get_recipe("wu-2020").spec
    assert spec.warm_start
    assert (spec.data.name, spec.data.scaling) == ("mnist", "raw")
    assert spec.objective.name == "vanilla"
    for role in ROLES:
        train = getattr(spec, f"{role}_train")
        assert (train.optimiser, train.learning_rate, train.epsilon) == ("adam", 1e-3, 1e-7)
        assert train.batch_size == 64


def test_settings_of_korn_2017_are_those_of_the_source() -> None:
    spec = get_recipe("korn-2017").spec
    assert number_of_classes(spec) == 26
    objective = spec.objective
    assert (objective.name, objective.temperature, objective.lam) == ("additive", 10, 0.5)
    for role in ROLES:
        train = getattr(spec, f"{role}_train")
        assert (train.optimiser, train.batch_size, train.schedule) == ("adadelta", 256, "plateau")
        assert (train.plateau_patience, train.early_stopping) == (1, 3)


def test_settings_of_hinton_2015_are_those_of_the_source() -> None:
    spec = get_recipe("hinton-2015").spec
    assert (spec.data.name, spec.objective.temperature) == ("mnist", 20)
    assert spec.teacher_train.jitter == 2
    assert spec.teacher_train.max_norm is not None
    assert spec.distilled_train.jitter == 0
    rate = {"learning_rate": spec.distilled_train.learning_rate}
    assert spec.baseline_train.model_copy(update=rate) == spec.distilled_train


@pytest.mark.parametrize(
    ("name", "classes"), [("hinton-no-3", {*range(10)} - {3}), ("hinton-7-8", {7, 8})]
)
def test_hinton_recipes_differ_in_excluded_classes(name: str, classes: set[int]) -> None:
    spec = get_recipe(name).spec
    assert {*range(10)} - {*spec.left_out} == classes
    expected = get_recipe("hinton-2015").spec
    assert spec.model_copy(update={"name": expected.name, "left_out": ()}) == expected


@pytest.mark.parametrize("name", ["hinton-2015", "hinton-no-3", "hinton-7-8"])
def test_published_errors_agree_with_accuracies(name: str) -> None:
    recipe = get_recipe(name)
    assert recipe.published_errors
    for role, errors in recipe.published_errors.items():
        assert recipe.published[role] == pytest.approx(100 - errors / 100)


def test_published_results_of_hinton_2015() -> None:
    assert get_recipe("hinton-2015").published_errors["distilled"] == 74
    biased = get_recipe("hinton-no-3").published_biased
    assert biased is not None
    assert (biased.bias, biased.errors) == (3.5, 1.09)
    assert biased.never_seen_right == pytest.approx(100 * (1010 - 14) / 1010, abs=0.05)


def test_never_seen_quick_shares_the_teacher_of_quick() -> None:
    spec, quick = get_recipe("never-seen-quick").spec, get_recipe("quick").spec
    assert spec.left_out == (3,)
    assert plan_experiment(spec)[0].spec == plan_experiment(quick)[0].spec
