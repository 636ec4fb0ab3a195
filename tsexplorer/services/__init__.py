"""The service for pages and shell: experiments, studies, jobs, trained nets, downloads.

Pages and shell import the service and its types from here, and neither the store nor the jobs.
"""

from tsexplorer.jobs.progress import JobProgress
from tsexplorer.services.datasets import Datasets, ImportState
from tsexplorer.services.downloads import Download
from tsexplorer.services.inference import ClassShares, Images
from tsexplorer.services.job_queue import ACTIVE, RESUMABLE
from tsexplorer.services.service import Service, Watch
from tsexplorer.services.studies import StudyState
from tsexplorer.store import (
    EpochRow,
    ExperimentSnapshot,
    JobSnapshot,
    JobStatus,
    StageLink,
    StageSnapshot,
)
from tsexplorer.studies.experiment import ExperimentCheck
from tsexplorer.studies.kind import StudentsCheck, StudyCheck, StudySnapshot

__all__ = [
    "ACTIVE",
    "RESUMABLE",
    "ClassShares",
    "Datasets",
    "Download",
    "EpochRow",
    "ExperimentCheck",
    "ExperimentSnapshot",
    "Images",
    "ImportState",
    "JobProgress",
    "JobSnapshot",
    "JobStatus",
    "Service",
    "StageLink",
    "StageSnapshot",
    "StudentsCheck",
    "StudyCheck",
    "StudySnapshot",
    "StudyState",
    "Watch",
]
