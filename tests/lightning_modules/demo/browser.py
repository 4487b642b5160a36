"""A headless Chromium, told over a pipe what to do: nothing but the standard library and the browser is needed."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# the browser listens on descriptor 3 and answers on 4
_START = """
import fcntl, os, sys
heard, told = (fcntl.fcntl(int(each), fcntl.F_DUPFD, 10) for each in sys.argv[1:3])
os.dup2(heard, 3)
os.dup2(told, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """One page of a browser of its own; ``errors`` gathers what goes wrong in it.

    Args:
        width: Of the page in pixels.
        height: Of what is seen of it at once.
        is_phone: Whether it has a phone's way of laying out pages, and touch.
        is_dark: Whether dark colours are wished for.
    """

    def __init__(self, *, width: int = 1280, height: int = 800, is_phone: bool = False, is_dark: bool = False) -> None:
        heard, self._to = os.pipe()
        self._from, told = os.pipe()
        self._folder = tempfile.mkdtemp()
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        options += ["--remote-debugging-pipe", f"--user-data-dir={self._folder}", "--force-color-profile=srgb"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, str(heard), str(told), PROGRAM, *options],
            pass_fds=(heard, told),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(heard)
        os.close(told)
        self._rest, self._number, self._session = b"", 0, None
        self.errors: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "DOM"):
            self.send(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 2 if is_phone else 1, "mobile": is_phone}
        self.send("Emulation.setDeviceMetricsOverride", **size)
        self.send("Emulation.setTouchEmulationEnabled", enabled=is_phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, address: str) -> None:
        """Load a page."""
        self.send("Page.navigate", url=address)
        self.wait("document.readyState === 'complete'")

    def run(self, script: str) -> object:
        """Run a script in the page; gives what it comes to."""
        found = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            raise AssertionError(found["exceptionDetails"].get("exception", {}).get("description", script))
        return found["result"].get("value")

    def wait(self, script: str, *, seconds: float = 60.0) -> None:
        """Wait until a script comes to something true."""
        end = time.monotonic() + seconds
        while not self.run(script):
            assert time.monotonic() < end, f"in vain: {script}"
            time.sleep(0.05)

    def press(self, selector: str) -> None:
        """Click on the middle of an element, as a mouse does, whatever lies there."""
        box = f"const box = document.querySelector({selector!r})"
        self.run(f"{{ {box}; box.scrollIntoView({{block: 'center', behavior: 'instant'}}); }}")
        x, y = self.run(
            f"(() => {{ {box}.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def write(self, text: str) -> None:
        """Type into what has the focus."""
        self.send("Input.insertText", text=text)

    def choose_file(self, selector: str, file: str) -> None:
        """Choose a file in a field for files."""
        root = self.send("DOM.getDocument")["root"]["nodeId"]
        node = self.send("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.send("DOM.setFileInputFiles", nodeId=node, files=[file])

    def picture(self, *, whole: bool = False) -> bytes:
        """Give the PNG file of what is seen, or of the whole page."""
        found = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(found["data"])

    def send(self, method: str, **arguments: object) -> dict[str, object]:
        """Send one command of the DevTools protocol; gives its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": arguments}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self._note(answer)

    def close(self) -> None:
        """End the browser."""
        with contextlib.suppress(OSError, AssertionError):
            self._session = None
            self.send("Browser.close")
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for descriptor in (self._to, self._from):
            os.close(descriptor)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _next(self) -> dict[str, object]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._from], [], [], 120)
            part = os.read(self._from, 1 << 20) if ready else b""
            assert part, "the browser has gone silent"
            self._rest += part
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def _note(self, event: dict[str, object]) -> None:
        match event:
            case {"method": "Runtime.exceptionThrown", "params": {"exceptionDetails": details}}:
                self.errors.append(str(details))
            case {"method": "Log.entryAdded", "params": {"entry": {"level": "error", "text": text}}}:
                self.errors.append(str(text))
