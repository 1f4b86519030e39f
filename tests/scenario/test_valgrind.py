"""Deliveries with every process under valgrind's memcheck: no error, and nothing lost. script/test valgrind runs it alone.

valgrind knows no seccomp(2), so the roles go without their filters (a switch of test builds); all else is as ever: users, sockets, messages."""

import os
import pathlib
import re
import subprocess

import pytest

import kurier
from webhook import Webhook, policy, put_secret

pytestmark = pytest.mark.skipif("KURIER_VALGRIND" not in os.environ, reason="minutes: script/test valgrind")

ROLES = {"kurier-config", "kurier-front", "kurier-ledger", "kurier-signer", "kurier-notifier"}


@pytest.fixture
def reports(folder):
    path = folder / "valgrind"
    path.mkdir()
    path.chmod(0o777)  # each role writes its own report, as its own user
    return path


@pytest.fixture
def valgrind(reports):
    # A child is silent until it has become the role: its report would be root's file, and the role could not write it.
    return ["valgrind", "--tool=memcheck", "--trace-children=yes", "--child-silent-after-fork=yes", "--vgdb=no", "--leak-check=full",
            "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite", "--num-callers=30", f"--log-file={reports}/%p"]


@pytest.fixture
def hook():
    service = Webhook()
    yield service
    service.down()


def assert_clean(reports):
    """Names of the programs that reported."""
    programs = []
    for path in sorted(reports.iterdir()):
        text = path.read_text(errors="replace")
        assert re.search(r"ERROR SUMMARY: 0 errors from 0 contexts", text), text
        assert re.search(r"definitely lost: 0 bytes in 0 blocks|no leaks are possible", text), text
        programs.append(pathlib.Path(re.search(r"Command: (\S+)", text)[1]).name)
    return programs


def test_one_delivery_leaves_no_error_and_no_leak(make_server, hook, keys, folder, reports, valgrind):
    server = make_server(init=["--ca-key", "rsa:2048"], config=policy(hook, "challenge, hr"), environment={"KURIER_NO_SECCOMP": "1"})
    put_secret(server, hook.secret)
    server.start(wrap=valgrind, ready_s=180)

    rep = server.enrol(keys[0], server.challenge("--device", "phone-1"), subject="CN=phone-1", sans=["phone-1.example"])
    assert rep.status == 0
    hook.wait_for("answered", seconds=60)

    ca = server.ca_certificates()[1]
    done = subprocess.run([*valgrind, kurier.PROGRAM, "enroll", server.url(), "--subject", "CN=laptop-1", "--challenge", server.challenge(),
                           "--ca-fingerprint", ca.sha256.hex(), "--out", str(folder / "laptop-1")], capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr

    server.stop(seconds=120)
    assert "event=role_died" not in server.log() and "event=role_hangs" not in server.log()
    programs = assert_clean(reports)
    assert ROLES <= set(programs) and programs.count("kurier") == 2, programs


def test_a_refused_and_a_broken_message_leave_no_error_and_no_leak(make_server, keys, reports, valgrind):
    server = make_server(init=["--ca-key", "rsa:2048"], environment={"KURIER_NO_SECCOMP": "1"}).start(wrap=valgrind, ready_s=180)
    rep = server.enrol(keys[0], "of nobody", subject="CN=phone-2")
    assert rep.status == 2
    for body in (b"", b"\x30\x80", os.urandom(500)):
        assert server.post(body)[0] == 400
    server.stop(seconds=120)
    assert ROLES - {"kurier-notifier"} <= set(assert_clean(reports))


def test_an_error_would_be_seen(reports, valgrind, folder):
    """The same options on a program that is wrong."""
    source = folder / "wrong.c"
    source.write_text("#include <stdlib.h>\nint main(void) { char *volatile p = malloc(8); p[8] = 1; p = malloc(9); p = NULL; return 0; }\n")
    subprocess.run(["cc", "-g", "-O0", str(source), "-o", str(folder / "wrong")], check=True)
    subprocess.run([*valgrind, str(folder / "wrong")], check=True, capture_output=True, timeout=60)
    with pytest.raises(AssertionError):
        assert_clean(reports)
    [text] = [path.read_text() for path in reports.iterdir()]
    assert "Invalid write of size 1" in text and "are definitely lost in loss record" in text
