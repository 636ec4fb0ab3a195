"""The parts of the page Try a digit, one file each.

``inputs.py`` gets pictures and turns them into net inputs, ``answers.py`` shows the answers of the
nets, ``score.py`` counts the correct ones. Pictures, answers and marks are in the session only;
nothing of them is written to disk.
"""
