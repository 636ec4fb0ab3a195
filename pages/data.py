"""Data: import own images, look at them before they are kept, rename and delete them."""

import streamlit as st

from tsexplorer.ui.app_state import get_service, show_errors
from tsexplorer.ui.datasets import dataset_list, import_form, import_view, shown_import


def main() -> None:
    service = get_service()
    st.title("Data", anchor=False)
    st.markdown(
        "Train, compare and tune on **your own images**: a folder for each class, packed into a "
        "zip file. They stay on this machine."
    )
    left, right = st.columns([2, 3], gap="large")
    with left, show_errors():
        import_form(service)
    with right, show_errors():
        if shown_import(service) is not None:
            import_view(service)
        dataset_list(service)


main()
