"""The script of the app: draws the navigation and the page that the URL names."""

from tsexplorer.ui.router import route

route()
