"""``tune`` from its arguments to what it prints, and its job among others."""

from __future__ import annotations

import pytest

from tests.cli.conftest import TOY, Shell, document
from tests.examples import enqueue_study
from tsexplorer.cli.studies.tuning import SHELL
from tsexplorer.jobs.progress import JobProgress
from tsexplorer.services.foreground import JobView
from tsexplorer.services.service import Service
from tsexplorer.specs import ExperimentSpec, parse_spec
from tsexplorer.studies.student_stages import sweepable
from tsexplorer.studies.tuning.spec import TuneSpec

pytestmark = pytest.mark.usefixtures("settled")

SMALL = ("--trials", "3", "--rounds", "2", "--seeds", "2", "--repeats", "2", "--baselines", "2")


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> ExperimentSpec:
    """The toy experiment is the base of all tunings here."""
    base = parse_spec(ExperimentSpec, {"name": "toy", **TOY})
    monkeypatch.setattr("tsexplorer.cli.study_requests.asked_for", lambda *_, **__: base)
    return base


def test_from_the_arguments_to_the_suggestion(shell: Shell, service: Service) -> None:
    shown = shell("tune", *SMALL, "--name", "found", "--learning-rates", "0.01")
    assert shown.exit_code == 0
    assert "3 trials in 2 rounds, 10 students at most." in shown.stderr  # 3 + 1, and 3 on 2 seeds
    figures = service.studies.results("found")
    suggestion = figures.repeats.suggestion
    assert suggestion is not None
    lines = shown.stdout
    assert lines.splitlines()[0].split() == ["T", "λ", "rate", "validation", "gap", "closed"]
    assert f"Suggestion: T = {suggestion.result.cell.temperature:g}, λ = " in lines
    assert "read once (500 images)" in lines
    assert "Baseline (labels alone, at learning rate 0.01)" in lines
    assert "seeds 1, 2: 95 % interval" in lines
    found = document(shell("tune", *SMALL, "--name", "found", "--learning-rates", "0.01", "--json"))
    assert [one["state"] for one in found["trials"]] == ["done"] * 3
    assert {one["learning_rate"] for one in found["trials"]} == {0.01}
    assert found["suggestion"]["temperature"] == suggestion.result.cell.temperature
    assert found["suggestion"]["accuracy"]["seeds"] == 2
    assert found["suggestion"]["others_repeated"] == 1
    assert found["importances"] is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--trials", "1"), "trials: should be greater than or equal to 2 (given: 1)."),
        (
            ("--temperatures", "1,2,4"),
            "temperatures: write the lower and the upper end, as in 1,8, or one number to keep it "
            "fixed.",
        ),
        (("--lambdas", "1,0"), "lambdas: the lower end 1 lies above the upper end 0."),
        (
            ("--temperatures", "2", "--lambdas", "0.5", "--learning-rates", "0.1"),
            "the spec: leave one of T, lambda and learning rate open, else there is nothing to "
            "search.",
        ),
        (
            ("--objective", "labels"),
            "The objective 'labels' has no T and λ to sweep over; choose one of "
            f"{', '.join(sweepable())}.",
        ),
    ],
)
def test_bad_input_ends_in_one_sentence(
    shell: Shell, service: Service, arguments: tuple[str, ...], sentence: str
) -> None:
    result = shell("tune", *arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", sentence + "\n")
    assert service.jobs() == ()


def test_job_of_a_tuning_is_listed_cancelled_resumed_and_deleted(
    shell: Shell, service: Service, toy: ExperimentSpec
) -> None:
    asked = TuneSpec(base=toy, trials=2, per_round=2, repeats=1, seeds=1, baselines=1)
    job = enqueue_study(service, asked, "found")
    view = JobView(service.subject(job), JobProgress(), "running")
    assert SHELL.progress(view, service.studies.results("found")) == "0 of 2 trials (0 given up)"
    [row] = document(shell("jobs", "--json"))
    assert (row["experiment"], row["kind"]) == ("found", "tuning")
    assert document(shell("cancel", str(job.id), "--json"))["status"] == "cancelled"
    assert document(shell("resume", str(job.id), "--json"))["tuning"] == "found"
    figures = service.studies.results("found")
    assert "the best are repeated, best so far" in SHELL.progress(view, figures)
    assert [len(row) for row in SHELL.table(figures)[1]] == [5]
    refused = shell("predict", "--stage", "found:distilled", "nothing.png")
    assert '"found" is a tuning' in refused.stderr
    assert shell("delete", "found").stdout == 'The tuning "found" is deleted.\n'
    assert document(shell("jobs", "--json")) == []
