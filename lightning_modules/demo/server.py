"""The server of the page: for this machine alone, a thread for each request, an orderly end."""

from __future__ import annotations

import contextlib
import errno
import sys
import threading
import traceback
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from typing import Any

from lightning_modules.demo.api import Demo
from lightning_modules.demo.handler import DemoHandler

ADDRESS = "127.0.0.1"
MOST_CONNECTIONS = 32


class DemoServer(ThreadingHTTPServer):
    """Serve the page on this machine alone.

    Args:
        port: 0 takes any that is free.
        demo: Gives the answers; may be set later, before the first request is served.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int, *, demo: Demo | None = None) -> None:
        if not 0 <= port <= 65535:
            message = f"demo: port must be from 0 to 65535, got {port}."
            raise ValueError(message)
        try:
            super().__init__((ADDRESS, port), DemoHandler)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                other = port + 1 if port < 65535 else port - 1
                message = (
                    f"demo: port must be free, got {port}, which another program uses; a demo that runs already, "
                    f"perhaps. Choose another one, such as --port {other}, or 0 for any."
                )
                raise ValueError(message) from error
            if error.errno == errno.EACCES:
                message = f"demo: port must be one that you may use, got {port}. Those from 1024 on are open to all."
                raise ValueError(message) from error
            raise
        self.demo = demo
        self._connections = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._answering = 0
        self._answered = threading.Condition()

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{ADDRESS}:{self.server_address[1]}/"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve in a thread of its own, unless there are too many: then hang up."""
        if not self._connections.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve, and make room for the next."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    @contextlib.contextmanager
    def answering(self) -> Iterator[None]:
        """Count an answer while it is made."""
        with self._answered:
            self._answering += 1
        try:
            yield
        finally:
            with self._answered:
                self._answering -= 1
                self._answered.notify_all()

    def finish(self, *, seconds: float = 30.0) -> None:
        """Stop what is being made, and wait for it: a process that ends while torch computes in a thread crashes."""
        if self.demo is not None:
            self.demo.turns.close()
        with self._answered:
            self._answered.wait_for(lambda: self._answering == 0, timeout=seconds)
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over visitors who hang up; show anything else."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            traceback.print_exc()
