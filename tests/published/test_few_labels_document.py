"""The table of few-labels in docs/results.md and its sentence in the README."""

from __future__ import annotations

from tests.published.test_results_document import README, results_of, row, rows, share
from tsexplorer.analysis.formatting import with_interval
from tsexplorer.analysis.seed_statistics import gain
from tsexplorer.data.registry import get_dataset
from tsexplorer.recipes import get_recipe
from tsexplorer.specs import ROLES


def test_the_table_of_few_labels_is_that_of_the_file() -> None:
    recipe, results = get_recipe("few-labels"), results_of("few-labels")
    images = get_dataset(results.spec.data.name).info.train
    for entry, measured in zip(recipe.entries, (results, *results.rivals), strict=True):
        assert measured.spec.label_share == entry.spec.label_share
        labels = round(measured.spec.label_share * images)
        gap = gain([seed.accuracy for seed in measured.seeds]).gap
        shares = (share(measured.accuracy(role)) for role in ROLES)
        assert row(f"{labels:,}", *shares, with_interval(gap, 0)) in rows()


def test_the_readme_quotes_the_figures_of_few_labels() -> None:
    few = results_of("few-labels")
    readme = " ".join(README.read_text("utf-8").split())
    baseline, distilled, teacher = (
        with_interval(few.accuracy(role)) for role in ("baseline", "distilled", "teacher")
    )
    assert f"a baseline with 550 labels has {baseline}, the same net" in readme
    assert f"without one label {distilled}, its teacher {teacher}." in readme
