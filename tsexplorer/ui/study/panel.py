"""What the page Tune needs from a kind of study, and the frame that keeps a study up to date."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, Generic, TypeVar

import streamlit as st

from tsexplorer.plugins import discover
from tsexplorer.services import Service, StudyCheck, StudySnapshot, StudyState
from tsexplorer.specs import ObjectiveSpec, Spec
from tsexplorer.ui.app_state import sentences
from tsexplorer.ui.forms import Stage
from tsexplorer.ui.objective_form import Nets, grid_objective
from tsexplorer.ui.study.job_bar import BarText, job_bar

S = TypeVar("S", bound=Spec)
EVERY_SECONDS = 1.0
STUDENT_STAGES: dict[Stage, str] = {"distilled_train": "Students", "teacher_train": "Teacher"}


class StudyPanel(ABC, Generic[S]):
    """The form and the view of one kind of study on the page Tune.

    Attributes:
        name: of the kind of study.
        label: on the page's choice of kinds.
        order: place among the kinds.
        parameter: URL parameter that names a study of this kind.
        prefix: of its session keys.
        spec_type: class of its specs.
        summary: one sentence under the page's title.
        introduction: markdown shown until there is a study of this kind.
        recipe_hint: what a recipe fills in.
        more_label: title of the folded part of the form.
        titles: of fields that only this form has, for error sentences.
        defaults: first values of the form, by session key without prefix.
        stages: titles of the schedules that the form shows.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    order: ClassVar[int]
    parameter: ClassVar[str]
    prefix: ClassVar[str]
    spec_type: ClassVar[type[Spec]]
    summary: ClassVar[str]
    introduction: ClassVar[str]
    recipe_hint: ClassVar[str]
    more_label: ClassVar[str]
    titles: ClassVar[Mapping[str, str]] = {}
    defaults: ClassVar[Mapping[str, Any]] = {}
    stages: ClassVar[Mapping[Stage, str]] = STUDENT_STAGES

    # -- the form -------------------------------------------------------------------------------

    def objective(self, pair: Nets) -> ObjectiveSpec:
        """Draw the controls of the objective; those of sweeps and searches have no T and λ."""
        return grid_objective(pair)

    @property
    def objective_key(self) -> str:
        """Session key of the objective's name."""
        return "sweep.objective"

    @abstractmethod
    def controls(self) -> dict[str, Any]:
        """Draw the main controls; returns what was typed, unchecked."""

    def more_controls(self, service: Service) -> dict[str, Any]:  # noqa: ARG002
        """Draw the folded controls; returns what was typed, unchecked."""
        return {}

    @abstractmethod
    def values(self, typed: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of the spec besides its base, from what was typed.

        Raises:
            UserError: a sentence for each field that is wrong.
        """

    def base_values(self, typed: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Further fields of the base experiment, from what was typed."""
        return {}

    @abstractmethod
    def suggested_name(self, spec: S) -> str:
        """A name that describes the study."""

    @abstractmethod
    def start_label(self, check: StudyCheck[S]) -> str:
        """The text of the start button."""

    @abstractmethod
    def describe(self, check: StudyCheck[S]) -> tuple[str, str]:
        """How much would be trained: a line of markdown, and a caption (may be empty)."""

    def after_form(self, service: Service, check: StudyCheck[S], available: bool) -> None:
        """Draw what follows the start button; nothing unless it is overridden."""

    @abstractmethod
    def fill(self, spec: S) -> None:
        """Put a study's settings into the session; call before the form is drawn."""

    # -- the view -------------------------------------------------------------------------------

    @abstractmethod
    def view(self, service: Service, state: StudyState) -> None:
        """Draw the results of a study."""

    @abstractmethod
    def bar_text(self, state: StudyState) -> BarText:
        """What the job bar shows of a running job."""

    @abstractmethod
    def stopped_text(self, study: StudySnapshot[S]) -> str:
        """What is kept of a job that stopped early."""


@cache
def panels() -> dict[str, StudyPanel[Any]]:
    """The panels of the page Tune by kind of study, in their order."""
    found = discover("tsexplorer.ui.study", "PANEL", StudyPanel)  # type: ignore[type-abstract]
    return dict(sorted(found.items(), key=lambda entry: entry[1].order))


def panel_of(kind: str) -> StudyPanel[Any]:
    """The panel of a kind of study."""
    return panels()[kind]


def live_frame(service: Service, panel: StudyPanel[Any], key: str) -> None:
    """Draw a study and its job; redraw it in place every second while the job is active.

    One flat fragment with a timer draws everything that moves. When the job ends, the fragment
    reruns the page once, which then draws it without a timer.
    """
    active = service.studies.get(key).status in ("queued", "running", "paused")
    st.fragment(_draw, run_every=EVERY_SECONDS if active else None)(service, panel, key, active)


def _draw(service: Service, panel: StudyPanel[Any], key: str, was_active: bool) -> None:
    with sentences():
        state = service.studies.state(key)
        if state.active != was_active:
            st.rerun()
        if state.job is not None and state.study.status != "done":
            job_bar(
                service,
                state.job,
                state.progress,
                state.jobs_before,
                panel.bar_text(state),
                stopped=panel.stopped_text(state.study),
            )
        panel.view(service, state)
