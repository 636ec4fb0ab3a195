"""How a sweep is cut, and what is refused."""

from __future__ import annotations

import pickle

import pytest

from tests.examples import TINY
from tests.students.student_examples import SETTINGS, request, student, together
from tsexplorer.data.registry import get_dataset
from tsexplorer.errors import UserError
from tsexplorer.specs import ModelSpec, ObjectiveSpec
from tsexplorer.students import chunks, stacking_rule
from tsexplorer.students.chunks import Chunk, check_fits, largest_that_fits, plan_chunks
from tsexplorer.students.stacking_rule import available, in_words, need
from tsexplorer.studies.sweep.spec import SweepSpec

INFO = get_dataset("mnist-5k").info
PLENTY = 10**12
GRID = SweepSpec(base=TINY, lambdas=(0, 0.25, 0.5, 0.75), seeds=(0, 1, 2))
"""5 × 4 cells and a baseline: 21 students a seed."""


def sizes(planned: tuple[Chunk, ...]) -> list[int]:
    return [len(chunk.students) for chunk in planned]


def seeds(chunk: Chunk) -> set[int]:
    return {student.seed for student in chunk.students}


def test_every_student_is_in_one_chunk():
    planned = plan_chunks(GRID.students, INFO, PLENTY)
    found = [student.hash for chunk in planned for student in chunk.students]
    assert sorted(found) == sorted(student.hash for student in GRID.students)
    assert len({chunk.key for chunk in planned}) == len(planned)


def test_a_large_seed_has_chunks_of_its_own(monkeypatch):
    monkeypatch.setattr(chunks, "LARGEST", 30)
    planned = plan_chunks(GRID.students, INFO, PLENTY)
    assert sizes(planned) == [21, 21, 21]
    assert [seeds(chunk) for chunk in planned] == [{0}, {1}, {2}]
    monkeypatch.setattr(chunks, "LARGEST", 20)
    planned = plan_chunks(GRID.students, INFO, PLENTY)
    assert sizes(planned) == [11, 10] * 3
    assert [seeds(chunk) for chunk in planned] == [{0}, {0}, {1}, {1}, {2}, {2}]


def test_small_grids_of_several_seeds_share_a_stack():
    sweep = GRID.model_copy(update={"temperatures": (2.0,), "seeds": tuple(range(6))})
    assert sizes(plan_chunks(sweep.students, INFO, PLENTY)) == [30]


def test_students_of_one_rate_are_neighbours():
    sweep = GRID.model_copy(
        update={"learning_rates": (0.1, 0.01), "temperatures": (2.0,), "seeds": (0, 1)}
    )
    (chunk,) = plan_chunks(sweep.students, INFO, PLENTY)
    rates = [student.train.learning_rate for student in chunk.students]
    assert rates == sorted(rates)


def test_additive_baselines_have_a_stack_of_their_own_and_come_with_their_seed():
    base = TINY.model_copy(update={"objective": ObjectiveSpec(name="additive")})
    sweep = GRID.model_copy(update={"base": base})
    planned = plan_chunks(sweep.students, INFO, PLENTY)
    for chunk in planned:
        assert len({student.objective.name for student in chunk.students}) == 1
    firsts = [chunk.students[0].seed for chunk in planned]
    assert firsts == sorted(firsts)


def test_nets_that_do_not_stack_train_one_after_the_other():
    base = TINY.model_copy(update={"student": ModelSpec(name="wu-cnn")})
    planned = plan_chunks(GRID.model_copy(update={"base": base}).students, INFO, PLENTY)
    assert not any(chunk.stacked for chunk in planned)
    assert max(sizes(planned)) <= chunks.APART
    assert all(len(seeds(chunk)) == 1 for chunk in planned)
    assert "Convolutions" in planned[0].sentence


@pytest.mark.parametrize(
    ("workers", "cut"), [(2, [32, 31]), (4, [16, 16, 16, 15]), (3, [21, 21, 21]), (100, [1] * 63)]
)
def test_workers_have_as_much_to_do_as_each_other(workers: int, cut: list[int]):
    planned = plan_chunks(GRID.students, INFO, PLENTY, workers)
    assert sizes(planned) == cut
    found = [student.hash for chunk in planned for student in chunk.students]
    assert sorted(found) == sorted(student.hash for student in GRID.students)


def test_workers_do_not_make_a_chunk_larger_than_it_may_be():
    own = need(GRID.students[0], INFO, seeds=1)
    assert max(sizes(plan_chunks(GRID.students, INFO, own.of(8), 2))) <= 8
    base = TINY.model_copy(update={"student": ModelSpec(name="wu-cnn")})
    apart = plan_chunks(GRID.model_copy(update={"base": base}).students, INFO, PLENTY, 4)
    assert max(sizes(apart)) <= chunks.APART
    assert len(apart) == 16


def test_memory_bounds_a_chunk():
    own = need(GRID.students[0], INFO, seeds=1)
    budget = own.of(8)
    assert largest_that_fits(GRID.students[0], INFO, budget) == 8
    assert max(sizes(plan_chunks(GRID.students, INFO, budget))) == 7
    check_fits(Chunk(GRID.students[:8], True, ""), INFO, budget)
    with pytest.raises(UserError, match=r"^9 students of this net need about .* MB, more than the"):
        check_fits(Chunk(GRID.students[:9], True, ""), INFO, budget)
    with pytest.raises(UserError, match=r"may be used; at most 8 fit together\.$"):
        check_fits(Chunk(GRID.students[:9], True, ""), INFO, budget)


def test_where_not_one_fits_the_sentence_says_so():
    with pytest.raises(UserError, match=r"^One student of this net needs .* take a smaller net"):
        plan_chunks(GRID.students, INFO, 10**6)


def test_need_grows_with_what_is_asked():
    plain = need(student(), INFO, seeds=1)
    assert need(student(averaging=0.9), INFO, seeds=1).student > plain.student
    assert need(student(keep="best"), INFO, seeds=1).student > plain.student
    assert need(student(optimiser="sgd"), INFO, seeds=1).student < plain.student
    assert need(student(), INFO, seeds=2).shared > plain.shared
    assert need(student(jitter=2), INFO, seeds=1).shared > plain.shared
    assert plain.of(3) - plain.of(2) == plain.student
    # Weights and Adam's two, again in a checkpoint; the gradient; kept, stacked, given back.
    mlp = student(model=ModelSpec(name="mlp-64"))
    parameters = 50_890 * 4 * (2 * 3 + 4)
    assert parameters < need(mlp, INFO, seeds=1).student < 2 * parameters


def test_there_is_memory_to_use():
    assert 10**6 < available() < 2**50
    assert in_words(999) == "1 MB"


def test_what_a_container_holds_already_is_not_free(tmp_path, monkeypatch):
    monkeypatch.setattr(stacking_rule, "GROUP", tmp_path)
    (tmp_path / "memory.max").write_text("1000000\n")
    assert available() == 500_000  # an older system, which does not say what is held
    (tmp_path / "memory.current").write_text("700000\n")
    (tmp_path / "memory.stat").write_text("anon 600000\ninactive_file 100000\n")
    assert available() == 200_000
    (tmp_path / "memory.current").write_text("2000000\n")
    assert available() == 0
    (tmp_path / "memory.max").write_text("max\n")
    assert available() > 10**6


def test_request_and_result_travel(tmp_path):
    asked = request([student(temperature, lam) for temperature, lam in SETTINGS[:2]], tmp_path)
    again = pickle.loads(pickle.dumps(asked))
    assert again.chunk == asked.chunk
    assert again.chunk.key == asked.chunk.key
    assert again.folder == tmp_path
    for key, (spec, arrays) in asked.nets.items():
        assert again.nets[key][0] == spec
        assert all((again.nets[key][1][name] == value).all() for name, value in arrays.items())
    result = together(asked.chunk.students)
    back = pickle.loads(pickle.dumps(result))
    assert back.key == asked.chunk.key
    assert [one.validation for one in back.students] == [one.validation for one in result.students]
