"""Files appear whole or not at all, whatever goes wrong."""

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from zoo.files import UNFINISHED, save_json, save_text, write_whole


def test_text_and_plain_data_can_be_read_back(tmp_path):
    assert save_text("Gesicht: \u263a\n", tmp_path / "a.txt").read_text(encoding="utf-8") == "Gesicht: \u263a\n"
    content = {"a": [1, 2.5, None]}
    assert json.loads(save_json(content, tmp_path / "new" / "b.json").read_text()) == content


@pytest.mark.parametrize(
    "error", [TypeError("a bug"), OSError(errno.ENOSPC, "No space left on device"), OSError("odd")]
)
def test_what_fails_halfway_leaves_the_former_file_and_nothing_else(tmp_path, error):
    file = save_text("former", tmp_path / "a.txt")

    def write(temporary):
        temporary.write_text("half of the la")
        raise error

    with pytest.raises(type(error)):
        write_whole(file, write)
    assert file.read_text() == "former"
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]


def test_a_full_disk_is_said_with_the_file_that_was_meant(tmp_path):
    def write(temporary):
        raise OSError(errno.ENOSPC, "No space left on device", str(temporary))

    with pytest.raises(OSError, match=r"No space left on device; it was not written: '.*/a\.txt'") as raised:
        write_whole(tmp_path / "a.txt", write)
    assert raised.value.errno == errno.ENOSPC


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no device that is always full")
def test_a_disk_that_is_really_full_leaves_nothing(tmp_path):
    def write(temporary):
        with open("/dev/full", "wb", buffering=0) as full:
            full.write(b"x")

    with pytest.raises(OSError, match="No space left"):
        write_whole(tmp_path / "a.txt", write)
    assert not list(tmp_path.iterdir())


def test_a_kill_in_the_middle_leaves_the_former_file(tmp_path):
    file = save_text("former", tmp_path / "a.txt")
    code = """
    import os, signal, sys
    from zoo.files import write_whole
    def write(temporary):
        temporary.write_text("half of the la")
        os.kill(os.getpid(), signal.SIGKILL)
    write_whole(sys.argv[1], write)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(file)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert file.read_text() == "former"
    (left,) = [each.name for each in tmp_path.iterdir() if each != file]
    assert left.startswith(".")
    assert left.endswith(UNFINISHED)


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_permissions_are_those_that_the_users_mask_leaves(tmp_path, mask):
    before = os.umask(mask)
    try:
        file = save_text("x", tmp_path / "a.txt")
    finally:
        os.umask(before)
    assert file.stat().st_mode & 0o777 == 0o666 & ~mask


def test_needs_no_torch():
    code = "import sys, zoo.files; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
