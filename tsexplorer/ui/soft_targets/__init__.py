"""The views of the page Soft targets, and the state that they share."""
