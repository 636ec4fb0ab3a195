"""The page Data: the form of an import, its preview, and the list of imported datasets."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from pydantic import ValidationError

from tsexplorer.analysis.formatting import duration
from tsexplorer.data.imported import ImportedDataset
from tsexplorer.errors import UserError, format_first_fault
from tsexplorer.plots.classes import short_names
from tsexplorer.recipes.own_images import default_experiment
from tsexplorer.services import ImportState, Service
from tsexplorer.ui import forms
from tsexplorer.ui.app_state import show_errors
from tsexplorer.ui.figures import enlarged
from tsexplorer.ui.router import path_of
from tsexplorer.ui.theme import escaped, start_button

IMPORT = "import"
"""URL parameter: the import that is shown."""
POLL_SECONDS = 0.5
EXAMPLE = "Example images"
FITS = {
    "crop": "Crop: the centred part",
    "pad": "Pad: all of it, with a border",
    "stretch": "Stretch: all of it, distorted",
}
SHEET_CLASSES, SHEET_IMAGES = 12, 8
"""Rows and columns of the sheet of samples."""
SHEET_SIDE = 48
"""Displayed side of an image in the sheet, in pixels, at least."""
COLUMN_TITLES = {
    "train": "Train",
    "validation": "Validation",
    "test": "Test",
}

# -- the form ---------------------------------------------------------------------------------


def import_form(service: Service) -> None:
    """Draw what to import, how images become a dataset, and the button that reads them."""
    st.subheader("Import images", anchor=False)
    megabytes = max(1, service.settings.import_bytes // 1_000_000)
    uploaded = st.file_uploader(
        "A zip, npz or Parquet file",
        type=["zip", "npz", "parquet"],
        key="import.file",
        max_upload_size=megabytes,
        help="zip: one folder for each class, with PNG, JPEG, WebP, BMP, TIFF, GIF or HEIC files; "
        "train, validation and test folders may stand above them, and unlabelled beside them. "
        "npz: images and labels, also the layout of MedMNIST. Parquet: a column of picture bytes "
        "and one of labels.",
    )
    folder = ""
    if service.settings.import_folder is not None:
        folder = st.text_input(
            f"Or a folder in {service.settings.import_folder}",
            key="import.folder",
            max_chars=500,
        )
    values = _option_widgets()
    with show_errors():
        options = _options(values)
        nothing = uploaded is None and not folder.strip()
        if start_button("Read the images", "import_start", disabled=nothing):
            if uploaded is not None:
                path = service.datasets.upload_path(uploaded.name)
                with path.open("wb") as file:
                    shutil.copyfileobj(uploaded, file)
                key = service.datasets.start(path, uploaded.name, options, remove=True)
            else:
                path = service.datasets.check_path(folder)
                key = service.datasets.start(path, path.name, options)
            st.query_params[IMPORT] = key
            st.rerun()


def _option_widgets() -> dict[str, Any]:
    first, second = st.columns(2)
    with first:
        height = st.number_input("Height (px)", value=32, step=1, key="import.height")
    with second:
        width = st.number_input("Width (px)", value=32, step=1, key="import.width")
    colour = st.segmented_control(
        "Colours", ("Colour", "Grey"), default="Colour", key="import.colour", required=True
    )
    fit = st.selectbox(
        "Other proportions",
        list(FITS),
        key="import.fit",
        format_func=FITS.__getitem__,
        help="What happens to a picture that is not as long as wide as the images.",
    )
    with st.expander("Split", icon=":material/call_split:"):
        st.caption("Used where no folders or files say which image belongs to which split.")
        validation = st.number_input("Validation (%)", value=15, step=1, key="import.validation")
        test = st.number_input("Test (%)", value=15, step=1, key="import.test")
        seed = st.number_input("Seed of the split", value=0, step=1, key="import.seed")
    return {
        "height": int(height),
        "width": int(width),
        "colour": colour == "Colour",
        "fit": fit,
        "validation_share": float(validation) / 100,
        "test_share": float(test) / 100,
        "seed": int(seed),
    }


def _options(values: dict[str, Any]) -> Any:
    from tsexplorer.importing.preparation import ImportOptions

    try:
        return ImportOptions(**values)
    except ValidationError as error:
        fault = format_first_fault(error)
        raise UserError(fault[:1].upper() + fault[1:].replace("_", " ")) from error


# -- an import --------------------------------------------------------------------------------


def shown_import(service: Service) -> ImportState | None:
    """Return the import that the URL names; None if there is none any more."""
    key = st.query_params.get(IMPORT)
    state = None if key is None else service.datasets.state(key)
    if key is not None and (state is None or state.status == "cancelled"):
        del st.query_params[IMPORT]
        return None
    return state


def import_view(service: Service) -> None:
    """Draw the progress of the import that the URL names, then what was found."""
    state = shown_import(service)
    if state is None:
        return
    interval = POLL_SECONDS if state.status == "running" else None
    st.fragment(_import_view, run_every=interval)(service, state.key, state.status)


def _import_view(service: Service, key: str, drawn_status: str) -> None:
    state = service.datasets.state(key)
    if state is None or state.status != drawn_status:
        st.rerun()
    with st.container(border=True), show_errors():
        st.markdown(f"**{escaped(state.origin)}**")
        if state.status == "running":
            _progress(service, state)
        elif state.status == "failed":
            st.error(escaped(state.sentence or ""), icon=":material/error:")
            if st.button("Close", key="import_close"):
                del st.query_params[IMPORT]
                st.rerun(scope="app")
        elif state.report is not None:
            _report(state.report)
            _decision(service, state)


def _progress(service: Service, state: ImportState) -> None:
    progress = state.progress
    if progress is None:
        st.progress(0.0, text="Looking at the files")
    else:
        text = f"{progress.done:,} of {progress.total:,} images"
        if progress.seconds_left is not None and progress.done < progress.total:
            text += f", {duration(progress.seconds_left)} left"
        st.progress(progress.done / max(progress.total, 1), text=text)
    if st.button("Stop", key="import_stop", icon=":material/close:"):
        service.datasets.cancel(state.key)
        st.rerun(scope="app")


def _report(report: Any) -> None:
    """Draw samples, counts, statistics and everything that deserves a look."""
    info = report.info
    channels, height, width = info.image_shape
    colours = "colour" if channels == 3 else "grey"
    st.markdown(
        f"{info.train + info.validation + info.test:,} images of **{len(info.classes)} classes**, "
        f"{height}×{width} pixels, {colours}"
        + (f", and {info.unlabelled:,} without a label" if info.unlabelled else "")
    )
    st.image(
        sample_sheet(report.samples[:SHEET_CLASSES]),
        alt="Training images as the nets see them, one row for each class: "
        + ", ".join(info.classes[:SHEET_CLASSES]),
    )
    more = len(info.classes) - SHEET_CLASSES
    shown = f" and {more} classes more" if more > 0 else ""
    names = ", ".join(short_names(info.classes)[:SHEET_CLASSES])
    st.caption(f"Training images as the nets see them. Rows: {escaped(names)}{shown}.")
    for sentence in warnings(report):
        st.warning(escaped(sentence), icon=":material/warning:")
    for sentence in report.notes:
        st.info(escaped(sentence), icon=":material/info:")
    with st.expander("Images in each class", icon=":material/table:"):
        st.dataframe(count_table(report), hide_index=True, alt="Images of each class by split")
        mean = ", ".join(f"{value:.3f}" for value in report.mean)
        deviation = ", ".join(f"{value:.3f}" for value in report.deviation)
        st.caption(
            f"Training pixels / 255: mean {mean}, standard deviation {deviation}"
            + (" (red, green, blue)." if channels == 3 else ".")
        )
    if report.faults:
        with st.expander(f"{report.fault_count:,} files could not be read"):
            table = pd.DataFrame(report.faults, columns=["File", "Reason"])
            st.dataframe(table, hide_index=True, alt="Files that could not be read")


def _decision(service: Service, state: ImportState) -> None:
    """Draw the name and the buttons that keep or discard the images."""
    title = st.text_input("Name", key="import.title", max_chars=60, value=_suggested_title(state))
    with st.container(horizontal=True):
        if st.button("Keep", key="import_keep", type="primary", icon=":material/check:"):
            service.datasets.keep(state.key, title)
            del st.query_params[IMPORT]
            st.toast(f"{escaped(title)} can be chosen on Train now.", icon=":material/check:")
            st.rerun(scope="app")
        if st.button("Discard", key="import_discard", icon=":material/delete:"):
            service.datasets.cancel(state.key)
            st.rerun(scope="app")


def _suggested_title(state: ImportState) -> str:
    return Path(state.origin).stem[:60]


def sample_sheet(samples: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return samples as one image: a row for each class, with gaps in white.

    Args:
        samples: images of each class, uint8 N×H×W or N×H×W×3; classes can have fewer than others.
    """
    first = samples[0][0]
    scale = max(1, -(-SHEET_SIDE // max(first.shape[:2])))
    rows = []
    for images in samples:
        cells = [enlarged(image, scale) for image in images[:SHEET_IMAGES]]
        blank = np.full_like(enlarged(first, scale), 255)
        cells += [blank] * (SHEET_IMAGES - len(cells))
        rows.append(np.concatenate([_framed(cell) for cell in cells], 1))
    return np.concatenate(rows)


def _framed(cell: NDArray[np.uint8]) -> NDArray[np.uint8]:
    sides = ((1, 1), (1, 1), (0, 0))[: cell.ndim]
    return np.pad(cell, sides, constant_values=255)


def count_table(report: Any) -> pd.DataFrame:
    """Return the number of images of each class by split."""
    columns: dict[str, Sequence[Any]] = {"Class": report.info.classes}
    columns |= {title: report.counts[part] for part, title in COLUMN_TITLES.items()}
    return pd.DataFrame(columns)


def warnings(report: Any) -> list[str]:
    """Return what deserves a look: one sentence each."""
    sentences = []
    if report.few:
        names = ", ".join(f"{name} ({count})" for name, count in report.few[:5])
        more = f" and {len(report.few) - 5} more" if len(report.few) > 5 else ""
        sentences.append(f"Few training images: {names}{more}. Figures of these classes will vary.")
    if report.leaks:
        sentences.append(
            f"{report.leaks:,} images were in more than one split; each stays in one of them, test "
            "before validation before train."
        )
    if report.contradictions:
        sentences.append(f"{report.contradictions:,} equal images have different labels.")
    elif report.duplicates:
        sentences.append(f"{report.duplicates:,} images are exact copies of another one.")
    if report.info.imbalanced:
        sentences.append(
            "The largest class has more than 1.5 times the images of the smallest, so look at the "
            "class-balanced accuracy, too."
        )
    return sentences


# -- what is kept -----------------------------------------------------------------------------


def dataset_list(service: Service) -> None:
    """Draw the imported datasets with their actions."""
    datasets = service.datasets.all()
    st.subheader("Your datasets", anchor=False)
    if not datasets:
        st.markdown("None yet. What you import appears here and in the form on Train.")
        _example_button(service)
    for dataset in datasets:
        _dataset_card(service, dataset)


def _example_button(service: Service) -> None:
    """Offer example images, so that a visitor without images can go on."""
    from tsexplorer.importing.preparation import ImportOptions

    if st.button(
        "Try it with example images",
        key="import_example",
        icon=":material/category:",
        help="Ten classes of coloured shapes, drawn by code: 5,000 images of 32×32 pixels.",
    ):
        st.query_params[IMPORT] = service.datasets.start_example(ImportOptions())
        st.rerun()


def _dataset_card(service: Service, dataset: ImportedDataset) -> None:
    info = dataset.info
    channels, height, width = info.image_shape
    created = datetime.fromisoformat(dataset.created).strftime("%d %B %Y")
    with st.container(border=True):
        st.markdown(f"**{escaped(info.title)}**")
        st.caption(
            f"{len(info.classes)} classes, {height}×{width} px, "
            f"{'colour' if channels == 3 else 'grey'}; {info.train:,} training, "
            f"{info.validation:,} validation and {info.test:,} test images"
            + (f", {info.unlabelled:,} without a label" if info.unlabelled else "")
            + f". From {escaped(dataset.origin)}, {created}."
        )
        with st.container(horizontal=True):
            if st.button(
                "Train on it", key=f"train_{dataset.name}", icon=":material/model_training:"
            ):
                forms.fill(default_experiment(dataset.name))
                st.session_state[forms.FILLED] = True
                st.switch_page(path_of("train"), query_params={"data": dataset.name})
            with st.popover("Rename", icon=":material/edit:"), show_errors():
                title = st.text_input(
                    "New name", value=info.title, key=f"title_{dataset.name}", max_chars=60
                )
                if st.button("Rename", key=f"rename_{dataset.name}"):
                    service.datasets.rename(dataset.name, title)
                    st.rerun()
            with st.popover("Delete", icon=":material/delete:"), show_errors():
                st.markdown(
                    "The images are deleted from this machine. Experiments that used them stay, "
                    "but cannot be trained further."
                )
                if st.button("Delete the images", key=f"delete_{dataset.name}", type="primary"):
                    service.datasets.delete(dataset.name)
                    st.rerun()
