"""The views of the Soft targets page, one file each; ``sight.py`` is what they look at."""
