"""kill -9 at each named point of the path, of each role, the supervisor and everything; clients that leave."""

import os
import random
import signal
import socket
import struct
import time

import pytest

import scepmsg
from durable import ROLES, answers, begin_load, check_rules, deaths, end_load, enrol_until_served, is_alive, kill_tree, message, restart, send_only, wait_until


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
