"""Policies outside: asked before anything is issued, told until they took it, by a webhook."""

import concurrent.futures
import contextlib
import os
import signal
import sqlite3
import time

import pytest

import bound
import kurier
import scepmsg
from webhook import Webhook, policy, put_secret


@pytest.fixture
def hook():
    service = Webhook()
    yield service
    service.down()


@pytest.fixture
def server_with(make_server, hook):
    def make(endpoint="challenge, hr", init=("--ca-key", "rsa:2048"), start=True, environment=None, **settings):
        server = make_server(init=list(init), config=policy(hook, endpoint, **settings), environment=environment)
        put_secret(server, hook.secret)
        return server.start() if start else server

    return make


def raw_enrol(server, key, challenge, subject="CN=device", transaction_id="1", path="/scep"):
    """Status, headers and body of one attempt."""
    csr = scepmsg.make_csr(key, subject, (), challenge)
    content = scepmsg.envelope(csr, [server.ra()], "aes128_cbc")
    message = scepmsg.pki_message(content, key, scepmsg.self_signed(key), 19, transaction_id, os.urandom(16), "sha256")
    return server.post(message, path)


def test_a_service_is_asked_and_told_of_every_step(server_with, hook, keys):
    server = server_with()
    rep = server.enrol(keys[0], server.challenge("--device", "phone-1"), subject="CN=phone-1", sans=["phone-1.example"])
    assert rep.status == 0
    [question] = hook.asked
    assert question["subject"] == "CN=phone-1" and question["endpoint"] == "default" and question["profile"] == "default"
    assert question["transaction_id"] == "1" and question["csr"]
    hook.wait_for("answered")
    delivery = server.trace("phone-1")[0]
    assert hook.events(delivery["delivery"]) == ["challenge_made", "request_received", "authorised", "issued", "answered"]
    issued = hook.wait_for("issued")
    assert issued["serial"] == delivery["serial"] and issued["sha256"] == rep.certificate.sha256.hex()
    assert issued["schema"] == "kurier.event.v1" and issued["device"] == "phone-1"
    time.sleep(0.3)
    delivery = server.trace("phone-1")[0]
    assert [e["event"] for e in delivery["events"] if e["step"] == 6] == ["reported"]
    assert delivery["outbox"] == []
    assert "by its challenge, and by hr" in [e["detail"] for e in delivery["events"]]
    assert server.command("audit").returncode == 0


def test_what_the_service_refuses_is_a_failure_and_spends_nothing(server_with, hook, keys):
    server = server_with()
    challenge = server.challenge("--device", "phone-2")
    hook.verdict = {"allow": False, "reason": "NotEnrolled", "detail": "no such device"}
    rep = server.enrol(keys[0], challenge)
    assert (rep.status, rep.fail_info) == (2, 2) and "KUR-" in rep.fail_text
    [delivery] = server.trace("phone-2")
    assert any("NotEnrolled" in (e["detail"] or "") for e in delivery["events"])
    assert server.certificates() == []
    hook.verdict = {"allow": True}
    assert server.enrol(keys[0], challenge).status == 0


@pytest.mark.parametrize("verdict", [{}, {"allow": "true"}, {"allow": 1}, {"allow": None}, [], "yes"])
def test_only_true_allows(server_with, hook, keys, verdict):
    server = server_with()
    challenge = server.challenge()
    hook.verdict = verdict
    status, headers, _ = raw_enrol(server, keys[0], challenge)
    assert status == 503 and int(headers["retry-after"]) > 0
    assert server.certificates() == []


@pytest.mark.parametrize("fault", [(500, {}, "no"), (200, {}, "<html>"), (429, {"Retry-After": "7"}, ""), (302, {"Location": "/x"}, ""),
                                   (404, {}, "{}"), "reset"])
def test_a_service_without_an_answer_that_counts_is_503_and_spends_nothing(server_with, hook, keys, fault):
    server = server_with()
    challenge = server.challenge("--device", "phone-3")
    hook.fault = fault
    status, headers, _ = raw_enrol(server, keys[0], challenge)
    assert status == 503
    assert headers["retry-after"] == ("7" if isinstance(fault, tuple) and fault[0] == 429 else headers["retry-after"])
    assert server.certificates() == []
    assert "policy_unavailable" in [e["event"] for e in server.trace("phone-3")[0]["events"]]
    hook.fault = None
    assert server.enrol(keys[0], challenge).status == 0


def test_all_must_agree_and_an_absent_challenge_skips_nobody(server_with, hook, keys):
    server = server_with()
    assert server.enrol(keys[0], "WRONG").fail_text.endswith("[KUR-1403]")
    assert server.enrol(keys[0], None).fail_text.endswith("[KUR-1402]")
    assert hook.asked == []  # refused before, cheaply
    hook.verdict = {"allow": False, "reason": "No"}
    assert server.enrol(keys[0], server.challenge()).status == 2
    assert server.certificates() == []


def test_a_service_alone_judges_its_own_challenge_and_renewals_too(server_with, hook, keys):
    server = server_with(endpoint="hr")
    rep = server.enrol(keys[0], "of the service", subject="CN=theirs")
    assert rep.status == 0 and hook.asked[-1]["challenge"] == "of the service"
    assert server.enrol(keys[1], None).fail_text.endswith("[KUR-1402]")
    assert len(hook.asked) == 1
    hook.verdict = {"allow": False, "reason": "Gone"}
    renewal = server.enrol(keys[2], None, subject="CN=theirs", message_type=17, signer=rep.certificate, signer_key=keys[0])
    assert renewal.status == 2 and hook.asked[-1]["renews"] == server.certificates()[0]["serial"]
    assert len(server.certificates()) == 1


def test_nobody_is_given_a_challenge_that_nobody_would_compare(server_with, hook):
    server = server_with(endpoint="hr")
    done = server.command("challenge", "new", check=False)
    assert done.returncode != 0 and "[KUR-2031]" in done.stderr and done.stdout == ""


def test_the_same_request_twenty_times_at_once_is_asked_once_and_issued_once(server_with, hook, keys):
    server = server_with(endpoint="hr")
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        reps = list(pool.map(lambda i: server.enrol(keys[0], "same", transaction_id=str(i)), range(20)))
    assert {r.certificate.sha256 for r in reps} == {reps[0].certificate.sha256}
    assert len(server.certificates()) == 1
    # Some may have come when the first was issued already: those are retries and not asked for.
    assert len(hook.asked) == 1


def test_a_certificate_is_withheld_until_its_notice_was_taken(server_with, hook, keys):
    server = server_with(notify="before-answer", events="[]")
    challenge = server.challenge("--device", "phone-4")
    hook.notice_fault = (500, {}, "later")
    status, headers, _ = raw_enrol(server, keys[0], challenge)
    assert status == 503 and int(headers["retry-after"]) > 0
    [row] = server.certificates()
    [notice] = server.json_lines("outbox", "list")
    assert notice["is_gate"] and notice["state"] == "waiting" and notice["attempts"] >= 1
    assert "withheld" in server.command("outbox", "list").stdout
    assert server.trace("phone-4")[0]["outbox"][0]["policy"] == "hr"
    hook.notice_fault = None
    rep = server.enrol(keys[0], challenge)  # a retry asks again, at once
    assert rep.certificate.sha256.hex() == row["sha256"]
    assert hook.events() == ["issued"]
    assert len(server.certificates()) == 1 and server.json_lines("outbox", "list") == []


def test_a_withheld_certificate_is_revoked_after_seven_days(server_with, hook, keys):
    server = server_with(notify="before-answer", events="[issued, revoked]")
    challenge = server.challenge("--device", "phone-5", "--ttl", "30d")
    hook.notice_fault = (500, {}, "never")
    assert raw_enrol(server, keys[0], challenge)[0] == 503
    server.stop()
    server.environment["KURIER_CLOCK_OFFSET_S"] = str(8 * 86400)
    server.start()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.certificates()[0]["status"] != "revoked":
        time.sleep(0.2)
    assert server.certificates()[0]["status"] == "revoked"
    delivery = server.trace("phone-5")[0]
    assert delivery["state"] == "dead" and delivery["code"] == "KUR-1433"
    assert [n["event"] for n in server.json_lines("outbox", "list", "--dead")] == ["issued"]
    rep_status = raw_enrol(server, keys[0], challenge)
    assert rep_status[0] == 200  # a signed FAILURE: the challenge was spent
    hook.notice_fault = None
    server.command("outbox", "send", "--dead")
    hook.wait_for("issued")
    hook.wait_for("revoked")
    assert hook.wait_for("failed")["code"] == "KUR-1433"
    assert server.command("audit").returncode == 0


def test_nothing_is_lost_and_order_is_kept_while_the_service_is_down(server_with, hook, keys):
    server = server_with(endpoint="challenge", asked="no")
    challenges = server.challenge("--count", "12").splitlines()
    hook.down()
    for i, challenge in enumerate(challenges):
        assert server.enrol(keys[i % 4], challenge, subject=f"CN=n{i}", transaction_id=str(i)).status == 0
        if i % 3 == 2:
            os.kill(server.role_pids()[("kurier-ledger", "kurier-notifier")[i % 2]], signal.SIGKILL)
            time.sleep(1.2)
    status = server.json_lines("outbox", "status")[0]
    assert status["waiting"] > 12 and status["oldest"]
    hook.up()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.json_lines("outbox", "status")[0]["waiting"] > 0:
        time.sleep(0.3)
    assert server.json_lines("outbox", "status")[0]["waiting"] == 0
    for row in server.json_lines("delivery", "list"):
        events = list(dict.fromkeys(hook.events(row["delivery"])))  # at least once: the same may come twice
        assert [e for e in events if e in ("challenge_made", "authorised", "issued", "answered")] == \
            ["challenge_made", "authorised", "issued", "answered"][:len(events) - 1 if "answered" not in events else 4], events
        assert "issued" in events
    assert len({c["sha256"] for c in server.certificates()}) == 12


@pytest.mark.parametrize("point", ["ledger_before_notify", "ledger_notified", "ledger_verified"])
def test_killed_at_a_named_point_nothing_is_lost(server_with, hook, keys, point):
    server = server_with(notify="before-answer", events="[issued]", environment={"KURIER_FAULT": point}, start=False)
    server.start()
    challenge = server.challenge("--device", "kill")
    status = raw_enrol(server, keys[0], challenge)[0]
    server.kill()
    server.environment.pop("KURIER_FAULT")
    server.start()
    rep = server.enrol(keys[0], challenge)
    assert rep.status == 0 and len(server.certificates()) == 1
    assert "issued" in hook.events()
    assert server.command("audit").returncode == 0
    assert status in (200, 503)


def test_a_dead_letter_is_visible_and_can_be_sent_again(server_with, hook, keys):
    server = server_with(endpoint="challenge", asked="no", events="[issued]")
    hook.notice_fault = (410, {}, "gone")
    assert server.enrol(keys[0], server.challenge("--device", "dead-letter")).status == 0
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and not server.json_lines("outbox", "list", "--dead"):
        time.sleep(0.1)
    [dead] = server.json_lines("outbox", "list", "--dead")
    assert dead["state"] == "dead" and dead["event"] == "issued"
    assert "event=notice_dead" in server.log()
    assert "report_dead" in [e["event"] for e in server.trace("dead-letter")[0]["events"]]
    hook.notice_fault = None
    server.command("outbox", "send", str(dead["notice"]))
    hook.wait_for("issued")
    time.sleep(0.3)
    assert server.json_lines("outbox", "list") == []


def test_no_secret_and_no_challenge_is_in_the_log(server_with, hook, keys):
    server = server_with(endpoint="hr")
    hook.verdict = {"allow": False, "reason": "No"}
    server.enrol(keys[0], "a-very-secret-challenge")
    server.stop()
    assert "a-very-secret-challenge" not in server.log() and hook.secret.decode() not in server.log()


def test_approval_comes_after_the_service_agreed(make_server, hook, keys):
    server = make_server(init=["--ca-key", "rsa:2048"], config=lambda text: policy(hook)(text).replace("approval: no", "approval: yes"))
    put_secret(server, hook.secret)
    server.start()
    challenge = server.challenge("--device", "approve-me")
    hook.verdict = {"allow": False, "reason": "No"}
    assert server.enrol(keys[0], challenge).status == 2
    hook.verdict = {"allow": True}
    assert server.enrol(keys[0], challenge).status == 3
    server.command("request", "approve", "approve-me")
    assert server.enrol(keys[0], challenge).status == 0
    hook.wait_for("issued")


# ---- a bound challenge and a service: both must agree -----------------------------------------------------------------


def rows_of_bound(server):
    """What the database of a stopped server knows of bound challenges."""
    with contextlib.closing(sqlite3.connect(f"file:{server.home}/ledger/kurier.db?mode=ro", uri=True)) as db:
        return db.execute("SELECT id FROM bound_spent").fetchall()


def test_a_bound_challenge_and_a_service_that_allows(server_with, hook, keys):
    server = server_with()
    system = bound.Key(server, "mdm")
    challenge = system.make(id="order-1", device="phone-b")
    first = server.enrol(keys[0], challenge)
    assert first.status == 0
    [question] = hook.asked
    assert question["challenge"] == challenge and question["device"] == "phone-b" and question["renews"] is None
    [delivery] = server.trace("order-1")
    assert "by bound challenge order-1 of key mdm, and by hr" in [e["detail"] for e in delivery["events"]]
    assert server.enrol(keys[0], challenge).certificate.dump() == first.certificate.dump()
    assert server.enrol(keys[1], challenge).fail_text.endswith("[KUR-1405]")
    assert len(hook.asked) == 1  # neither a retry nor a used one is a question
    renewal = server.enrol(keys[2], None, signer=first.certificate, signer_key=keys[0])
    assert renewal.status == 0 and hook.asked[-1]["device"] == "phone-b" and hook.asked[-1]["renews"]
    server.stop()
    assert rows_of_bound(server) == [("order-1",)]


def test_a_service_that_denies_spends_no_bound_challenge(server_with, hook, keys):
    server = server_with()
    challenge = bound.Key(server, "mdm").make(id="order-2")
    hook.verdict = {"allow": False, "reason": "NotEnrolled", "detail": "no such device"}
    rep = server.enrol(keys[0], challenge)
    assert (rep.status, rep.fail_info) == (2, 2) and rep.fail_text.endswith("[KUR-2409]")
    assert any("NotEnrolled" in (e["detail"] or "") for d in server.trace("order-2") for e in d["events"])
    server.stop()
    assert rows_of_bound(server) == [] and server.certificates() == []
    server.start()
    hook.verdict = {"allow": True}
    assert server.enrol(keys[1], challenge).status == 0  # another key, since nobody has used it


@pytest.mark.parametrize("fault", [(500, {}, "no"), "reset", "down"])
def test_a_service_that_is_away_spends_no_bound_challenge(server_with, hook, keys, fault):
    server = server_with()
    challenge = bound.Key(server, "mdm").make(id="order-3")
    if fault == "down":
        hook.down()
    else:
        hook.fault = fault
    for _ in range(2):
        status, headers, _ = raw_enrol(server, keys[0], challenge)
        assert status == 503 and int(headers["retry-after"]) > 0
    assert any(e["event"] == "policy_unavailable" for d in server.trace("order-3") for e in d["events"])
    server.stop()
    assert rows_of_bound(server) == [] and server.certificates() == []
    server.start()
    if fault == "down":
        hook.up()
    hook.fault = None
    deadline = time.monotonic() + 20
    while raw_enrol(server, keys[1], challenge)[0] == 503:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert len(server.certificates()) == 1


def test_a_service_makes_up_for_no_challenge_and_for_no_wrong_one(server_with, hook, keys):
    server = server_with()
    system = bound.Key(server, "mdm")
    for challenge, code in ((None, 1402), ("", 1402), (system.make(subject="CN=other"), 1409), (system.make(profile="none"), 1408),
                            (system.make(exp=int(time.time()) - 600, iat=int(time.time()) - 1200), 1404),
                            (system.seal(b"{}"), 1442), (system.make()[:-4], 1441), (system.seal(b"{}", key_id=b"8 octets"), 1440)):
        rep = server.enrol(keys[0], challenge)
        assert rep.status == 2 and rep.fail_text.endswith(f"[KUR-{code}]"), (code, rep.fail_text)
    assert hook.asked == [] and server.certificates() == []


def test_a_right_challenge_that_a_service_denies_is_no_wrong_one_of_its_address(make_server, hook, keys):
    def send(der, path):
        return kurier.http(server.port, "POST", path + "?operation=PKIOperation", der, headers=["X-Forwarded-For: 192.0.2.7"])

    server = make_server(init=["--ca-key", "rsa:2048"], config=lambda text: policy(hook)(text).replace(
        "trusted_proxies: []", "trusted_proxies: [127.0.0.1]"))
    put_secret(server, hook.secret)
    server.start()
    system = bound.Key(server, "mdm")
    hook.verdict = {"allow": False, "reason": "No"}
    for _ in range(12):
        assert server.enrol(keys[0], system.make(), send=send).status == 2
    assert len(hook.asked) == 12
    assert server.enrol(keys[0], "WRONG", send=send).fail_text.endswith("[KUR-1403]")  # and not KUR-1411: too many wrong ones


def test_a_bound_challenge_waits_for_approval_once_the_service_agreed(make_server, hook, keys):
    server = make_server(init=["--ca-key", "rsa:2048"], config=lambda text: policy(hook)(text).replace("approval: no", "approval: yes"))
    put_secret(server, hook.secret)
    server.start()
    challenge = bound.Key(server, "mdm").make(id="order-4", device="phone-w")
    hook.verdict = {"allow": False, "reason": "No"}
    assert server.enrol(keys[0], challenge).status == 2
    hook.verdict = {"allow": True}
    assert server.enrol(keys[0], challenge).status == 3
    assert server.enrol(keys[1], challenge).fail_text.endswith("[KUR-1407]")  # held
    server.command("request", "approve", "order-4")
    assert server.enrol(keys[0], challenge).status == 0
    assert len(hook.asked) == 2
    hook.wait_for("issued")
