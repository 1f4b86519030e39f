"""What tests of crashes and damage share: a load of devices, the rules that nothing may break, and how a server ends."""

import contextlib
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import threading
import time

from asn1crypto import crl as acrl

import kurier
import scepmsg

ROLES = ["kurier-front", "kurier-ledger", "kurier-signer"]
DEATH = re.compile(r"event=role_died .*program=(\S+) pid=(\d+) (signal|status)=(\d+)")
YEAR = 365 * 86400


def audit(server):
    done = kurier.run("audit", "--home", str(server.home))
    assert done.returncode == 0 and "they agree" in done.stdout, done.stdout + done.stderr


def check_rules(server, received):
    """received: a list of (request, SHA-256). The server is stopped, so that a role may finish what was begun."""
    listed = server.certificates()
    for field in ("serial", "sha256", "subject"):
        values = [c[field] for c in listed]
        assert len(values) == len(set(values)), f"two certificates with one {field}"
    got = {}
    for request, sha256 in received:
        got.setdefault(request, set()).add(sha256)
    assert [r for r, s in got.items() if len(s) > 1] == [], "two certificates for one request"
    assert {s for c in got.values() for s in c} <= {c["sha256"] for c in listed}, "a delivered certificate is not in the ledger"
    audit(server)


class Load(threading.Thread):
    """Enrols until it is told to end; a request without an answer is sent again, as a device does."""

    def __init__(self, server, keys, challenges, ra):
        super().__init__(daemon=True)
        self.server, self.keys, self.challenges, self.ra = server, keys, challenges, ra
        self.received = {}
        self.is_ending = False
        self.unserved = []
        self.wrong = []

    def one(self, key, signer, challenge, subject):
        content = scepmsg.envelope(scepmsg.make_csr(key, subject, (), challenge), [self.ra])
        der = scepmsg.pki_message(content, key, signer, transaction_id=challenge[:8])
        status, _, body = self.server.post(der)
        return scepmsg.CertRep(body, self.ra, key) if status == 200 else None

    def run(self):
        signers = [scepmsg.self_signed(key) for key in self.keys]
        while not self.is_ending:
            try:
                challenge = self.challenges.pop()
            except IndexError:
                return
            i = random.randrange(len(self.keys))
            deadline = time.monotonic() + 40
            rep = None
            while rep is None and time.monotonic() < deadline:
                try:
                    rep = self.one(self.keys[i], signers[i], challenge, "CN=load-" + challenge[:10])
                except (OSError, ValueError, IndexError):
                    rep = None
                if rep is None:
                    time.sleep(0.05)
            if rep is None:
                self.unserved.append(challenge)
            elif rep.status != 0:
                self.wrong.append((challenge, rep.fail_text))
            else:
                self.received.setdefault(challenge, set()).add(rep.certificate.sha256.hex())


def begin_load(server, keys, count=3, challenges=3000):
    texts = server.challenge("--count", str(challenges)).splitlines()
    loads = [Load(server, keys, texts, server.ra()) for _ in range(count)]
    return loads


def end_load(loads):
    for load in loads:
        load.is_ending = True
    for load in loads:
        load.join(60)
        assert not load.is_alive()
        assert load.unserved == [] and load.wrong == []
    return [(request, sha256) for load in loads for request, some in load.received.items() for sha256 in some]


def deaths(server, program=None, offset=0):
    found = DEATH.findall(server.log()[offset:])
    return [d for d in found if program in (None, d[0])]


def answers(server, key, challenge, ra, subject, csr=None, transaction_id="1"):
    """One attempt: status, headers, CertRep when there is one."""
    csr = csr or scepmsg.make_csr(key, subject, (), challenge)
    der = scepmsg.pki_message(scepmsg.envelope(csr, [ra]), key, scepmsg.self_signed(key), transaction_id=transaction_id)
    status, headers, body = server.post(der)
    return status, headers, scepmsg.CertRep(body, ra, key) if status == 200 else body


def enrol_until_served(server, key, challenge, ra, subject, seconds=20):
    """As a device does: again until there is an answer. None after the deadline."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(OSError, ValueError, IndexError):
            status, _, rep = answers(server, key, challenge, ra, subject)
            if status == 200:
                return rep
        time.sleep(0.03)
    return None


def crl_number(server):
    status, _, body = kurier.http(server.port, "GET", "/crl/default.crl")
    assert status == 200
    return acrl.CertificateList.load(body).crl_number_value.native


def wait_until(true, seconds, what):
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, what
        time.sleep(0.02)


def restart(server, offset_s=None):
    server.stop()
    start_at(server, offset_s)


def start_at(server, offset_s):
    server.environment.pop("KURIER_CLOCK_OFFSET_S", None)
    if offset_s is not None:
        server.environment["KURIER_CLOCK_OFFSET_S"] = str(int(offset_s))
    server.start()


def serve_once(server, seconds=30, environment=None):
    """A start that is expected to be refused: exit status and what it said."""
    done = subprocess.run([kurier.PROGRAM, "serve", "--home", str(server.home), "--listen", f"127.0.0.1:{server.port}"],
                          capture_output=True, text=True, timeout=seconds, env=dict(os.environ, **(environment or {})))
    return done.returncode, done.stdout + done.stderr


def send_only(server, der, length=None):
    """A request whose answer nobody waits for: the open connection. With a length, more octets are to follow."""
    s = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    head = f"POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: x\r\nContent-Length: {length or len(der)}\r\n\r\n"
    s.sendall(head.encode() + der)
    return s


def message(key, challenge, ra, subject, digest="sha256", transaction_id="1"):
    csr = scepmsg.make_csr(key, subject, (), challenge, digest=digest)
    return scepmsg.pki_message(scepmsg.envelope(csr, [ra]), key, scepmsg.self_signed(key), transaction_id=transaction_id)


def length_of(data):
    head = data[:data.index(b"\r\n\r\n") + 4]
    return len(head) + int(re.search(rb"(?i)content-length: *(\d+)", head)[1])


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def kill_tree(server):
    for pid in [server.process.pid, *server.role_pids().values()]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    server.process.wait()
    server.process = None


def connect_from(server, address):
    s = socket.create_connection(("127.0.0.1", server.port), timeout=5, source_address=(address, 0))
    s.settimeout(5)
    return s
