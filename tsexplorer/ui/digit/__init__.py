"""The parts of the page Try an image, one file each.

``pictures.py`` turns pictures into net inputs, ``inputs.py`` draws the widgets that get pictures,
``answers.py`` shows the answers of the nets, ``unusual.py`` says where an image does not look like
the training data, ``score.py`` counts the correct answers. Pictures, answers and marks are in the
session only; nothing of them is written to disk.
"""
