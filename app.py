import streamlit as st

from tsexplorer.ui.entry import SCRIPT
from tsexplorer.ui.warm_up import warmed

app = st.App(SCRIPT, lifespan=warmed)
