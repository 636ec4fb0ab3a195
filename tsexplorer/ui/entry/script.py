"""Draws the navigation, and the page that the URL names."""

from tsexplorer.ui.router import route

route()
