"""The wall clock jumps while the server runs: what it must not issue, and what must not notice."""

import time

import scepmsg
from test_durability import YEAR, answers, check_dates, check_refuses_to_issue, check_rules, crl_number, deaths, length_of, message, send_only
from test_tls_renewal import Clock


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
