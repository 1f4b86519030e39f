"""kurier-notifier against the double of Intune: every answer of the services, and what the ledger is told."""

import base64
import json
import re
import sys
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

import kurier
import rolemsg
import scepmsg
from tables import CAUSES, CODES, FAIL_INFO, code_table

sys.path.insert(0, str(kurier.ROOT / "tests" / "double"))
import client  # noqa: E402

ALLOWED, REFUSED, UNAVAILABLE = 1, 2, 3
TAKEN, AGAIN, DEAD = 1, 2, 3


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def shared_double(tmp_path_factory):
    with client.intune(tmp_path_factory.mktemp("intune")) as double:
        yield double


@pytest.fixture
def double(shared_double):
    """As new: nothing scripted, no call made."""
    shared_double.clear()
    shared_double.set(variant="normal", is_down=False, token_life=3599, has_consent=True, has_validation_permission=True,
                      calls=[], violations=[], results=[], revocations=[])
    shared_double.control("expire-tokens")
    return shared_double


@pytest.fixture
def notifier(tmp_path, double):
    notifier = rolemsg.Notifier(tmp_path / "home")
    notifier.secret("intune-secret", double.secret + "\n")
    notifier.secret("intune-ca", open(double.ca_file).read())
    notifier.secret("intune-certificate", open(double.assertion_certificate).read())
    notifier.secret("intune-key", open(double.assertion_key).read())
    yield notifier
    assert notifier.end() in (0, None)


@pytest.fixture
def ready(notifier, double):
    assert notifier.start(double.policy()) == ("ready", {"generation": 1})
    return notifier


def make_csr(key, challenge, subject="CN=a", sans=()):
    return scepmsg.make_csr(key, subject, sans, challenge)


def ask(notifier, csr=b"\x30\x00", transaction="T1", **values):
    return notifier.ask("intune", csr=csr, transaction_id=transaction, **values)


def issued(transaction="T1", csr=b"\x30\x00", **more):
    return json.dumps({"schema": "kurier.event.v1", "event": "issued", "transaction_id": transaction,
                       "csr": base64.b64encode(csr).decode(), "serial": "01a0ff", "sha1": "ab" * 20,
                       "not_after": "2027-11-24T09:03:02Z", "issuer": "CN=Kurier CA", **more})


def failed(transaction="T1", csr=b"\x30\x00", **more):
    return json.dumps({"schema": "kurier.event.v1", "event": "failed", "transaction_id": transaction,
                       "csr": base64.b64encode(csr).decode(), "reason": "The challenge has expired.", "detail": "too old", "code": f"KUR-{CODES['INTUNE_CHALLENGE_EXPIRED']}",
                       **more})


@pytest.mark.sanitized
def test_a_real_challenge_is_validated(ready, double, key):
    challenge = double.challenge(expected={"subject": "CN=a", "sans": ["DNS:a.example"], "key_length": 2048})
    verdict = ask(ready, make_csr(key, challenge, sans=["a.example"]))
    assert (verdict["outcome"], verdict["code"]) == (ALLOWED, 0), verdict
    assert double.names() == ["token", "discovery", "token", "validate"]
    call = double.calls("validate")[0]
    assert call["headers"]["api-version"] == "2018-02-20"
    assert call["headers"]["useragent"].startswith("Kurier ")
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
                        call["headers"]["client-request-id"])
    assert call["body"]["request"]["transactionId"] == "T1"


CHALLENGES = [
    ("ChallengeExpired", {"ends_in": -10, "starts_in": -100}), ("ChallengeInvalidTimestamp", {"starts_in": 5000, "ends_in": 9000}),
    ("BadTenantIdInChallenge", {"tenant": "another"}), ("BadCertificateRequestIdInChallenge", {"is_unknown": True}),
    ("ChallengeDeserializationError", {"payload": "<CertEnroll/>"}), ("ChallengeDecryptionError", {"recipient": "other"}),
    ("SigningCertThumbprintMismatch", {"signer": "other"}), ("SignatureValidationFailed", {"signer": "forged"}),
    ("SubjectNameMismatch", {"expected": {"subject": "CN=b"}}), ("SubjectAltNameMissing", {"expected": {"sans": ["DNS:a"]}}),
    ("KeyLengthMismatch", {"expected": {"key_length": 4096}}), ("KeyUsageMismatch", {"expected": {"key_usage": ["digital_signature"]}}),
    ("EnhancedKeyUsageMissing", {"expected": {"ekus": ["1.3.6.1.5.5.7.3.2"]}}),
    ("AadKeyIdentifierListMissing", {"expected": {"registered_keys": []}}),
    ("RegisteredKeyMismatch", {"expected": {"registered_keys": ["ab" * 32]}}),
]


@pytest.mark.parametrize("code,wanted", CHALLENGES, ids=[c for c, _ in CHALLENGES])
def test_the_double_refuses_a_challenge_for(ready, double, key, code, wanted):
    verdict = ask(ready, make_csr(key, double.challenge(**wanted)))
    assert (verdict["outcome"], verdict["reason"].decode()) == (REFUSED, code), verdict


def test_what_is_no_challenge_or_no_request_is_refused(ready, double, key):
    assert ask(ready, make_csr(key, None))["reason"] == b"ChallengePasswordMissing"
    assert ask(ready, make_csr(key, "guess"))["reason"] == b"ChallengeDecodingError"
    assert ask(ready, b"\x30\x03\x02\x01\x00")["reason"] == b"CertificateRequestDecodingFailed"
    challenge = double.challenge(expected={"sans": ["DNS:a"]})
    assert ask(ready, make_csr(key, challenge, sans=["b"]))["reason"] == b"SubjectAltNameMismatch"


@pytest.mark.parametrize("text,name,hresult,step,cause,final", code_table(), ids=[r[0] or "other" for r in code_table()])
def test_every_code_is_a_refusal_with_its_own_words(ready, double, text, name, hresult, step, cause, final):
    said = text or "SomethingNewFromTheService"
    double.script({"code": said, "description": "so it is"})
    verdict = ask(ready)
    assert verdict["outcome"] == REFUSED
    assert verdict["reason"].decode() == said
    assert verdict["code"] == CODES[name]
    assert verdict["hresult"] == int(hresult, 16)
    assert FAIL_INFO[verdict["code"]] in ("BAD_REQUEST", "BAD_TIME", "BAD_ALG", "BAD_MESSAGE_CHECK")
    assert "so it is (ActivityId " in verdict["detail"].decode()
    assert cause in CAUSES and step == "3"
    told = ready.tell("intune", "issued", issued())
    assert told["outcome"] == (DEAD if final == "true" else AGAIN)
    assert told["reason"].decode() == said


@pytest.mark.sanitized
@pytest.mark.parametrize("body", ['{"code":""}', '{"errorDescription":"x"}', '{"code":7}', '{"code":null}', "[]", "", "<html>Sign in</html>",
                                  '{"code":"ChallengeExpired","code":"Success"}', '{"Code":"Success"}', '{"code":"Success"} x'],
                         ids=range(10))
def test_an_answer_without_a_code_allows_nothing(ready, double, body):
    double.script({"body": body})
    verdict = ask(ready)
    assert (verdict["outcome"], verdict["code"]) == (UNAVAILABLE, CODES["SERVICE_ANSWER"])
    assert ready.tell("intune", "issued", issued())["outcome"] == AGAIN


@pytest.mark.parametrize("word", ["success", "SUCCESS", "Success ", "Succes"])
def test_only_success_is_success(ready, double, word):
    double.script({"code": word})
    assert ask(ready)["outcome"] == REFUSED
    assert ready.tell("intune", "issued", issued())["outcome"] == AGAIN


def test_an_expired_token_is_renewed_once(ready, double, key):
    challenge = double.challenge()
    assert ask(ready, make_csr(key, challenge))["outcome"] == ALLOWED
    double.control("expire-tokens")
    assert ask(ready, make_csr(key, challenge))["outcome"] == ALLOWED
    assert double.names() == ["token", "discovery", "token", "validate", "validate", "token", "validate"]


def test_a_token_that_is_never_accepted_is_a_login_problem(ready, double):
    double.script({"status": 401, "body": "{}"}, call="validate")
    verdict = ask(ready)
    assert (verdict["outcome"], verdict["code"]) == (UNAVAILABLE, CODES["SERVICE_LOGIN"])
    assert double.names().count("validate") == 2


def test_a_missing_permission_is_told_as_one(ready, double):
    double.set(has_validation_permission=False)
    verdict = ask(ready)
    assert (verdict["outcome"], verdict["code"], verdict["reason"]) == (UNAVAILABLE, CODES["SERVICE_PERMISSION"], b"http-403")


def test_without_consent_discovery_is_empty(ready, double):
    double.set(has_consent=False)
    verdict = ask(ready)
    assert (verdict["outcome"], verdict["code"]) == (UNAVAILABLE, CODES["SERVICE_PERMISSION"])
    assert b"Did not find service named 'ScepRequestValidationFEService'" in verdict["detail"]


def test_services_that_moved_are_found_again(ready, double, key):
    challenge = double.challenge()
    assert ask(ready, make_csr(key, challenge))["outcome"] == ALLOWED
    double.set(unit="msuc05")
    assert ask(ready, make_csr(key, challenge))["outcome"] == ALLOWED
    assert double.names()[4:] == ["validate", "discovery", "validate"]
    double.script({"status": 404, "body": ""}, call="validate")
    verdict = ask(ready)
    assert (verdict["outcome"], verdict["reason"]) == (UNAVAILABLE, b"http-404")
    assert double.names().count("discovery") == 3


@pytest.mark.parametrize("variant", ["upper", "lower", "legacy", "slash", "duplicate"])
def test_discovery_is_read_in_every_form(ready, double, key, variant):
    double.set(variant=variant)
    assert ask(ready, make_csr(key, double.challenge()))["outcome"] == ALLOWED
    assert "//" not in double.calls("validate")[0]["path"]


def test_discovery_without_a_list_is_no_permission_problem(ready, double):
    double.set(variant="no-value")
    verdict = ask(ready)
    assert (verdict["outcome"], verdict["code"]) == (UNAVAILABLE, CODES["SERVICE_ANSWER"])


def test_discovery_with_a_stale_token_is_asked_again(ready, double, key):
    double.script({"status": 401, "body": "{}"}, call="discovery", times=1)
    assert ask(ready, make_csr(key, double.challenge()))["outcome"] == ALLOWED
    assert double.names() == ["token", "discovery", "token", "discovery", "token", "validate"]


def test_retry_after_is_honoured_by_all_calls(ready, double, key):
    csr = make_csr(key, double.challenge())
    assert ask(ready, csr)["outcome"] == ALLOWED
    double.script({"status": 429, "body": "{}", "headers": {"Retry-After": "2"}}, transaction="T2", times=1)
    verdict = ask(ready, csr, "T2")
    assert (verdict["outcome"], verdict["code"], verdict["retry_after_s"]) == (UNAVAILABLE, CODES["SERVICE_BUSY"], 2)
    before = len(double.names())
    held = ask(ready, csr, "T3")
    assert (held["outcome"], held["reason"]) == (UNAVAILABLE, b"hold") and 1 <= held["retry_after_s"] <= 2
    assert len(double.names()) == before
    time.sleep(2.1)
    assert ask(ready, csr, "T3")["outcome"] == ALLOWED


def test_retry_after_of_the_token_service_is_honoured(ready, double, key):
    double.script({"status": 429, "body": "{}", "headers": {"Retry-After": "2"}}, call="token", times=1)
    verdict = ask(ready)
    assert (verdict["outcome"], verdict["code"], verdict["retry_after_s"]) == (UNAVAILABLE, CODES["SERVICE_BUSY"], 2)
    assert ask(ready)["reason"] == b"hold"
    assert double.names() == ["token"]
    time.sleep(2.1)
    assert ask(ready, make_csr(key, double.challenge()))["outcome"] == ALLOWED


FAULTS = [
    ({"status": 503, "body": "", "headers": {"Retry-After": "7"}}, "SERVICE_BUSY", "http-503"),
    ({"status": 500, "body": "oops"}, "SERVICE_STATUS", "http-500"),
    ({"status": 502, "body": "<html>Bad Gateway</html>"}, "SERVICE_STATUS", "http-502"),
    ({"status": 302, "body": "", "headers": {"Location": "/elsewhere"}}, "SERVICE_STATUS", "http-302"),
    ({"status": 307, "body": "", "headers": {"Location": "/elsewhere"}}, "SERVICE_STATUS", "http-307"),
    ({"status": 204, "body": ""}, "SERVICE_STATUS", "http-204"),
    ({"status": 200, "body": "<html>login</html>", "headers": {"Content-Type": "text/html"}}, "SERVICE_ANSWER", "no-verdict"),
    ({"status": 200, "body": '{"code":"Success","x":"' + "x" * (300 * 1024) + '"}'}, "SERVICE_ANSWER", "too-large"),
    ({"reset": True}, "SERVICE_UNREACHABLE", "connection-lost"), ({"cut": True}, "SERVICE_UNREACHABLE", "connection-lost"),
]


@pytest.mark.sanitized
@pytest.mark.parametrize("outcome,code,reason", FAULTS, ids=[str(i) for i in range(len(FAULTS))])
def test_a_fault_allows_nothing_and_loses_nothing(ready, double, outcome, code, reason):
    double.script(outcome, call="validate")
    double.script(outcome, call="success")
    verdict = ask(ready)
    assert (verdict["outcome"], verdict["code"], verdict["reason"].decode()) == (UNAVAILABLE, CODES[code], reason), verdict
    assert verdict["retry_after_s"] == int(outcome.get("headers", {}).get("Retry-After", 0))
    assert ready.tell("intune", "issued", issued())["outcome"] == AGAIN
    assert [c for c in double.names() if c == "unknown"] == []


def test_an_error_within_an_error_is_told_in_its_words(ready, double):
    double.script({"nested": "An internal error has occurred"}, call="validate")
    verdict = ask(ready)
    assert (verdict["outcome"], verdict["reason"]) == (UNAVAILABLE, b"http-500")
    assert b"InternalError: An internal error has occurred (ActivityId " in verdict["detail"]


def test_a_slow_service_is_given_up(notifier, double):
    notifier.start(double.policy(timeout_ms=1000))
    double.script({"delay": 3}, call="validate")
    begun = time.monotonic()
    verdict = ask(notifier)
    assert (verdict["outcome"], verdict["code"]) == (UNAVAILABLE, CODES["SERVICE_LATE"])
    assert time.monotonic() - begun < 2.5


def test_the_askers_deadline_counts_for_all_calls_together(ready, double):
    double.script({"delay": 1}, call="token")
    double.script({"delay": 1}, call="discovery")
    begun = time.monotonic()
    verdict = ask(ready, deadline_ms=1500)
    assert (verdict["outcome"], verdict["code"]) == (UNAVAILABLE, CODES["SERVICE_LATE"])
    assert 1.3 < time.monotonic() - begun < 2.5


def test_a_double_that_is_down(ready, double):
    double.process.send_signal(19)  # SIGSTOP: connections are taken by the kernel, nobody answers
    try:
        verdict = ask(ready, deadline_ms=1500)
    finally:
        double.process.send_signal(18)
    assert (verdict["outcome"], verdict["code"]) == (UNAVAILABLE, CODES["SERVICE_LATE"])


def test_nobody_listens(notifier, double):
    gone = f"https://127.0.0.1:{kurier.free_port()}/"
    notifier.start(double.policy(authority=gone))
    verdict = ask(notifier)
    assert (verdict["outcome"], verdict["code"], verdict["reason"]) == (UNAVAILABLE, CODES["SERVICE_UNREACHABLE"], b"no-connection")


def test_a_name_that_does_not_resolve(notifier, double):
    notifier.start(double.policy(authority="https://nowhere.invalid/"))
    verdict = ask(notifier)
    assert (verdict["outcome"], verdict["code"], verdict["reason"]) == (UNAVAILABLE, CODES["SERVICE_UNREACHABLE"], b"no-such-host")


def test_an_untrusted_certificate_is_never_accepted(notifier, double):
    notifier.secret("intune-ca", open(double.assertion_certificate).read())
    notifier.start(double.policy())
    verdict = ask(notifier)
    assert (verdict["outcome"], verdict["code"]) == (UNAVAILABLE, CODES["SERVICE_TLS"])
    assert double.names() == []


def test_the_systems_trust_counts_without_a_ca_file(notifier, double):
    notifier.start(double.policy(ca_file=""))
    assert ask(notifier)["code"] == CODES["SERVICE_TLS"]


@pytest.mark.parametrize("change,word,story", [
    ({"client_id": "11111111-2222-3333-4444-555555555555"}, "unauthorized_client", "AADSTS700016"),
    ({"tenant": "fabrikam.onmicrosoft.com"}, "invalid_request", "AADSTS90002")])
def test_entras_refusals_are_told_in_its_words(notifier, double, change, word, story):
    notifier.start(double.policy(**change))
    verdict = ask(notifier)
    assert (verdict["outcome"], verdict["code"], verdict["reason"].decode()) == (UNAVAILABLE, CODES["SERVICE_LOGIN"], word)
    assert story in verdict["detail"].decode() and "Trace ID" not in verdict["detail"].decode()


def test_a_wrong_secret_is_told_and_never_shown(notifier, double):
    notifier.secret("intune-secret", "not-the-secret-at-all")
    notifier.start(double.policy())
    verdict = ask(notifier)
    assert (verdict["code"], verdict["reason"]) == (CODES["SERVICE_LOGIN"], b"invalid_client")
    assert b"AADSTS7000215" in verdict["detail"]
    assert "not-the-secret-at-all" not in notifier.log()


def test_a_certificate_in_place_of_a_secret(notifier, double, key):
    notifier.start(double.policy(secret="", assertion_certificate="intune-certificate", assertion_key="intune-key"))
    assert ask(notifier, make_csr(key, double.challenge()))["outcome"] == ALLOWED


def test_a_key_of_another_certificate_is_refused_at_once(notifier, double):
    notifier.secret("intune-certificate", open(double.ca_file).read())
    name, why = notifier.start(double.policy(secret="", assertion_certificate="intune-certificate", assertion_key="intune-key"))
    assert (name, why["code"]) == ("refused", CODES["POLICY_SECRET"])
    assert notifier.process.wait(timeout=20) == 1
    notifier.process = None


def test_tokens_are_kept_until_shortly_before_their_end(notifier, double, key):
    double.set(token_life=4)
    notifier.start(double.policy())
    csr = make_csr(key, double.challenge())
    for _ in range(3):
        assert ask(notifier, csr)["outcome"] == ALLOWED
    assert double.names().count("token") == 2
    time.sleep(3.2)
    assert ask(notifier, csr)["outcome"] == ALLOWED
    assert double.names().count("token") == 3  # Graph's is not needed: discovery is kept


@pytest.mark.sanitized
def test_many_at_once_share_one_token_and_one_discovery(ready, double, key):
    csr = make_csr(key, double.challenge())
    double.script({"delay": 0.3}, call="token")
    for i in range(64):
        ready.verify("intune", request_id=100 + i, csr=csr, transaction_id=f"M{i}")
    got = {}
    for _ in range(64):
        verdict = ready.verified()
        got[verdict["request_id"]] = verdict["outcome"]
    assert got == {100 + i: ALLOWED for i in range(64)}
    assert double.names().count("token") == 2 and double.names().count("discovery") == 1


def test_many_calls_with_a_stale_token_renew_it_once(ready, double, key):
    csr = make_csr(key, double.challenge())
    assert ask(ready, csr)["outcome"] == ALLOWED
    double.control("expire-tokens")
    for i in range(30):
        ready.verify("intune", request_id=200 + i, csr=csr, transaction_id=f"E{i}")
    assert {ready.verified()["outcome"] for _ in range(30)} == {ALLOWED}
    assert double.names().count("token") == 3


def test_one_more_than_the_limit_is_told_to_come_later(ready, double):
    double.script({"delay": 2}, call="token")
    for i in range(65):
        ready.verify("intune", request_id=i + 1)
    first = ready.verified()
    assert (first["request_id"], first["outcome"], first["code"]) == (65, UNAVAILABLE, CODES["NOTIFIER_FULL"])
    # Notices have their own room.
    ready.ledger.send("notify", policy="intune", event="issued", body="{}", outbox_id=7, deadline_ms=9000)
    assert ready.ledger.expect("notified")["outbox_id"] == 7


def test_a_success_notice_has_all_fields(ready, double, key):
    csr = make_csr(key, double.challenge())
    assert ask(ready, csr, "S1")["outcome"] == ALLOWED
    assert ready.tell("intune", "issued", issued("S1", csr))["outcome"] == TAKEN
    assert ready.tell("intune", "issued", issued("S1", csr))["outcome"] == TAKEN  # again: idempotent
    note = double.calls("success", "S1")[0]["body"]["notification"]
    assert note["certificateThumbprint"] == "ab" * 20
    assert note["certificateSerialNumber"] == "01a0ff"
    assert note["certificateExpirationDateUtc"] == "2027-11-24T09:03:02.000Z"
    assert note["issuingCertificateAuthority"] == note["caConfiguration"] == note["certificateAuthority"] == "CN=Kurier CA"
    assert note["callerInfo"].startswith("Kurier ")
    assert base64.b64decode(note["certificateRequest"]) == csr
    assert double.state()["violations"] == []


@pytest.mark.parametrize("missing", ["serial", "sha1", "not_after", "issuer", "csr", "transaction_id"])
def test_a_notice_that_lacks_something_is_a_dead_letter(ready, double, missing):
    body = json.loads(issued())
    del body[missing]
    told = ready.tell("intune", "issued", json.dumps(body))
    assert (told["outcome"], told["code"]) == (DEAD, CODES["NOTICE_FORMAT"])
    assert missing in told["detail"].decode()
    assert double.names() == []


def test_a_failure_notice(ready, double):
    assert ready.tell("intune", "failed", failed("F1"))["outcome"] == TAKEN
    note = double.calls("failure", "F1")[0]["body"]["notification"]
    assert note["hResult"] == 0x80070532 - 2**32  # the code's own
    assert note["errorDescription"] == f"The challenge has expired. too old [KUR-{CODES['INTUNE_CHALLENGE_EXPIRED']}]"
    ready.tell("intune", "failed", failed("F2", hresult=0x80094012, reason="", detail="", code="KUR-1403"))
    note = double.calls("failure", "F2")[0]["body"]["notification"]
    assert (note["hResult"], note["errorDescription"]) == (0x80094012 - 2**32, "[KUR-1403]")
    ready.tell("intune", "failed", failed("F3", detail="\u00e9" * 400))
    assert len(double.calls("failure", "F3")[0]["body"]["notification"]["errorDescription"]) == 255
    for code, hresult in (("KUR-1207", 0x80090008), ("KUR-1404", 0x800B0101), ("KUR-1601", 0x80004005), ("", 0x80004005)):
        ready.tell("intune", "failed", failed("F" + code, code=code))
        assert double.calls("failure", "F" + code)[0]["body"]["notification"]["hResult"] == hresult - 2**32
    ready.tell("intune", "failed", failed("F4", reason="", detail="", code=""))
    assert double.calls("failure", "F4")[0]["body"]["notification"]["errorDescription"] != ""
    assert {c["answer"]["code"] for c in double.calls("failure")} == {"Success"}


def test_an_unsigned_hresult_when_configured(notifier, double):
    notifier.start(double.policy(is_hresult_unsigned=1))
    notifier.tell("intune", "failed", failed("U1"))
    assert double.calls("failure", "U1")[0]["body"]["notification"]["hResult"] == 0x80070532


def test_an_event_that_intune_does_not_know_is_a_dead_letter(ready, double):
    told = ready.tell("intune", "requested", issued())
    assert (told["outcome"], told["code"]) == (DEAD, CODES["NOTICE_FORMAT"])


def test_a_notice_that_is_malformed_for_the_service_is_a_dead_letter(ready, double):
    double.script({"status": 400, "body": '{"error":{"code":"BadRequest","message":"no"}}'}, call="success")
    told = ready.tell("intune", "issued", issued())
    assert (told["outcome"], told["code"]) == (DEAD, CODES["NOTICE_REFUSED"])
    assert b"BadRequest: no" in told["detail"]


@pytest.mark.sanitized
def test_a_new_ledger_hears_nothing_of_the_old_ones_questions(ready, double, key):
    double.script({"delay": 1}, call="validate")
    ready.verify("intune", request_id=77)
    time.sleep(0.4)
    ready.connect_ledger()
    assert ready.ledger.receive(2) is None
    double.clear()
    assert ask(ready, make_csr(key, double.challenge()), request_id=78)["request_id"] == 78


@pytest.mark.sanitized
def test_a_reload_keeps_what_is_under_way(ready, double, key):
    csr = make_csr(key, double.challenge())
    double.script({"delay": 1}, call="validate")
    ready.verify("intune", request_id=5, csr=csr)
    time.sleep(0.3)
    assert ready.configure(double.policy(name="other")) == ("ready", {"generation": 2})
    assert ready.verified()["outcome"] == ALLOWED
    assert ask(ready)["code"] == CODES["POLICY_UNKNOWN"]
    assert ready.configure(double.policy(secret="not-there"))[0] == "refused"
    assert ask(ready)["code"] == CODES["POLICY_UNKNOWN"]  # the refused configuration changed nothing


def test_no_secret_is_logged_or_told(ready, double, key):
    challenge = double.challenge()
    ask(ready, make_csr(key, challenge), challenge=challenge)
    double.script({"status": 500, "body": "x"})
    double.control("expire-tokens")
    ask(ready, make_csr(key, challenge), challenge=challenge)
    text = ready.log()
    assert challenge[:40] not in text and double.secret not in text and "Bearer" not in text


# ---- revocations ----

def poll(notifier, double, **more):
    notifier.start(double.policy(revocations_s=60, **more))


def serve_orders(notifier, outcomes):
    """Answer orders until all of outcomes (serial to outcome) were asked for; the serials in order."""
    asked = []
    while len(asked) < len(outcomes):
        order = notifier.ledger.expect("revoke_order")
        assert order["policy"] == b"intune"
        asked.append(order["serial"].hex())
        notifier.ledger.send("revoke_result", request_id=order["request_id"], outcome=outcomes[asked[-1]])
    return asked


def wait_for(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_revocation_requests_are_carried_out_and_answered(notifier, double):
    for serial in ("01AA", "0x01bb", "01:cc", "1DD", "01ee", "no hex", "00" * 30 + "01"):
        double.revoke(serial, issuer="CN=whatever")
    poll(notifier, double)
    serve_orders(notifier, {"01aa": 1, "01bb": 2, "01cc": 3, "01dd": 4, "01ee": 1, "01": 3})
    wait_for(lambda: len(double.state()["results"]) == 7)
    results = [(r["succeeded"], r["errorCode"], r["errorMessage"] is None) for r in double.state()["results"]]
    assert results == [(True, "None", True), (True, "None", True), (False, "CertificateNotFoundError", False),
                       (False, "RetryableServiceException", False), (True, "None", True),
                       (False, "ParameterDataInvalidError", False), (False, "CertificateNotFoundError", False)]
    wait_for(lambda: double.names().count("download") == 2)  # until a page is empty
    call = double.calls("download")[0]
    assert call["headers"]["api-version"] == "5019-05-05"
    assert call["body"] == {"downloadParameters": {"maxRequests": 500, "issuerName": None}}
    assert double.state()["revocations"] == []


@pytest.mark.sanitized
def test_many_revocations_come_in_pages(notifier, double):
    double.set(revocations=[{"requestContext": f"c{i}", "serialNumber": f"02{i:04x}", "issuerName": None, "caConfiguration": None}
                            for i in range(1100)])
    poll(notifier, double)
    serve_orders(notifier, {f"02{i:04x}": 1 for i in range(1100)})
    wait_for(lambda: len(double.state()["results"]) == 1100)
    wait_for(lambda: double.names().count("download") == 4)
    assert double.names().count("upload") == 3


def test_results_are_uploaded_until_they_are_taken(notifier, double):
    double.revoke("01aa")
    double.script({"status": 500, "body": ""}, call="upload", times=1)
    double.script({"body": '{"value":"true"}'}, call="upload", times=1)
    poll(notifier, double)
    serve_orders(notifier, {"01aa": 1})
    wait_for(lambda: len(double.state()["results"]) == 1, 40)
    assert double.names().count("upload") == 3
    assert double.state()["results"][0]["succeeded"] is True


@pytest.mark.sanitized
def test_orders_are_given_again_to_a_new_ledger(notifier, double):
    double.revoke("01aa")
    poll(notifier, double)
    assert notifier.ledger.expect("revoke_order")["serial"] == b"\x01\xaa"
    notifier.connect_ledger()
    serve_orders(notifier, {"01aa": 2})
    wait_for(lambda: len(double.state()["results"]) == 1)


def test_after_a_death_the_same_requests_come_again(notifier, double):
    double.revoke("01aa", context="ctx")
    poll(notifier, double)
    notifier.ledger.expect("revoke_order")
    notifier.process.kill()
    notifier.process.wait()
    poll(notifier, double)
    serve_orders(notifier, {"01aa": 2})
    wait_for(lambda: [r["requestContext"] for r in double.state()["results"]] == ["ctx"])
    assert double.state()["results"][0]["succeeded"] is True


@pytest.mark.parametrize("body", ['{"value":7}', "{}", '{"value":[{"serialNumber":"01"}]}', "x"])
def test_a_page_that_is_none_is_left_alone(notifier, double, body):
    double.script({"body": body}, call="download")
    poll(notifier, double)
    notifier.wait_for_log("event=revocations_failed")
    assert double.names().count("upload") == 0
