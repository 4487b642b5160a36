"""One request over HTTP: checked before anything is read, answered in plain data or a file of the page."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cached_property
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from lightning_modules.demo.api import Demo
from lightning_modules.demo.requests import RequestError
from lightning_modules.demo.turns import BusyError, StoppedError

LARGEST_BODY = 3_000_000
"""Bytes of a request: a picture of the largest size, as base64, and what goes with it."""
_NAMES = {"127.0.0.1", "localhost", "[::1]"}
PAGE = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    **{f"/{name}.js": (f"{name}.js", "text/javascript; charset=utf-8") for name in ("page", "parts", "results", "who")},
}
_HEADERS = {
    # everything from this address; pictures also as data, from answers, and as blobs, from a visitor's file
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}


class Serving(Protocol):
    """What a handler needs of its server."""

    demo: Demo | None

    @property
    def url(self) -> str:
        """The address of the page."""

    def answering(self) -> AbstractContextManager[None]:
        """Count an answer while it is made."""


class _RefusalError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class DemoHandler(BaseHTTPRequestHandler):
    """Answer one request, and hang up."""

    server: Serving  # type: ignore[assignment]
    server_version = "AUFaceZoo"
    sys_version = ""
    timeout = 30  # seconds of silence, after which a visitor is hung up on

    def do_GET(self) -> None:
        """Give a file of the page, or what can be asked without sending anything."""
        self._respond(self._get)

    def do_POST(self) -> None:
        """Answer what was sent as JSON."""
        self._respond(self._post)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal is for what matters."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what the base class can't make sense of, in the form of all other answers."""
        known = {each.value for each in HTTPStatus}
        text = message or (HTTPStatus(code).phrase if code in known else "This can't be answered")
        if code == HTTPStatus.NOT_IMPLEMENTED:
            code, text = HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and POST are answered here."
        self.close_connection = True
        self._send(int(code), "application/json", _as_json({"error": text}))

    def _respond(self, answer: Callable[[], tuple[str, bytes]]) -> None:
        with self.server.answering():
            status, kind, body = self._answer(answer)
        self._send(status, kind, body)

    def _answer(self, answer: Callable[[], tuple[str, bytes]]) -> tuple[int, str, bytes]:
        try:
            self._check_origin()
            kind, body = answer()
            status = int(HTTPStatus.OK)
        except _RefusalError as refusal:
            status, kind, body = refusal.status, "application/json", _as_json({"error": str(refusal)})
        except RequestError as error:
            status, kind, body = 400, "application/json", _as_json({"error": str(error)})
        except BusyError as error:
            status, kind, body = 503, "application/json", _as_json({"error": str(error)})
        except StoppedError as error:
            # as the visitor wished, so it is no failure
            status, kind, body = 200, "application/json", _as_json({"error": str(error), "stopped": True})
        except (ConnectionError, TimeoutError):
            raise
        except Exception:
            traceback.print_exc()
            message = "Something went wrong in the program; its terminal says what. The page can be used on."
            status, kind, body = 500, "application/json", _as_json({"error": message})
        return status, kind, body

    def _check_origin(self) -> None:
        """Refuse pages of elsewhere, whatever name they gave this address, so that none uses it behind one's back."""
        host = self.headers.get("Host", "")
        name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
        if name.lower() not in _NAMES:
            message = f"This page answers to {', '.join(sorted(_NAMES))} alone, got {host[:80]!r}."
            raise _RefusalError(HTTPStatus.MISDIRECTED_REQUEST, message)
        origin = self.headers.get("Origin")
        if (origin is not None and origin.lower() != f"http://{host.lower()}") or (
            self.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"} and self.path != "/"
        ):
            message = "This page answers itself alone, not pages of elsewhere."
            raise _RefusalError(HTTPStatus.FORBIDDEN, message)

    @cached_property
    def _demo(self) -> Demo:
        assert self.server.demo is not None
        return self.server.demo

    def _get(self) -> tuple[str, bytes]:
        try:
            place = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(place.query, max_num_fields=8).items()}
        except ValueError as error:
            message = f"The address can't be read, got {self.path[:80]!r}. The page is at {self.server.url}"
            raise _RefusalError(HTTPStatus.BAD_REQUEST, message) from error
        if place.path in PAGE:
            name, kind = PAGE[place.path]
            return kind, (Path(__file__).parent / name).read_bytes()
        if place.path == "/api/about":
            return "application/json", _as_json(self._demo.about())
        if place.path == "/api/progress":
            return "application/json", _as_json(self._demo.progress(query.get("ticket", "")))
        if place.path == "/api/face":
            number = query.get("number", "")
            if not (number.isascii() and number.isdecimal() and len(number) < 10):
                message = f"number must be that of a procedural face, got {number[:40]!r}."
                raise RequestError(message)
            return "image/png", self._demo.face(int(number))
        raise _RefusalError(
            HTTPStatus.NOT_FOUND, f"There is no {place.path[:80]!r} here. The page is at {self.server.url}"
        )

    def _post(self) -> tuple[str, bytes]:
        answers = {
            "/api/describe": self._demo.describe,
            "/api/synthesize": self._demo.synthesize,
            "/api/grid": self._demo.grid,
            "/api/stop": self._demo.stop,
        }
        body = self._body()
        path = self.path.partition("?")[0]
        if path not in answers:
            raise _RefusalError(HTTPStatus.NOT_FOUND, f"There is no {path[:80]!r} to send anything to.")
        # a form of another page can't send this type without asking first, and nobody answers such questions
        if self.headers.get_content_type() != "application/json":
            raise _RefusalError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Requests must be sent as application/json.")
        try:
            content = json.loads(body.decode("utf-8"))
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError, ValueError) as error:
            raise RequestError("The request must be JSON, and can't be read as such.") from error  # noqa: EM101
        if not isinstance(content, dict):
            message = "The request must be a JSON object."
            raise RequestError(message)
        return "application/json", _as_json(answers[path](content))

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()) or self.headers.get("Transfer-Encoding") is not None:
            raise _RefusalError(HTTPStatus.LENGTH_REQUIRED, "Requests must say how long they are.")
        if len(length) > 12 or int(length) > LARGEST_BODY:
            self._swallow(min(int(length[:12]), 20 * LARGEST_BODY))
            message = f"Requests must have at most {LARGEST_BODY / 1e6:g} MB. Make the picture smaller."
            raise _RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            message = "the request ended before its length"
            raise ConnectionError(message)
        return body

    def _swallow(self, length: int) -> None:
        """Read and forget, since a browser that is still sending would not hear the answer."""
        while length > 0:
            part = self.rfile.read(min(length, 1 << 16))
            if not part:
                return
            length -= len(part)

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _as_json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
