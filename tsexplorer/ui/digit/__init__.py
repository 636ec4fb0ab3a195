"""The parts of the page Try a digit, one file each.

``pictures.py`` takes pictures in, ``options.py`` lets a person overrule how they are read,
``answers.py`` shows what the nets say, ``score.py`` keeps the tally. Nothing of it is written
anywhere: pictures, answers and marks lie in the session and go with it.
"""
