"""A listener's own certificate is renewed before its end, while the server runs: the clock is moved under it."""

import hashlib
import os
import re
import signal
import socket
import subprocess
import time

import pytest

import kurier
import web
from preload import Clock

CAPABILITIES = "/scep?operation=GetCACaps"
DAY = 86400
NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME: Python's own clock is not moved
MADE = re.compile(r"event=tls_certificate time=.* names=(\S+) not_after=(\S+) sha256=([0-9a-f]{64})")


@pytest.fixture
def clock(folder):
    return Clock(folder)


@pytest.fixture
def make_web(folder, clock):
    made = []

    def make(**kwargs):
        made.append(web.WebServer(folder / f"home{len(made)}", environment=clock.environment, **kwargs))
        return made[-1]

    yield make
    for one in made:
        one.kill()


def context(server, port):
    made = server.context(port)
    made.verify_flags |= NO_CHECK_TIME
    return made


def connect(server, port):
    return context(server, port).wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost")


def sha256_of(tls):
    return hashlib.sha256(tls.getpeercert(True)).hexdigest()


def shown(server, port):
    with connect(server, port) as tls:
        return sha256_of(tls)


def ask(tls):
    tls.sendall(f"GET {CAPABILITIES} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    answer = b""
    while b"SCEPStandard" not in answer:
        piece = tls.recv(4096)
        assert piece, answer
        answer += piece
    assert answer.startswith(b"HTTP/1.1 200 ")


def wait_for_another(server, port, before, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if shown(server, port) != before:
            return shown(server, port)
        time.sleep(0.05)
    raise AssertionError("still the old certificate: " + server.log())


def made(server, offset=0):
    """names, not_after, sha256 of each certificate that came into use."""
    return MADE.findall(server.log()[offset:])


def curl(server, port, clock):
    """A client in the same time as the server: it checks validity as well."""
    return subprocess.run(["curl", "-sS", "--cacert", server.ca_file, f"https://localhost:{port}{CAPABILITIES}"], capture_output=True,
                          text=True, timeout=20, env=dict(os.environ, **clock.environment))


def test_an_own_certificate_is_renewed_while_the_server_runs(make_web, clock):
    server = make_web().start()
    pids = server.role_pids()
    first = shown(server, server.own)
    files = shown(server, server.files)
    kept = [connect(server, port) for port in (server.own, server.admin, server.files)]
    for tls in kept[::2]:
        ask(tls)
    clock.set(59 * DAY)
    time.sleep(2.5)
    assert shown(server, server.own) == first and len(made(server)) == 1  # more than a third is left
    seen = [first]
    for i in range(1, 4):
        clock.set(i * 61 * DAY)
        seen.append(wait_for_another(server, server.own, seen[-1]))
        assert shown(server, server.admin) == seen[-1]  # the same names, the same certificate
        for tls in kept[::2]:
            ask(tls)
        done = curl(server, server.own, clock)
        assert done.returncode == 0 and "SCEPStandard" in done.stdout, done.stderr
    time.sleep(2.5)
    assert [sha256 for _, _, sha256 in made(server)] == seen and len(set(seen)) == 4
    ends = [not_after for _, not_after, _ in made(server)]
    assert ends == sorted(ends) and len(set(ends)) == 4
    assert sha256_of(kept[0]) == sha256_of(kept[1]) == first
    assert shown(server, server.files) == files
    assert server.role_pids() == pids
    for tls in kept:
        tls.close()
    server.stop()
    assert "they agree" in kurier.run("audit", "--home", str(server.home), env=server.environment).stdout


def test_a_reload_shows_new_files_and_keeps_the_own_certificate(make_web):
    server = make_web().start()
    own, files = shown(server, server.own), shown(server, server.files)
    kept = [connect(server, port) for port in (server.own, server.files)]
    trusted = context(server, server.files)
    web.make_certificate(server.home)
    time.sleep(1.5)
    with trusted.wrap_socket(socket.create_connection(("127.0.0.1", server.files)), server_hostname="localhost") as tls:
        assert sha256_of(tls) == files  # files are read when somebody says so
    server.reload()
    assert shown(server, server.files) != files and shown(server, server.own) == own
    for tls in kept:
        ask(tls)
        tls.close()
    server.stop()


def test_no_certificate_is_made_again_and_again_when_the_ca_itself_ends(make_web, clock):
    """It cannot last longer than the CA: what is there is as good as any other."""
    server = make_web().start()
    ca_end_s = kurier.load(server.ca_file)["tbs_certificate"]["validity"]["not_after"].native.timestamp()
    clock.set(ca_end_s - time.time() - 20 * DAY)
    last = wait_for_another(server, server.own, shown(server, server.own))
    assert curl(server, server.own, clock).returncode == 0
    offset = len(server.log())
    time.sleep(3)
    assert made(server, offset) == [] and shown(server, server.own) == last
    clock.set(ca_end_s - time.time() - 2 * DAY)
    time.sleep(3)
    assert made(server, offset) == [] and curl(server, server.own, clock).returncode == 0
    told = server.reload()
    ending = [line for line in server.log()[offset:].splitlines() if "event=certificate_ending" in line and "kind=tls" in line]
    assert [f"address=127.0.0.1:{port} " in line for port, line in zip((server.own, server.admin), ending)] == [True, True], told
    server.stop()


def test_a_refused_renewal_is_tried_again_less_and_less_often(make_web, clock):
    server = make_web().start()
    first = shown(server, server.own)
    pids = server.role_pids()
    clock.set(61 * DAY, -3600, "kurier-signer")  # a signer whose clock was set back signs nothing
    time.sleep(10)
    told = [line for line in server.log().splitlines() if "event=tls_certificate_missing" in line]
    assert 3 <= len(told) <= 5 and "code=KUR-1806" in told[0], "\n".join(told) or server.log()
    assert shown(server, server.own) == first and server.role_pids() == pids
    clock.set(61 * DAY)
    wait_for_another(server, server.own, first, seconds=20)
    server.stop()


def test_a_renewal_waits_for_a_signer_that_is_away(make_web, clock):
    server = make_web().start()
    first = shown(server, server.own)
    signer = server.role_pids()["kurier-signer"]
    os.kill(signer, signal.SIGSTOP)
    clock.set(61 * DAY)
    time.sleep(2.5)
    assert shown(server, server.own) == first  # still good for 29 days
    os.kill(signer, signal.SIGKILL)
    wait_for_another(server, server.own, first)
    server.stop()
