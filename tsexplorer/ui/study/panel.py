"""Panels of the page Tune: the form and the view of each kind of study, and what all share.

A kind of study defines ``PANEL``, a :class:`StudyPanel`, in a module of this folder.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, Generic, TypeVar

import streamlit as st

from tsexplorer.plugins import discover
from tsexplorer.services import ACTIVE, Service, StudyCheck, StudySnapshot, StudyState
from tsexplorer.specs import ObjectiveSpec, Spec
from tsexplorer.ui import forms
from tsexplorer.ui.app_state import show_errors
from tsexplorer.ui.net_form import compare_nets, nets_form
from tsexplorer.ui.objective_form import NetPair, grid_objective_form, net_pair
from tsexplorer.ui.study.job_bar import BarText, job_bar
from tsexplorer.ui.teachers import further_teachers_form
from tsexplorer.ui.theme import escaped, start_button
from tsexplorer.ui.widgets import download_panel

S = TypeVar("S", bound=Spec)
EVERY_SECONDS = 1.0
STUDENT_STAGES: dict[forms.Stage, str] = {"distilled_train": "Students", "teacher_train": "Teacher"}


class StudyPanel(ABC, Generic[S]):
    """The form and the view of one kind of study on the page Tune.

    Attributes:
        name: of the kind of study.
        label: of the kind in the page's choice.
        order: position among the kinds.
        parameter: URL parameter that names a study of this kind.
        prefix: of its session keys.
        spec_type: class of its specs.
        summary: one sentence under the page's title.
        introduction: markdown shown until there is a study of this kind.
        recipe_hint: says what a recipe fills in.
        more_label: title of the expander of the form.
        titles: of fields that only this form has, for error sentences.
        defaults: first values of the form, by session key without prefix.
        stages: titles of the schedules in the form.
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
    stages: ClassVar[Mapping[forms.Stage, str]] = STUDENT_STAGES

    # -- the form -------------------------------------------------------------------------------

    def objective(self, nets: NetPair) -> ObjectiveSpec:
        """Draw the controls of the objective; by default without T and λ."""
        return grid_objective_form(nets)

    @property
    def objective_key(self) -> str:
        """Session key of the objective's name."""
        return "sweep.objective"

    @abstractmethod
    def controls(self) -> dict[str, Any]:
        """Draw the main controls; return their values, not yet checked."""

    def more_controls(self, service: Service) -> dict[str, Any]:  # noqa: ARG002
        """Draw the controls in the expander; return their values, not yet checked."""
        return {}

    @abstractmethod
    def values(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of the spec besides its base, from the values of the controls.

        Raises:
            UserError: a sentence for each field that is wrong.
        """

    def base_values(self, inputs: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Return further fields of the base experiment, from the values of the controls."""
        return {}

    @abstractmethod
    def suggested_name(self, spec: S) -> str:
        """Return a name that describes the study."""

    @abstractmethod
    def start_label(self, check: StudyCheck[S]) -> str:
        """Return the label of the start button."""

    @abstractmethod
    def describe(self, check: StudyCheck[S]) -> tuple[str, str]:
        """Return what would be trained: a line of markdown, and a caption (may be empty)."""

    def after_form(self, service: Service, check: StudyCheck[S], available: bool) -> None:
        """Draw below the start button; by default nothing."""

    @abstractmethod
    def fill(self, spec: S) -> None:
        """Put a study's settings into the session; call it before the form is drawn."""

    # -- the view -------------------------------------------------------------------------------

    @abstractmethod
    def view(self, service: Service, state: StudyState) -> None:
        """Draw the results of a study."""

    @abstractmethod
    def bar_text(self, state: StudyState) -> BarText:
        """Return what the job bar shows of a running job."""

    @abstractmethod
    def stopped_text(self, study: StudySnapshot[S]) -> str:
        """Return a sentence on what is kept of a job that stopped early."""


@cache
def panels() -> dict[str, StudyPanel[Any]]:
    """Return the panels of the page Tune by kind of study, in their order."""
    by_kind = discover("tsexplorer.ui.study", "PANEL", StudyPanel)  # type: ignore[type-abstract]
    return dict(sorted(by_kind.items(), key=lambda entry: entry[1].order))


def panel_of(kind: str) -> StudyPanel[Any]:
    """Return the panel of a kind of study."""
    return panels()[kind]


def study_form(service: Service, panel: StudyPanel[Any]) -> None:
    """Draw the form of a kind of study, what it would train, and the start button."""
    for name, value in panel.defaults.items():
        st.session_state.setdefault(f"{panel.prefix}.{name}", value)
    first, second = st.columns([3, 2], vertical_alignment="bottom")
    with second:
        forms.recipe_picker(panel.recipe_hint)
    with first:
        data = forms.data_form()
    available = download_panel(service, data.name)
    teacher, student = nets_form()
    ensemble = further_teachers_form(data.name, teacher, panel.objective_key)
    objective = panel.objective(net_pair(data.name, teacher, student))
    inputs = panel.controls()
    button = st.container()
    sizes = st.container()  # below the button, which must be visible without scrolling
    with st.expander(panel.more_label, icon=":material/tune:"):
        inputs |= panel.more_controls(service)
        warm_start, schedules = forms.warm_start_and_schedules_form(panel.stages)
        forms.scaling_form()
        label_share = forms.label_share_form()
        name = st.text_input(
            "Name",
            key=f"{panel.prefix}.name",
            placeholder="made from the settings",
            max_chars=80,
            persist_state="session",
        ).strip()
    with sizes, show_errors():
        compare_nets(data.name, teacher, student, several=bool(ensemble))
    with button, show_errors():
        base: dict[Any, Any] = {
            "data": data,
            "teacher": teacher,
            "student": student,
            "objective": objective,
            "warm_start": warm_start,
            "label_share": label_share,
            **ensemble,
            **schedules,
            **panel.base_values(inputs),
        }
        values = {"base": base, **panel.values(inputs)}
        spec = forms.read_spec(panel.spec_type, values, panel.titles)
        cluster = service.studies.cluster_address(inputs.get("cluster", "")) or ""
        _start_panel(service, panel, spec, name, cluster, available)


def _start_panel(
    service: Service,
    panel: StudyPanel[Any],
    spec: Any,
    name: str,
    cluster: str,
    available: bool,
) -> None:
    """Check the spec; draw its remarks, the start button and what it would train."""
    check = service.studies.check(spec)
    for remark in check.remarks:
        st.info(remark, icon=":material/info:")
    name = name or service.studies.free_name(spec, panel.suggested_name(spec))
    disabled = not check.complete and not available
    if start_button(panel.start_label(check), f"{panel.prefix}_start", disabled=disabled):
        st.query_params[panel.parameter] = service.studies.start(check, name, cluster).id
        st.rerun()
    line, caption = panel.describe(check)
    st.markdown(line)
    if caption:
        st.caption(escaped(caption))
    panel.after_form(service, check, available)


def prerequisites_text(untrained: int) -> str:
    """Return the number of nets that are trained before the students, as a sentence to append."""
    if not untrained:
        return ""
    return f" {untrained} other net{'s' * (untrained > 1)} first."


def live_frame(service: Service, panel: StudyPanel[Any], study_id: str) -> None:
    """Draw a study and its job; redraw it in place every second while the job is active.

    One fragment draws everything that changes. It has a timer only while the job is active; when
    the job ends, the fragment reruns the whole page once, which draws it without a timer.
    """
    active = service.studies.get(study_id).status in ACTIVE
    fragment = st.fragment(_draw, run_every=EVERY_SECONDS if active else None)
    fragment(service, panel, study_id, active)


def _draw(service: Service, panel: StudyPanel[Any], study_id: str, was_active: bool) -> None:
    with show_errors():
        state = service.studies.state(study_id)
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
