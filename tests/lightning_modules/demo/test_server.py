"""The page over a loopback socket: what is served, to whom, and what is refused."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lightning_modules.demo import handler as module
from lightning_modules.demo.server import DemoServer

ROOT = Path(__file__).parents[3]
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def ask(served):
    """Send one request; gives status, headers and body."""

    def send(method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(*served.server_address, timeout=20)
        if isinstance(body, dict | list):
            body, headers = json.dumps(body), {**JSON, **(headers or {})}
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, response.headers, content

    return send


def told(content):
    return json.loads(content)["error"]


def test_it_answers_this_machine_alone(served):
    assert served.server_address[0] == "127.0.0.1"
    assert served.url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize("name", sorted(module.PAGE))
def test_files_of_the_page(ask, name):
    status, headers, content = ask("GET", name)
    assert status == 200
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    text = content.decode()
    assert not re.search(r"https?://|//[a-z]+\.", text), "the page asks for something from elsewhere"
    # the policy would not let these work
    assert not re.search(r"\son\w+=\"|style=\"|<script>|<style>|javascript:", text)


def test_ids_that_the_script_asks_for_are_on_the_page():
    folder = Path(module.__file__).parent
    page = (folder / "page.html").read_text()
    ids = re.findall(r'\bid="([\w-]+)"', page)
    assert len(ids) == len(set(ids))
    scripts = "".join(script.read_text() for script in folder.glob("*.js"))
    wanted = set(re.findall(r'(?:element|on|goTo|wholeNumber)\("([\w-]+)"', scripts))
    assert wanted <= set(ids)
    assert set(re.findall(r'(?:for|aria-labelledby)="([\w-]+)"', page)) <= set(ids)


def test_every_file_of_the_page_is_served():
    folder = Path(module.__file__).parent
    files = {file.name for file in folder.iterdir() if file.suffix in {".html", ".css", ".js"}}
    assert {name for name, _ in module.PAGE.values()} == files


def test_about_faces_and_descriptions(ask):
    _, _, content = ask("GET", "/api/about")
    about = json.loads(content)
    assert [unit["au"] for unit in about["aus"]] == [1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24]
    assert [model["name"] for model in about["models"]] == ["words", "numbers"]
    status, headers, content = ask("GET", "/api/face?number=3")
    assert (status, headers["Content-Type"], content[:4]) == (200, "image/png", b"\x89PNG")
    status, _, content = ask("POST", "/api/describe", {"aus": "12,15"})
    assert status == 200
    assert json.loads(content)["conflicts"][0]["pair"] == [12, 15]


def test_a_face_is_made_and_its_progress_forgotten(ask):
    status, _, content = ask("POST", "/api/synthesize", {"aus": "12", "steps": 2, "ticket": "mine"})
    assert status == 200
    assert json.loads(content)["faces"][0]["image"].startswith("data:image/png;base64,")
    assert not json.loads(ask("GET", "/api/progress?ticket=mine")[2])["known"]
    assert json.loads(ask("POST", "/api/stop", {"ticket": "mine"})[2]) == {"stopped": False}


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "localhost.evil.example:80", "10.0.0.1", ""]
)
def test_other_names_for_this_machine_are_refused(ask, host):
    status, _, content = ask("GET", "/api/about", headers={"Host": host})
    assert status == 421
    assert "127.0.0.1" in told(content)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9", "127.0.0.1:1", "[::1]:5", "[::1]"])
def test_a_port_may_be_forwarded(ask, host):
    assert ask("GET", "/", headers={"Host": host})[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_pages_are_refused(ask, headers):
    status, _, content = ask("POST", "/api/describe", {"aus": "12"}, headers=headers)
    assert status == 403
    assert "itself alone" in told(content)


def test_the_page_itself_is_answered(ask, served):
    origin = served.url.rstrip("/")
    headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
    assert ask("POST", "/api/describe", {"aus": "12"}, headers=headers)[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("GET", "/nothing", None, {}, 404),
        ("GET", "/../cli.py", None, {}, 404),
        ("GET", "/page.py", None, {}, 404),
        ("GET", "/%2e%2e/server.py", None, {}, 404),
        ("GET", "x://[", None, {}, 400),
        ("GET", "/api/progress?ticket=..%2F", None, {}, 400),
        ("GET", "/api/progress?" + "&".join(f"a{n}=1" for n in range(20)), None, {}, 400),
        ("GET", "/api/face?number=-1", None, {}, 400),
        ("GET", "/api/face?number=1000000", None, {}, 400),
        ("GET", "/api/face?number=%D9%A3", None, {}, 400),
        ("GET", "/api/face", None, {}, 400),
        ("POST", "/api/nothing", "{}", JSON, 404),
        ("POST", "/api/describe", "{}", {"Content-Type": "text/plain"}, 415),
        ("POST", "/api/describe", "aus=12", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ("POST", "/api/describe", "{", JSON, 400),
        ("POST", "/api/describe", b"\xff\xfe", JSON, 400),
        ("POST", "/api/describe", "[" * 100_000, JSON, 400),
        ("POST", "/api/describe", "[]", JSON, 400),
        ("POST", "/api/describe", '{"aus": "12", "seed": ' + "9" * 5000 + "}", JSON, 400),
        ("POST", "/api/describe", '{"text": "\\ud800"}', JSON, 400),
        ("POST", "/api/synthesize", '{"aus": "12", "steps": 1e9}', JSON, 400),
        ("POST", "/api/synthesize", '{"aus": "12", "models": ["\\ud800"]}', JSON, 400),
        ("PUT", "/", "x", {}, 405),
        ("OPTIONS", "/api/synthesize", None, {}, 405),
        ("DELETE", "/", None, {}, 405),
    ],
)
def test_nonsense_is_answered_politely(ask, method, path, body, headers, status):
    found, answered, content = ask(method, path, body, headers)
    assert found == status
    assert answered["Content-Type"] == "application/json"
    assert len(told(content)) > 10


def test_what_is_too_large_is_refused_and_the_answer_arrives(ask):
    status, _, content = ask("POST", "/api/synthesize", b"x" * 4_000_000, JSON)
    assert status == 413
    assert "Make the picture smaller" in told(content)


@pytest.mark.parametrize("length", ["Content-Length: -1", "Content-Length: x", "Transfer-Encoding: chunked", "X: y"])
def test_requests_say_how_long_they_are(served, length):
    with socket.create_connection(served.server_address, timeout=10) as connection:
        connection.sendall(f"POST /api/describe HTTP/1.1\r\nHost: localhost\r\n{length}\r\n\r\n".encode())
        assert b" 411 " in connection.recv(4096).split(b"\r\n")[0]


def test_bytes_that_are_no_http_are_answered(served):
    with socket.create_connection(served.server_address, timeout=10) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01 hello there friend\r\n\r\n")
        assert connection.recv(4096)


def test_a_fault_of_the_program_is_told_without_its_inside(ask, demo, monkeypatch, capsys):
    def fail(content):
        message = "secret detail"
        raise RuntimeError(message)

    monkeypatch.setattr(demo, "describe", fail)
    status, _, content = ask("POST", "/api/describe", {"aus": "12"})
    assert status == 500
    assert "secret" not in told(content)
    assert "secret detail" in capsys.readouterr().err


def test_a_face_is_stopped(ask, demo):
    answers = []
    with demo.turns.take("before"):
        body = {"aus": "12", "steps": 2, "ticket": "mine"}
        thread = threading.Thread(target=lambda: answers.append(ask("POST", "/api/synthesize", body)), daemon=True)
        thread.start()
        for _ in range(500):
            state = json.loads(ask("GET", "/api/progress?ticket=mine")[2])
            if state["known"]:
                break
        assert state["before"] == 1
        assert json.loads(ask("POST", "/api/stop", {"ticket": "mine"})[2]) == {"stopped": True}
        thread.join(10)
    status, _, content = answers[0]
    assert (status, json.loads(content)["stopped"]) == (200, True)


def test_a_port_that_is_taken_is_told(served):
    port = served.server_address[1]
    with pytest.raises(ValueError, match=rf"got {port}, which another program uses.*--port \d+"):
        DemoServer(port)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_told(port):
    with pytest.raises(ValueError, match="from 0 to 65535"):
        DemoServer(port)


def test_a_model_that_makes_no_faces_is_told(places, capsys):
    import cli

    assert cli.main(["demo", "--model", str(places / "recognizer"), "--port", "0"]) == 2
    assert "must be a pipeline" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_begins_and_ends_with_one_line_each(places):
    words = [sys.executable, str(ROOT / "cli.py"), "demo", "--model", str(places / "words"), "--port", "0"]
    process = subprocess.Popen(
        [*words, "--recognizer", "null"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    address = re.search(r"http://(127\.0\.0\.1):(\d+)/", line)
    assert address, line
    with contextlib.closing(http.client.HTTPConnection(address[1], int(address[2]), timeout=20)) as connection:
        connection.request("GET", "/api/about")
        response = connection.getresponse()
        assert response.status == 200
        response.read()
    body = json.dumps({"aus": "12", "kind": "upper_lower", "steps": 32})
    connection = http.client.HTTPConnection(address[1], int(address[2]), timeout=20)
    with contextlib.closing(connection):
        connection.request("POST", "/api/grid", body, JSON)  # it ends in the middle of this
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out.strip(), err) == (0, "Stopped.", "")
