"""The device side against a server of another make, which may lie: kurier enroll (RFC 8894, the client's rules)."""

import hashlib
import json
import random
import urllib.parse

import pytest
from asn1crypto import core
from cryptography.hazmat.primitives.asymmetric import rsa

import foreign
import kurier
import scepmsg


@pytest.fixture
def other():
    server = foreign.ForeignServer()
    yield server
    server.close()


class Device:
    def __init__(self, folder, server):
        self.folder, self.server = folder, server

    def enroll(self, *more, name="device", fingerprint=None):
        out = self.folder / name
        return kurier.run("enroll", self.server.url, "--challenge", "secret-1", "--subject", "CN=device", "--key", "rsa:2048",
                          "--out", str(out), "--ca-fingerprint", fingerprint or self.server.fingerprint, *more)

    def refuses(self, code, *more, **kwargs):
        done = self.enroll(*more, **kwargs)
        assert done.returncode in (1, 3), (done.returncode, done.stdout, done.stderr)
        assert code in done.stderr, done.stderr
        # Nothing is installed that was not verified.
        out = self.folder / kwargs.get("name", "device")
        assert not (out / "cert.pem").exists()
        return done


@pytest.fixture
def device(folder, other):
    return Device(folder, other)


def attributes_without(oid):
    head = core.ObjectIdentifier(oid).dump()
    return lambda attributes: [a for a in attributes if head not in a]


def with_value(oid, value):
    head = core.ObjectIdentifier(oid).dump()
    return lambda attributes: [scepmsg.attribute(oid, value) if head in a else a for a in attributes]


def test_C_02_C_05_C_06_C_08_C_09_C_21_the_request_is_as_the_standard_wants(device, other):
    done = device.enroll()
    assert done.returncode == 0, done.stderr
    operations = [urllib.parse.parse_qs(urllib.parse.urlsplit(t).query)["operation"][0] for _, t in other.requests]
    assert operations == ["GetCACaps", "GetCACert", "PKIOperation"]
    assert [m for m, _ in other.requests] == ["GET", "GET", "POST"]
    message, = other.messages
    assert (message["type"], message["cipher"], message["digest"]) == ("19", "aes128_cbc", "sha256")
    assert len(message["nonce"]) == 16
    assert message["recipient"] == other.ra.serial_number
    client = message["client"]
    assert client.subject.native == {"common_name": "device"} and client.issuer == client.subject
    assert client.key_usage_value.native == {"digital_signature", "key_encipherment"}
    assert b"secret-1" in message["plain"] and client.public_key.dump() in message["plain"]


@pytest.mark.parametrize("caps", [(404, "text/html", b"no"), (500, "text/plain", b""), (200, "text/plain", b""), (200, "text/html", b"<html>")])
def test_C_14_no_capabilities_means_none_and_single_des_is_refused(device, other, caps):
    other.caps = caps
    device.refuses("KUR-1320")
    assert other.messages == []


@pytest.mark.parametrize("caps,expected", [
    (b"aes\nSha-256\npostpkioperation\n", ("aes128_cbc", "sha256", "POST")),
    (b"X-Foo\r\nexample.com-Bar\r\nAES\r\nSHA-256\r\nPOSTPKIOperation\r\n", ("aes128_cbc", "sha256", "POST")),
    (b"AES\nSHA-256", ("aes128_cbc", "sha256", "GET")),
    (b"DES3\nSHA-1\nPOSTPKIOperation", ("tripledes_3key", "sha1", "POST")),
    (b"SCEPStandard", ("aes128_cbc", "sha256", "POST")),
    (b"AES\nDES3\nSHA-1\nSHA-256\nSHA-512\nPOSTPKIOperation", ("aes128_cbc", "sha256", "POST")),
])
def test_C_15_C_16_C_17_C_19_C_23_algorithms_by_capabilities(device, other, caps, expected):
    other.caps = (200, "text/html", caps)  # C-18: its type does not matter
    assert device.enroll().returncode == 0
    message, = other.messages
    method, target = other.requests[-1]
    assert (message["cipher"], message["digest"], method) == expected
    if method == "GET":
        value = target.split("message=")[1]
        assert not set(value) & set("+/=")


def test_C_20_a_downgrade_is_seen(device, other):
    other.refuse = (500, "text/plain", b"", [])
    assert device.enroll().returncode != 0  # remembers what the server offered
    other.caps = (200, "text/plain", b"DES3\nSHA-1\nPOSTPKIOperation")
    other.refuse = None
    device.refuses("KUR-21")
    assert other.messages == []


def test_C_03_a_wrong_fingerprint_stops_before_the_key_is_used(device, other):
    device.refuses("KUR-21", fingerprint="ab" * 32)
    assert len(other.requests) == 2 and not (device.folder / "device" / "key.pem").exists()


def test_C_03_sha1_only_by_a_flag(device, other):
    sha1 = hashlib.sha1(other.ca.dump()).hexdigest()
    assert device.enroll(fingerprint=sha1).returncode == 2
    assert device.enroll("--allow-sha1-fingerprint", fingerprint=sha1).returncode == 0


def test_C_04_an_expired_intermediate_is_not_trusted(device, other):
    other.ra = foreign.certificate("Foreign RA", other.ra_key, "Foreign CA", other.ca_key, begin=-20, end=-1)
    device.refuses("KUR-21")
    assert other.messages == []


def test_C_04_an_ra_of_another_ca_is_not_trusted(device, other):
    stranger = rsa.generate_private_key(65537, 2048)
    other.ra = foreign.certificate("Foreign RA", other.ra_key, "Foreign CA", stranger)
    device.refuses("KUR-21")
    assert other.messages == []


def test_C_26_content_decides_not_the_type(device, other):
    single = foreign.certificate("Foreign CA", other.ra_key, ca=True, begin=-30, end=3650,
                                 usages=("key_cert_sign", "crl_sign", "digital_signature", "key_encipherment"))
    other.ca = other.ra = single
    other.ca_key = other.ra_key
    other.ca_answer = (200, "text/html", single.dump())
    assert device.enroll().returncode == 0


@pytest.mark.parametrize("body", [b"<html><body>Please log in</body></html>", b"", b"0\x82", random.Random(142).randbytes(300)])
def test_C_26_a_page_instead_of_certificates(device, other, body):
    other.ca_answer = (200, "text/html", body)
    done = device.refuses("KUR-")
    assert other.messages == [] and "Traceback" not in done.stderr


def test_C_27_the_recipient_is_chosen_by_key_usage(device, other):
    signing = foreign.certificate("RA signing", rsa.generate_private_key(65537, 2048), "Foreign CA", other.ca_key, usages=("digital_signature",))
    encryption = foreign.certificate("RA encryption", other.ra_key, "Foreign CA", other.ca_key, usages=("key_encipherment",))
    other.ca_answer = (200, "application/x-x509-ca-ra-cert", foreign.certs_only([signing, other.ca, encryption]))
    other.signer = lambda: (other.ra_key, encryption)
    assert device.enroll().returncode == 0
    assert other.messages[0]["recipient"] == encryption.serial_number


def test_M_18_C_28_a_foreign_recipient_nonce(device, other):
    other.change = with_value(scepmsg.RECIPIENT_NONCE, core.OctetString(b"x" * 16).dump())
    device.refuses("KUR-1316")


def test_C_30_a_foreign_transaction_id(device, other):
    other.change = with_value(scepmsg.TRANSACTION_ID, core.PrintableString("another").dump())
    device.refuses("KUR-1316")


@pytest.mark.parametrize("oid", [scepmsg.PKI_STATUS, scepmsg.RECIPIENT_NONCE, scepmsg.MESSAGE_TYPE, scepmsg.TRANSACTION_ID,
                                 "1.2.840.113549.1.9.4", "1.2.840.113549.1.9.3"])
def test_M_05_M_06_an_answer_without_an_attribute(device, other, oid):
    other.change = attributes_without(oid)
    device.refuses("KUR-13")


@pytest.mark.parametrize("status", ["1", "4", "SUCCESS", "", "00"])
def test_M_14_an_unknown_pki_status(device, other, status):
    other.change = with_value(scepmsg.PKI_STATUS, core.PrintableString(status).dump())
    device.refuses("KUR-13")


def test_M_15_an_unknown_fail_info(device, other):
    other.status, other.fail_info = ["2"], "5"
    assert "5" in device.refuses("KUR-1317").stderr


def test_M_07_M_31_failure_without_fail_info(device, other):
    other.status = ["2"]
    device.refuses("KUR-13")


@pytest.mark.parametrize("content", [None, b"", b"\0"])
def test_M_03_a_failure_is_read_whatever_its_content(device, other, content):
    other.status, other.fail_info = ["2"], "2"
    if content is not None:
        build = other.build
        other.build = lambda status, _, request: build(status, content, request)
    assert "badRequest" in device.refuses("KUR-2107").stderr


def test_C_29_an_answer_signed_by_a_stranger(device, other):
    key = rsa.generate_private_key(65537, 2048)
    stranger = foreign.certificate("Foreign RA", key, "Foreign CA", key)
    other.signer = lambda: (key, stranger)
    device.refuses("KUR-1315")


def test_C_29_a_broken_signature(device, other):
    other.reply = lambda der: der[:-1] + bytes([der[-1] ^ 1])
    device.refuses("KUR-1")


def test_C_31_the_certificate_is_found_by_its_key(device, other):
    other.certificates_of = lambda public: [other.ca, other.ra, other.issue(public)]
    assert device.enroll().returncode == 0
    assert kurier.load(device.folder / "device" / "cert.pem").subject.native == {"common_name": "device"}


def test_C_31_a_certificate_for_another_key(device, other):
    other.certificates_of = lambda public: [other.issue(other.ra_key.public_key()), other.ca]
    device.refuses("KUR-1318")


def test_a_certificate_of_another_ca(device, other):
    stranger = rsa.generate_private_key(65537, 2048)
    other.certificates_of = lambda public: [other.issue(public, issuer_key=stranger), other.ca]
    device.refuses("KUR-1")


def test_C_12_C_33_M_17_polls_keep_the_transaction_and_change_the_nonce(device, other):
    other.status = ["3", "3", "0"]
    assert device.enroll("--poll-interval", "1s").returncode == 0
    assert [m["type"] for m in other.messages] == ["19", "20", "20"]
    assert len({m["transaction_id"] for m in other.messages}) == 1
    assert len({m["nonce"] for m in other.messages}) == 3


def test_C_07_C_10_C_11_a_renewal_is_signed_by_the_old_certificate(device, other):
    assert device.enroll().returncode == 0
    first = kurier.load(device.folder / "device" / "cert.pem")
    done = kurier.run("enroll", other.url, "--renew", "--subject", "CN=device", "--out", str(device.folder / "device"))
    assert done.returncode == 0, done.stderr
    message = other.messages[-1]
    assert message["type"] == "17" and message["client"].dump() == first.dump()
    assert b"secret-1" not in message["plain"]
    second = kurier.load(device.folder / "device" / "cert.pem")
    assert second.public_key.dump() != first.public_key.dump()


def test_a_busy_server_is_asked_again(device, other):
    answers = [(503, "text/plain", b"", [("Retry-After", "1")])]

    def busy():
        if answers:
            return answers.pop()
        other.refuse = None
        return 503, "text/plain", b"", [("Retry-After", "1")]

    other.refuse = busy
    assert device.enroll().returncode == 0


@pytest.mark.parametrize("answer", [(414, "text/html", b"long", []), (302, "text/html", b"", [("Location", "http://127.0.0.1:1/")]),
                                    (200, "text/html", b"<html>proxy</html>", []), (200, "application/x-pki-message", b"", []),
                                    (None, "", b"", [])])
def test_C_24_what_is_not_an_answer_is_told_in_words(device, other, answer):
    other.refuse = answer
    done = device.refuses("KUR-")
    assert done.stderr.count("\n") <= 3


def test_an_endless_answer_is_cut_off(device, other):
    other.refuse = (200, "application/x-pki-message", b"0" * (3 << 20), [])
    device.refuses("KUR-")


def test_json_of_a_refusal(device, other):
    other.status, other.fail_info = ["2"], "1"
    done = device.enroll("--json")
    told = json.loads(done.stdout)
    assert done.returncode == 1 and told["fail_info"] == "badMessageCheck"
