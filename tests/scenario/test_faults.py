"""kill -9, confinement, configuration, drain: what an operator and a failing machine may do."""

import os
import random
import re
import signal
import socket
import time

import pytest

import kurier
from durable import Load


@pytest.mark.parametrize("victim", ["kurier-front", "kurier-ledger", "kurier-signer", "supervisor"])
def test_D1_to_D12_kill_9_under_load(make_server, keys, victim):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    challenges = server.challenge("--count", "3000").splitlines()
    ra = server.ra()
    loads = [Load(server, keys, challenges, ra) for _ in range(6)]
    for load in loads:
        load.start()
    for _ in range(10):
        # Not five deaths in ten seconds: then the supervisor waits before it starts a role again.
        time.sleep(random.uniform(0.1, 0.4) if victim == "supervisor" else random.uniform(2.0, 2.4))
        if victim == "supervisor":
            server.process.kill()
            server.process.wait()
            time.sleep(0.1)
            server.start()
        else:
            before = server.role_pids()
            os.kill(before[victim], signal.SIGKILL)
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline and server.role_pids().get(victim) in (None, before[victim]):
                time.sleep(0.01)
            assert server.role_pids().get(victim), server.log()[-3000:]
    time.sleep(0.5)
    for load in loads:
        load.is_ending = True
    for load in loads:
        load.join(60)
    received = {}
    for load in loads:
        assert load.unserved == [] and load.wrong == []
        for challenge, certificates in load.received.items():
            received.setdefault(challenge, set()).update(certificates)
    listed = [c["sha256"] for c in server.certificates()]
    assert all(len(c) == 1 for c in received.values())
    assert len(received) > 20
    assert len(listed) == len(set(listed))
    assert {next(iter(c)) for c in received.values()} <= set(listed)
    subjects = [c["subject"] for c in server.certificates()]
    assert len(subjects) == len(set(subjects)), "two certificates for one request"
    server.stop()
    audit = kurier.run("audit", "--home", str(server.home))
    assert audit.returncode == 0, audit.stdout + audit.stderr


def test_T24_roles_are_confined_from_inside(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    assert server.enrol(keys[0], server.challenge()).status == 0  # after its first request
    server.process.send_signal(signal.SIGUSR1)
    time.sleep(1)
    probes = re.findall(r"event=confinement_probe .*role=(\w+) .*action=(\S+) .*result=(\S+)", server.log())
    roles = {role for role, _, _ in probes}
    assert {"front", "ledger", "signer"} <= roles, server.log()[-2000:]
    assert [p for p in probes if p[2] == "allowed"] == []
    for name, pid in server.role_pids().items():
        status = open(f"/proc/{pid}/status").read()
        assert "Seccomp:\t2" in status and "NoNewPrivs:\t1" in status, name
        assert "CapEff:\t0000000000000000" in status, name
        assert re.search(r"Max core file size +0 +0 ", open(f"/proc/{pid}/limits").read()), name


def test_T24_no_private_key_is_reachable_from_the_front(make_server):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    pid = server.role_pids()["kurier-front"]
    try:
        descriptors = os.listdir(f"/proc/{pid}/fd")
    except PermissionError:  # not even its own user may look into it: it is not dumpable
        assert os.geteuid() != 0
        descriptors = []
    for path in descriptors:
        target = os.readlink(f"/proc/{pid}/fd/{path}")
        # Every role holds the home's lock: a second server waits until the last of them is gone.
        assert target == str(server.home / "lock") or not target.startswith(str(server.home) + "/"), target
    for file in (server.home / "signer").iterdir():
        assert file.suffix != ".key" or oct(file.stat().st_mode & 0o777) == "0o600"


def test_T24_a_front_that_crashes_loses_one_request_and_is_back_within_a_second(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    assert server.enrol(keys[0], server.challenge()).status == 0
    before = server.role_pids()
    begun = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    begun.sendall(b"GET /scep?operation=GetCACaps HTTP/1.1\r\nHost: a\r\n\r\n")
    assert begun.recv(100)  # this front's, and not still in the queue of the listener
    begun.sendall(b"POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n")
    os.kill(before["kurier-front"], signal.SIGABRT)  # as a failed assertion; a sanitizer would report SIGSEGV
    killed = time.monotonic()
    while True:
        try:
            with socket.create_connection(("127.0.0.1", server.port), timeout=5) as s:
                s.sendall(b"GET /scep?operation=GetCACaps HTTP/1.0\r\n\r\n")
                if s.recv(12).endswith(b"200"):
                    break
        except OSError:
            pass
        assert time.monotonic() - killed < 10, "the front did not come back"
        time.sleep(0.005)
    assert time.monotonic() - killed < 1
    heard = b""
    try:
        while piece := begun.recv(1000):
            heard += piece
    except ConnectionResetError:
        pass  # the kernel's word for a front that left before it had read all
    assert b"HTTP/1.1 4" not in heard, "a request of the old front was answered"
    after = server.role_pids()
    assert after["kurier-front"] != before["kurier-front"]
    assert {n: p for n, p in after.items() if n != "kurier-front"} == {n: p for n, p in before.items() if n != "kurier-front"}
    assert server.enrol(keys[1], server.challenge()).status == 0


@pytest.mark.parametrize("text,words", [
    ("profles:\n  default:\n    valid: 1d\n", ["profles", "profiles"]),
    ("profiles:\n  default:\n    valid: soon\n", ["valid", "soon"]),
    ("confinement: some\n", ["confinement", "normal"]),
    ("log:\n  level: info\n  level: debug\n", ["level"]),
])
def test_a_wrong_configuration_is_refused_with_its_line(make_server, text, words):
    server = make_server(init=["--ca-key", "rsa:2048"])
    server.config_path.write_text("# a line before\n" + text)
    done = server.command("serve", "--check-config", check=False)
    assert done.returncode == 1
    assert re.search(r"kurier\.yaml:\d+", done.stderr), done.stderr
    assert all(word in done.stderr for word in words) and "KUR-15" in done.stderr


def test_sighup_takes_a_good_configuration_and_refuses_a_bad_one(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    good = server.config_path.read_text()
    server.config_path.write_text(good.replace("allow_3des: yes", "allow_3des: no"))
    server.process.send_signal(signal.SIGHUP)
    for _ in range(100):
        if b"DES3" not in kurier.http(server.port, "GET", "/scep?operation=GetCACaps")[2]:
            break
        time.sleep(0.05)
    assert b"DES3" not in kurier.http(server.port, "GET", "/scep?operation=GetCACaps")[2]
    rep = server.enrol(keys[0], server.challenge(), cipher="tripledes_3key")
    assert (rep.status, rep.fail_info) == (2, 0) and rep.fail_text.endswith("[KUR-1312]")
    server.config_path.write_text("nonsense: [\n")
    server.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert "KUR-15" in server.log()
    assert server.enrol(keys[0], server.challenge(), cipher="aes128_cbc").status == 0


def test_T2_no_challenge_is_in_the_log(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    challenge = server.challenge()
    server.enrol(keys[0], challenge)
    server.enrol(keys[1], challenge)
    server.enrol(keys[1], "VERYWRONGCHALLENGE")
    server.stop()
    assert challenge not in server.log() and "VERYWRONGCHALLENGE" not in server.log()


def test_D10_a_second_server_on_the_same_home_is_refused(make_server):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    done = kurier.run("serve", "--home", str(server.home), "--listen", "127.0.0.1:0")
    assert done.returncode == 3 and "KUR-1705" in done.stderr


def test_keys_are_encrypted_with_a_passphrase(folder):
    secret = folder / "secret"
    secret.write_text("correct horse\n")
    home = str(folder / "home")
    with open(secret) as f:
        done = kurier.run("init", "--home", home, "--ca-key", "rsa:2048", "--passphrase-fd", str(f.fileno()), pass_fds=[f.fileno()])
    assert done.returncode == 0, done.stderr
    keys = list((folder / "home" / "signer").glob("*.key"))
    assert len(keys) == 2 and all("ENCRYPTED" in k.read_text() for k in keys)
    assert len(re.findall(r"SHA-256 [0-9a-f]{64}$", done.stdout, re.M)) == 2 and "--passphrase-fd 3" in done.stdout
    for secret_text, words, why in ((None, ["cert", "list"], "no passphrase was given"),
                                    ("wrong horse", ["audit"], "the passphrase that was given does not open it")):
        done = with_passphrase(folder, secret_text, *words, "--home", home)
        assert done.returncode == 1 and why in done.stderr and "KUR-1208" in done.stderr, done.stderr
    for words in (["cert", "list"], ["challenge", "new"], ["crl", "--rebuild"], ["audit"], ["delivery", "list"], ["request", "list"],
                  ["cert", "authority", "--fingerprint"]):
        done = with_passphrase(folder, "correct horse\n", *words, "--home", home)
        assert done.returncode == 0 and done.stdout != "", done.stderr


def with_passphrase(folder, text, *words):
    """A command with a passphrase on a descriptor, or with none."""
    if text is None:
        return kurier.run(*words)
    (folder / "given").write_text(text)
    with open(folder / "given") as f:
        return kurier.run(*words, "--passphrase-fd", str(f.fileno()), pass_fds=[f.fileno()])
