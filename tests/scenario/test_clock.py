"""The wall clock jumps while the server runs: what it must not issue, and what must not notice."""

import contextlib
import datetime
import os
import re
import time

import pytest

import scepmsg
from durable import YEAR, answers, check_rules, crl_number, deaths, length_of, message, restart, send_only, wait_until
from preload import Clock


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


def begun(server, der):
    """A request of which the last octet is still missing."""
    s = send_only(server, der[:-1], len(der))
    time.sleep(0.2)
    return s


def ended(s, der):
    s.sendall(der[-1:])
    data = b""
    while b"\r\n\r\n" not in data or len(data) < length_of(data):
        data += (piece := s.recv(65536))
        assert piece, data
    s.close()
    return int(data[9:12]), data[data.index(b"\r\n\r\n") + 4:]


def test_D13_the_clock_jumps_a_year_forth_and_back_while_it_runs(make_server, keys, folder):
    clock = Clock(folder)
    server = make_server(init=["--ca-key", "rsa:2048"], environment=clock.environment).start()
    pids, ra, number = server.role_pids(), server.ra(), crl_number(server)
    first = server.enrol(keys[0], server.challenge(), subject="CN=first")
    before = server.challenge()
    half = message(keys[1], server.challenge("--ttl", "14d"), ra, "CN=half")
    late = begun(server, half)

    clock.set(10 * 86400)
    # Deadlines are the monotonic clock's: the half request goes on. The life of a challenge is the wall clock's.
    status, body = ended(late, half)
    rep = scepmsg.CertRep(body, ra, keys[1])
    assert (status, rep.status) == (200, 0)
    check_dates(rep, time.time() + 10 * 86400)
    status, _, expired = answers(server, keys[2], before, ra, "CN=expired")
    assert (status, expired.status) == (200, 2) and expired.fail_text.endswith("[KUR-1404]")

    clock.set(YEAR)
    ahead = server.enrol(keys[3], server.challenge(), subject="CN=ahead")
    check_dates(ahead, time.time() + YEAR)

    late = begun(server, half)
    for seconds in (0, -YEAR, YEAR - 3600, 1000 - time.time()):
        clock.set(seconds)
        check_refuses_to_issue(server, keys, ra, server.challenge())
        assert crl_number(server) >= number
    status, body = ended(late, half)
    assert (status, scepmsg.CertRep(body, ra, keys[1]).certificate.dump()) == (200, rep.certificate.dump()), "what was issued is served again"

    clock.set(YEAR + 1)
    again = server.enrol(keys[4], server.challenge(), subject="CN=again")
    assert again.status == 0 and again.certificate.serial_number > ahead.certificate.serial_number
    assert server.role_pids() == pids and deaths(server) == []
    server.stop()
    check_rules(server, [(n, r.certificate.sha256.hex()) for n, r in (("first", first), ("half", rep), ("ahead", ahead), ("again", again))])
