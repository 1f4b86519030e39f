"""kurier check: what a foreign server announces, shows and issues, one thing at a time out of the ordinary."""

import datetime

import pytest
from asn1crypto import core
from cryptography.hazmat.primitives.asymmetric import rsa

import foreign
import scepmsg
from checking import Site, check, one, outcomes, self_signed_tls


@pytest.fixture
def server():
    made = foreign.ForeignServer()
    yield made
    made.close()


def test_a_tls_certificate_that_this_machine_does_not_know(folder):
    context = self_signed_tls(folder, -1, 300)
    with Site(200, "text/plain", b"AES\nSHA-256", context=context) as site:
        tls = one(check(site.url), "tls")
    assert (tls["outcome"], tls["cause"]) == ("warning", "tls-failure") and "does not accept" in tls["text"]


class ClockSite(Site):
    def __init__(self, date):
        super().__init__(200, "text/plain", b"AES\nSHA-256\nPOSTPKIOperation")
        handler = self.http.RequestHandlerClass
        handler.date_time_string = lambda self, timestamp=None: date
        if date is None:
            handler.send_header = lambda self, name, value, old=handler.send_header: None if name == "Date" else old(self, name, value)


@pytest.mark.parametrize("minutes, outcome, words", [(None, "ok", "does not tell"), (0, "ok", "agrees"), (10, "warning", "ahead of"), (-10, "warning", "behind")])
def test_the_servers_clock(minutes, outcome, words):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes or 0)
    date = None if minutes is None else at.strftime("%a, %d %b %Y %H:%M:%S GMT")
    with ClockSite(date) as site:
        line = one(check(site.url), "clock")
    assert line["outcome"] == outcome and words in line["text"]


@pytest.mark.parametrize("caps, name, outcome, words", [
    (b"DES3\nSHA-256\nPOSTPKIOperation\nRenewal", "ciphers", "warning", "3DES only"),
    (b"AES\nDES3\nSHA-256\nPOSTPKIOperation\nRenewal", "ciphers", "ok", "AES and 3DES"),
    (b"AES\nSHA-1\nPOSTPKIOperation\nRenewal", "digests", "warning", ""),
])
def test_what_is_announced(server, caps, name, outcome, words):
    server.caps = (200, "text/plain", caps)
    found = [c for c in check(server.url)["checks"] if c["check"] == name]
    assert found and found[0]["outcome"] == outcome and words in found[0]["text"], found


@pytest.mark.parametrize("begin, end, outcome, words", [(1, 300, "failure", "not valid yet"), (-30, 10, "warning", "ends in"), (-30, -5, "failure", "expired")])
def test_the_age_of_the_ra_certificate(server, begin, end, outcome, words):
    server.ra = foreign.certificate("Foreign RA", server.ra_key, "Foreign CA", server.ca_key, begin=begin, end=end)
    lines = [c for c in check(server.url)["checks"] if c["check"] == "certificate"]
    assert any(c["outcome"] == outcome and words in c["text"] and "Foreign RA" in c["text"] for c in lines), lines


def test_a_ca_that_opens_messages_itself(server):
    server.ra_key = server.ca_key
    server.ra = server.ca = foreign.certificate("Foreign CA", server.ca_key, ca=True,
                                                usages=("key_cert_sign", "crl_sign", "digital_signature", "key_encipherment"), end=3650)
    server.ca_answer = (200, "application/x-x509-ca-cert", server.ca.dump())
    assert one(check(server.url), "recipient")["outcome"] == "warning"


def enrolment(server, *more):
    return check(server.url, "--challenge", "secret", *more)


def test_a_certificate_that_is_as_asked_for(server):
    server.certificates_of = lambda public: [foreign.certificate("kurier check", public, "Foreign CA", server.ca_key), server.ca]
    answer = enrolment(server)
    assert one(answer, "enrolment")["outcome"] == "ok" and one(answer, "issued")["outcome"] == "ok", answer


def test_a_certificate_for_another_subject(server):
    line = one(enrolment(server), "issued")
    assert line["outcome"] == "warning" and "not the subject" in line["text"]


@pytest.mark.parametrize("begin, end", [(1, 300), (-30, -1)])
def test_a_certificate_of_another_time(server, begin, end):
    server.certificates_of = lambda public: [foreign.certificate("kurier check", public, "Foreign CA", server.ca_key, begin=begin, end=end)]
    line = one(enrolment(server), "issued")
    assert (line["outcome"], line["cause"]) == ("failure", "scep-fail-badtime")


def test_a_certificate_of_a_ca_that_was_not_shown(server):
    stranger = rsa.generate_private_key(65537, 2048)
    server.certificates_of = lambda public: [foreign.certificate("kurier check", public, "Hidden CA", stranger)]
    answer = enrolment(server)
    assert "failure" in outcomes(answer, "issued") + outcomes(answer, "enrolment"), answer


def test_neither_aes_nor_3des_and_a_challenge(server):
    server.caps = (200, "text/plain", b"SHA-256\nPOSTPKIOperation")
    line = one(enrolment(server), "enrolment")
    assert (line["outcome"], line["cause"]) == ("failure", "scep-fail-badalg")


@pytest.mark.parametrize("fail_info", ["0", "1", "2", "3", "4"])
def test_a_refusal_has_its_cause(server, fail_info):
    server.status = ["2"]
    server.fail_info = fail_info
    line = one(enrolment(server), "enrolment")
    assert line["outcome"] == "failure" and line["cause"] == ["scep-fail-badalg", "scep-fail-badmessagecheck", "scep-fail-badrequest",
                                                              "scep-fail-badtime", "scep-fail-badcertid"][int(fail_info)]


def test_a_request_that_waits(server):
    server.status = ["3"]
    answer = enrolment(server)
    assert one(answer, "enrolment")["cause"] == "ca-pending"
    assert one(answer, "refusal")["outcome"] == "warning" and "pkiStatus 3" in one(answer, "refusal")["text"]


def test_a_refusal_without_its_nonce(server):
    server.status = ["2"]
    server.fail_info = "1"
    oid = core.ObjectIdentifier(scepmsg.RECIPIENT_NONCE).dump()
    server.change = lambda attributes: [a for a in attributes if oid not in a]
    line = one(check(server.url), "refusal")
    assert line["outcome"] == "warning" and "without recipientNonce" in line["text"]


@pytest.mark.parametrize("refuse, words", [((500, "text/plain", b"", []), "HTTP 500"), ((None, "", b"", []), "no answer")])
def test_no_answer_to_an_enrolment(server, refuse, words):
    server.refuse = refuse
    line = one(enrolment(server), "enrolment")
    assert (line["outcome"], line["cause"]) == ("failure", "request-sent-no-response") and words in line["text"]
