"""How students are divided into chunks, and which chunks are refused."""

from __future__ import annotations

import pickle

import pytest

from tests.examples import TINY
from tests.students.student_examples import SETTINGS, make_request, make_student, train_chunk
from tsexplorer.data.registry import get_dataset
from tsexplorer.errors import UserError
from tsexplorer.specs import ModelSpec, ObjectiveSpec
from tsexplorer.students import chunks
from tsexplorer.students.chunks import Chunk, check_fits, max_stack_size, plan_chunks
from tsexplorer.students.stacking_rule import memory_needed
from tsexplorer.studies.sweep.spec import SweepSpec

INFO = get_dataset("mnist-5k").info
UNLIMITED = 10**12
GRID = SweepSpec(base=TINY, lambdas=(0, 0.25, 0.5, 0.75), seeds=(0, 1, 2))
"""5 × 4 cells and a baseline: 21 students for each seed."""
CONVOLUTIONAL = GRID.model_copy(
    update={"base": TINY.model_copy(update={"student": ModelSpec(name="wu-cnn")})}
)


def sizes(planned: tuple[Chunk, ...]) -> list[int]:
    return [len(chunk.students) for chunk in planned]


def seeds(chunk: Chunk) -> set[int]:
    return {student.seed for student in chunk.students}


def hashes(planned: tuple[Chunk, ...]) -> list[str]:
    return sorted(student.hash for chunk in planned for student in chunk.students)


def test_each_student_is_in_one_chunk():
    planned = plan_chunks(GRID.students, INFO, UNLIMITED)
    assert hashes(planned) == sorted(student.hash for student in GRID.students)
    assert len({chunk.key for chunk in planned}) == len(planned)


@pytest.mark.parametrize(
    ("largest", "expected_sizes", "expected_seeds"),
    [
        (30, [21, 21, 21], [{0}, {1}, {2}]),
        (20, [11, 10] * 3, [{0}, {0}, {1}, {1}, {2}, {2}]),
    ],
)
def test_large_seeds_do_not_share_chunks(monkeypatch, largest, expected_sizes, expected_seeds):
    monkeypatch.setattr(chunks, "MAX_STACK_SIZE", largest)
    planned = plan_chunks(GRID.students, INFO, UNLIMITED)
    assert sizes(planned) == expected_sizes
    assert [seeds(chunk) for chunk in planned] == expected_seeds


def test_several_seeds_of_a_small_grid_share_a_stack():
    sweep = GRID.model_copy(update={"temperatures": (2.0,), "seeds": tuple(range(6))})
    assert sizes(plan_chunks(sweep.students, INFO, UNLIMITED)) == [30]


def test_students_of_a_stack_are_ordered_by_learning_rate():
    sweep = GRID.model_copy(
        update={"learning_rates": (0.1, 0.01), "temperatures": (2.0,), "seeds": (0, 1)}
    )
    (chunk,) = plan_chunks(sweep.students, INFO, UNLIMITED)
    rates = [student.train.learning_rate for student in chunk.students]
    assert rates == sorted(rates)


def test_chunks_have_one_objective_and_are_ordered_by_seed():
    """The baselines of the additive objective have another objective: labels."""
    base = TINY.model_copy(update={"objective": ObjectiveSpec(name="additive")})
    sweep = GRID.model_copy(update={"base": base})
    planned = plan_chunks(sweep.students, INFO, UNLIMITED)
    for chunk in planned:
        assert len({student.objective.name for student in chunk.students}) == 1
    first_seeds = [chunk.students[0].seed for chunk in planned]
    assert first_seeds == sorted(first_seeds)


def test_convolutional_students_train_one_after_the_other():
    planned = plan_chunks(CONVOLUTIONAL.students, INFO, UNLIMITED)
    assert not any(chunk.stacked for chunk in planned)
    assert max(sizes(planned)) <= chunks.MAX_SEQUENTIAL
    assert all(len(seeds(chunk)) == 1 for chunk in planned)
    assert "Convolutions" in planned[0].sentence


@pytest.mark.parametrize(
    ("workers", "expected"),
    [(2, [32, 31]), (4, [16, 16, 16, 15]), (3, [21, 21, 21]), (100, [1] * 63)],
)
def test_all_workers_get_the_same_number_of_students(workers: int, expected: list[int]):
    planned = plan_chunks(GRID.students, INFO, UNLIMITED, workers)
    assert sizes(planned) == expected
    assert hashes(planned) == sorted(student.hash for student in GRID.students)


def test_chunks_for_workers_keep_the_size_limits():
    need = memory_needed(GRID.students[0], INFO, seeds=1)
    assert max(sizes(plan_chunks(GRID.students, INFO, need.total(8), 2))) <= 8
    sequential = plan_chunks(CONVOLUTIONAL.students, INFO, UNLIMITED, 4)
    assert max(sizes(sequential)) <= chunks.MAX_SEQUENTIAL
    assert len(sequential) == 16


def test_memory_limits_the_size_of_a_chunk():
    need = memory_needed(GRID.students[0], INFO, seeds=1)
    budget = need.total(8)
    assert max_stack_size(GRID.students[0], INFO, budget) == 8
    assert max(sizes(plan_chunks(GRID.students, INFO, budget))) == 7
    check_fits(Chunk(GRID.students[:8], True, ""), INFO, budget)
    with pytest.raises(UserError, match=r"^9 students of this net need about .* MB, more than the"):
        check_fits(Chunk(GRID.students[:9], True, ""), INFO, budget)
    with pytest.raises(UserError, match=r"may be used; at most 8 fit together\.$"):
        check_fits(Chunk(GRID.students[:9], True, ""), INFO, budget)


def test_student_larger_than_the_memory_is_refused():
    with pytest.raises(UserError, match=r"^One student of this net needs .* take a smaller net"):
        plan_chunks(GRID.students, INFO, 10**6)


def test_request_and_result_can_be_pickled(tmp_path):
    students = [make_student(temperature, lam, epochs=1) for temperature, lam in SETTINGS[:2]]
    request = make_request(students, tmp_path)
    copy = pickle.loads(pickle.dumps(request))
    assert copy.chunk == request.chunk
    assert copy.chunk.key == request.chunk.key
    assert copy.folder == tmp_path
    for key, (spec, arrays) in request.nets.items():
        assert copy.nets[key][0] == spec
        assert all((copy.nets[key][1][name] == value).all() for name, value in arrays.items())
    result = train_chunk(students)
    result_copy = pickle.loads(pickle.dumps(result))
    assert result_copy.key == request.chunk.key
    scores = [student.validation for student in result.students]
    assert [student.validation for student in result_copy.students] == scores
