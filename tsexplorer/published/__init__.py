"""Ready-made figures: results of recipes, T × λ maps, and the cost of training a recipe."""
