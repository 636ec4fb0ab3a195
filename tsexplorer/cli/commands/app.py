"""Start the app in the browser."""

from __future__ import annotations

import errno
import os
import runpy
import signal
import socket
import sys
from types import FrameType
from typing import Annotated

import typer

from tsexplorer.assets import APP_SCRIPT
from tsexplorer.cli.output import print_message
from tsexplorer.cli.shell import APP, INTERRUPTED, app
from tsexplorer.errors import UserError

PORTS = 1, 65535
DEFAULT_PORT = 8501
ADDRESS_VARIABLE = "STREAMLIT_SERVER_ADDRESS"


@app.command("app", rich_help_panel=APP)
def start(
    port: Annotated[
        int,
        typer.Option(
            "--port",
            metavar="N",
            min=PORTS[0],
            max=PORTS[1],
            envvar="STREAMLIT_SERVER_PORT",
            help="Port of the app's address, http://localhost:N.",
        ),
    ] = DEFAULT_PORT,
) -> None:
    """Start the app, and print its address to open in a browser.

    Only this computer can open the app; README.md says how to serve others. Ctrl-C stops the
    app. A job that is running then is interrupted and can be resumed.

    The app shows everything in TSEXPLORER_HOME (default: .tsexplorer in the current folder).
    """
    _check_port(port)
    signal.signal(signal.SIGINT, _stop)
    # As "streamlit run": it reads .streamlit/config.toml beside the script, whatever the current
    # folder is, and the variables STREAMLIT_*.
    sys.argv = ["streamlit", "run", str(APP_SCRIPT), f"--server.port={port}"]
    runpy.run_module("streamlit", run_name="__main__")


def _stop(_signal: int, _frame: FrameType | None) -> None:
    """End the process after Ctrl-C; the server has shut down before."""
    print_message("The app has stopped.")
    sys.stdout.flush()
    # A normal exit aborts with a message of torch's if a job is in training, because the thread
    # of the job still runs while Python shuts down.
    os._exit(INTERRUPTED)


def _check_port(port: int) -> None:
    """Check that the server can listen on a port.

    Raises:
        UserError: the port is in use, or this user may not listen on the port.
    """
    address = os.environ.get(ADDRESS_VARIABLE) or "localhost"
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        socket.create_server((address, port), family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UserError(
                f"Port {port} is in use. Choose another port with --port, such as "
                f"--port {port + 1 if port < PORTS[1] else DEFAULT_PORT}."
            ) from error
        raise UserError(
            f"The app cannot listen on port {port} of {address}: {error.strerror}."
        ) from error
