"""What is known of experiments, stages and jobs, kept in SQLite or PostgreSQL."""

from tsexplorer.store.errors import StoreError
from tsexplorer.store.repository import Store
from tsexplorer.store.snapshots import (
    EpochRow,
    ExperimentSnapshot,
    JobSnapshot,
    JobStatus,
    Request,
    StageFigures,
    StageLink,
    StageSnapshot,
    StageStatus,
    StudentRow,
    StudyRecord,
)

__all__ = [
    "EpochRow",
    "ExperimentSnapshot",
    "JobSnapshot",
    "JobStatus",
    "Request",
    "StageFigures",
    "StageLink",
    "StageSnapshot",
    "StageStatus",
    "Store",
    "StoreError",
    "StudentRow",
    "StudyRecord",
]
