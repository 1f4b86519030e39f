"""What a failing machine may do to one node, and the rules that hold afterwards: one certificate for a request, none lost."""

import contextlib
import datetime
import errno
import mmap
import os
import pathlib
import random
import re
import resource
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest
from asn1crypto import crl as acrl

import kurier
import scepmsg
from test_faults import Load

ROLES = ["kurier-front", "kurier-ledger", "kurier-signer"]
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="mount(2) needs root")
DEATH = re.compile(r"event=role_died .*program=(\S+) pid=(\d+) (signal|status)=(\d+)")
YEAR = 365 * 86400


# ---- the rules ------------------------------------------------------------------------------------------------------


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


# ---- killed at a named point ----------------------------------------------------------------------------------------


def die_at(make_server, keys, point, count, program):
    """A little load while the role dies at the point again and again; the death of the fourth life ends the load."""
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    loads = begin_load(server, keys)
    server.stop()
    offset = len(server.log())
    server.environment["KURIER_FAULT"] = f"{point}:{count}"
    server.start()
    for load in loads:
        load.start()
    wait_until(lambda: len(deaths(server, program, offset)) >= 4, 40, f"{program} does not die at {point}")
    received = end_load(loads)
    assert {d[2:] for d in deaths(server, program, offset)} == {("signal", "9")}
    assert [d for d in deaths(server, None, offset) if d[0] != program] == [], "another role died with it"
    assert len(received) >= 4
    server.stop()
    check_rules(server, received)


@pytest.mark.parametrize("count", [1, 5])
def test_D1_killed_after_the_request_was_read(make_server, keys, count):
    die_at(make_server, keys, "front_read", count + 4, "kurier-front")


def test_D1_D12_signer_killed_at_the_envelope(make_server, keys):
    die_at(make_server, keys, "signer_open", 5, "kurier-signer")


def test_D2_ledger_killed_with_a_request(make_server, keys):
    die_at(make_server, keys, "ledger_request", 5, "kurier-ledger")


def test_D2_ledger_killed_before_the_commit(make_server, keys):
    die_at(make_server, keys, "ledger_before_commit", 7, "kurier-ledger")


def test_D3_ledger_killed_after_the_commit(make_server, keys):
    die_at(make_server, keys, "ledger_after_commit", 7, "kurier-ledger")


def test_D3_D12_signer_killed_before_its_journal(make_server, keys):
    die_at(make_server, keys, "signer_before_journal", 5, "kurier-signer")


def test_D3_D12_signer_killed_between_journal_and_signature(make_server, keys):
    die_at(make_server, keys, "signer_before_signature", 5, "kurier-signer")


def test_D4_D12_signer_killed_after_the_signature(make_server, keys):
    die_at(make_server, keys, "signer_after_signature", 5, "kurier-signer")


def test_D4_ledger_killed_before_the_certificate_row(make_server, keys):
    die_at(make_server, keys, "ledger_signed", 5, "kurier-ledger")


def test_D5_signer_killed_at_the_answer(make_server, keys):
    die_at(make_server, keys, "signer_cert_rep", 5, "kurier-signer")


def test_D5_front_killed_before_the_answer(make_server, keys):
    die_at(make_server, keys, "front_before_answer", 5, "kurier-front")


def send_only(server, der, length=None):
    """A request whose answer nobody waits for: the open connection. With a length, more octets are to follow."""
    s = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    head = f"POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: x\r\nContent-Length: {length or len(der)}\r\n\r\n"
    s.sendall(head.encode() + der)
    return s


def message(key, challenge, ra, subject, digest="sha256", transaction_id="1"):
    csr = scepmsg.make_csr(key, subject, (), challenge, digest=digest)
    return scepmsg.pki_message(scepmsg.envelope(csr, [ra]), key, scepmsg.self_signed(key), transaction_id=transaction_id)


def test_D12_a_request_is_asked_again_once(make_server, keys):
    """Of the signer's successor, within a second; the device sees nothing of it."""
    server = make_server(init=["--ca-key", "rsa:2048"], environment={"KURIER_FAULT": "signer_open:2"}).start()
    challenges, ra = server.challenge("--count", "2").splitlines(), server.ra()
    assert answers(server, keys[0], challenges[0], ra, "CN=first")[0] == 200
    begun = time.monotonic()
    status, _, rep = answers(server, keys[1], challenges[1], ra, "CN=second")
    assert (status, rep.status) == (200, 0) and time.monotonic() - begun < 1
    assert len(deaths(server, "kurier-signer")) == 1
    server.stop()
    check_rules(server, [("second", rep.certificate.sha256.hex())])


@pytest.mark.parametrize("point,program", [("signer_open", "kurier-signer"), ("ledger_request", "kurier-ledger")])
def test_D12_what_kills_a_role_twice_is_not_asked_a_third_time(make_server, keys, point, program):
    server = make_server(init=["--ca-key", "rsa:2048"], environment={"KURIER_FAULT": f"{point}:1"}).start()
    challenge, ra = server.challenge("--device", "poison"), server.ra()
    status, headers, _ = answers(server, keys[0], challenge, ra, "CN=poison")
    assert status == 503 and int(headers["retry-after"]) > 0
    assert [d[0] for d in deaths(server)] == [program] * 2
    wait_until(lambda: program in server.role_pids(), 2, "the role is not started again")
    assert len(server.certificates()) == 0 and server.trace("poison")[0]["state"] == "offered"
    server.stop()
    del server.environment["KURIER_FAULT"]
    server.start()
    assert server.enrol(keys[0], challenge, subject="CN=poison").status == 0
    server.stop()
    check_rules(server, [])


@pytest.mark.parametrize("point,count,certificates", [
    ("front_read", 1, 0), ("signer_open", 1, 0), ("ledger_request", 1, 0), ("ledger_before_commit", 1, 0),
    ("ledger_after_commit", 2, 1), ("signer_before_journal", 1, 1), ("signer_before_signature", 1, 1),
    ("signer_after_signature", 1, 1), ("ledger_signed", 1, 1), ("signer_cert_rep", 1, 1), ("front_before_answer", 1, 1)])
def test_D1_to_D5_one_request_dies_with_everything(make_server, keys, point, count, certificates):
    one_request_dies(make_server, keys, "rsa:2048", point, count, certificates)


@pytest.mark.parametrize("point", ["signer_before_signature", "signer_after_signature", "ledger_signed", "signer_cert_rep", "front_before_answer"])
def test_D4_D5_with_a_ca_whose_signatures_differ_each_time(make_server, keys, point):
    """ECDSA: a signature leaves the server only after its commit, so that nobody holds another one of the same serial."""
    one_request_dies(make_server, keys, "ec:p256", point, 1, 1)


def one_request_dies(make_server, keys, ca_key, point, count, certificates):
    """What was spent by the first attempt is seen before the second, and the second gets just that."""
    server = make_server(init=["--ca-key", ca_key]).start()
    challenge, ra = server.challenge("--device", "dies"), server.ra()
    time.sleep(0.2)
    server.stop()
    offset = len(server.log())
    server.environment["KURIER_FAULT"] = f"{point}:{count}"
    server.start()
    with send_only(server, message(keys[0], challenge, ra, "CN=dies")):
        wait_until(lambda: deaths(server, None, offset), 10, f"nobody dies at {point}")
        server.kill()
    del server.environment["KURIER_FAULT"]
    before = server.certificates()
    assert len(before) == certificates
    if not before:
        assert server.trace("dies")[0]["state"] in ("offered", "received")
    server.start()
    rep = server.enrol(keys[0], challenge, subject="CN=dies", transaction_id="1")
    assert rep.status == 0
    assert not before or int(before[0]["serial"], 16) == rep.certificate.serial_number
    again = server.enrol(keys[0], challenge, subject="CN=dies", transaction_id="1")
    assert again.certificate.dump() == rep.certificate.dump()
    server.stop()
    check_rules(server, [("dies", rep.certificate.sha256.hex())])
    assert len(server.certificates()) == 1


# ---- D6: the client leaves ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["closes", "resets", "half"])
def test_D6_a_client_that_left_gets_the_same_certificate(make_server, keys, how):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    ra = server.ra()
    for i in range(8):
        challenge, subject = server.challenge(), f"CN=left-{i}"
        s = send_only(server, message(keys[i], challenge, ra, subject, transaction_id=f"a{i}"))
        if how == "resets":
            time.sleep(0.003 * i)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if how == "half":
            s.shutdown(socket.SHUT_WR)
            wait_until(lambda: len(server.certificates()) == i + 1, 5, "nothing was issued for a half-closed connection")
        s.close()
        rep = server.enrol(keys[i], challenge, subject=subject, transaction_id=f"b{i}",
                           csr=scepmsg.make_csr(keys[i], subject, (), challenge, digest="sha512"))
        assert rep.status == 0
        assert [c["sha256"] for c in server.certificates() if c["subject"] == subject] == [rep.certificate.sha256.hex()]
    server.stop()
    check_rules(server, [])
    assert len(server.certificates()) == 8


def test_D6_the_same_certificate_a_day_and_29_days_later(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    challenge = server.challenge()
    first = server.enrol(keys[0], challenge)
    for days in (1, 29):
        restart(server, days * 86400 + 60)
        again = server.enrol(keys[0], challenge, transaction_id=f"day-{days}")
        assert again.status == 0 and again.certificate.dump() == first.certificate.dump()
    restart(server, 31 * 86400)
    late = server.enrol(keys[0], challenge)
    assert late.status == 2 and late.fail_text.endswith("[KUR-2009]")
    assert len(server.certificates()) == 1


# ---- D7: a full disk, a disk that cannot be written -----------------------------------------------------------------


@contextlib.contextmanager
def small_disk(folder, size):
    """What is in the folder goes onto a small file system that is mounted there."""
    kept = folder.parent / (folder.name + ".kept")
    about = folder.stat()
    subprocess.run(["cp", "-a", str(folder), str(kept)], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700,uid={about.st_uid},gid={about.st_gid}", "tmpfs", str(folder)],
                   check=True)
    try:
        subprocess.run(["cp", "-a", f"{kept}/.", str(folder)], check=True)
        yield folder
    finally:
        # Whoever still has a file open there must not keep the folder from going.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder):
    filler = folder / "filler"
    with open(filler, "wb", buffering=0) as f, contextlib.suppress(OSError):
        while True:
            f.write(b"\xaa" * 4096)
    return filler


def check_refused(server, keys, ra, challenge, subject):
    """Nobody can be served: 503 with Retry-After; what needs no disk goes on."""
    status, headers, _ = answers(server, keys[0], challenge, ra, subject)
    assert status == 503 and int(headers["retry-after"]) > 0
    assert server.ra().dump() == ra.dump()
    assert crl_number(server) >= 1


@AS_ROOT
@pytest.mark.parametrize("role", ["ledger", "signer"])
def test_D7_disk_full_and_freed(make_server, keys, role):
    server = make_server(init=["--ca-key", "rsa:2048"])
    folder = server.home / role
    with small_disk(folder, "4m"):
        server.start()
        challenges = server.challenge("--count", "60").splitlines()
        ra = server.ra()
        received = [("first", server.enrol(keys[0], challenges.pop(), subject="CN=first").certificate.sha256.hex())]
        filler = fill(folder)
        status = 200
        # What the file system has already given to a file is still there.
        for i in range(40):
            challenge, subject = challenges.pop(), f"CN=full-{i}"
            status, headers, rep = answers(server, keys[i % 12], challenge, ra, subject)
            if status != 200:
                break
            received.append((subject, rep.certificate.sha256.hex()))
        assert status == 503 and int(headers["retry-after"]) > 0, "the disk never was full"
        for n in range(5):
            check_refused(server, keys, ra, challenges.pop(), f"CN=refused-{n}")
        number, (revoked,) = crl_number(server), [c["serial"] for c in server.certificates() if c["subject"] == "CN=first"]
        done = server.command("cert", "revoke", revoked, "--reason", "superseded", check=False)
        assert done.returncode == 3 and "KUR-" in done.stderr and crl_number(server) == number
        pids = server.role_pids()
        filler.unlink()
        rep = enrol_until_served(server, keys[i % 12], challenge, ra, subject)
        assert rep is not None and rep.status == 0, server.log()[-3000:]
        assert server.role_pids() == pids and deaths(server) == [], "it took a restart"
        received.append((subject, rep.certificate.sha256.hex()))
        received.append(("after", server.enrol(keys[1], challenges.pop(), subject="CN=after").certificate.sha256.hex()))
        assert server.enrol(keys[2], challenges.pop(), subject="CN=more").status == 0
        server.command("cert", "revoke", revoked, "--reason", "superseded", check=False)
        server.command("crl", "--rebuild")
        assert crl_number(server) > number and revoked in {c["serial"] for c in server.certificates() if c["status"] == "revoked"}
        server.stop()
        check_rules(server, received)
        # Before the signer's journal comes the ledger's commit: what was reserved is signed later, for whoever comes again.
        refused = [c for c in server.certificates() if c["subject"].startswith("CN=refused")]
        assert role == "signer" or refused == []
        restart_works(server, keys)


def restart_works(server, keys):
    server.start()
    assert server.enrol(keys[3], server.challenge(), subject="CN=after-restart").status == 0
    server.stop()


@AS_ROOT
@pytest.mark.parametrize("role,code", [("ledger", "KUR-16"), ("signer", "KUR-18")])
def test_D7_started_on_a_disk_that_cannot_be_written(make_server, keys, role, code):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    assert server.enrol(keys[0], server.challenge(), subject="CN=before").status == 0
    server.stop()
    with small_disk(server.home / role, "4m") as folder:
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        status, log = serve_once(server)
        assert status == 3 and code in log, log
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
        server.start()
        assert server.enrol(keys[1], server.challenge(), subject="CN=after").status == 0
        server.stop()
        check_rules(server, [])


# ---- D8: a damaged database -----------------------------------------------------------------------------------------


def used_home(make_server, keys, count=30):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    challenges = server.challenge("--count", str(count)).splitlines()
    ra = server.ra()
    for i, challenge in enumerate(challenges):
        assert answers(server, keys[i % 12], challenge, ra, f"CN=used-{i}")[0] == 200
    return server


def damage_flip(path):
    """A page in three, not the first: a run of octets is inverted in its middle."""
    data = bytearray(path.read_bytes())
    for page in range(1, len(data) // 4096, 3):
        for at in range(page * 4096 + 8, page * 4096 + 4096, 97):
            data[at] ^= 0xFF
    path.write_bytes(data)


def damage_truncate(path):
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)


def damage_header(path):
    with open(path, "r+b") as f:
        f.write(bytes(100))


def damage_garbage(path):
    path.write_bytes(random.Random(8).randbytes(path.stat().st_size))


@pytest.mark.parametrize("damage", [damage_flip, damage_truncate, damage_header, damage_garbage])
def test_D8_a_damaged_database_is_refused_at_start(make_server, keys, damage):
    server = used_home(make_server, keys)
    server.stop()
    path = server.home / "ledger" / "kurier.db"
    good = path.read_bytes()
    damage(path)
    bad = path.read_bytes()
    status, log = serve_once(server)
    assert status == 3, (status, log)
    assert "KUR-1603" in log and "event=failed" in log and "event=ready" not in log
    found = server.command("audit", check=False)
    assert found.returncode == 3 and "KUR-1603" in found.stderr
    assert path.read_bytes() == bad, "the damaged file is evidence and is left as it was"
    path.write_bytes(good)
    server.start()
    assert server.enrol(keys[0], server.challenge()).status == 0
    server.stop()
    check_rules(server, [])


def test_D8_a_lost_database_beside_its_log_is_refused(make_server, keys):
    server = used_home(make_server, keys, 5)
    server.kill()
    path = server.home / "ledger" / "kurier.db"
    assert path.with_name("kurier.db-wal").stat().st_size > 0
    path.unlink()
    status, log = serve_once(server)
    assert status == 3 and "KUR-1603" in log


def test_D8_commits_that_the_disk_lost_are_found(make_server, keys):
    """SQLite takes a log that ends early for a shorter one; the signer's journal knows better."""
    server = used_home(make_server, keys, 10)
    time.sleep(0.3)
    server.kill()
    log = server.home / "ledger" / "kurier.db-wal"
    os.truncate(log, log.stat().st_size * 6 // 10)
    found = server.command("audit", check=False)
    assert found.returncode == 1, found.stdout + found.stderr
    assert "KUR-2010" in found.stdout + found.stderr


def is_served(server):
    """Does it start? If not, it has ended with status 3."""
    try:
        server.start()
    except AssertionError:
        assert server.process.wait(10) == 3
        server.process = None
        return False
    return True


def journal_octet(data):
    data[len(data) // 2 + 50] ^= 4
    return data


def journal_without_a_record(data):
    return data[:1280] + data[1408:]


def journal_of_half_the_records(data):
    return data[:len(data) // 256 * 128]


def journal_torn(data):
    return data[:-1000]


def journal_empty(data):
    return b""


def journal_garbage(data):
    return random.Random(8).randbytes(len(data))


@pytest.mark.parametrize("damage", [
    journal_octet, journal_without_a_record, journal_garbage, journal_of_half_the_records, journal_torn, journal_empty])
def test_D8_a_damaged_signer_journal_is_refused_or_found(make_server, keys, damage):
    server = used_home(make_server, keys, 40)
    server.stop()
    path = server.home / "signer" / "journal"
    good = path.read_bytes()
    assert len(good) % 128 == 0 and len(good) >= 40 * 128
    path.write_bytes(damage(bytearray(good)))
    found = server.command("audit", check=False)
    assert found.returncode in (1, 3) and re.search("KUR-(1801|2010)", found.stdout + found.stderr), found
    if is_served(server):
        assert server.command("audit", check=False).returncode in (1, 3)
        server.stop()
    else:
        assert "KUR-18" in server.log()
    path.write_bytes(good)
    restart_works(server, keys)
    check_rules(server, [])


def test_D8_every_single_octet_damage_is_harmless_or_found(make_server, keys):
    """One octet anywhere: a start that is refused, an audit that finds it, or a ledger that says what it said before."""
    server = used_home(make_server, keys, 12)
    server.stop()
    path = server.home / "ledger" / "kurier.db"
    good = path.read_bytes()
    listed = server.certificates()
    draw = random.Random(17)
    found = 0
    for _ in range(40):
        at = draw.randrange(len(good))
        bad = bytearray(good)
        bad[at] ^= 1 << draw.randrange(8)
        path.write_bytes(bad)
        audited = server.command("audit", check=False)
        if audited.returncode != 0:
            found += 1
            assert "KUR-" in audited.stdout + audited.stderr
        else:
            assert [{k: c[k] for k in ("serial", "sha256", "status", "not_after")} for c in server.certificates()] == \
                   [{k: c[k] for k in ("serial", "sha256", "status", "not_after")} for c in listed], f"octet {at}"
        path.write_bytes(good)
    assert found > 0
    audit(server)


# ---- D13, D14: clocks -----------------------------------------------------------------------------------------------


def check_dates(rep, now_s):
    validity = rep.certificate["tbs_certificate"]["validity"]
    begin, end = (validity[f].native.timestamp() for f in ("not_before", "not_after"))
    assert now_s - 400 < begin <= now_s + 5 and now_s < end <= now_s + YEAR + 5


def check_refuses_to_issue(server, keys, ra, challenge):
    offset = len(server.log())
    status, headers, rep = answers(server, keys[0], challenge, ra, "CN=wrong-clock")
    assert status == 503 or rep.status == 2, "issued with a wrong clock"
    assert status != 503 or int(headers["retry-after"]) > 0
    assert re.search(r"KUR-(1806|2007)", server.log()[offset:]), server.log()[offset:]


@pytest.mark.parametrize("offset_s", [-YEAR, -7200, None])
def test_D13_the_clock_goes_back(make_server, keys, offset_s):
    offset_s = -time.time() + 1000 if offset_s is None else offset_s
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    challenge, ra = server.challenge(), server.ra()
    first = server.enrol(keys[1], server.challenge(), subject="CN=first")
    check_dates(first, time.time())
    number = crl_number(server)
    restart(server, offset_s)
    check_refuses_to_issue(server, keys, ra, challenge)
    assert crl_number(server) >= number
    restart(server)
    rep = server.enrol(keys[0], challenge, subject="CN=right-clock")
    assert rep.status == 0
    check_dates(rep, time.time())
    assert crl_number(server) >= number
    server.stop()
    check_rules(server, [("first", first.certificate.sha256.hex()), ("right", rep.certificate.sha256.hex())])
    assert len(server.certificates()) == 2


def test_D13_a_few_minutes_back_do_not_matter(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    first = server.enrol(keys[0], server.challenge())
    restart(server, -240)
    second = server.enrol(keys[1], server.challenge(), subject="CN=second")
    assert second.status == 0
    assert second.certificate.serial_number >> 96 >= first.certificate.serial_number >> 96, "the time in the serial went back"
    server.stop()
    check_rules(server, [])


def test_D13_the_clock_goes_forth_and_back(make_server, keys):
    """A year ahead cannot be known for wrong; but what it signed keeps the clock from going back behind it."""
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    first = server.enrol(keys[0], server.challenge(), subject="CN=first")
    number = crl_number(server)
    restart(server, YEAR)
    ahead = server.enrol(keys[1], server.challenge(), subject="CN=ahead")
    check_dates(ahead, time.time() + YEAR)
    wait_until(lambda: crl_number(server) > number, 5, "a CRL that ended is still served")
    number = crl_number(server)
    restart(server)
    check_refuses_to_issue(server, keys, server.ra(), server.challenge())
    assert crl_number(server) == number
    restart(server, YEAR + 60)
    again = server.enrol(keys[2], server.challenge(), subject="CN=again")
    assert again.status == 0
    server.stop()
    check_rules(server, [(n, r.certificate.sha256.hex()) for n, r in (("first", first), ("ahead", ahead), ("again", again))])


def make_short_ca(openssl, folder, days):
    key, certificate = str(folder / "short.key"), str(folder / "short.pem")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", str(days), "-subj", "/CN=Short CA",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-addext", "basicConstraints=critical,CA:TRUE")
    os.chmod(key, 0o600)
    return ["--ca-cert", certificate, "--ca-key-file", key]


def test_D14_near_the_end_of_the_ca(make_server, keys, openssl, folder):
    server = make_server(init=make_short_ca(openssl, folder, 40)).start()
    begin, end = (server.ca_certificates()[-1]["tbs_certificate"]["validity"][f].native for f in ("not_before", "not_after"))
    ra = server.ra()
    assert re.search(r"event=certificate_ending .*level=warn .*days=(39|40)", server.log()), server.log()
    rep = server.enrol(keys[0], server.challenge(), subject="CN=cut")
    # Back-dated by five minutes, but not before this CA, which was made a moment ago.
    assert rep.certificate["tbs_certificate"]["validity"]["not_before"].native == begin
    assert rep.certificate["tbs_certificate"]["validity"]["not_after"].native == end, "the validity is not cut to the CA's"
    left = (end - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
    restart(server, left - 7200)
    rep = server.enrol(keys[1], server.challenge(), subject="CN=last")
    assert rep.certificate["tbs_certificate"]["validity"]["not_after"].native == end
    server.stop()
    for before_end_s in (1800, -86400):
        offset = len(server.log())
        server.environment["KURIER_CLOCK_OFFSET_S"] = str(int(left - before_end_s))
        with contextlib.suppress(AssertionError):
            server.start()
        if server.process.poll() is None:
            status, _, rep = answers(server, keys[2], server.challenge(), ra, "CN=too-late")
            assert status == 503 or rep.status == 2, "issued beyond the CA's end"
            server.stop()
        assert re.search(r"KUR-(2008|18\d\d)", server.log()[offset:]), server.log()[offset:]
    del server.environment["KURIER_CLOCK_OFFSET_S"]
    assert len(server.certificates()) == 2


# ---- D15, D16, D17: numbers that never come again -------------------------------------------------------------------


def test_D15_crl_numbers_never_go_back(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    numbers = [crl_number(server)]
    for i in range(6):
        rep = server.enrol(keys[i], server.challenge(), subject=f"CN=crl-{i}")
        server.command("cert", "revoke", f"{rep.certificate.serial_number:036x}", "--reason", "superseded")
        wait_until(lambda: crl_number(server) > numbers[-1], 5, "no new CRL after a revocation")
        numbers.append(crl_number(server))
        if i % 2:
            server.kill()
        else:
            server.stop()
        start_at(server, i * 6 * 86400)  # every other start finds the CRL overdue
        wait_until(lambda: crl_number(server) >= numbers[-1], 5, "the CRL number went back")
        numbers.append(crl_number(server))
    assert numbers == sorted(numbers)
    server.stop()
    check_rules(server, [])


def test_D16_D17_an_old_backup_of_the_ledger_repeats_no_number(make_server, keys, folder):
    server = used_home(make_server, keys, 3)
    server.stop()
    subprocess.run(["cp", "-a", str(server.home / "ledger"), str(folder / "backup")], check=True)
    server.start()
    lost = [server.enrol(keys[i], server.challenge(), subject=f"CN=lost-{i}") for i in range(3)]
    server.command("cert", "revoke", f"{lost[0].certificate.serial_number:036x}", "--reason", "superseded")
    number = crl_number(server)
    server.stop()
    subprocess.run(["rm", "-r", str(server.home / "ledger")], check=True)
    subprocess.run(["cp", "-a", str(folder / "backup"), str(server.home / "ledger")], check=True)
    found = server.command("audit", check=False)
    assert found.returncode == 1 and found.stdout.count("KUR-2010") == 3, found
    assert all(f"{r.certificate.serial_number:036x}" in found.stdout for r in lost)
    server.start()
    offset = len(server.log())
    status, _, rep = answers(server, keys[5], server.challenge(), server.ra(), "CN=restored")
    assert (status, rep.status) == (200, 0)
    assert rep.certificate.serial_number > max(r.certificate.serial_number for r in lost)
    # A CRL with a number that was there before is not signed, and whoever asked is told what to restore.
    row = server.certificates()[0]
    done = server.command("cert", "revoke", row["serial"], "--reason", "superseded", check=False)
    assert done.returncode == 3 and "KUR-1805" in done.stderr and "event=crl_refused" in server.log()[offset:]
    assert crl_number(server) < number
    server.stop()


# ---- D19: out of descriptors ----------------------------------------------------------------------------------------


def limited(server, number, value):
    """The next start is under this limit."""
    os_limits = {"preexec_fn": lambda: resource.setrlimit(number, (value, value))}
    log = server.home.parent / (server.home.name + ".log")
    server.log_path = log
    with open(log, "ab") as out:
        server.process = subprocess.Popen(
            [kurier.PROGRAM, "serve", "--home", str(server.home), "--listen", f"127.0.0.1:{server.port}"], stdout=out, stderr=out,
            stdin=subprocess.DEVNULL, env=server.environment, **os_limits)
    wait_until(lambda: "event=ready " in server.log(), 20, "not ready: " + server.log())
    return server


def connect_from(server, address):
    s = socket.create_connection(("127.0.0.1", server.port), timeout=5, source_address=(address, 0))
    s.settimeout(5)
    return s


@contextlib.contextmanager
def crowd(server, said, count=400):
    """More connections than the server has descriptors, from many addresses."""
    some = []
    try:
        for i in range(count):
            some.append(connect_from(server, f"127.0.{i % 4}.{2 + i % 50}"))
            some[-1].sendall(said)
        time.sleep(0.5)
        yield some
    finally:
        for s in some:
            s.close()


SAID = [b"", b"GET /scep?operation=GetCACaps HT"]


@pytest.mark.parametrize("said", SAID)
def test_D19_out_of_descriptors(make_server, keys, said):
    server = limited(make_server(init=["--ca-key", "rsa:2048"]), resource.RLIMIT_NOFILE, 256)
    pids = server.role_pids()
    descriptors = f"/proc/{pids['kurier-front']}/fd"
    before = len(os.listdir(descriptors))
    with crowd(server, said):
        assert 200 < len(os.listdir(descriptors)) < 256, "descriptors ran out"
        time.sleep(1)
    for i in range(5):
        assert server.enrol(keys[i], server.challenge(), subject=f"CN=after-{i}").status == 0
    assert server.role_pids() == pids and deaths(server) == []
    wait_until(lambda: len(os.listdir(descriptors)) <= before + 2, 10, "descriptors leak")
    server.stop()
    check_rules(server, [])


@pytest.mark.parametrize("said", SAID)
def test_D19_others_are_served_while_descriptors_are_short(make_server, keys, said):
    """Room is made by ending what is idle, or what has not said its request in time."""
    server = limited(make_server(init=["--ca-key", "rsa:2048"]), resource.RLIMIT_NOFILE, 256)
    challenge, ra = server.challenge(), server.ra()
    with crowd(server, said):
        assert enrol_until_served(server, keys[0], challenge, ra, "CN=meanwhile", 15) is not None


@pytest.mark.parametrize("speaks", [False, True])
def test_D19_T23_more_connections_than_configured_are_turned_away(make_server, keys, speaks):
    server = make_server(init=["--ca-key", "rsa:2048"],
                         config=lambda text: text.replace(": 10000 ", ": 64 ").replace(": 1000 ", ": 64 ")).start()
    challenge = server.challenge()
    busy = [connect_from(server, f"127.0.0.{2 + i}") for i in range(64)]
    for s in busy:
        s.sendall(b"GET /scep?operation=GetCACaps HT")  # begun, so that none of them is idle
    time.sleep(0.3)
    for _ in range(20):
        with connect_from(server, "127.0.0.1") as s:
            if speaks:
                s.sendall(b"GET /scep?operation=GetCACaps HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = s.recv(4096)
        assert answer.startswith(b"HTTP/1.1 503 ") and b"\r\nRetry-After: " in answer
    for s in busy:
        s.close()
    time.sleep(0.2)
    assert server.enrol(keys[0], challenge).status == 0
    assert deaths(server) == []


# ---- D20: SIGTERM under load ----------------------------------------------------------------------------------------


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


def length_of(data):
    head = data[:data.index(b"\r\n\r\n") + 4]
    return len(head) + int(re.search(rb"(?i)content-length: *(\d+)", head)[1])


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


# ---- D21: a wrong configuration -------------------------------------------------------------------------------------


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


# ---- kill -9 of everything ------------------------------------------------------------------------------------------


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def test_the_supervisors_death_ends_every_role_and_a_new_one_starts_at_once(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    for i in range(5):
        pids = server.role_pids()
        assert sorted(pids) == sorted(ROLES)
        server.process.kill()
        died = time.monotonic()
        server.process.wait()
        if i % 2:
            wait_until(lambda: not any(is_alive(pid) for pid in pids.values()), 2, "a role outlives its supervisor")
        server.start()
        assert time.monotonic() - died < 2
        assert not any(is_alive(pid) for pid in pids.values())
        assert server.enrol(keys[i], server.challenge(), subject=f"CN=again-{i}").status == 0
    server.stop()
    check_rules(server, [])


def kill_tree(server):
    for pid in [server.process.pid, *server.role_pids().values()]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    server.process.wait()
    server.process = None


def test_the_first_answer_after_kill_9_with_2000_certificates(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    loads = begin_load(server, keys, count=8, challenges=2000)
    for load in loads:
        load.start()
    wait_until(lambda: not any(load.is_alive() for load in loads), 120, "2000 certificates take too long")
    received = end_load(loads)
    assert len(received) == 2000
    challenge, ra = server.challenge(), server.ra()
    for i in range(3):
        kill_tree(server)
        begin = time.monotonic()
        server.start()
        rep = enrol_until_served(server, keys[0], challenge, ra, "CN=first-answer")
        assert time.monotonic() - begin < 2 and rep.status == 0
    server.stop()
    check_rules(server, received)
    assert len(server.certificates()) == 2001


def kill_one(server, victim):
    if victim in ("supervisor", "tree"):
        if victim == "tree":
            kill_tree(server)
        else:
            server.process.kill()
            server.process.wait()
        server.start()
        return
    pid = server.role_pids().get(victim)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)


def test_100_random_kills(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    draw = random.Random(int(os.environ.get("KURIER_TEST_SEED", "100")))
    loads = begin_load(server, keys, count=4, challenges=20000)
    for load in loads:
        load.start()
    # Each victim as often as the others, so that no role dies five times in ten seconds.
    victims = [v for _ in range(20) for v in draw.sample(["tree", "supervisor", *ROLES], 5)]
    for victim in victims:
        kill_one(server, victim)
        time.sleep(draw.uniform(0.6, 1.4))
    received = end_load(loads)
    assert len(received) > 500
    assert "event=role_hangs" not in server.log() and "KUR-1005" not in server.log()
    server.stop()
    check_rules(server, received)


# ---- promise 17: every call fails once ------------------------------------------------------------------------------

MEMORY, INPUT, OUTPUT = 1, 2, 4
KINDS = {"memory": (MEMORY, errno.ENOMEM), "io": (INPUT | OUTPUT, errno.EIO), "interrupted": (INPUT | OUTPUT, errno.EINTR),
         "full": (OUTPUT, errno.ENOSPC)}
BUDGET_S = float(os.environ.get("KURIER_TEST_CALLS_S", "25"))  # for each role and kind
FAULTS_ENOUGH = 2


class Plan:
    """tests/preload/failing.c and the file through which it is told what fails."""

    FORM = struct.Struct("32sIiqqqq")

    def __init__(self, folder):
        source = kurier.ROOT / "tests/preload/failing.c"
        self.library, self.path = folder / "failing.so", folder / "plan"
        subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-Wall", "-Werror", "-o", str(self.library), str(source), "-ldl"], check=True)
        self.library.chmod(0o755)
        self.path.write_bytes(bytes(self.FORM.size))
        self.path.chmod(0o666)
        with open(self.path, "r+b") as f:
            self.memory = mmap.mmap(f.fileno(), self.FORM.size)

    def environment(self):
        return {"LD_PRELOAD": str(self.library), "KURIER_FAILPLAN": str(self.path)}

    def arm(self, role, calls, error, left, is_always=False):
        # In two steps: a role that runs must not see one half of each plan.
        struct.pack_into("I", self.memory, 32, 0)
        self.memory[:] = self.FORM.pack(role.encode(), 0, error, left, 0, is_always, 0)
        struct.pack_into("I", self.memory, 32, calls)

    def disarm(self):
        struct.pack_into("I", self.memory, 32, 0)

    @property
    def hits(self):
        return self.FORM.unpack(self.memory[:])[4]

    @property
    def counted(self):
        return self.FORM.unpack(self.memory[:])[6]


def count_calls(plan, role, kind, enrol):
    calls, _ = KINDS[kind]
    plan.arm(role, calls, 0, 1 << 60)
    enrol()
    counted = plan.counted
    plan.disarm()
    assert counted > 0, f"{role} makes no such call: is the library preloaded?"
    return counted


def check_deaths_were_orderly(server, offset):
    """No signal; and a role that gave up said why before."""
    log = server.log()[offset:]
    assert [d for d in DEATH.findall(log) if d[2] == "signal"] == [], "\n".join(line for line in log.splitlines() if "role_" in line)
    said = {role: 0 for role in ROLES}
    for line in log.splitlines():
        if "level=error" in line and "code=KUR-" in line:
            for role in ROLES:
                said[role] += f"role={role[7:]}" in line
        death = DEATH.search(line)
        if death:
            assert said[death[1]] > 0, "ended without a reason: " + line


def post_quickly(server, der, seconds=3):
    """Status and body; a device does not wait for ever for one answer."""
    with send_only(server, der) as s:
        s.settimeout(seconds)
        data = b""
        while b"\r\n\r\n" not in data or len(data) < length_of(data):
            piece = s.recv(65536)
            if not piece:
                raise ConnectionError("cut off")
            data += piece
    return int(data[9:12]), data[data.index(b"\r\n\r\n") + 4:]


class Calls:
    """Enrolments, one for each call that fails."""

    def __init__(self, server, keys):
        self.server, self.keys = server, keys
        self.challenges, self.ra = server.challenge("--count", "2000").splitlines(), server.ra()
        self.received, self.faults, self.died = [], [], 0
        self.offset = len(server.log())

    def enrol(self, seconds=8):
        """None, or what is wrong."""
        key, challenge = self.keys[len(self.received) % 12], self.challenges.pop()
        subject = "CN=call-" + challenge
        until, said = time.monotonic() + seconds, "nothing"
        while time.monotonic() < until:
            try:
                status, body = post_quickly(self.server, message(key, challenge, self.ra, subject))
            except OSError as error:
                said = repr(error)
            else:
                said = f"HTTP {status}"
                if status == 200:
                    rep = scepmsg.CertRep(body, self.ra, key)
                    if rep.status == 0:
                        self.received.append((subject, rep.certificate.sha256.hex()))
                        return None
                    return f"refused: {rep.fail_text}"
            time.sleep(0.03)
        return f"not served within {seconds} s, at last {said}"

    def with_failing(self, plan, role, kind, k):
        """One enrolment while the kth call fails. After a fault of the program it starts anew, so that the next is seen too."""
        calls, error = KINDS[kind]
        offset = len(self.server.log())
        plan.arm(role, calls, error, k)
        wrong = self.enrol()
        plan.disarm()
        if wrong is None and len(deaths(self.server, None, offset)) > 0:
            # Often dying within seconds is answered by waiting, which is another test's.
            self.died += 1
            if self.died % 4 == 0:
                self.restart()
        elif wrong:
            told = [line for line in self.server.log()[offset:].splitlines() if "level=error" in line or "level=warn" in line]
            self.faults.append(f"call {k}: {wrong}; first logged: {told[0] if told else 'nothing'}")
            self.restart()

    def restart(self):
        kill_tree(self.server)
        self.server.start()


UNDER_SANITIZERS = [pytest.param(kind, marks=pytest.mark.unsanitized("its malloc is the program's own: no library comes before it"))
                    if kind == "memory" else kind for kind in KINDS]


@pytest.mark.parametrize("kind", UNDER_SANITIZERS)
@pytest.mark.parametrize("role", ROLES)
def test_D19_every_call_fails_once(make_server, keys, folder, role, kind):
    plan = Plan(folder)
    server = make_server(init=["--ca-key", "rsa:2048"], environment=plan.environment()).start()
    calls = Calls(server, keys)
    assert calls.enrol() is None
    most = 2 * count_calls(plan, role, kind, calls.enrol)
    begin, hits, is_through = time.monotonic(), 0, False
    for k in range(1, most + 1, max(1, int(most // (16 * BUDGET_S)))):
        if time.monotonic() - begin > BUDGET_S or len(calls.faults) == FAULTS_ENOUGH:
            break
        calls.with_failing(plan, role, kind, k)
        if plan.hits == 0:
            is_through = True
            break
        hits += 1
    print(f"{role} {kind}: {hits} calls failed of about {most // 2}, {'all' if is_through else 'not all'},"
          f" {len(deaths(server, None, calls.offset))} deaths")
    assert hits > 0
    assert calls.enrol() is None
    server.stop()
    check_deaths_were_orderly(server, calls.offset)
    check_rules(server, calls.received)
    assert calls.faults == [], "\n".join(calls.faults)


@pytest.mark.unsanitized("its malloc is the program's own: no library comes before it")
@pytest.mark.parametrize("role", ROLES)
def test_D19_every_allocation_of_a_start_fails_once(make_server, folder, role):
    """The server starts, or says why not; and the next start is a good one."""
    plan = Plan(folder)
    server = make_server(init=["--ca-key", "rsa:2048"], environment=plan.environment()).start()
    plan.arm(role, MEMORY, 0, 1 << 60)
    kill_tree(server)
    server.start()
    most = plan.counted
    draw = random.Random(int(os.environ.get("KURIER_TEST_SEED", "19")))
    begin, hits, felt = time.monotonic(), 0, 0
    for k in draw.sample(range(1, most + 1), most):
        if time.monotonic() - begin > BUDGET_S / 2:
            break
        kill_tree(server)
        offset = len(server.log())
        plan.arm(role, MEMORY, errno.ENOMEM, k)
        try:
            server.start()
        except AssertionError:
            assert server.process.poll() == 3, f"allocation {k}: " + server.log()[offset:]
            assert re.search(r"^kurier: .*\[KUR-\d+\]$", server.log()[offset:], re.M), f"allocation {k}: " + server.log()[offset:]
        hits += plan.hits
        plan.disarm()
        died = deaths(server, role, offset)
        # 9: the supervisor ends the others when one of them refuses the configuration.
        assert [d for d in died if d[2] == "signal" and d[3] != "9"] == [], f"allocation {k}: " + server.log()[offset:]
        felt += len(died) > 0
    kill_tree(server)
    server.start().stop()
    print(f"{role}: {hits} of {most} allocations failed, {felt} were felt")
    assert felt > 0
