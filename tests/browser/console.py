"""What a page says to the developer's console and where it calls; a good page does neither."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Error, Page, Request

HERE = {"localhost", "127.0.0.1", "::1"}

# On any page but the first, Streamlit's client looks for its server below the page's own path
# before it looks at the root: a miss that even an empty page has.
STREAMLITS_OWN = re.compile(r"status of 404 .*/_stcore/(health|host-config)\)$")


@dataclass
class ConsoleLog:
    """Errors and warnings of a page, and its calls to other machines."""

    complaints: list[str] = field(default_factory=list)
    _allowed: list[re.Pattern[str]] = field(default_factory=lambda: [STREAMLITS_OWN])

    def watch(self, page: Page) -> None:
        """Listen to a page from now on."""
        page.on("console", self._on_console)
        page.on("pageerror", self._on_error)
        page.on("request", self._on_request)
        page.on("crash", lambda _: self.complaints.append("the page crashed"))

    def allow(self, pattern: str) -> None:
        """Expect complaints that match, in a test that brings them about."""
        self._allowed.append(re.compile(pattern))

    def unexpected(self) -> list[str]:
        """Complaints that no :meth:`allow` covers."""
        return [
            complaint
            for complaint in self.complaints
            if not any(pattern.search(complaint) for pattern in self._allowed)
        ]

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            where = message.location.get("url", "")
            self.complaints.append(f"console {message.type}: {message.text} ({where})")

    def _on_error(self, error: Error) -> None:
        self.complaints.append(f"uncaught: {error.message}\n{error.stack or ''}")

    def _on_request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in {"http", "https", "ws", "wss"} and address.hostname not in HERE:
            self.complaints.append(f"call to another machine: {request.url}")
