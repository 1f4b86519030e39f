"""Without descriptors, without memory, and with each call failing once."""

import contextlib
import errno
import os
import random
import re
import resource
import subprocess
import time

import pytest

import kurier
import scepmsg
from durable import DEATH, ROLES, check_rules, connect_from, deaths, enrol_until_served, kill_tree, length_of, message, send_only, wait_until
from preload import INPUT, MEMORY, OUTPUT, Plan


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


KINDS = {"memory": (MEMORY, errno.ENOMEM), "io": (INPUT | OUTPUT, errno.EIO), "interrupted": (INPUT | OUTPUT, errno.EINTR),
         "full": (OUTPUT, errno.ENOSPC)}
BUDGET_S = float(os.environ.get("KURIER_TEST_CALLS_S", "25"))  # for each role and kind
FAULTS_ENOUGH = 2


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
