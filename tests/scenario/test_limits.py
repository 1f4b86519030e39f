"""The bounds of docs/operations.md that need a whole server: at the bound it is served, one above it is refused."""

import pytest
from asn1crypto import core, crl as acrl

import kurier
import scepmsg
from durable import restart
from hostile import csr_named
from scepmsg import tlv

DAY = 86400


def units(count):
    """A Name of one common name and count - 1 organizational units, one RDN each."""
    one = lambda oid, text: tlv(0x31, tlv(0x30, oid + core.UTF8String(text).dump()))
    return tlv(0x30, one(b"\x06\x03\x55\x04\x03", "many") + b"".join(one(b"\x06\x03\x55\x04\x0b", f"u{i}") for i in range(count - 1)))


def test_100_rdns_are_certified_and_101_are_not(shared, keys):
    rep = shared.enrol(keys[0], csr=csr_named(keys[0], shared.challenge(), units(100)))
    assert rep.status == 0 and len(rep.certificate.subject.chosen) == 100
    rep = shared.enrol(keys[0], csr=csr_named(keys[0], shared.challenge(), units(101)))
    assert (rep.status, rep.fail_info) == (2, 2) and "KUR-" in rep.fail_text


def test_100_alternative_names_are_certified_and_101_are_not(shared, keys):
    sans = [f"host{i}.example" for i in range(101)]
    rep = shared.enrol(keys[0], shared.challenge(), sans=sans[:100])
    assert rep.status == 0 and rep.certificate.subject_alt_name_value.native == sans[:100]
    rep = shared.enrol(keys[0], shared.challenge(), sans=sans)
    assert (rep.status, rep.fail_info) == (2, 2) and "KUR-" in rep.fail_text


def test_a_nonce_has_an_octet_at_least(shared, keys):
    assert shared.enrol(keys[0], shared.challenge(), nonce=b"n").status == 0
    der = scepmsg.pki_message(scepmsg.envelope(scepmsg.make_csr(keys[0], challenge=shared.challenge()), [shared.ra()]), keys[0],
                              scepmsg.self_signed(keys[0]), nonce=b"")
    status, _, body = shared.post(der)
    assert status == 400 or scepmsg.CertRep(body, shared.ra(), keys[0]).status == 2


@pytest.mark.parametrize("length,is_taken", [(64, True), (65, False)])
def test_an_oid_of_64_octets_is_the_longest(shared, keys, length, is_taken):
    extra = tlv(0x30, tlv(0x06, b"\x2a" + b"\x01" * (length - 1)) + tlv(0x31, b"\x05\0"))
    der = scepmsg.pki_message(scepmsg.envelope(scepmsg.make_csr(keys[0], challenge=shared.challenge()), [shared.ra()]), keys[0],
                              scepmsg.self_signed(keys[0]), change=lambda a: a + [extra])
    status, _, body = shared.post(der)
    assert (status == 200 and scepmsg.CertRep(body, shared.ra(), keys[0]).status == 0) == is_taken


def forwarded(server, address):
    """POST as the proxy of `address` does."""
    return lambda der, path: kurier.http(server.port, "POST", path + "?operation=PKIOperation", der, headers=[f"X-Forwarded-For: {address}"])


def test_T1_ten_wrong_challenges_a_minute_and_a_right_one_still_passes(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"], config=lambda t: t.replace("trusted_proxies: []", "trusted_proxies: [127.0.0.1]")).start()
    phone = forwarded(server, "192.0.2.7")
    codes = [server.enrol(keys[0], "WRONG", send=phone).fail_text[-10:] for _ in range(12)]
    assert codes == ["[KUR-1403]"] * 10 + ["[KUR-1411]"] * 2
    assert server.enrol(keys[0], server.challenge(), send=phone).status == 0
    assert server.enrol(keys[0], "WRONG", send=forwarded(server, "2001:db8::7")).fail_text.endswith("[KUR-1403]")
    for _ in range(12):
        assert server.enrol(keys[0], "WRONG").fail_text.endswith("[KUR-1403]"), "the proxy itself is exempt"


def test_a_forwarded_address_is_believed_from_a_trusted_proxy_alone(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    for _ in range(12):
        assert server.enrol(keys[0], "WRONG", send=forwarded(server, "192.0.2.7")).fail_text.endswith("[KUR-1403]")
    assert {d["source"] for d in server.json_lines("delivery", "list")} == {"127.0.0.1"}


@pytest.mark.parametrize("backdate,seconds", [("5m", 300), ("0s", 0), ("24h", 86400)])
def test_certificates_begin_earlier_as_the_profile_says(make_server, keys, backdate, seconds):
    import time
    server = make_server(init=["--ca-key", "rsa:2048"], config=lambda t: t.replace("backdate: 5m ", f"backdate: {backdate} ")).start()
    before = int(time.time())
    certificate = server.enrol(keys[0], server.challenge()).certificate
    begin = certificate["tbs_certificate"]["validity"]["not_before"].native.timestamp()
    assert before - seconds <= begin <= time.time() - seconds
    for authority in server.ca_certificates():
        assert authority["tbs_certificate"]["validity"]["not_before"].native.timestamp() <= before - 86400 + 5


def served_crl(server):
    status, headers, body = kurier.http(server.port, "GET", "/crl/default.crl")
    assert (status, headers["content-type"]) == (200, "application/pkix-crl")
    return acrl.CertificateList.load(body)


def test_a_crl_is_made_anew_before_its_next_update(make_server):
    """valid 7d, renew_before 2d: the same at 4.9 days, another one at 5.1, while the first is still good."""
    server = make_server(init=["--ca-key", "ec:p256"]).start()
    first = served_crl(server)
    end = first["tbs_cert_list"]["next_update"].native
    assert (end - first["tbs_cert_list"]["this_update"].native).total_seconds() == 7 * DAY
    restart(server, 4.9 * DAY)
    assert served_crl(server).crl_number_value.native == first.crl_number_value.native
    restart(server, 5.1 * DAY)
    second = served_crl(server)
    assert second.crl_number_value.native == first.crl_number_value.native + 1
    assert second["tbs_cert_list"]["this_update"].native < end < second["tbs_cert_list"]["next_update"].native
