"""SIGTERM and SIGHUP under load."""

import contextlib
import re
import signal
import socket
import threading
import time

import pytest

import kurier
import scepmsg
from durable import begin_load, check_rules, connect_from, deaths, end_load, length_of, message, send_only, wait_until


class Begun(threading.Thread):
    """Sends one request after the other and notes when each was wholly sent and what came of it."""

    def __init__(self, server, key, challenges, ra):
        super().__init__(daemon=True)
        self.server, self.key, self.challenges, self.ra = server, key, challenges, ra
        self.sent, self.received = [], []

    def run(self):
        while True:
            challenge = self.challenges.pop()
            try:
                s = send_only(self.server, message(self.key, challenge, self.ra, "CN=" + challenge))
            except OSError:
                return
            at = time.monotonic()
            data = b""
            with contextlib.suppress(OSError), s:
                while b"\r\n\r\n" not in data or len(data) < length_of(data):
                    piece = s.recv(65536)
                    if not piece:
                        break
                    data += piece
            self.sent.append((at, data[9:12], time.monotonic()))
            if data[9:12] == b"200":
                rep = scepmsg.CertRep(data[data.index(b"\r\n\r\n") + 4:], self.ra, self.key)
                self.received.append((challenge, rep.certificate.sha256.hex()))


@pytest.mark.parametrize("turn", range(3))
def test_D20_SIGTERM_under_load(make_server, keys, turn):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    challenges, ra = server.challenge("--count", "3000").splitlines(), server.ra()
    clients = [Begun(server, keys[i], challenges, ra) for i in range(6)]
    idle = connect_from(server, "127.0.0.9")
    for client in clients:
        client.start()
    time.sleep(1.0 + turn / 10)
    told = time.monotonic()
    server.stop()  # with status 0
    assert time.monotonic() - told < 12
    idle.close()
    for client in clients:
        client.join(40)
        assert not client.is_alive()
    sent = [entry for client in clients for entry in client.sent]
    # What was accepted while the listener closed may be reset: it had not begun.
    unanswered = [entry for entry in sent if entry[0] < told - 0.05 and entry[1] != b"200"]
    assert unanswered == [] and len(sent) > 30
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", server.port), timeout=2)
    assert deaths(server) == []
    check_rules(server, [pair for client in clients for pair in client.received])


def test_D20_SIGTERM_to_a_server_with_slow_clients(make_server):
    """Who has sent half a request is not waited for beyond the deadline of a request."""
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    slow = [connect_from(server, "127.0.0.1") for _ in range(20)]
    for s in slow:
        s.sendall(b"POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: x\r\nContent-Length: 3000\r\n\r\nhalf")
    time.sleep(0.2)
    told = time.monotonic()
    server.stop()
    assert time.monotonic() - told < 14  # 10 s for the request, 2 s for its 408 to be read
    for s in slow:
        s.close()


@pytest.mark.parametrize("change,code", [
    (lambda text: "nonsense: [\n", "KUR-15"),
    (lambda text: text.replace("valid: 365d", "valid: never"), "KUR-15"),
    (lambda text: text.replace("ca: default", "ca: other"), "KUR-1508"),
    (lambda text: text.replace("paths: [/scep,", "path: [/scep,"), "KUR-1503"),
    (lambda text: "", None),
    (None, "KUR-"),
])
def test_D21_a_wrong_reload_changes_nothing(make_server, keys, change, code):
    server = make_server(init=["--ca-key", "rsa:2048"],
                         config=lambda text: text.replace("allow_3des: yes", "allow_3des: no")).start()
    good = server.config_path.read_text()
    pids = server.role_pids()
    before = kurier.http(server.port, "GET", "/scep?operation=GetCACaps")[2]
    offset = len(server.log())
    if change is None:
        server.config_path.unlink()
    else:
        server.config_path.write_text(change(good))
    server.process.send_signal(signal.SIGHUP)
    wanted = "event=reloaded" if code is None else "event=reload_refused"
    wait_until(lambda: wanted in server.log()[offset:], 5, server.log()[offset:])
    if code is not None:  # an empty file means the defaults
        assert re.search(rf"event=reload_refused .*code={code}", server.log()[offset:])
        assert kurier.http(server.port, "GET", "/scep?operation=GetCACaps")[2] == before
    assert server.enrol(keys[0], server.challenge()).status == 0
    assert server.role_pids() == pids
    server.config_path.write_text(good.replace("allow_3des: no", "allow_3des: yes"))
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: b"DES3" in kurier.http(server.port, "GET", "/scep?operation=GetCACaps")[2], 5, "a good file is not taken any more")
    server.stop()
    check_rules(server, [])


def test_D21_reloads_under_load_lose_nothing(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    good = server.config_path.read_text()
    loads = begin_load(server, keys)
    for load in loads:
        load.start()
    for i in range(30):
        server.config_path.write_text("nonsense: [\n" if i % 3 == 0 else good)
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.1)
    received = end_load(loads)
    assert len(received) > 10 and deaths(server) == []
    assert "event=reload_refused" in server.log() and "event=reloaded" in server.log()
    server.stop()
    check_rules(server, received)
