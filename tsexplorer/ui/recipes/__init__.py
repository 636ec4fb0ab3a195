"""The parts of the page Recipes."""
