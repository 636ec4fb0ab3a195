"""``run`` and ``resume`` from their arguments to what they print."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from tests.cli.conftest import TOY, Shell, document
from tests.data.conftest import Server, Small
from tsexplorer.analysis.seed_statistics import gap_closed, interval
from tsexplorer.data import registry
from tsexplorer.data.download import Remote, RemoteFile
from tsexplorer.errors import UserError
from tsexplorer.services.service import Service
from tsexplorer.specs import ROLES

pytestmark = pytest.mark.usefixtures("settled")

SpecFile = Callable[..., str]
STAGE_KEYS = ("id", "parameters", "epochs", "train_seconds", "validation_accuracy", "test_accuracy")


def test_one_seed_gives_its_figures_and_no_interval(
    shell: Shell, spec_file: SpecFile, service: Service
) -> None:
    result = shell("run", "--spec", spec_file(), "--json")
    found = document(result)
    assert list(found) == ["experiment", "seeds", "mean", "interval"]
    assert found["experiment"] == "toy"
    [seed] = found["seeds"]
    assert list(seed) == ["seed", "stages", "gap_closed"]
    assert seed["seed"] == 0
    kept = service.experiment("toy")
    for role in ROLES:
        stage, shown = kept.stage(0, role), seed["stages"][role]
        assert tuple(shown) == STAGE_KEYS
        assert shown["epochs"] == stage.spec.train.epochs
        assert shown["train_seconds"] == pytest.approx(stage.train_seconds, abs=1e-6)
        for figure in ("validation_accuracy", "test_accuracy"):
            assert shown[figure] == pytest.approx(getattr(stage, figure), abs=1e-6)
            assert found["mean"][role][figure] == shown[figure]
            assert found["interval"][role][figure] is None
    parameters = [seed["stages"][role]["parameters"] for role in ROLES]
    assert parameters == [9_550, 3_190, 3_190]
    assert list(seed["stages"]) == list(ROLES)
    teacher, baseline, distilled = (seed["stages"][role]["test_accuracy"] for role in ROLES)
    assert seed["gap_closed"] == pytest.approx(gap_closed(teacher, baseline, distilled), abs=1e-6)
    assert found["mean"]["gap_closed"] == seed["gap_closed"]
    assert found["interval"]["gap_closed"] is None


def test_a_student_that_never_saw_some_classes_closes_no_gap(
    shell: Shell, spec_file: SpecFile
) -> None:
    command = ("run", "--spec", spec_file(), "--leave-out", "3", "--name", "no threes")
    found = document(shell(*command, "--json"))
    assert found["seeds"][0]["gap_closed"] is None
    assert found["mean"]["gap_closed"] is None
    assert found["mean"]["distilled"]["test_accuracy"] > 0
    assert "No gap closed: as trained" in shell(*command).stdout


def test_progress_goes_to_standard_error(shell: Shell, spec_file: SpecFile) -> None:
    lines = shell("run", "--spec", spec_file(), "--json").stderr.splitlines()
    assert lines[0] == 'Training "toy" as job 1.'
    assert [line.partition(":")[0] for line in lines[1:]] == [f"{role}, seed 0" for role in ROLES]
    assert re.search(r": 2 epochs in \d+ s, validation \d+\.\d\d %$", lines[1])


def test_seeds_are_counted_from_zero_and_reuse_what_is_trained(
    shell: Shell, spec_file: SpecFile, service: Service
) -> None:
    file = spec_file()
    [alone] = document(shell("run", "--spec", file, "--json"))["seeds"]
    finished = [service.experiment("toy").stage(0, role).finished_at for role in ROLES]
    result = shell("run", "--spec", file, "--seeds", "2", "--json")
    found = document(result)
    assert found["experiment"] == "toy, 2 seeds"
    assert [seed["seed"] for seed in found["seeds"]] == [0, 1]
    assert found["seeds"][0] == alone
    assert [service.experiment("toy").stage(0, role).finished_at for role in ROLES] == finished
    assert result.stderr.count("trained before") == 3


def test_several_seeds_give_means_and_their_intervals(shell: Shell, spec_file: SpecFile) -> None:
    found = document(shell("run", "--spec", spec_file(), "--seeds", "2", "--json"))
    for role in ROLES:
        for figure in ("validation_accuracy", "test_accuracy"):
            values = [seed["stages"][role][figure] for seed in found["seeds"]]
            expected = interval(values)
            assert expected is not None
            assert found["mean"][role][figure] == pytest.approx(expected.mean, abs=1e-5)
            assert found["interval"][role][figure] == pytest.approx(
                [expected.low, expected.high], abs=1e-5
            )
    gaps = interval([seed["gap_closed"] for seed in found["seeds"]])
    assert gaps is not None
    assert found["mean"]["gap_closed"] == pytest.approx(gaps.mean, abs=1e-5)
    assert found["interval"]["gap_closed"] == pytest.approx([gaps.low, gaps.high], abs=1e-5)


def test_a_teacher_that_is_not_better_leaves_no_gap(shell: Shell, spec_file: SpecFile) -> None:
    # Teacher and baseline are one and the same stage.
    same = {"teacher": TOY["student"], "teacher_train": TOY["baseline_train"]}
    file = spec_file(**same)
    found = document(shell("run", "--spec", file, "--json"))
    assert found["seeds"][0]["gap_closed"] is None
    assert found["mean"]["gap_closed"] is None
    table = shell("run", "--spec", file).stdout
    assert "Gap closed (test): –; in 1 seed the teacher is not better than the baseline" in table


def test_running_again_gives_the_same_document(
    shell: Shell, spec_file: SpecFile, service: Service
) -> None:
    arguments = ("run", "--spec", spec_file(), "--seeds", "2", "--json")
    assert document(shell(*arguments)) == document(shell(*arguments))
    assert len([one for one in service.experiments() if one.name == "toy, 2 seeds"]) == 1


def test_the_table_says_where_its_figures_are_from(shell: Shell, spec_file: SpecFile) -> None:
    file = spec_file()
    [seed] = document(shell("run", "--spec", file, "--json"))["seeds"]
    text = shell("run", "--spec", file).stdout
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line.strip()}
    for role in ROLES:
        figures = seed["stages"][role]
        assert rows[role][1:3] == [f"{figures['parameters']:,}", str(figures["epochs"])]
        assert rows[role][-4:] == [
            f"{100 * figures['validation_accuracy']:.2f}",
            "%",
            f"{100 * figures['test_accuracy']:.2f}",
            "%",
        ]
    assert f"Gap closed (test): {100 * seed['gap_closed']:.0f} %" in text
    assert "validation (500 images)" in text
    assert "test (500 images) read once" in text
    assert "seed 0, so no interval" in text
    assert "hinton: λ·CE + (1 − λ)·T²·KL, nats, batch mean, T = 2, λ = 0.25" in text


def test_the_table_of_several_seeds_has_intervals(shell: Shell, spec_file: SpecFile) -> None:
    text = shell("run", "--spec", spec_file(), "--seeds", "2").stdout
    assert all(line.count(" ± ") == 2 for line in text.splitlines() if line.split(" ")[0] in ROLES)
    assert "seeds 0, 1: mean ± 95 % interval" in text
    assert "of the means" in text


def test_a_file_changed_under_its_name_is_refused(shell: Shell, spec_file: SpecFile) -> None:
    assert shell("run", "--spec", spec_file()).exit_code == 0
    changed = spec_file(objective={"temperature": 3})
    refused = shell("run", "--spec", changed, "--json")
    assert refused.exit_code == 2
    assert refused.stdout == ""
    assert refused.stderr.splitlines() == [
        'An experiment named "toy" exists with other settings; '
        "choose another name or delete it first."
    ]
    result = shell("run", "--spec", changed, "--name", "toy, T 3", "--json")
    assert document(result)["experiment"] == "toy, T 3"
    assert result.stderr.count("trained before") == 2  # teacher and baseline


def test_a_derived_name_that_is_taken_is_numbered(shell: Shell, spec_file: SpecFile) -> None:
    shell("run", "--spec", spec_file(), "--name", "toy, 2 seeds")
    arguments = ("run", "--spec", spec_file(), "--seeds", "2", "--json")
    assert document(shell(*arguments))["experiment"] == "toy, 2 seeds (2)"
    assert document(shell(*arguments))["experiment"] == "toy, 2 seeds (2)"


def test_a_small_teacher_is_allowed_and_said(shell: Shell, spec_file: SpecFile) -> None:
    result = shell("run", "--spec", spec_file(teacher=TOY["student"], student=TOY["teacher"]))
    assert result.exit_code == 0
    assert "smaller than its student" in result.stderr.splitlines()[0]


def test_a_job_that_fails_ends_with_its_sentence(
    shell: Shell, spec_file: SpecFile, home: Path, service: Service
) -> None:
    (home / "stages").write_text("a file where a folder should be")
    result = shell("run", "--spec", spec_file(), "--json")
    [job] = service.jobs()
    assert (result.exit_code, result.stdout, job.status) == (1, "", "failed")
    assert result.stderr.splitlines() == ['Training "toy" as job 1.', job.error]
    assert "stages" in job.error
    (home / "stages").unlink()
    assert document(shell("resume", "1", "--json"))["experiment"] == "toy"
    assert service.store.job(1).status == "done"


def test_a_bug_in_training_fails_the_job(
    shell: Shell, spec_file: SpecFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("tsexplorer.jobs.job_runner.train", broken)
    result = shell("run", "--spec", spec_file())
    assert (result.exit_code, result.stdout) == (1, "")
    assert "unexpected error (ZeroDivisionError)" in result.stderr.splitlines()[-1]


def test_a_store_that_gives_up_in_the_midst_of_it_is_said(
    shell: Shell, spec_file: SpecFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise UserError("The disk is full.")

    monkeypatch.setattr("tsexplorer.jobs.job_runner.JobRunner.run", full)
    result = shell("run", "--spec", spec_file())
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1] == "The disk is full."


def test_what_is_done_cannot_be_resumed(shell: Shell, spec_file: SpecFile) -> None:
    shell("run", "--spec", spec_file())
    result = shell("resume", "1")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Job 1 is done, so there is nothing to resume.\n"


# -- data that is not here ----------------------------------------------------------------------


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Make a dataset the only one there is."""

    def know(dataset: Any) -> None:
        monkeypatch.setattr(registry, "_registry", lambda: {dataset.name: dataset})

    return know


SMALL = {f"{role}_train": {"epochs": 1, "batch_size": 10} for role in ROLES}


def test_a_dataset_that_is_not_here_is_fetched(
    shell: Shell,
    spec_file: SpecFile,
    mnist: Small,
    server: Server,
    only: Callable[[Any], None],
    home: Path,
) -> None:
    mnist.write_into(server.folder, "gz")
    only(mnist.served([server.address], server.folder))
    result = shell("run", "--spec", spec_file(**SMALL), "--data", "mnist", "--json")
    assert document(result)["experiment"] == "toy, mnist"
    assert f"Fetched MNIST into {home / 'data'}." in result.stderr.splitlines()
    assert (home / "data" / "MNIST" / "raw" / "train-images-idx3-ubyte").is_file()


def test_without_a_network_one_sentence_says_what_to_put_where(
    shell: Shell,
    spec_file: SpecFile,
    mnist: Small,
    only: Callable[[Any], None],
    home: Path,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    nobody = Remote(("http://127.0.0.1:9",), (RemoteFile("train-images-idx3-ubyte.gz", "0" * 32),))
    only(replace(mnist.dataset, remote=nobody))
    result = shell("run", "--spec", spec_file(**SMALL), "--data", "mnist", "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    [line] = result.stderr.splitlines()
    assert "MNIST could not be downloaded" in line
    assert "put train-images-idx3-ubyte, " in line
    assert str(home / "data" / "MNIST" / "raw") in line
    assert service.jobs() == ()


def test_ctrl_c_stops_a_download_and_leaves_nothing(
    shell: Shell,
    spec_file: SpecFile,
    mnist: Small,
    server: Server,
    only: Callable[[Any], None],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mnist.write_into(server.folder, "gz")
    only(mnist.served([f"{server.address}/slow"], server.folder))

    pressed = []

    def press_ctrl_c_once_half_is_there(seconds: float) -> None:
        if server.stalled.is_set() and not pressed:
            pressed.append(True)
            raise KeyboardInterrupt
        sleep(seconds)

    monkeypatch.setattr("tsexplorer.cli.data.sleep", press_ctrl_c_once_half_is_there)
    result = shell("run", "--spec", spec_file(**SMALL), "--data", "mnist", "--json")
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.splitlines()[-1] == "The download was cancelled; nothing of it is left."
    assert list((home / "data" / "MNIST" / "raw").iterdir()) == []


def test_a_spec_printed_by_recipes_can_be_run(shell: Shell, tmp_path: Path) -> None:
    quick = document(shell("recipes", "--json"))[0]["spec"]
    for role in ROLES:
        quick[f"{role}_train"] |= {"epochs": 1, "batch_size": 400}
    quick["teacher"] = quick["student"]
    file = tmp_path / "quick.json"
    file.write_text(json.dumps(quick | {"name": "quicker"}))
    assert document(shell("run", "--spec", str(file), "--json"))["experiment"] == "quicker"
