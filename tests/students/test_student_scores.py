"""Validation scores of students, and the cache of teacher predictions."""

from __future__ import annotations

import pytest
import torch

from tests.students.student_examples import library, make_student, make_students, train_chunk
from tests.training.training_examples import CPU, make_task, small_splits
from tsexplorer.analysis.quality import quality
from tsexplorer.students.student_scores import clear_teacher_cache, score_trained_student
from tsexplorer.training.evaluation import compute_logits
from tsexplorer.training.task import Task


def test_scores_are_those_of_the_kept_weights():
    spec = make_student(3, 0.2, epochs=3)
    (student,) = train_chunk([spec]).students
    weights = {name: torch.tensor(array) for name, array in student.weights.items()}
    task = make_task(spec, library())
    task.net.load_state_dict(weights)
    z_NC = compute_logits(task.net, task.validation_batches()).numpy()
    z_t_NC = compute_logits(task.teacher_net, task.validation_batches()).numpy()
    expected = quality(z_NC, z_t_NC, small_splits().validation.labels.numpy(), 1.0)
    assert student.validation.accuracy == expected.accuracy
    assert student.validation.agreement == pytest.approx(expected.agreement)
    assert student.validation.ece == pytest.approx(expected.ece, abs=1e-6)
    assert student.epochs[-1].validation == pytest.approx(student.validation, abs=1e-6)

    def trained(key: str):
        return (spec, weights) if key == spec.hash else library()(key)

    scores = score_trained_student(spec, small_splits(), CPU, trained, lambda: None)
    assert scores == pytest.approx(student.validation, abs=1e-6)


def test_chunks_share_the_outputs_of_their_teacher(monkeypatch):
    clear_teacher_cache()
    computations = []
    compute = Task.prepare_teacher

    def count(task: Task, *arguments) -> None:
        computations.append(task)
        compute(task, *arguments)

    monkeypatch.setattr(Task, "prepare_teacher", count)
    first, second = train_chunk(make_students()), train_chunk(make_students())
    assert len(computations) == 1
    for student, other in zip(first.students, second.students, strict=True):
        assert student.validation == other.validation
    train_chunk(make_students(), splits=small_splits(train=80))
    assert len(computations) == 2
