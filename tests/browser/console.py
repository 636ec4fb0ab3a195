"""Errors and warnings on a page's console, and its requests to other machines; tests allow none."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Error, Page, Request

LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}

# On any page except the first, Streamlit's client requests its server below the page's own path
# before it requests the root; an empty page does so, too.
STREAMLIT_404 = re.compile(r"status of 404 .*/_stcore/(health|host-config)\)$")


@dataclass
class ConsoleLog:
    """Complaints of pages: errors, warnings and requests to other machines."""

    complaints: list[str] = field(default_factory=list)
    _allowed: list[re.Pattern[str]] = field(default_factory=lambda: [STREAMLIT_404])

    def watch(self, page: Page) -> None:
        """Record the complaints of a page from now on."""
        page.on("console", self._on_console)
        page.on("pageerror", self._on_error)
        page.on("request", self._on_request)
        page.on("crash", lambda _: self.complaints.append("the page crashed"))

    def allow(self, pattern: str) -> None:
        """Expect complaints that match, in a test that causes them."""
        self._allowed.append(re.compile(pattern))

    def unexpected(self) -> list[str]:
        """Complaints that match no pattern of :meth:`allow`."""
        return [
            complaint
            for complaint in self.complaints
            if not any(pattern.search(complaint) for pattern in self._allowed)
        ]

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            source = message.location.get("url", "")
            self.complaints.append(f"console {message.type}: {message.text} ({source})")

    def _on_error(self, error: Error) -> None:
        self.complaints.append(f"uncaught: {error.message}\n{error.stack or ''}")

    def _on_request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in {"http", "https", "ws", "wss"} and address.hostname not in LOCAL_HOSTS:
            self.complaints.append(f"request to another machine: {request.url}")
