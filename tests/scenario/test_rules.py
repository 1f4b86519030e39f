"""The server's rules that are in no other file, one by one, by an independent builder; also with their switches the other way."""

import base64
import hashlib
import json
import os
import pathlib
import random
import shutil
import socket
import tempfile
import time
import urllib.parse

import pytest
from asn1crypto import cms, core, x509 as ax509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AttributeOID

import foreign
import kurier
import scepmsg
from scepmsg import rewrite

BAD_ALG, BAD_MESSAGE_CHECK, BAD_REQUEST, BAD_TIME, BAD_CERT_ID = range(5)
DATA, SIGNED_DATA, ENVELOPED_DATA = (core.ObjectIdentifier("1.2.840.113549.1.7." + str(n)).dump() for n in (1, 2, 3))
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
CAPABILITIES = b"SHA-512\nSHA-384\nSHA-256\nSHA-1\nAES\nDES3\nPOSTPKIOperation\nRenewal\nSCEPStandard"
NULL = b"\x05\x00"
SWITCHES = {
    "allow_3des: yes": "allow_3des: no", "allow_sha1: yes": "allow_sha1: no", "allow_get: yes": "allow_get: no",
    "failure_content: empty": "failure_content: absent", "certificate_with_ca: yes": "certificate_with_ca: no",
    "renewal_by_pkcsreq: yes": "renewal_by_pkcsreq: no", "attributes_as_sent: no": "attributes_as_sent: yes",
    "same_key_renewal: yes": "same_key_renewal: no", "allow_empty_subject: no": "allow_empty_subject: yes",
    "\n    profiles: [default]": "\n    profiles: [default, waiting]",
    "\nprofiles:\n": "\nprofiles:\n  waiting:\n    approval: yes\n",
}


def with_switches(text):
    for before, after in SWITCHES.items():
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text


@pytest.fixture(scope="module")
def switched():
    """A server with every switch of SWITCHES the other way, and a profile `waiting` whose requests wait."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="kurier-test-"))
    path.chmod(0o755)
    server = kurier.Server(path / "home", init=["--ca-key", "rsa:2048"], config=with_switches).start()
    yield server
    server.stop()
    shutil.rmtree(path, ignore_errors=True)


class Refusal(scepmsg.CertRep):
    """A CertRep to a request whose senderNonce could not be read, so that there is nothing to copy."""

    def parsed(self, oid):
        if oid == scepmsg.RECIPIENT_NONCE and oid not in self.attributes:
            return core.OctetString(b"")
        return super().parsed(oid)


def refused(rep, fail_info, code):
    assert (rep.status, rep.fail_info) == (2, fail_info), (rep.status, rep.fail_info, rep.fail_text)
    assert rep.fail_text.endswith(f"[{code}]"), rep.fail_text
    return rep


def post_refused(server, der, fail_info, code):
    status, headers, body = server.post(der)
    assert (status, headers["content-type"]) == (200, "application/x-pki-message"), (status, body)
    return refused(Refusal(body, server.ra()), fail_info, code)


def message_of(server, key, content, **more):
    return scepmsg.pki_message(content, key, scepmsg.self_signed(key), **more)


def request_of(server, key, challenge=None, subject="CN=device", **more):
    """A whole pkiMessage, for tests that change or send it themselves."""
    csr = scepmsg.make_csr(key, subject, (), challenge)
    return message_of(server, key, scepmsg.envelope(csr, [server.ra()]), **more)


def certificate_of(rep):
    return ax509.Certificate.load(rep.certificate.dump())


def enrolled(server, key, subject):
    """A new certificate that the ledger has whole: its signature arrives there a moment after the device's answer."""
    certificate = certificate_of(server.enrol(key, server.challenge(), subject=subject))
    deadline = time.monotonic() + 10
    while {int(c["serial"], 16): c["status"] for c in server.certificates()}[certificate.serial_number] != "good":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return certificate


def issuer_and_subject(*names):
    return scepmsg.tlv(0x30, b"".join(scepmsg.build_name(n).dump() for n in names))


def poll(server, key, transaction_id, payload=None, **more):
    payload = payload or issuer_and_subject("CN=Kurier CA", "CN=device")
    return server.enrol(key, csr=payload, message_type=20, transaction_id=transaction_id, **more)


def raw_exchange(port, *pieces):
    """What comes back until the peer closes; a piece may be a number of octets to wait for before going on."""
    data = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
        for piece in pieces:
            if isinstance(piece, bytes):
                s.sendall(piece)
                continue
            while data.count(b"\r\n\r\n") < piece:
                more = s.recv(65536)
                assert more, data
                data += more
        while more := s.recv(65536):
            data += more
    return data


# ---- the form of messages -------------------------------------------------------------------------------------------


def test_M_01_an_outer_content_that_is_not_data(shared, keys):
    der = request_of(shared, keys[0], shared.challenge())
    changed = der.replace(DATA, ENVELOPED_DATA, 1)
    assert changed != der and shared.post(changed)[0] == 400
    # The signed contentType attribute alone: the message is readable, so that it is refused with a signature.
    wrong = scepmsg.attribute(CONTENT_TYPE, ENVELOPED_DATA)
    post_refused(shared, request_of(shared, keys[0], change=lambda a: [wrong] + a[1:]), BAD_REQUEST, "KUR-1304")


def test_M_01_M_20_answers_and_their_envelopes_are_of_type_data(shared, keys):
    der = request_of(shared, keys[0], shared.challenge())
    outer = cms.ContentInfo.load(shared.post(der)[2])["content"]
    assert outer["encap_content_info"]["content_type"].native == "data"
    inner = cms.ContentInfo.load(outer["encap_content_info"]["content"].native)
    assert inner["content_type"].native == "enveloped_data"
    assert inner["content"]["encrypted_content_info"]["content_type"].native == "data"


@pytest.mark.parametrize("message_type,payload", [
    (19, issuer_and_subject("CN=a", "CN=b")), (17, issuer_and_subject("CN=a", "CN=b")),
    (19, scepmsg.tlv(0x30, scepmsg.build_name("CN=a").dump() + core.Integer(5).dump())),
    (19, b"\x05\x00"), (20, None), (20, issuer_and_subject("CN=a")), (20, issuer_and_subject("CN=a", "CN=b", "CN=c"))])
def test_M_02_M_21_M_25_the_content_is_that_of_the_message_type(shared, keys, message_type, payload):
    challenge = shared.challenge()
    payload = payload or scepmsg.make_csr(keys[0], challenge=challenge)
    refused(shared.enrol(keys[0], csr=payload, message_type=message_type), BAD_MESSAGE_CHECK, "KUR-1310")
    assert shared.enrol(keys[0], challenge).status == 0


@pytest.mark.parametrize("message_type", [17, 19])
def test_M_24_a_request_in_clear_is_refused(shared, keys, message_type):
    challenge = shared.challenge()
    csr = scepmsg.make_csr(keys[0], challenge=challenge)
    status, _, body = shared.post(message_of(shared, keys[0], csr, message_type=message_type))
    rep = scepmsg.CertRep(body, shared.ra())
    assert (status, rep.status, rep.fail_info) == (200, 2, BAD_REQUEST)
    assert shared.enrol(keys[0], challenge).status == 0


def test_M_24_a_request_in_clear_is_told_that_its_envelope_is_missing(shared, keys):
    post_refused(shared, message_of(shared, keys[0], scepmsg.make_csr(keys[0])), BAD_REQUEST, "KUR-1309")


def test_M_20_a_content_that_is_no_envelope(shared, keys):
    envelope = scepmsg.envelope(scepmsg.make_csr(keys[0]), [shared.ra()])
    for content in (b"", envelope.replace(ENVELOPED_DATA, SIGNED_DATA, 1), envelope.replace(DATA, SIGNED_DATA, 1)):
        post_refused(shared, message_of(shared, keys[0], content), BAD_REQUEST, "KUR-1309")


@pytest.mark.parametrize("left_out,code", [(CONTENT_TYPE, "KUR-1302"), (MESSAGE_DIGEST, "KUR-1302"),
                                           (scepmsg.MESSAGE_TYPE, "KUR-1302"), (scepmsg.SENDER_NONCE, "KUR-1314")])
def test_M_05_M_12_each_attribute_is_needed(shared, keys, left_out, code):
    head = core.ObjectIdentifier(left_out).dump()
    der = request_of(shared, keys[0], change=lambda attributes: [a for a in attributes if head not in a])
    post_refused(shared, der, BAD_REQUEST, code)


def test_M_05_without_transaction_id_there_is_no_answer_to_sign(shared, keys):
    head = core.ObjectIdentifier(scepmsg.TRANSACTION_ID).dump()
    der = request_of(shared, keys[0], change=lambda attributes: [a for a in attributes if head not in a])
    assert shared.post(der)[0] == 400


def test_M_04_unsigned_attributes_do_not_count(shared, keys):
    """The signed attributes moved to the place of the unsigned ones."""
    def move(element):
        (_, content, _), = scepmsg.elements(element)
        parts = list(scepmsg.elements(content)) if element[0] == 0x30 else []
        if len(parts) == 6 and parts[3][0] == 0xA0 and parts[5][0] == 0x04:
            order = [parts[i][2] for i in (0, 1, 2, 4, 5)] + [scepmsg.tlv(0xA1, parts[3][1])]
            return scepmsg.tlv(0x30, b"".join(order))
        return element

    der = request_of(shared, keys[0])
    changed = rewrite(der, move)
    assert changed != der and shared.post(changed)[0] == 400


def test_M_06_every_kind_of_answer_has_status_and_the_request_s_nonce(switched, keys):
    nonce = os.urandom(16)
    waiting = "/scep/waiting"
    reps = [switched.enrol(keys[0], switched.challenge(), nonce=nonce),
            switched.enrol(keys[0], "WRONG", nonce=nonce),
            switched.enrol(keys[1], switched.challenge("--profile", "waiting"), nonce=nonce, path=waiting, transaction_id="m6"),
            poll(switched, keys[1], "m6", nonce=nonce)]
    assert [r.status for r in reps] == [0, 2, 3, 3]
    assert {r.recipient_nonce for r in reps} == {nonce}


def test_M_10_a_transaction_id_of_two_devices_does_not_mix_them(shared, keys):
    first = shared.enrol(keys[0], shared.challenge(), subject="CN=one", transaction_id="the-same")
    second = shared.enrol(keys[1], shared.challenge(), subject="CN=two", transaction_id="the-same")
    assert first.transaction_id == second.transaction_id == "the-same"
    assert first.certificate.serial_number != second.certificate.serial_number
    assert second.certificate.public_key.dump() == scepmsg.spki(keys[1])


def test_M_10_M_19_S_34_a_transaction_keeps_its_id_to_the_end(switched, keys):
    challenge = switched.challenge("--profile", "waiting", "--device", "m10")
    rep = switched.enrol(keys[2], challenge, path="/scep/waiting", transaction_id="m10")
    assert rep.status == 3 and not rep.has_content
    for _ in range(3):  # each with a nonce of its own, which no earlier answer has
        assert poll(switched, keys[2], "m10").status == 3
    switched.command("request", "approve", "m10")
    answers = [poll(switched, keys[2], "m10") for _ in range(3)]
    assert [a.status for a in answers] == [0, 0, 0]
    assert len({a.certificate.sha256 for a in answers}) == 1
    assert {a.transaction_id for a in answers} == {"m10"}
    assert poll(switched, keys[2], "m10x").fail_info == BAD_CERT_ID


def test_M_16_a_client_does_not_read_the_text_of_a_failure(folder):
    other = foreign.ForeignServer()
    try:
        other.status, other.fail_info = ["2"], "1"
        text = scepmsg.attribute(scepmsg.FAIL_INFO_TEXT, core.UTF8String("pkiStatus 0 badTime, try again [KUR-1404]").dump())
        other.change = lambda attributes: attributes + [text]
        done = kurier.run("enroll", other.url, "--challenge", "secret-1", "--subject", "CN=device", "--key", "rsa:2048", "--json",
                          "--out", str(folder / "device"), "--ca-fingerprint", other.fingerprint)
    finally:
        other.close()
    told = json.loads(done.stdout)
    assert (done.returncode, told["fail_info"], told["code"]) == (1, "badMessageCheck", "KUR-2107")


@pytest.mark.parametrize("kind", ["text/html", "application/octet-stream", ""])
def test_C_18_the_type_of_capabilities_does_not_matter(folder, kind):
    other = foreign.ForeignServer()
    try:
        other.caps = (200, kind, other.CAPS)
        done = kurier.run("enroll", other.url, "--challenge", "secret-1", "--subject", "CN=device", "--key", "rsa:2048",
                          "--out", str(folder / "device"), "--ca-fingerprint", other.fingerprint)
    finally:
        other.close()
    assert done.returncode == 0, done.stderr
    assert [m["cipher"] for m in other.messages] == ["aes128_cbc"]


def test_M_17_sender_nonces_of_answers_never_repeat(shared, keys):
    der = request_of(shared, keys[0], "WRONG")
    ra = shared.ra()
    nonces = [scepmsg.CertRep(shared.post(der)[2], ra).parsed(scepmsg.SENDER_NONCE).native for _ in range(50)]
    assert len(set(nonces)) == 50 and {len(n) for n in nonces} == {16}


@pytest.mark.parametrize("kind", [core.PrintableString, core.UTF8String, core.IA5String, core.TeletexString, core.BMPString])
def test_M_27_the_challenge_in_every_kind_of_string(shared, keys, kind):
    challenge = shared.challenge()
    csr = scepmsg.make_csr(keys[0], challenge=challenge, challenge_type=kind)
    assert shared.enrol(keys[0], csr=csr).status == 0


def test_M_26_a_request_has_a_subject_or_the_profile_lets_it_go(shared, switched, keys):
    sans = ["only-a-name.example"]
    refused(shared.enrol(keys[0], shared.challenge(), subject="", sans=sans), BAD_REQUEST, "KUR-1412")
    rep = switched.enrol(keys[0], switched.challenge(), subject="", sans=sans)
    assert rep.status == 0 and len(rep.certificate.subject.chosen) == 0
    assert [n.native for n in rep.certificate.subject_alt_name_value] == sans
    refused(switched.enrol(keys[0], switched.challenge(), subject=""), BAD_REQUEST, "KUR-1412")


def test_M_26_a_request_without_a_public_key(shared, keys):
    csr = scepmsg.make_csr(keys[0], challenge="x")
    key = scepmsg.spki(keys[0])
    empty = rewrite(csr, lambda e: scepmsg.tlv(0x30, b"") if e == key else e)
    assert empty != csr
    refused(shared.enrol(keys[0], csr=empty), BAD_MESSAGE_CHECK, "KUR-1313")


def test_M_28_S_10_the_issued_certificate_comes_first_and_the_ca_by_a_switch(shared, switched, keys):
    for server, count in ((shared, 2), (switched, 1)):
        rep = server.enrol(keys[1], server.challenge())
        assert len(rep.certificates) == count
        assert rep.certificates[0].public_key.dump() == scepmsg.spki(keys[1])
    ca = shared.ca_certificates()[1]
    assert shared.enrol(keys[1], shared.challenge()).certificates[1].dump() == ca.dump()


def test_M_32_M_33_a_poll_is_known_by_its_id_whatever_names_it_has(switched, keys):
    challenge = switched.challenge("--profile", "waiting")
    assert switched.enrol(keys[3], challenge, path="/scep/waiting", transaction_id="m33").status == 3
    for names in (("CN=Kurier CA", "CN=device"), ("CN=nobody", "CN=another,O=Example"), ("", "")):
        assert poll(switched, keys[3], "m33", issuer_and_subject(*names)).status == 3


def check_degenerate(der):
    info = cms.ContentInfo.load(der, strict=True)
    data = info["content"]
    assert info["content_type"].native == "signed_data" and len(data["signer_infos"]) == 0 and len(data["digest_algorithms"]) == 0
    assert data["encap_content_info"].dump() == scepmsg.tlv(0x30, DATA)


def plain_of(body, key):
    """What is in the envelope of a SUCCESS."""
    content = cms.ContentInfo.load(body)["content"]["encap_content_info"]["content"].native
    enveloped = cms.ContentInfo.load(content)["content"]
    content_key = key.decrypt(enveloped["recipient_infos"][0].chosen["encrypted_key"].native, padding.PKCS1v15())
    encrypted = enveloped["encrypted_content_info"]
    iv = encrypted["content_encryption_algorithm"]["parameters"].native
    return scepmsg.decrypt("aes128_cbc", content_key, iv, encrypted["encrypted_content"].native)


def test_M_35_certificates_without_a_signature_have_no_content_and_no_signer(shared, keys):
    check_degenerate(kurier.http(shared.port, "GET", "/scep?operation=GetCACert")[2])
    check_degenerate(plain_of(shared.post(request_of(shared, keys[0], shared.challenge()))[2], keys[0]))


def test_M_03_failure_and_pending_without_content_by_a_switch(shared, switched, keys):
    empty = shared.enrol(keys[0], "WRONG")
    absent = refused(switched.enrol(keys[0], "WRONG"), BAD_REQUEST, "KUR-1403")
    assert (empty.has_content, empty.content) == (True, b"") and not absent.has_content
    pending = switched.enrol(keys[4], switched.challenge("--profile", "waiting"), path="/scep/waiting", transaction_id="m3")
    assert pending.status == 3 and not pending.has_content


@pytest.mark.parametrize("arguments", [{"cipher": "tripledes_3key"}, {"digest": "sha1"}])
def test_M_38_3des_and_sha1_by_switches(shared, switched, keys, arguments):
    challenge = switched.challenge()
    refused(switched.enrol(keys[0], challenge, **arguments), BAD_ALG, "KUR-1312")
    assert switched.enrol(keys[0], challenge).status == 0
    assert shared.enrol(keys[0], shared.challenge(), **arguments).status == 0


def sent_order(server, key, challenge):
    """A message whose signature is over the attributes as they are sent, which is not the order of DER."""
    def change(attributes):
        return sorted(attributes, reverse=True)

    der = request_of(server, key, challenge, change=change, unsorted=True)
    attributes = []

    def find(element):
        if element[0] == 0xA0 and core.ObjectIdentifier(scepmsg.SENDER_NONCE).dump() in element:
            attributes.append(element)
        return element

    certificate = cms.ContentInfo.load(der)["content"]["certificates"][0].dump()
    rewrite(der, find, keep=[certificate])
    inner = min(attributes, key=len)
    old = cms.ContentInfo.load(der)["content"]["signer_infos"][0]["signature"].native
    return der.replace(old, key.sign(b"\x31" + inner[1:], padding.PKCS1v15(), hashes.SHA256()))


def test_M_40_signatures_over_attributes_as_sent_by_a_switch(shared, switched, keys):
    post_refused(shared, sent_order(shared, keys[0], shared.challenge()), BAD_MESSAGE_CHECK, "KUR-1209")
    body = switched.post(sent_order(switched, keys[0], switched.challenge()))[2]
    assert scepmsg.CertRep(body, switched.ra(), keys[0]).status == 0


def without_null(element):
    """An AlgorithmIdentifier with NULL parameters becomes one without parameters."""
    (tag, content, _), = scepmsg.elements(element)
    is_identifier = tag == 0x30 and content[:1] == b"\x06" and content[-2:] == NULL and len(content) == content[1] + 4
    return scepmsg.tlv(0x30, content[:-2]) if is_identifier else element


def with_null(element):
    (tag, content, _), = scepmsg.elements(element)
    is_bare = tag == 0x30 and content[:1] == b"\x06" and len(content) == content[1] + 2 and content != DATA
    return scepmsg.tlv(0x30, content + NULL) if is_bare else element


@pytest.mark.parametrize("form", [without_null, with_null], ids=["absent", "null"])
def test_M_41_parameters_that_are_null_or_absent(shared, keys, form):
    signer = scepmsg.self_signed(keys[0])
    csr = scepmsg.make_csr(keys[0], challenge=shared.challenge())
    # What a signature covers stays as it is; only the names of algorithms outside of it change.
    (_, body, _), = scepmsg.elements(csr)
    covered = next(scepmsg.elements(body))[2]
    csr = rewrite(csr, form, keep=[covered])
    content = rewrite(scepmsg.envelope(csr, [shared.ra()]), form)
    der = scepmsg.pki_message(content, keys[0], signer)
    changed = rewrite(der, form, keep=[signer.dump()])
    rsa = core.ObjectIdentifier("1.2.840.113549.1.1.1").dump()
    assert (rsa + NULL in changed.replace(signer.dump(), b"")) == (form is with_null)
    assert scepmsg.CertRep(shared.post(changed)[2], shared.ra(), keys[0]).status == 0


def test_M_41_answers_write_null(shared, keys):
    body = shared.post(request_of(shared, keys[0], shared.challenge()))[2]
    data = cms.ContentInfo.load(body)["content"]
    signer = data["signer_infos"][0]
    recipient = cms.ContentInfo.load(data["encap_content_info"]["content"].native)["content"]["recipient_infos"][0].chosen
    for identifier in (data["digest_algorithms"][0], signer["digest_algorithm"], signer["signature_algorithm"],
                       recipient["key_encryption_algorithm"]):
        assert identifier.dump().endswith(NULL)


def test_M_42_limits_of_a_message(shared, keys):
    ra = shared.ra()
    many = [scepmsg.attribute(f"1.3.6.1.4.1.99999.{n}", NULL) for n in range(60)]
    post_refused(shared, request_of(shared, keys[0], change=lambda a: a + many), BAD_REQUEST, "KUR-1002")
    post_refused(shared, request_of(shared, keys[0], nonce=b"n" * 65), BAD_REQUEST, "KUR-1304")
    other = scepmsg.self_signed(keys[1], "CN=other")
    refused(shared.enrol(keys[0], recipients=[ra] + [other] * 8), BAD_REQUEST, "KUR-1002")
    refused(shared.enrol(keys[0], recipients=[ra, ra]), BAD_MESSAGE_CHECK, "KUR-1308")


def test_M_42_limits_that_are_met_before_a_message_is_readable(shared, keys):
    signer = scepmsg.self_signed(keys[0])
    deep = b"\x05\x00"
    for _ in range(40):
        deep = scepmsg.tlv(0x30, deep)
    assert shared.post(deep)[0] == 400
    assert shared.post(b"\x30\x80" * 5000)[0] == 400
    assert shared.post(b"\x30\x88" + b"\xff" * 8)[0] == 400
    assert shared.post(request_of(shared, keys[0], transaction_id="x" * 256))[0] == 400
    assert shared.post(request_of(shared, keys[0], certificates=[signer] * 9))[0] == 400
    assert shared.post(b"0" * (256 * 1024 + 1))[0] == 413
    assert kurier.http(shared.port, "GET", "/scep?operation=PKIOperation&message=" + "A" * 70000)[0] == 414


def test_M_42_limits_that_are_just_kept(shared, keys):
    signer, other = scepmsg.self_signed(keys[0]), scepmsg.self_signed(keys[1])
    many = [scepmsg.attribute(f"1.3.6.1.4.1.99999.{n}", NULL) for n in range(59)]
    rep = shared.enrol(keys[0], shared.challenge(), signer=signer, change=lambda a: a + many, certificates=[signer] + [other] * 7,
                       recipients=[shared.ra()] + [other] * 7, transaction_id="x" * 255, nonce=b"n" * 64)
    assert rep.status == 0


def test_M_42_large_challenges_are_read_as_such(shared, keys):
    refused(shared.enrol(keys[0], "x" * 8192), BAD_REQUEST, "KUR-1403")
    refused(shared.enrol(keys[0], "x" * 8193), BAD_MESSAGE_CHECK, "KUR-1310")


# ---- certificates of the authority, and capabilities ----------------------------------------------------------------


def test_S_01_usages_of_the_certificates_that_clients_use(shared):
    ra, ca = shared.ca_certificates()
    assert ra.key_usage_value.native == {"digital_signature", "key_encipherment"}
    assert {"key_cert_sign", "crl_sign"} <= ca.key_usage_value.native
    assert ra.issuer == ca.subject


@pytest.mark.parametrize("usage", ["digitalSignature", "cRLSign", "keyCertSign"])
def test_S_01_a_ca_without_its_usages_is_not_taken(folder, openssl, usage):
    key, certificate = str(folder / "ca.key"), str(folder / "ca.pem")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "900",
            "-subj", "/CN=Odd CA", "-addext", f"keyUsage=critical,{usage}")
    done = kurier.run("init", "--home", str(folder / "home"), "--ca-cert", certificate, "--ca-key-file", key)
    assert done.returncode != 0 and "KUR-1811" in done.stderr, done.stderr


def test_S_02_the_chain_by_a_switch(make_server, issuing_ca):
    certificate, key, root = issuing_ca
    arguments = ["--ca-cert", certificate, "--ca-key-file", key, "--ca-chain", root]
    names = {}
    for value in ("yes", "no"):
        server = make_server(value, init=arguments, config=lambda t: t.replace("ca_chain: yes", "ca_chain: " + value)).start()
        names[value] = [c.subject.native["common_name"] for c in server.ca_certificates()[1:]]
        assert server.ra().issuer.native["common_name"] == "Test Issuing CA"
    assert names == {"yes": ["Test Issuing CA", "Test Root"], "no": ["Test Issuing CA"]}


def test_S_03_fingerprints_are_over_the_whole_certificate(shared):
    for certificate in shared.ca_certificates():
        der = certificate.dump()
        assert f"SHA-256 {hashlib.sha256(der).hexdigest()}" in shared.init_output
        assert f"SHA-1   {hashlib.sha1(der).hexdigest()}" in shared.init_output


def get_caps(server, more=""):
    status, headers, body = kurier.http(server.port, "GET", "/scep?operation=GetCACaps" + more)
    assert (status, headers["content-type"]) == (200, "text/plain")
    return body


@pytest.mark.parametrize("more", ["", "&message=", "&message=ca", "&message=%E4%B8%AD&x=y"])
def test_S_17_capabilities_whatever_the_message(shared, more):
    assert get_caps(shared, more) == CAPABILITIES
    assert kurier.http(shared.port, "GET", "/scep?Operation=getcacaps" + more)[2] == CAPABILITIES


def test_S_20_S_22_S_23_what_is_switched_off_is_not_listed(switched):
    """What cannot be switched off stays, so that the list is never empty; there are no private words."""
    assert get_caps(switched) == CAPABILITIES.replace(b"SHA-1\n", b"").replace(b"DES3\n", b"")


@pytest.mark.parametrize("word,arguments", [
    (b"SHA-1", {"digest": "sha1"}), (b"SHA-256", {"digest": "sha256"}), (b"SHA-384", {"digest": "sha384"}),
    (b"SHA-512", {"digest": "sha512"}), (b"AES", {"cipher": "aes128_cbc"}), (b"AES", {"cipher": "aes256_cbc"}),
    (b"DES3", {"cipher": "tripledes_3key"})])
def test_S_22_every_listed_algorithm_works_and_only_those(shared, switched, keys, word, arguments):
    for server in (shared, switched):
        rep = server.enrol(keys[2], server.challenge(), **arguments)
        assert rep.status == (0 if word in get_caps(server).split(b"\n") else 2)


def test_S_15_S_22_post_renewal_and_the_standard_work_as_listed(shared, switched, keys):
    for server in (shared, switched):
        assert {b"POSTPKIOperation", b"Renewal", b"SCEPStandard"} <= set(get_caps(server).split(b"\n"))
        first = enrolled(server, keys[3], "CN=s22")
        again = server.enrol(keys[4], subject="CN=s22", signer=first, signer_key=keys[3], message_type=17,
                             cipher="aes128_cbc", digest="sha256", send=server.post)
        assert (again.status, again.cipher, again.digest) == (0, "aes128_cbc", "sha256")


# ---- who may ask ----------------------------------------------------------------------------------------------------


def test_S_05_a_message_without_its_signer_is_told_so(shared, keys):
    der = request_of(shared, keys[0], certificates=[])
    post_refused(shared, der, BAD_MESSAGE_CHECK, "KUR-1305")


def test_S_05_the_signer_s_certificate_is_needed(shared, keys):
    challenge = shared.challenge()
    other = scepmsg.self_signed(keys[1], "CN=somebody else")
    for certificates in ([], [other]):
        status, _, body = shared.post(request_of(shared, keys[0], challenge, certificates=certificates))
        assert status == 400 or scepmsg.CertRep(body, shared.ra()).fail_info == BAD_MESSAGE_CHECK
    assert shared.enrol(keys[0], challenge).status == 0


def test_S_07_what_nothing_authorises_waits_or_fails_by_policy(shared, switched, keys):
    refused(shared.enrol(keys[5]), BAD_REQUEST, "KUR-1402")
    rep = switched.enrol(keys[5], switched.challenge("--profile", "waiting"), path="/scep/waiting", transaction_id="s7")
    assert rep.status == 3
    # Approval stands behind the challenge, not in its place: a stranger does not fill the administrator's list.
    refused(switched.enrol(keys[6], path="/scep/waiting", transaction_id="s7-b"), BAD_REQUEST, "KUR-1402")


def renew(server, key, subject, signer, signer_key, message_type=17, **more):
    return server.enrol(key, subject=subject, signer=signer, signer_key=signer_key, message_type=message_type, **more)


def test_S_08_T8_a_certificate_that_says_it_is_ours_authorises_nothing(shared, keys):
    first = enrolled(shared, keys[0], "CN=s8")
    clone = scepmsg.self_signed(keys[1], "CN=s8", serial=first.serial_number)
    foreign_ca = foreign.certificate("s8", keys[1], "Kurier CA", keys[2])
    for signer in (clone, foreign_ca):
        refused(renew(shared, keys[1], "CN=s8", signer, keys[1]), BAD_MESSAGE_CHECK, "KUR-1413")
        refused(renew(shared, keys[1], "CN=s8", signer, keys[1], message_type=19), BAD_REQUEST, "KUR-1402")
    assert renew(shared, keys[1], "CN=s8", first, keys[0]).status == 0


def test_S_11_the_same_key_again_by_a_switch(shared, switched, keys):
    for server in (shared, switched):
        first = enrolled(server, keys[6], "CN=s11")
        rep = renew(server, keys[6], "CN=s11", first, keys[6])
        if server is shared:
            assert rep.status == 0 and rep.certificate.serial_number != first.serial_number
        else:
            refused(rep, BAD_REQUEST, "KUR-1419")
            assert renew(server, keys[7], "CN=s11", first, keys[6]).status == 0


def test_S_10_T10_renewal_by_pkcs_req_by_a_switch(shared, switched, keys):
    for server in (shared, switched):
        first = enrolled(server, keys[7], "CN=s10")
        rep = renew(server, keys[8], "CN=s10", first, keys[7], message_type=19)
        if server is shared:
            assert rep.status == 0
        else:
            refused(rep, BAD_REQUEST, "KUR-1402")
            assert renew(server, keys[8], "CN=s10", first, keys[7]).status == 0


def test_S_10_a_certificate_renews_itself_from_its_first_moment_on(shared, keys):
    challenges = shared.challenge("--count", "300").splitlines()
    ra, signer = shared.ra(), scepmsg.self_signed(keys[0])
    told = []
    for challenge in challenges:
        subject = "CN=moment-" + challenge[:12]
        first = scepmsg.envelope(scepmsg.make_csr(keys[0], subject, (), challenge), [ra])
        rep = scepmsg.CertRep(shared.post(scepmsg.pki_message(first, keys[0], signer))[2], ra, keys[0])
        again = scepmsg.envelope(scepmsg.make_csr(keys[0], subject), [ra])
        der = scepmsg.pki_message(again, keys[0], certificate_of(rep), message_type=17)
        told.append(scepmsg.CertRep(shared.post(der)[2], ra, keys[0]).fail_text)
    assert told == [None] * len(challenges)


@pytest.mark.parametrize("message_type", [2, 4, 16, 23])
def test_S_14_no_revocation_within_the_protocol(shared, keys, message_type):
    payload = scepmsg.tlv(0x30, scepmsg.build_name("CN=Kurier CA").dump() + core.Integer(1).dump())
    refused(shared.enrol(keys[0], csr=payload, message_type=message_type), BAD_REQUEST, "KUR-1307")


def test_S_34_T19_a_poll_of_another_key_learns_nothing(switched, keys):
    challenge = switched.challenge("--profile", "waiting", "--device", "s34")
    assert switched.enrol(keys[8], challenge, path="/scep/waiting", transaction_id="s34").status == 3
    switched.command("request", "approve", "s34")
    refused(poll(switched, keys[9], "s34"), BAD_CERT_ID, "KUR-2002")
    assert poll(switched, keys[8], "s34").status == 0


def test_S_42_T2_no_challenge_is_in_the_ledger_in_clear(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    challenges = server.challenge("--count", "4").splitlines()
    assert len(set(challenges)) == 4
    assert server.enrol(keys[0], challenges[0]).status == 0
    refused(server.enrol(keys[1], challenges[0]), BAD_REQUEST, "KUR-1405")
    refused(server.enrol(keys[1], "AVERYWRONGCHALLENGE"), BAD_REQUEST, "KUR-1403")
    server.stop()
    files = [f for f in server.home.rglob("*") if f.is_file()]
    assert server.home / "ledger" / "kurier.db" in files
    for octets in [f.read_bytes() for f in files] + [server.log_path.read_bytes()]:
        for secret in challenges + ["AVERYWRONGCHALLENGE"]:
            text = secret.encode()
            for form in (text, text.hex().encode(), base64.b64encode(text), secret.encode("utf-16-be"), hashlib.sha256(text).digest()):
                assert form not in octets


def test_S_46_D14_a_ca_that_ends_soon_is_told_at_start(make_server, folder, openssl):
    def server_of(days):
        key, certificate = str(folder / f"{days}.key"), str(folder / f"{days}.pem")
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", str(days), "-subj",
                "/CN=Short CA", "-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature")
        os.chmod(key, 0o600)
        return make_server(f"home-{days}", init=["--ca-cert", certificate, "--ca-key-file", key]).start()

    ending = [line for line in server_of(60).log().splitlines() if "event=certificate_ending" in line]
    assert ending and all("level=warn" in line for line in ending)
    assert any("days=59" in line or "days=60" in line for line in ending), ending
    assert "event=certificate_ending" not in server_of(900).log()


# ---- refusals -------------------------------------------------------------------------------------------------------


def test_S_40_every_mutation_of_a_request_is_refused_and_told(shared, keys):
    """A wrong challenge, so that nothing can succeed: 4xx, or a FAILURE that verifies; nothing else."""
    der = request_of(shared, keys[0], "WRONG", transaction_id="s40")
    ra = shared.ra()
    statuses = {200: 0, 400: 0}
    mutations = [der[:n] for n in range(1, len(der), 101)]
    mutations += [der[:n] + bytes([der[n] ^ bit]) + der[n + 1:] for n in range(0, len(der), 7) for bit in (0x01, 0x80)]
    mutations += [der + b"\0", der * 2, b"\0" + der, der[4:]]
    for mutation in mutations:
        status, _, body = shared.post(mutation)
        statuses[status] += 1
        if status == 200:
            assert Refusal(body, ra).status == 2
    assert min(statuses.values()) > 20, statuses
    assert shared.enrol(keys[0], shared.challenge()).status == 0


@pytest.mark.parametrize("body", [b"", b"\0", b"<html></html>", b"\x30\x80", b"\x30\x03\x02\x01\x05", random.Random(682).randbytes(500)])
def test_S_40_what_is_no_message_is_a_400(shared, body):
    assert shared.post(body)[0] == 400


def test_S_40_T30_refusals_without_an_answer_say_nothing_of_the_inside(shared):
    for target in ("/scep?operation=PKIOperation", "/nothing", "/scep?operation=Destroy"):
        status, headers, body = kurier.http(shared.port, "POST", target, b"hello")
        assert status in (400, 404) and headers["content-type"] == "text/plain"
        assert body in (b"400 Bad Request\n", b"404 Not Found\n") and "server" not in headers


def ec_request(server, challenge):
    """A PKCSReq of a P-256 key, self-signed with it; its envelope is for the RA as ever."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "device-ec")])
    csr = (x509.CertificateSigningRequestBuilder().subject_name(name)
           .add_attribute(AttributeOID.CHALLENGE_PASSWORD, challenge.encode()).sign(key, hashes.SHA256()))
    now = foreign.NOW
    signer = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(77)
              .not_valid_before(now).not_valid_after(now.replace(year=now.year + 1)).sign(key, hashes.SHA256()))

    class Signer:
        """scepmsg signs as RSA does; this is an EC key in its clothes."""
        def sign(self, octets, _, digest):
            return key.sign(octets, ec.ECDSA(digest))

    content = scepmsg.envelope(csr.public_bytes(Encoding.DER), [server.ra()])
    der = scepmsg.pki_message(content, Signer(), ax509.Certificate.load(signer.public_bytes(Encoding.DER)))
    rsa = core.ObjectIdentifier("1.2.840.113549.1.1.1").dump() + NULL
    ecdsa = core.ObjectIdentifier("1.2.840.10045.4.3.2").dump()
    return rewrite(der, lambda e: scepmsg.tlv(0x30, ecdsa) if e == scepmsg.tlv(0x30, rsa) else e)


def test_S_40_a_key_that_no_answer_can_be_sealed_to(shared, keys):
    """Key transport needs RSA: an EC device is refused, not met with a fault after a certificate was made for it."""
    before = len(shared.certificates())
    challenge = shared.challenge()
    status, _, body = shared.post(ec_request(shared, challenge))
    assert status == 200, (status, body)
    rep = scepmsg.CertRep(body, shared.ra())
    assert (rep.status, rep.fail_info) == (2, BAD_ALG), rep.fail_text
    assert len(shared.certificates()) == before
    assert shared.enrol(keys[0], challenge).status == 0


# ---- HTTP -----------------------------------------------------------------------------------------------------------


def test_S_16_get_by_a_switch(shared, switched, keys):
    assert shared.enrol(keys[9], shared.challenge(), send=lambda der, path: shared.get(der, path)).status == 0
    challenge = switched.challenge()
    assert switched.get(request_of(switched, keys[9], challenge))[0] == 405
    assert switched.enrol(keys[9], challenge).status == 0
    assert len(switched.ca_certificates()) == 2  # its own GET operations go on


def test_S_25_a_get_whose_plus_became_a_blank(shared, keys):
    def send(der, path):
        text = urllib.parse.quote(base64.b64encode(der).decode().replace("+", " "), safe="")
        return kurier.http(shared.port, "GET", f"{path}?operation=PKIOperation&message={text}")

    assert shared.enrol(keys[9], shared.challenge(), send=send).status == 0


@pytest.mark.parametrize("query", ["", "&message", "&message=", "&message=%20", "&message=!!!!", "&message=MIIB%00", "&message=%ZZ",
                                   "&message=" + base64.b64encode(b"hello").decode()])
def test_S_25_a_get_that_carries_no_message(shared, query):
    assert kurier.http(shared.port, "GET", "/scep?operation=PKIOperation" + query)[0] == 400


@pytest.mark.parametrize("kind", ["application/x-pki-message", "application/pkcs7", "application/octet-stream", "text/html",
                                  "application/x-pki-message; charset=utf-8", "nonsense", "", None])
def test_S_27_every_content_type_of_a_post_is_taken(shared, keys, kind):
    fields = [] if kind is None else ["Content-Type: " + kind]

    def send(der, path):
        return kurier.http(shared.port, "POST", path + "?operation=PKIOperation", der, headers=fields)

    assert shared.enrol(keys[10], shared.challenge(), send=send).status == 0


def chunked(body, size):
    pieces = [body[i:i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


@pytest.mark.parametrize("size", [1, 100, 1 << 20])
def test_S_27_a_post_in_chunks(shared, keys, size):
    head = "POST {}?operation=PKIOperation HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"

    def send(der, path):
        return kurier.http(shared.port, "POST", path, raw=head.format(path).encode() + chunked(der, size))

    assert shared.enrol(keys[10], shared.challenge(), send=send).status == 0


def test_S_45_plain_http_and_a_tls_hello(shared):
    assert get_caps(shared) == CAPABILITIES
    hello = bytes.fromhex("16030100c8010000c40303") + os.urandom(32) + bytes(150)
    answer = raw_exchange(shared.port, hello)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("fields", [["X-Forwarded-Proto: https"], ["X-SSL-Client-Verify: SUCCESS", "X-Client-Cert: MIIB"],
                                    ["Authorization: Basic YWRtaW46YWRtaW4="]])
def test_S_45_nothing_of_the_transport_stands_for_the_challenge(shared, keys, fields):
    def send(der, path):
        return kurier.http(shared.port, "POST", path + "?operation=PKIOperation", der, headers=fields)

    refused(shared.enrol(keys[10], send=send), BAD_REQUEST, "KUR-1402")


CAPS = b"GET /scep?operation=GetCACaps HTTP/"


def test_S_47_keep_alive_of_http_1_0_and_1_1(shared):
    close = raw_exchange(shared.port, CAPS + b"1.0\r\n\r\n")
    assert close.count(b"HTTP/1.1 200 ") == 1 and b"\r\nConnection: close\r\n" in close
    kept = raw_exchange(shared.port, CAPS + b"1.0\r\nConnection: keep-alive\r\n\r\n", 1, CAPS + b"1.0\r\n\r\n")
    assert kept.count(b"HTTP/1.1 200 ") == 2 and kept.count(b"\r\nConnection: keep-alive\r\n") == 1
    without_host = raw_exchange(shared.port, CAPS + b"1.1\r\n\r\n", 1, CAPS + b"1.1\r\nConnection: close\r\n\r\n")
    assert without_host.count(b"HTTP/1.1 200 ") == 2
    pipelined = raw_exchange(shared.port, (CAPS + b"1.1\r\n\r\n") * 4 + CAPS + b"1.0\r\n\r\n")
    assert pipelined.count(b"HTTP/1.1 200 ") == 5 and pipelined.count(CAPABILITIES) == 5


def test_S_47_expect_100_continue(shared, keys):
    der = request_of(shared, keys[11], shared.challenge())
    head = (f"POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(der)}\r\n"
            "Expect: 100-continue\r\n\r\n").encode()
    answer = raw_exchange(shared.port, head, 1, der)
    go_on, _, rest = answer.partition(b"\r\n\r\n")
    assert go_on == b"HTTP/1.1 100 Continue"
    first, _, body = rest.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 200 ") and scepmsg.CertRep(body, shared.ra(), keys[11]).status == 0
    assert raw_exchange(shared.port, head.replace(b"100-continue", b"200-ok") + der).startswith(b"HTTP/1.1 417 ")


@pytest.mark.parametrize("operation", ["GetCACaps", "GetCACert"])
def test_S_47_head_is_get_without_its_body(shared, operation):
    target = "/scep?operation=" + operation
    status, headers, body = kurier.http(shared.port, "GET", target)
    head_status, head_headers, head_body = kurier.http(shared.port, "HEAD", target)
    assert (head_status, head_body) == (status, b"")
    assert int(head_headers["content-length"]) == len(body)
    assert head_headers["content-type"] == headers["content-type"]


def test_S_47_head_never_enrols(shared, keys):
    challenge = shared.challenge()
    text = urllib.parse.quote(base64.b64encode(request_of(shared, keys[11], challenge)).decode(), safe="")
    assert kurier.http(shared.port, "HEAD", "/scep?operation=PKIOperation&message=" + text)[0] == 405
    assert shared.enrol(keys[0], challenge).status == 0


def test_S_48_every_answer_has_a_length_and_is_itself(shared, keys):
    """No chunks, no compression, no redirect, whatever the client would take; http() compares length and body."""
    fields = ["Accept-Encoding: gzip, br", "TE: chunked", "Upgrade-Insecure-Requests: 1"]
    der = request_of(shared, keys[11], shared.challenge())
    requests = [("GET", "/scep?operation=GetCACaps", b"", 200), ("GET", "/scep?operation=GetCACert", b"", 200),
                ("GET", "/scep/?operation=GetCACaps", b"", 200), ("GET", "/SCEP?operation=GetCACaps", b"", 200),
                ("POST", "/scep?operation=PKIOperation", der, 200), ("POST", "/scep?operation=PKIOperation", b"x", 400),
                ("GET", "/ca/default.crt", b"", 200), ("GET", "/", b"", 404), ("GET", "/scep", b"", 400),
                ("PUT", "/scep", b"", 405), ("BREW", "/scep", b"", 501)]
    for method, target, body, expected in requests:
        status, headers, _ = kurier.http(shared.port, method, target, body, headers=fields)
        assert status == expected, (method, target, status)
        assert "content-length" in headers
        assert not {"transfer-encoding", "content-encoding", "location"} & set(headers), headers


def test_the_crl_is_served_from_the_start_on(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    rep = server.enrol(keys[0], server.challenge())
    server.command("cert", "revoke", f"{rep.certificate.serial_number:036x}")
    first = kurier.http(server.port, "GET", "/crl/default.crl")
    assert first[0] == 200
    server.stop()
    server.start()
    status, _, body = kurier.http(server.port, "GET", "/crl/default.crl")
    assert (status, body) == (200, first[2])
