"""A disk that is full or damaged, a database that is old: what is refused, what is found, which numbers never come again."""

import contextlib
import os
import random
import re
import subprocess
import time

import pytest

from durable import answers, audit, check_rules, crl_number, deaths, enrol_until_served, serve_once, start_at, wait_until

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="mount(2) needs root")


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
