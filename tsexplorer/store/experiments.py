"""Experiments: what was asked for, and the stages that it comes to."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, delete, exists, select
from sqlalchemy.orm import Session, aliased, selectinload

from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.planning import PlannedStage
from tsexplorer.specs import ExperimentSpec, Spec, StageSpec, parse_spec
from tsexplorer.store.engine import Transactions
from tsexplorer.store.rows import experiment_snapshot
from tsexplorer.store.schema import Experiment, ExperimentStage, Job, Stage
from tsexplorer.store.snapshots import ExperimentSnapshot
from tsexplorer.studies.sweep.spec import SweepSpec
from tsexplorer.studies.tuning.spec import TuneSpec

Asked = ExperimentSpec | SweepSpec | TuneSpec
WITH_STAGES = selectinload(Experiment.links).joinedload(ExperimentStage.stage)


class Experiments(Transactions):
    """Add, find, rename and delete experiments."""

    def add_experiment(
        self, spec: ExperimentSpec, stages: Sequence[PlannedStage]
    ) -> ExperimentSnapshot:
        """Keep an experiment; stages that are there already, trained or not, are reused.

        Args:
            spec: what is asked for. Asked for again under the same name, it is found, not added.
            stages: its plan, in the order in which it is to be trained.

        Raises:
            UserError: another experiment has the name.
        """
        with self._writing() as session:
            return _added(session, spec, spec, stages)

    def add_sweep(self, sweep: SweepSpec) -> ExperimentSnapshot:
        """Keep a sweep under its base's name; stages that are there already are reused.

        Args:
            sweep: what is asked for. Asked for again under the same name, it is found, not added.

        Raises:
            UserError: another sweep, a tuning or an experiment has the name.
        """
        with self._writing() as session:
            return _added(session, sweep.base, sweep, sweep.planned)

    def add_tune(self, tune: TuneSpec) -> ExperimentSnapshot:
        """Keep a tuning under its base's name, with the nets that must be there before it begins.

        Args:
            tune: what is asked for. Asked for again under the same name, it is found, not added.

        Raises:
            UserError: another tuning, a sweep or an experiment has the name.
        """
        with self._writing() as session:
            return _added(session, tune.base, tune, tune.before)

    def extend_experiment(self, key: str, stages: Sequence[PlannedStage]) -> ExperimentSnapshot:
        """Give an experiment further stages, behind those that it has; those it has are left.

        Raises:
            NotFoundError: there is no such experiment.
        """
        with self._writing() as session:
            row = _find(session, key)
            known = {link.stage_hash for link in row.links}
            further = [stage for stage in stages if stage.spec.hash not in known]
            row.links += _links(session, further, len(row.links))
            session.flush()
            return experiment_snapshot(row)

    def sweeps(self) -> list[ExperimentSnapshot]:
        """All sweeps, newest first."""
        return self._newest_first(Experiment.sweep.is_not(None))

    def tunes(self) -> list[ExperimentSnapshot]:
        """All tunings, newest first."""
        return self._newest_first(Experiment.tune.is_not(None))

    def experiment(self, key: str) -> ExperimentSnapshot:
        """One experiment by id or name.

        Raises:
            NotFoundError: there is none.
        """
        with self._reading() as session:
            return experiment_snapshot(_find(session, key))

    def has_experiment(self, key: str) -> bool:
        """Whether an id or name stands for an experiment."""
        with self._reading() as session:
            return bool(
                session.scalar(
                    select(exists().where((Experiment.id == key) | (Experiment.name == key)))
                )
            )

    def experiments(self) -> list[ExperimentSnapshot]:
        """All experiments that are no sweeps and no tunings, newest first."""
        return self._newest_first(and_(Experiment.sweep.is_(None), Experiment.tune.is_(None)))

    def _newest_first(self, which: ColumnElement[bool]) -> list[ExperimentSnapshot]:
        query = select(Experiment).where(which).options(WITH_STAGES)
        with self._reading() as session:
            found = session.scalars(query.order_by(Experiment.created_at.desc()))
            return [experiment_snapshot(row) for row in found]

    def rename_experiment(self, key: str, name: str) -> ExperimentSnapshot:
        """Give an experiment another name; its stages do not change.

        Raises:
            NotFoundError: there is none.
            UserError: the name is taken, empty or too long.
        """
        with self._writing() as session:
            row = _find(session, key)
            holder = _named(session, name)
            if holder is not None and holder is not row:
                raise UserError(
                    f'An experiment named "{name}" exists already; choose another name.'
                )
            spec = parse_spec(ExperimentSpec, {**row.spec, "name": name})
            row.name, row.spec = spec.name, _document(spec)
            if row.sweep is not None:
                row.sweep = {**row.sweep, "base": row.spec}
            if row.tune is not None:
                row.tune = {**row.tune, "base": row.spec}
            return experiment_snapshot(row)

    def delete_experiment(self, key: str) -> list[str]:
        """Remove an experiment, its jobs, and the stages that no other experiment has.

        Returns:
            The hashes of the stages that are gone, whose weights nobody needs any more.

        Raises:
            NotFoundError: there is none.
            UserError: it is being trained.
        """
        with self._writing() as session:
            row = _find(session, key)
            _refuse_while_trained(session, row)
            orphans = _only_here(session, row)
            session.execute(delete(Experiment).where(Experiment.id == row.id))
            session.execute(delete(Stage).where(Stage.hash.in_(orphans)))
            return orphans


def _named(session: Session, name: str) -> Experiment | None:
    return session.scalar(select(Experiment).where(Experiment.name == name).options(WITH_STAGES))


def _find(session: Session, key: str) -> Experiment:
    row = session.get(Experiment, key, options=[WITH_STAGES]) or _named(session, key)
    if row is None:
        raise NotFoundError(
            f'There is no experiment "{key}"; give the id or the name of one that exists.'
        )
    return row


def _added(
    session: Session, base: ExperimentSpec, asked: Asked, stages: Sequence[PlannedStage]
) -> ExperimentSnapshot:
    """What was asked for, found under its base's name or inserted.

    Raises:
        UserError: something else has the name.
    """
    row = _named(session, base.name)
    if row is None:
        return experiment_snapshot(_insert(session, base, asked, stages))
    found = experiment_snapshot(row)
    has = found.tune or found.sweep or found.spec
    article = "An" if found.kind == "experiment" else "A"
    if type(has) is not type(asked):
        raise UserError(
            f'{article} {found.kind} is named "{base.name}"; choose another name or delete it '
            "first."
        )
    if has != asked:
        raise UserError(
            f'{article} {found.kind} named "{base.name}" exists with other settings; choose '
            "another name or delete it first."
        )
    return found


def _insert(
    session: Session, base: ExperimentSpec, asked: Asked, stages: Sequence[PlannedStage]
) -> Experiment:
    experiment = Experiment(
        id=_free_id(session),
        name=base.name,
        spec=_document(base),
        sweep=_document(asked) if isinstance(asked, SweepSpec) else None,
        tune=_document(asked) if isinstance(asked, TuneSpec) else None,
        created_at=datetime.now(UTC),
        links=_links(session, stages),
    )
    session.add(experiment)
    session.flush()
    return experiment


def _links(
    session: Session, stages: Sequence[PlannedStage], first: int = 0
) -> list[ExperimentStage]:
    """Stages in their order, from a position on; those that are there already are reused."""
    specs = {stage.spec.hash: stage.spec for stage in stages}
    found = session.scalars(select(Stage).where(Stage.hash.in_(specs)))
    rows = {row.hash: row for row in found}
    rows |= {key: _new_stage(key, spec) for key, spec in specs.items() if key not in rows}
    return [
        ExperimentStage(
            position=position, seed=stage.seed, role=stage.role, stage=rows[stage.spec.hash]
        )
        for position, stage in enumerate(stages, first)
    ]


def _new_stage(key: str, spec: StageSpec) -> Stage:
    return Stage(
        hash=key, spec=_document(spec), status="new", epochs_done=0, created_at=datetime.now(UTC)
    )


def _free_id(session: Session) -> str:
    while session.get(Experiment, key := secrets.token_hex(4)) is not None:
        pass
    return key


def _document(spec: Spec) -> dict[str, object]:
    return spec.model_dump(mode="json", by_alias=True)


def _refuse_while_trained(session: Session, row: Experiment) -> None:
    job = session.scalar(
        select(Job.id).where(Job.experiment_id == row.id, Job.status.in_(("running", "paused")))
    )
    if job is not None:
        raise UserError(
            f'The {experiment_snapshot(row).kind} "{row.name}" is being trained; cancel its job '
            f"{job} first."
        )


def _only_here(session: Session, row: Experiment) -> list[str]:
    """Hashes of the stages that no other experiment has."""
    other = aliased(ExperimentStage)
    shared = exists().where(
        other.stage_hash == ExperimentStage.stage_hash, other.experiment_id != row.id
    )
    query = select(ExperimentStage.stage_hash).where(
        ExperimentStage.experiment_id == row.id, ~shared
    )
    return sorted(set(session.scalars(query)))
