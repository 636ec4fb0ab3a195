import streamlit as st

from tsexplorer.ui.entry import SCRIPT
from tsexplorer.ui.warm import warmed

app = st.App(SCRIPT, lifespan=warmed)
