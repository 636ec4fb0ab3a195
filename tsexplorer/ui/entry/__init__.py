"""The script that Streamlit runs for each visit, in a folder of its own.

Streamlit takes a ``pages/`` folder beside its script for the old multipage mode until some session
has called ``st.navigation``: a first visit to ``/train`` would run ``pages/train.py`` alone. And
the script's folder joins ``sys.path``, where modules with names like ``queue`` do harm.
"""

from pathlib import Path

SCRIPT = Path(__file__).with_name("script.py")
