"""Figures that ship: recipes' results and T × λ maps, and what a recipe costs to run."""
