"""What a device says and what it gets (RFC 8894), over HTTP, by an independent builder."""

import pytest
from asn1crypto import core

import kurier
import scepmsg

PATHS = ["/scep", "/scep/default", "/certsrv/mscep/mscep.dll", "/cgi-bin"]


def test_S_18_S_19_S_21_capabilities_are_plain_words_and_true(shared):
    status, headers, body = kurier.http(shared.port, "GET", "/scep?operation=GetCACaps&message=ca")
    assert (status, headers["content-type"]) == (200, "text/plain")
    assert body == b"SHA-512\nSHA-384\nSHA-256\nSHA-1\nAES\nDES3\nPOSTPKIOperation\nRenewal\nSCEPStandard"


@pytest.mark.parametrize("message", ["", "&message=", "&message=0", "&message=SCEP%20Authority", "&message=CA+Identifier", "&message=x\\"])
def test_S_28_any_message_of_get_ca_cert_is_taken(shared, message):
    status, headers, _ = kurier.http(shared.port, "GET", "/scep?operation=GetCACert" + message)
    assert (status, headers["content-type"]) == (200, "application/x-x509-ca-ra-cert")


def test_S_30_ra_comes_first_and_has_both_usages(shared):
    ra, ca = shared.ca_certificates()
    assert ra.key_usage_value.native == {"digital_signature", "key_encipherment"}
    assert ra.extended_key_usage_value is not None and not ra.ca and ca.ca


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("suffix", ["", "/pkiclient.exe", "/"])
def test_S_24_every_path_with_and_without_suffix(shared, keys, path, suffix):
    if path == "/cgi-bin" and suffix != "/pkiclient.exe":
        pytest.skip("Cisco's default path is whole")
    rep = shared.enrol(keys[0], shared.challenge(), path=path + suffix)
    assert rep.status == 0


@pytest.mark.sanitized
@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("cipher", ["aes128_cbc", "aes256_cbc", "tripledes_3key"])
def test_M_36_M_38_answers_mirror_cipher_and_digest(shared, keys, cipher, digest):
    rep = shared.enrol(keys[1], shared.challenge(), cipher=cipher, digest=digest)
    assert (rep.status, rep.cipher, rep.digest) == (0, cipher, digest)
    assert rep.certificate.public_key.dump() == scepmsg.spki(keys[1])


@pytest.mark.sanitized
@pytest.mark.parametrize("form", [scepmsg.apple, scepmsg.jscep, None], ids=["apple", "jscep", "windows"])
@pytest.mark.parametrize("escape", ["post", "full", "apple", "lines", "url", "twice"])
def test_M_39_S_25_every_form_by_every_way(shared, keys, form, escape):
    def send(der, path):
        return shared.post(der, path) if escape == "post" else shared.get(der, path, escape)

    assert shared.enrol(keys[2], shared.challenge(), form=form, digest="sha512", send=send).status == 0


@pytest.mark.parametrize("words,arguments", [
    ("", {}), ("BER", {"form": scepmsg.apple}), ("BER", {"form": scepmsg.jscep}), ("attribute-string-type", {"text": core.UTF8String}),
    ("nonce-length", {"nonce": b"12345678"}), ("unsorted-attributes", {"unsorted": True}), ("decoded-twice", {"escape": "twice"}),
    ("BER,decoded-twice", {"form": scepmsg.apple, "escape": "twice"})])
def test_what_a_client_needed_is_written_down(shared, keys, words, arguments):
    arguments = dict(arguments)
    escape = arguments.pop("escape", None)
    send = None if escape is None else lambda der, path: shared.get(der, path, escape)
    challenge = shared.challenge()
    offset = len(shared.log())
    assert shared.enrol(keys[0], challenge, send=send, **arguments).status == 0
    detail = next(e["detail"] for e in shared.trace(challenge[:8])[0]["events"] if e["event"] == "request_received")
    assert detail.partition(", tolerated: ")[2] == words
    issued = next(line for line in shared.log()[offset:].splitlines() if line.startswith("event=issued"))
    assert (f" tolerances={words}" in issued) if words else "tolerances" not in issued


def test_other_signers_and_recipients_are_written_down(shared, keys):
    for words, arguments in (("version-1-signer", {"signer": scepmsg.self_signed(keys[0], version1=True)}),
                             ("several-recipients", {"recipients": [scepmsg.self_signed(keys[1], "CN=other"), shared.ra()]})):
        challenge = shared.challenge()
        assert shared.enrol(keys[0], challenge, **arguments).status == 0
        assert any(e["detail"].endswith("tolerated: " + words) for e in shared.trace(challenge[:8])[0]["events"] if e["detail"])


def test_M_22_oaep_is_taken_and_answered_with_oaep(shared, keys):
    rep = shared.enrol(keys[3], shared.challenge(), oaep=True)
    assert (rep.status, rep.transport) == (0, "1.2.840.113549.1.1.7")


@pytest.mark.parametrize("transaction_id", ["0", "1", "a b", "7" * 77, "aGVsbG8/+w==", "AB" * 20, "x" * 255])
def test_M_11_transaction_ids_are_echoed_as_they_were(shared, keys, transaction_id):
    assert shared.enrol(keys[4], shared.challenge(), transaction_id=transaction_id).status == 0


def test_M_08_other_string_types_are_read(shared, keys):
    assert shared.enrol(keys[4], shared.challenge(), text=core.UTF8String).status == 0


@pytest.mark.parametrize("length", [1, 8, 16, 64])
def test_M_09_nonces_of_odd_length_are_echoed(shared, keys, length):
    assert shared.enrol(keys[4], shared.challenge(), nonce=b"n" * length).status == 0


def test_M_40_unsorted_attributes_are_verified_as_a_der_set(shared, keys):
    assert shared.enrol(keys[4], shared.challenge(), unsorted=True, change=lambda a: a[::-1]).status == 0


def test_extra_signed_attributes_do_not_matter(shared, keys):
    extra = scepmsg.attribute("1.2.840.113549.1.9.52", scepmsg.tlv(0x30, b""))
    assert shared.enrol(keys[4], shared.challenge(), change=lambda a: a + [extra]).status == 0


def test_S_04_version_1_signer_with_another_subject(shared, keys):
    signer = scepmsg.self_signed(keys[5], "CN=8f6e0b9c-0000-4a5b-9c7d-000000000000", version1=True)
    assert shared.enrol(keys[5], shared.challenge(), signer=signer).status == 0


def test_one_of_several_recipients_is_ours(shared, keys):
    ra, ca = shared.ca_certificates()
    other = scepmsg.self_signed(keys[6], "CN=other recipient")
    assert shared.enrol(keys[5], shared.challenge(), recipients=[other, ra, ca]).status == 0


def test_S_47_http_1_0_without_host(shared, keys):
    def send(der, path):
        return kurier.http(shared.port, "POST", path + "?operation=PKIOperation", der, version="1.0")

    assert shared.enrol(keys[5], shared.challenge(), send=send).status == 0


def test_S_26_post_without_operation(shared, keys):
    assert shared.enrol(keys[5], shared.challenge(), send=lambda der, path: kurier.http(shared.port, "POST", path, der)).status == 0


def test_names_of_every_type_are_issued(shared, keys):
    from asn1crypto import x509
    sans = ["a.example", x509.GeneralName(name="rfc822_name", value="u@example.org"),
            x509.GeneralName(name="uniform_resource_identifier", value="https://example.org/x"), scepmsg.upn("user@example.org")]
    rep = shared.enrol(keys[7], shared.challenge(), subject="CN=K\u00fcrier,O=Example", sans=sans)
    assert rep.status == 0
    found = rep.certificate.subject_alt_name_value
    assert [n.name for n in found] == ["dns_name", "rfc822_name", "uniform_resource_identifier", "other_name"]
    assert rep.certificate.subject.native["common_name"] == "K\u00fcrier"


def test_M_28_extensions_come_from_the_profile(shared, keys):
    certificate = shared.enrol(keys[8], shared.challenge()).certificate
    assert not certificate.ca and certificate.key_usage_value.native <= {"digital_signature", "key_encipherment"}
    assert "client_auth" in certificate.extended_key_usage_value.native
    assert certificate.serial_number.bit_length() <= 144


def test_unknown_path_and_operation_are_refused(shared):
    assert kurier.http(shared.port, "GET", "/nothing?operation=GetCACaps")[0] == 404
    assert kurier.http(shared.port, "GET", "/scep?operation=Destroy")[0] == 400
    assert kurier.http(shared.port, "GET", "/scep?operation=GetNextCACert&message=x")[0] == 404
    assert kurier.http(shared.port, "POST", "/scep?operation=PKIOperation", b"hello")[0] == 400
