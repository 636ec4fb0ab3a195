"""Studies of all kinds, with their stages."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, exists, func, insert, select
from sqlalchemy.orm import Session, aliased, selectinload

from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.planning import PlannedStage
from tsexplorer.specs import ExperimentSpec, Spec, parse_spec
from tsexplorer.store.engine import Transactions
from tsexplorer.store.schema import (
    Experiment,
    ExperimentStage,
    Job,
    Stage,
    experiment_snapshot,
    study_record,
)
from tsexplorer.store.snapshots import (
    EXPERIMENT,
    ExperimentSnapshot,
    StageCount,
    StageFigures,
    StudyRecord,
)

WITH_STAGES = selectinload(Experiment.links).joinedload(ExperimentStage.stage)
FIGURE_COLUMNS = (
    ExperimentStage.stage_hash,
    ExperimentStage.seed,
    ExperimentStage.role,
    Stage.status,
    Stage.epochs_done,
    Stage.validation_accuracy,
    Stage.validation_loss,
    Stage.test_accuracy,
    Stage.agreement,
    Stage.ece,
)


class Experiments(Transactions):
    """Add, find, rename and delete studies."""

    def add_experiment(
        self, spec: ExperimentSpec, stages: Sequence[PlannedStage]
    ) -> ExperimentSnapshot:
        """Store an experiment, as :meth:`add_study` does."""
        return self.experiment(self.add_study(EXPERIMENT, spec, stages).id)

    def add_study(self, kind: str, spec: Spec, stages: Sequence[PlannedStage]) -> StudyRecord:
        """Store a study; existing stages, trained or not, are reused.

        Args:
            kind: name of the kind of study.
            spec: an experiment, or a spec with a ``base`` experiment, whose name the study gets.
            stages: the stages planned so far, in the order of training.

        Returns:
            The study; if one with the same name, kind and settings exists, that one.

        Raises:
            UserError: a study with other settings or of another kind has the name.
        """
        document = _document(spec)
        name = str((document if kind == EXPERIMENT else document["base"])["name"])
        with self._writing() as session:
            row = session.scalar(select(Experiment).where(Experiment.name == name))
            if row is None:
                row = Experiment(
                    id=_new_id(session),
                    name=name,
                    kind=kind,
                    document=document,
                    created_at=datetime.now(UTC),
                )
                session.add(row)
                session.flush()
                _insert_stages(session, row.id, stages, first=0)
            else:
                _refuse_other_settings(row, kind, spec)
            return study_record(row)

    def add_stages(self, key: str, stages: Sequence[PlannedStage]) -> None:
        """Append stages to a study, except those that it has already.

        Raises:
            NotFoundError: there is no such study.
        """
        with self._writing() as session:
            row = _find(session, key)
            query = select(ExperimentStage.stage_hash).where(
                ExperimentStage.experiment_id == row.id
            )
            existing = set(session.scalars(query))
            new_stages = [stage for stage in stages if stage.spec.hash not in existing]
            _insert_stages(session, row.id, new_stages, first=len(existing))

    def study(self, key: str) -> StudyRecord:
        """Return a study by id or name, without its stages.

        Raises:
            NotFoundError: there is no such study.
        """
        with self._reading() as session:
            return study_record(_find(session, key))

    def experiment(self, key: str) -> ExperimentSnapshot:
        """Return a study by id or name, with its stages.

        Raises:
            NotFoundError: there is no such study.
        """
        with self._reading() as session:
            return experiment_snapshot(_find(session, key, with_stages=True))

    def has_study(self, key: str) -> bool:
        """Whether a study has this id or name."""
        with self._reading() as session:
            return bool(
                session.scalar(
                    select(exists().where((Experiment.id == key) | (Experiment.name == key)))
                )
            )

    def experiments(self) -> list[ExperimentSnapshot]:
        """Return all studies of the kind experiment with their stages, newest first."""
        query = (
            select(Experiment)
            .where(Experiment.kind == EXPERIMENT)
            .options(WITH_STAGES)
            .order_by(Experiment.created_at.desc())
        )
        with self._reading() as session:
            return [experiment_snapshot(row) for row in session.scalars(query)]

    def studies(self, kind: str | None = None) -> list[StudyRecord]:
        """Return all studies, or those of a kind, without their stages, newest first."""
        query = select(Experiment).order_by(Experiment.created_at.desc())
        if kind is not None:
            query = query.where(Experiment.kind == kind)
        with self._reading() as session:
            return [study_record(row) for row in session.scalars(query)]

    def stage_figures(self, study_id: str) -> list[StageFigures]:
        """Return the figures of a study's stages in order; empty for an unknown id."""
        query = (
            select(*FIGURE_COLUMNS)
            .join(Stage, Stage.hash == ExperimentStage.stage_hash)
            .where(ExperimentStage.experiment_id == study_id)
            .order_by(ExperimentStage.position)
        )
        with self._reading() as session:
            return [StageFigures._make(row) for row in session.execute(query)]

    def stage_counts(self) -> dict[str, StageCount]:
        """Return the numbers of planned and of finished stages of each study, by study id."""
        query = (
            select(
                ExperimentStage.experiment_id,
                func.count(),
                func.count().filter(Stage.status == "done"),
            )
            .join(Stage, Stage.hash == ExperimentStage.stage_hash)
            .group_by(ExperimentStage.experiment_id)
        )
        with self._reading() as session:
            return {key: StageCount(stages, done) for key, stages, done in session.execute(query)}

    def rename_study(self, key: str, name: str) -> ExperimentSnapshot:
        """Rename a study; its stages do not change.

        Raises:
            NotFoundError: there is no such study.
            UserError: the name is taken, empty or too long.
        """
        with self._writing() as session:
            row = _find(session, key, with_stages=True)
            namesake = session.scalar(select(Experiment).where(Experiment.name == name))
            if namesake is not None and namesake is not row:
                raise UserError(
                    f'An experiment named "{name}" exists already; choose another name.'
                )
            base = row.document if row.kind == EXPERIMENT else row.document["base"]
            spec = parse_spec(ExperimentSpec, {**base, "name": name})
            row.name, document = spec.name, _document(spec)
            row.document = (
                document if row.kind == EXPERIMENT else {**row.document, "base": document}
            )
            return experiment_snapshot(row)

    def delete_study(self, key: str) -> list[str]:
        """Delete a study, its jobs, and the stages that no other study has.

        Returns:
            The hashes of the deleted stages; their weight files are no longer needed.

        Raises:
            NotFoundError: there is no such study.
            UserError: it is being trained.
        """
        with self._writing() as session:
            row = _find(session, key)
            _refuse_while_trained(session, row)
            unshared = _unshared_stages(session, row.id)
            session.execute(delete(Experiment).where(Experiment.id == row.id))
            session.execute(delete(Stage).where(Stage.hash.in_(unshared)))
            return unshared


def _find(session: Session, key: str, *, with_stages: bool = False) -> Experiment:
    options = [WITH_STAGES] if with_stages else []
    row = session.get(Experiment, key, options=options) or session.scalar(
        select(Experiment).where(Experiment.name == key).options(*options)
    )
    if row is None:
        raise NotFoundError(
            f'There is no experiment "{key}"; give the id or the name of one that exists.'
        )
    return row


def _refuse_other_settings(row: Experiment, kind: str, spec: Spec) -> None:
    """Raise an error unless a study has this kind and these settings.

    Raises:
        UserError: its kind or its settings differ.
    """
    article = "An" if row.kind == EXPERIMENT else "A"
    if row.kind != kind:
        raise UserError(
            f'{article} {row.kind} is named "{row.name}"; choose another name or delete it first.'
        )
    if parse_spec(type(spec), dict(row.document)) != spec:
        raise UserError(
            f'{article} {row.kind} named "{row.name}" exists with other settings; choose '
            "another name or delete it first."
        )


def _insert_stages(
    session: Session, study_id: str, stages: Sequence[PlannedStage], first: int
) -> None:
    """Insert a study's stages from the position ``first`` on; existing stage rows are reused."""
    if not stages:
        return
    specs = {stage.spec.hash: stage.spec for stage in stages}
    existing = set(session.scalars(select(Stage.hash).where(Stage.hash.in_(specs))))
    now = datetime.now(UTC)
    new_stages: list[dict[str, Any]] = [
        {
            "hash": key,
            "spec": _document(spec),
            "status": "new",
            "epochs_done": 0,
            "created_at": now,
        }
        for key, spec in specs.items()
        if key not in existing
    ]
    if new_stages:
        session.execute(insert(Stage), new_stages)
    links: list[dict[str, Any]] = [
        {
            "experiment_id": study_id,
            "position": position,
            "seed": stage.seed,
            "role": stage.role,
            "stage_hash": stage.spec.hash,
        }
        for position, stage in enumerate(stages, first)
    ]
    session.execute(insert(ExperimentStage), links)


def _new_id(session: Session) -> str:
    while session.get(Experiment, key := secrets.token_hex(4)) is not None:
        pass
    return key


def _document(spec: Spec) -> dict[str, Any]:
    return spec.model_dump(mode="json", by_alias=True)


def _refuse_while_trained(session: Session, row: Experiment) -> None:
    job = session.scalar(
        select(Job.id).where(Job.experiment_id == row.id, Job.status.in_(("running", "paused")))
    )
    if job is not None:
        raise UserError(
            f'The {row.kind} "{row.name}" is being trained; cancel its job {job} first.'
        )


def _unshared_stages(session: Session, study_id: str) -> list[str]:
    """Return the hashes of the stages that no other study has."""
    other_link = aliased(ExperimentStage)
    shared = exists().where(
        other_link.stage_hash == ExperimentStage.stage_hash, other_link.experiment_id != study_id
    )
    query = select(ExperimentStage.stage_hash).where(
        ExperimentStage.experiment_id == study_id, ~shared
    )
    return sorted(set(session.scalars(query)))
