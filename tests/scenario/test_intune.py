"""Whole deliveries with the double of Intune: what the device gets, what trace says, what Intune was asked and told."""

import os
import subprocess
import sys
import time

import pytest

import bound
import kurier
import scepmsg
from tables import CODES, FAIL_INFO, code_table

sys.path.insert(0, str(kurier.ROOT / "tests" / "double"))
import client  # noqa: E402

FAIL_NUMBERS = {"BAD_ALG": 0, "BAD_MESSAGE_CHECK": 1, "BAD_REQUEST": 2, "BAD_TIME": 3, "BAD_CERT_ID": 4}
NDES = "/certsrv/mscep/mscep.dll"


@pytest.fixture(scope="module")
def shared_double(tmp_path_factory):
    with client.intune(tmp_path_factory.mktemp("intune")) as double:
        yield double


@pytest.fixture
def double(shared_double):
    shared_double.clear()
    shared_double.set(calls=[], violations=[], results=[], revocations=[], reported={})
    return shared_double


def put_secret(server, name, text):
    subprocess.run([kurier.PROGRAM, "secret", "set", name, "--home", str(server.home)], input=text.encode(), check=True, timeout=60)


def configuration(double, **more):
    rows = dict({"type": "intune", "tenant": double.tenant, "client_id": double.client_id, "secret": "intune-secret",
                 "ca_file": "intune-ca", "authority": double.authority, "graph_url": double.graph_url,
                 "resource_url": double.resource_url}, **more)
    section = "policies:\n  intune:\n" + "".join(f"    {k}: {v}\n" for k, v in rows.items())
    return "endpoints:\n  default:\n    policies: [intune]\n" + section


@pytest.fixture
def server_with(make_server, double):
    def make(environment=None, **more):
        server = make_server(init=["--ca-key", "rsa:2048"], environment=environment)
        put_secret(server, "intune-secret", double.secret)
        put_secret(server, "intune-ca", open(double.ca_file).read())
        server.config_path.write_text(configuration(double, **more))
        return server.start()

    return make


def attempt(server, key, challenge, subject="CN=device", transaction_id="1", path="/scep"):
    """Status, headers and body of one request."""
    csr = scepmsg.make_csr(key, subject, (), challenge)
    content = scepmsg.envelope(csr, [server.ra()], "aes128_cbc")
    message = scepmsg.pki_message(content, key, scepmsg.self_signed(key), 19, transaction_id, os.urandom(16), "sha256")
    return server.post(message, path)


def wait_for(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_whole_delivery_has_its_six_steps(server_with, double, keys):
    server = server_with()
    challenge = double.challenge(expected={"subject": "CN=phone-1", "sans": ["DNS:phone-1.example"], "key_length": 2048})
    rep = server.enrol(keys[0], challenge, subject="CN=phone-1", sans=["phone-1.example"], transaction_id="W1")
    answered_at = time.time()
    assert rep.status == 0
    wait_for(lambda: server.trace("W1")[0]["state"] == "answered")
    [delivery] = server.trace("W1")
    steps = {e["step"] for e in delivery["events"]}
    assert steps == {1, 2, 3, 4, 5, 6}
    assert [e["event"] for e in delivery["events"] if e["step"] == 6] == ["reported"]
    calls = [c for c in double.calls() if c["transaction"] == "W1"]
    assert [c["call"] for c in calls] == ["validate", "success"]
    assert calls[1]["at"] <= answered_at  # told before the device had it
    note = calls[1]["body"]["notification"]
    assert note["certificateSerialNumber"] == delivery["serial"]
    assert note["certificateThumbprint"] == rep.certificate.sha1.hex()
    assert note["certificateRequest"] == calls[0]["body"]["request"]["certificateRequest"]
    assert double.state()["violations"] == []
    assert challenge[:60] not in server.log()
    assert server.command("audit").returncode == 0


@pytest.fixture(scope="module")
def refusing(shared_double, keys):
    """One server for all codes: a refusal leaves it as it was."""
    import shutil
    import tempfile
    import pathlib
    folder = pathlib.Path(tempfile.mkdtemp(prefix="kurier-test-"))
    folder.chmod(0o755)
    server = kurier.Server(folder / "home", init=["--ca-key", "rsa:2048"])
    put_secret(server, "intune-secret", shared_double.secret)
    put_secret(server, "intune-ca", open(shared_double.ca_file).read())
    server.config_path.write_text(configuration(shared_double))
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("text,name,hresult,step,cause,final", code_table(), ids=[r[0] or "other" for r in code_table()])
def test_each_code_reaches_device_trace_and_nobody_else(refusing, double, keys, text, name, hresult, step, cause, final):
    said = text or "SomethingNewFromTheService"
    transaction = "C-" + said
    double.script({"code": said, "description": "as scripted"}, transaction=transaction)
    status, headers, body = attempt(refusing, keys[0], double.challenge(), f"CN={said}"[:60], transaction, NDES)
    assert status == 200
    rep = scepmsg.CertRep(body, refusing.ra(), keys[0])
    number = CODES[name]
    assert (rep.status, rep.fail_info) == (2, FAIL_NUMBERS[FAIL_INFO[number]])
    assert int(rep.hresult) == int(hresult, 16) - 2**32
    assert f"KUR-{number}" in rep.fail_text
    [delivery] = refusing.trace(transaction)
    assert delivery["code"] == f"KUR-{number}" and delivery["step"] == int(step)
    assert any(said in (e["detail"] or "") for e in delivery["events"])
    assert [c["call"] for c in double.calls() if c["transaction"] == transaction] == ["validate"]
    assert refusing.certificates() == []


def test_a_request_without_a_challenge_is_never_issued(server_with, double, keys):
    server = server_with()
    rep = server.enrol(keys[0], None, transaction_id="N1")
    assert rep.status == 2 and rep.fail_info == 2
    rep = server.enrol(keys[0], "guess", transaction_id="N2")
    assert rep.status == 2 and server.certificates() == []


def test_a_certificate_is_withheld_until_intune_knows_of_it(server_with, double, keys):
    server = server_with()
    challenge = double.challenge()
    double.script({"status": 500, "body": ""}, call="success")
    status, headers, _ = attempt(server, keys[0], challenge, transaction_id="H1")
    assert status == 503 and int(headers["retry-after"]) > 0
    assert [n["event"] for n in server.json_lines("outbox", "list")] == ["issued"]
    double.clear()
    deadline = time.monotonic() + 30
    while status != 200:
        assert time.monotonic() < deadline
        status, headers, body = attempt(server, keys[0], challenge, transaction_id="H1")
        time.sleep(0.2)
    rep = scepmsg.CertRep(body, server.ra(), keys[0])
    assert rep.status == 0
    assert len(server.certificates()) == 1 and len(double.state()["reported"]) == 1
    assert double.state()["violations"] == []


def test_D18_intune_down_is_503_and_spends_nothing(server_with, double, keys):
    server = server_with()
    challenge = double.challenge()
    double.script({"reset": True}, call="validate")
    status, headers, _ = attempt(server, keys[0], challenge, transaction_id="D1")
    assert status == 503 and int(headers["retry-after"]) > 0 and server.certificates() == []
    double.clear()
    assert server.enrol(keys[0], challenge, transaction_id="D1").status == 0


def test_D18_nothing_is_issued_that_was_not_validated_whatever_is_killed(server_with, double, keys):
    """kill -9 of the roles amid deliveries, Intune failing now and then: at most one certificate a transaction, all told."""
    server = server_with()
    double.script({"status": 500, "body": ""}, call="success", times=2)
    double.script({"status": 429, "body": "", "headers": {"Retry-After": "1"}}, call="validate", times=1)
    victims = ["kurier-notifier", "kurier-ledger", "kurier-signer", "kurier-front"]
    for i in range(8):
        challenge, transaction = double.challenge(), f"K{i}"
        done = False
        deadline = time.monotonic() + 40
        while not done:
            assert time.monotonic() < deadline, server.log()[-4000:]
            pid = server.role_pids().get(victims[i % 4])
            try:
                if pid and time.monotonic() < deadline - 38.5:
                    os.kill(pid, 9)
                done = attempt(server, keys[i], challenge, f"CN=k{i}", transaction)[0] == 200
            except (OSError, AssertionError, ProcessLookupError):
                pass
            time.sleep(0.2)
    wait_for(lambda: len([t for t in double.state()["reported"] if t.startswith("K")]) == 8)
    state = double.state()
    assert state["violations"] == []
    assert len(server.certificates()) == 8
    serials = {c["serial"] for c in server.certificates()}
    assert {n["certificateSerialNumber"] for t, n in state["reported"].items() if t.startswith("K")} == serials


def test_D18_an_hour_without_notices_and_twenty_kills_lose_nothing(server_with, double, keys):
    """Intune validates and takes no notice for an hour (of the server's clock), while roles are killed twenty times."""
    server = server_with(notify="after-answer")
    double.script({"status": 500, "body": ""}, call="success")
    victims = ["kurier-notifier", "kurier-ledger", "kurier-signer", "kurier-front"]
    served, challenges, kills, hour_is_over = {}, {}, 0, False
    deadline = time.monotonic() + 150
    while len(served) < 20 or kills < 20:
        assert time.monotonic() < deadline, (len(served), kills, server.log()[-3000:])
        pid = server.role_pids().get(victims[kills % 4])
        if pid and kills < 20:
            os.kill(pid, 9)
            kills += 1
        transaction = f"H{len(served)}"
        try:
            challenge = challenges.setdefault(transaction, double.challenge())
            status, _, body = attempt(server, keys[len(served) % 8], challenge, f"CN={transaction}", transaction)
        except (OSError, AssertionError):
            status = 0
        if status == 200:
            rep = scepmsg.CertRep(body, server.ra(), keys[len(served) % 8])
            assert rep.status == 0
            served[transaction] = rep.certificate.serial_number
        if kills == 10 and not hour_is_over:
            hour_is_over = True
            server.stop()
            server.environment["KURIER_CLOCK_OFFSET_S"] = "3600"
            server.start()
    assert server.json_lines("outbox", "status")[0]["waiting"] >= 20
    double.clear()
    wait_for(lambda: set(served) <= set(double.state()["reported"]), seconds=60)
    wait_for(lambda: server.json_lines("outbox", "list") == [])
    state = double.state()
    assert state["violations"] == []  # no notice before its validation, none twice with another certificate
    certificates = {row["transaction_id"]: int(row["serial"], 16) for row in server.certificates()}
    assert len(certificates) == len(server.certificates())  # at most one a transaction
    assert certificates == served
    assert {t: int(n["certificateSerialNumber"], 16) for t, n in state["reported"].items() if t in served} == served
    assert server.command("audit").returncode == 0


def test_intune_revokes_and_is_answered(server_with, double, keys):
    server = server_with(revocations="60s")
    rep = server.enrol(keys[0], double.challenge(), transaction_id="R1")
    assert rep.status == 0
    serial = server.certificates()[0]["serial"]
    double.revoke(serial.upper())
    double.revoke("01ffff")
    server.command("reload")  # a new configuration looks at once
    wait_for(lambda: len(double.state()["results"]) == 2)
    results = {r["errorCode"]: r["succeeded"] for r in double.state()["results"]}
    assert results == {"None": True, "CertificateNotFoundError": False}
    assert server.certificates()[0]["status"] == "revoked"


def test_the_policies_page_has_the_table_of_the_code():
    page = (kurier.ROOT / "docs" / "policies.md").read_text()
    words = {"BAD_REQUEST": "badRequest", "BAD_TIME": "badTime", "BAD_ALG": "badAlg", "BAD_MESSAGE_CHECK": "badMessageCheck"}
    for text, name, hresult, _, cause, final in code_table():
        shown = f"`{text}`" if text else "any other"
        row = f"| {shown} | KUR-{CODES[name]} | {words[FAIL_INFO[CODES[name]]]} | {hresult.lower()} ({int(hresult, 16) - 2**32}) | " \
              f"`{cause}` | {'dead letter' if final == 'true' else 'sent again'} |"
        assert row in page, row


# ---- what cannot go together ------------------------------------------------------------------------------------------

INTUNE = """policies:
  intune: {type: intune, tenant: contoso.onmicrosoft.com, client_id: 0-0, secret: intune-secret%s}
"""


@pytest.mark.parametrize("text, line, why, remedy", [
    ("endpoints:\n  default:\n    policies: [challenge, intune]\n" + INTUNE % "", 3, "one challengePassword", "take one out"),
    ("endpoints:\n  default:\n    policies: [challenge, intune]\n" + INTUNE % ", asked: no", 3, "one challengePassword", "take one out"),
    ("endpoints:\n  default:\n    policies: [intune, other]\n" + INTUNE % "" + (INTUNE % "").replace("policies:\n  intune", "  other"), 3,
     "of one Intune", "an endpoint for each"),
    ("endpoints:\n  default:\n    policies: [intune]\nprofiles:\n  default:\n    approval: yes\n" + INTUNE % "", 6, "is not kept meanwhile",
     "approval: no"),
], ids=["a challenge of Kurier's", "a challenge, and Intune told only", "two tenants", "approval"])
def test_what_can_never_succeed_with_intune_is_refused_by_the_check(make_server, text, line, why, remedy):
    server = make_server(init=["--ca-key", "rsa:2048"])
    server.config_path.write_text(text)
    done = server.command("serve", "--check-config", check=False)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert f"kurier.yaml:{line}: " in done.stderr and why in done.stderr and remedy in done.stderr and "[KUR-1507]" in done.stderr, done.stderr


def test_a_bound_challenge_is_intunes_to_judge_and_is_not_spent(server_with, double, keys):
    """At an endpoint that asks Intune alone every challenge is Intune's, also one that Kurier could open."""
    server = server_with()
    challenge = bound.Key(server, "mdm").make(id="order-9")
    status, _, body = attempt(server, keys[0], challenge)
    rep = scepmsg.CertRep(body, server.ra(), keys[0])
    assert status == 200 and rep.status == 2 and "KUR-24" in rep.fail_text, rep.fail_text
    assert "validate" in double.names()
    server.stop()
    assert server.certificates() == []
    server.config_path.write_text("{}\n")  # the challenge policy alone, as it is without a word
    server.start()
    assert server.enrol(keys[1], challenge).status == 0
