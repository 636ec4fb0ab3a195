from tsexplorer.ui.router import route

route()
