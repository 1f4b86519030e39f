"""What is well signed may still be hostile: keys, names, extensions and algorithms within a request, and requests of others."""

import pathlib
import shutil
import tempfile
import time

import pytest
from asn1crypto import core, x509 as ax509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import foreign
import kurier
import scepmsg
from durable import deaths, restart
from hostile import BAD_ALG, BAD_CERT_ID, BAD_MESSAGE_CHECK, BAD_REQUEST, BAD_TIME, csr_named, csr_of, nested, password, refused, request
from scepmsg import rewrite, tlv

DAY = 86400
EXTENSION_REQUEST, MICROSOFT_EXTENSIONS = "1.2.840.113549.1.9.14", "1.3.6.1.4.1.311.2.1.14"
SAN = "2.5.29.17"


# ---- requests, octet by octet ---------------------------------------------------------------------------------------


def wanted(*extensions, oid=EXTENSION_REQUEST):
    """The attribute that asks for extensions: (OID, critical, DER value)."""
    return scepmsg.attribute(oid, tlv(0x30, b"".join(
        tlv(0x30, core.ObjectIdentifier(e).dump() + (b"\x01\x01\xff" if critical else b"") + tlv(0x04, value)) for e, critical, value in extensions)))


def sans(*names):
    return SAN, False, tlv(0x30, b"".join(tlv(0x82, n.encode()) if isinstance(n, str) else n for n in names))


def rdn(*texts, oid=b"\x06\x03\x55\x04\x03"):
    """One RDN; several texts make it multi-valued."""
    return tlv(0x31, b"".join(tlv(0x30, oid + tlv(0x0C, t.encode())) for t in texts))


# ---- T11, T12: extensions and names of the request -------------------------------------------------------------------

PROFILES_OWN = {"2.5.29.14", "2.5.29.15", "2.5.29.19", "2.5.29.35", "2.5.29.37"}
HOSTILE_EXTENSIONS = {
    "CA:TRUE": ("2.5.29.19", True, tlv(0x30, b"\x01\x01\xff")), "keyCertSign": ("2.5.29.15", True, b"\x03\x02\x01\x06"),
    "OCSPSigning": ("2.5.29.37", False, tlv(0x30, bytes.fromhex("06082b06010505070309"))),
    "anyExtendedKeyUsage": ("2.5.29.37", True, tlv(0x30, bytes.fromhex("0604551d2500"))),
    "nameConstraints": ("2.5.29.30", True, tlv(0x30, tlv(0xA0, tlv(0x30, tlv(0x82, b"evil"))))),
    "CRL point": ("2.5.29.31", False, tlv(0x30, tlv(0x30, tlv(0xA0, tlv(0xA0, tlv(0x86, b"http://evil/")))))),
    "AIA": ("1.3.6.1.5.5.7.1.1", False, tlv(0x30, tlv(0x30, bytes.fromhex("06082b06010505073001") + tlv(0x86, b"http://evil/")))),
    "AKI": ("2.5.29.35", False, tlv(0x30, tlv(0x80, b"evil" * 5))), "SKI": ("2.5.29.14", False, tlv(0x04, b"evil" * 5)),
    "no OCSP check": ("1.3.6.1.5.5.7.48.1.5", False, b"\x05\0"), "unknown critical": ("1.2.3.4.5", True, b"\x05\0"),
    "SID": ("1.3.6.1.4.1.311.25.2", False,
            tlv(0x30, tlv(0xA0, bytes.fromhex("060a2b060104018237190201") + tlv(0xA0, tlv(0x04, b"S-1-5-21-1-2-3-500")))))}


@pytest.mark.parametrize("extension", HOSTILE_EXTENSIONS.values(), ids=list(HOSTILE_EXTENSIONS))
def test_T11_T12_extensions_of_the_request_are_not_taken_over(shared, keys, extension):
    rep = shared.enrol(keys[9], csr=csr_of(keys[9], wanted(extension), password(shared.challenge())))
    assert rep.status == 0, rep.fail_text  # a device that asks for too much gets what its profile has
    certificate, ca = rep.certificate, shared.ca_certificates()[1]
    assert {e["extn_id"].dotted for e in certificate["tbs_certificate"]["extensions"]} == PROFILES_OWN
    assert b"evil" not in certificate.dump() and b"S-1-5" not in certificate.dump()
    assert not certificate.ca
    assert certificate.key_usage_value.native == {"digital_signature", "key_encipherment"}
    assert certificate.extended_key_usage_value.native == ["client_auth"]
    assert certificate.authority_key_identifier == ca.key_identifier


UPN = tlv(0xA0, core.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3").dump() + tlv(0xA0, core.UTF8String("admin@evil").dump()))
INJECTIONS = {
    "another name": lambda p: ((wanted(sans("right", "evil")), p), None), "a UPN": lambda p: ((wanted(sans("right", UPN)), p), None),
    "two attributes": lambda p: ((wanted(sans("right")), wanted(sans("evil")), p), None),
    "two attributes, the wrong one first": lambda p: ((wanted(sans("evil")), wanted(sans("right")), p), None),
    "two extensions": lambda p: ((wanted(sans("right"), sans("evil")), p), None),
    "two extensions, the wrong one first": lambda p: ((wanted(sans("evil"), sans("right")), p), None),
    "Microsoft's attribute": lambda p: ((wanted(sans("right")), wanted(sans("evil"), oid=MICROSOFT_EXTENSIONS), p), None),
    "two values": lambda p: ((scepmsg.attribute(EXTENSION_REQUEST, *[tlv(0x30, tlv(0x30, core.ObjectIdentifier(SAN).dump() + tlv(0x04, sans(n)[2])))
                                                                       for n in ("right", "evil")]), p), None),
    "a second common name": lambda p: ((wanted(sans("right")), p), tlv(0x30, rdn("right") + rdn("evil"))),
    "a first common name": lambda p: ((wanted(sans("right")), p), tlv(0x30, rdn("evil") + rdn("right"))),
    "two common names in one": lambda p: ((wanted(sans("right")), p), tlv(0x30, rdn("evil", "right"))),
    "a NUL": lambda p: ((wanted(sans("right\0.evil")), p), None)}


@pytest.mark.sanitized
@pytest.mark.parametrize("inject", INJECTIONS.values(), ids=list(INJECTIONS))
def test_T12_names_beyond_those_of_the_challenge(shared, keys, inject):
    """Refused, or without what was slipped in; and the challenge still serves the device that it is for."""
    challenge = shared.challenge("--subject", "CN=right", "--san", "DNS:right")
    attributes, name = inject(password(challenge))
    rep = shared.enrol(keys[1], csr=csr_of(keys[1], *attributes, name=name or tlv(0x30, rdn("right"))))
    if rep.status == 2:
        rep = shared.enrol(keys[1], challenge, subject="CN=right", sans=["right"])
    assert rep.status == 0, rep.fail_text
    assert b"evil" not in rep.certificate.dump()
    assert rep.certificate.subject.native == {"common_name": "right"} and rep.certificate.subject_alt_name_value.native == ["right"]


def test_T1_two_challenges_in_one_request(shared, keys, unharmed):
    right = shared.challenge()
    for texts in (("WRONG", right), (right, "WRONG"), (right, right)):
        refused(shared, request(shared, keys[0], csr=csr_of(keys[0], *[password(t) for t in texts])))


def bits(challenge):
    """The 170 bits of its base32; the last 128 whole ones are random."""
    return "".join(f"{'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.index(c):05b}" for c in challenge)


def test_T2_a_challenge_has_128_random_bits_and_lives_an_hour(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    some = server.challenge("--count", "300").splitlines()
    columns = [{b[at] for b in map(bits, some)} for at in range(40, 168)]
    assert all(column == {"0", "1"} for column in columns)
    restart(server, 59 * 60)
    assert server.enrol(keys[0], some[0]).status == 0
    restart(server, 61 * 60)
    rep = server.enrol(keys[1], some[1])
    assert (rep.status, rep.fail_info) == (2, BAD_TIME) and rep.fail_text.endswith("[KUR-1404]")


# ---- T13: names ------------------------------------------------------------------------------------------------------


@pytest.mark.sanitized
def test_T13_names_that_must_not_be_certified(shared, keys, unharmed):
    ra, ca = shared.ca_certificates()
    texts = ("a\0b", "a\x1b[31mb", "a\x7fb", "a\nb", "x" * 1025, "x" * 70000, "")
    names = [ca.subject.dump(), ra.subject.dump(), tlv(0x30, b"")] + [tlv(0x30, rdn(t)) for t in texts] + [tlv(0x30, rdn("ou") * 1000), tlv(0x30, tlv(0x31, b""))]
    for name in names:
        rep = refused(shared, request(shared, keys[0], csr=csr_named(keys[0], shared.challenge(), name)))
        assert rep is None or rep.fail_info in (BAD_REQUEST, BAD_MESSAGE_CHECK), (name[:40], rep.fail_info, rep.fail_text)


HOSTILE_SANS = {"NUL": tlv(0x82, b"a\0b"), "control": tlv(0x82, b"a\x1bb"), "path": tlv(0x82, b"../../etc"), "line": tlv(0x81, b"a@b\nDNS:c"), "empty": tlv(0x82, b""),
                "blank": tlv(0x82, b"a b"), "8 bits": tlv(0x82, b"a\xff"), "long label": tlv(0x82, b"a" * 300), "URI": tlv(0x86, b"http://a/\0"),
                "UPN with a NUL": tlv(0xA0, core.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3").dump() + tlv(0xA0, tlv(0x0C, b"a\0@b"))),
                "foreign otherName": tlv(0xA0, core.ObjectIdentifier("1.2.3").dump() + tlv(0xA0, b"\x05\0")), "IP": tlv(0x87, b"\x7f\0\0\1"),
                "the CA's name": None, "10,000": b"".join(tlv(0x82, b"h%d.example" % i) for i in range(10000))}


@pytest.mark.sanitized
@pytest.mark.parametrize("what", HOSTILE_SANS)
def test_T13_alternative_names_that_must_not_be_certified(shared, keys, unharmed, what):
    name = HOSTILE_SANS[what] or tlv(0xA4, shared.ca_certificates()[1].subject.dump())
    refused(shared, request(shared, keys[0], csr=csr_of(keys[0], wanted(sans(name)), password(shared.challenge()))))


@pytest.mark.parametrize("text", ["../../etc/passwd", "'); DROP TABLE certificate; --", "%s%n%x $(reboot) `id` ${HOME}", "a/b\\c:d*e?f|g"])
def test_T13_paths_and_orders_in_names_are_only_names(shared, keys, text):
    files = sorted(p for p in shared.home.rglob("*") if "kurier.db" not in p.name)
    rep = shared.enrol(keys[0], csr=csr_named(keys[0], shared.challenge("--device", text), tlv(0x30, rdn(text))), transaction_id=text)
    assert rep.status == 0 and rep.certificate.subject.native == {"common_name": text}
    assert rep.certificate.sha256.hex() in {c["sha256"] for c in shared.certificates()}
    assert {d["device"] for d in shared.trace(text)} == {text}
    assert sorted(p for p in shared.home.rglob("*") if "kurier.db" not in p.name) == files


# ---- T14: keys -------------------------------------------------------------------------------------------------------


def rsa_spki(n, e):
    return tlv(0x30, bytes.fromhex("300d06092a864886f70d0101010500") + tlv(0x03, b"\0" + tlv(0x30, core.Integer(n).dump() + core.Integer(e).dump())))


class RawKey:
    """An RSA key of any numbers, which libraries refuse to make; what it signs does verify."""

    def __init__(self, n, e, d):
        self.n, self.e, self.d = n, e, d

    def public_key(self):
        return self

    def public_bytes(self, *_):
        return rsa_spki(self.n, self.e)

    def sign(self, octets, _, digest):
        hashed = scepmsg.hashlib.new(digest.name, octets).digest()
        info = tlv(0x30, bytes.fromhex("300d06096086480165030402010500") + tlv(0x04, hashed))
        size = (self.n.bit_length() + 7) // 8
        return pow(int.from_bytes(b"\0\1" + b"\xff" * (size - 3 - len(info)) + b"\0" + info, "big"), self.d, self.n).to_bytes(size, "big")


def of_primes(*primes, e=65537):
    n = phi = 1
    for p in primes:
        n, phi = n * p, phi * (p - 1)
    return RawKey(n, e, pow(e, -1, phi))


def is_prime(n):
    return all(n % p for p in (3, 5, 7, 11, 13, 17, 19, 23)) and all(pow(a, n - 1, n) == 1 for a in (2, 3, 5))


def primes_of(key):
    numbers = key.private_numbers()
    return numbers.p, numbers.q


def times(factor, bits):
    """A key of 2,048 bits of which one factor is this one; the others are primes of bits / 2."""
    while True:
        key = of_primes(factor, *primes_of(rsa.generate_private_key(65537, bits)))
        if key.n.bit_length() == 2048:
            return key


def next_prime(n):
    n += 2
    while not is_prime(n) or n % 65537 == 1:
        n += 2
    return n


def close(key):
    p, _ = primes_of(key)
    return of_primes(p, next_prime(p))


def hostile_key(name, keys):
    n = keys[0].public_key().public_numbers().n
    return {"512 bits": lambda: rsa.generate_private_key(65537, 512), "1024 bits": lambda: rsa.generate_private_key(65537, 1024),
            "5120 bits": lambda: of_primes(*[p for key in keys[:3] for p in primes_of(key)][:5]), "even": lambda: times(2, 2047),
            "exponent 1": lambda: RawKey(n, 1, 1), "exponent 3": lambda: rsa.generate_private_key(3, 2048), "factor 3": lambda: times(3, 2046),
            "factor 751": lambda: times(751, 2038), "close primes": lambda: close(keys[1])}[name]()


HOSTILE_KEYS = ["512 bits", "1024 bits", "5120 bits", "even", "exponent 1", "exponent 3", "factor 3", "factor 751", "close primes"]


@pytest.mark.sanitized
@pytest.mark.parametrize("name", HOSTILE_KEYS)
def test_T14_hostile_keys_that_sign_well(shared, keys, name):
    """Nothing but the key is wrong: neither enrolled nor taken by a renewal."""
    key = hostile_key(name, keys)
    challenge = shared.challenge()
    refused(shared, request(shared, key, challenge), BAD_ALG)
    old = shared.enrol(keys[10], challenge, subject="CN=renews to a weak key").certificate
    before = len(shared.certificates())
    csr = csr_of(key, name=scepmsg.build_name("CN=renews to a weak key").dump())
    for message_type in (17, 19):
        refused(shared, request(shared, key, csr=csr, signer=old, signer_key=keys[10], message_type=message_type), BAD_ALG)
    assert len(shared.certificates()) == before
    rep = shared.enrol(keys[9], subject="CN=renews to a weak key", signer=old, signer_key=keys[10], message_type=17)
    assert rep.status == 0


def signer_with(spki, key):
    """A self-signed certificate whose key is not the one that signs: nothing can verify, but the key is looked at first."""
    old = scepmsg.spki(key)
    return ax509.Certificate.load(rewrite(scepmsg.self_signed(key).dump(), lambda e: spki if e == old else e))


@pytest.mark.parametrize("name", ["16384 bits", "even exponent"])
def test_T14_keys_that_nobody_can_sign_with(shared, keys, unharmed, name):
    n = keys[0].public_key().public_numbers().n
    spki = {"16384 bits": rsa_spki((1 << 16383) | 1, 65537), "even exponent": rsa_spki(n, 65538)}[name]
    refused(shared, request(shared, keys[0], shared.challenge(), signer=signer_with(spki, keys[0])), BAD_ALG)


@pytest.mark.parametrize("file", ["ca-default.key", "ra-default.key"])
def test_T14_the_own_keys_of_the_ca(shared, keys, unharmed, file):
    """Who has them needs no certificate; but none must bind another name to them."""
    key = serialization.load_pem_private_key((shared.home / "signer" / file).read_bytes(), None)
    refused(shared, request(shared, key, shared.challenge()), BAD_REQUEST)


def test_T14_T15_T20_nothing_is_decrypted_for_what_is_refused_at_sight(make_server, keys):
    """The signer would die of the first envelope that it is given."""
    server = make_server(init=["--ca-key", "rsa:2048"], environment={"KURIER_FAULT": "signer_open:1"}).start()
    ra, challenge = server.ra(), server.challenge()
    good = request(server, keys[0], challenge)
    weak = [request(server, hostile_key(name, keys), challenge) for name in ("512 bits", "1024 bits", "even", "exponent 1", "exponent 3")]
    many = scepmsg.envelope(scepmsg.make_csr(keys[0]), [ra] * 20)
    odd = [request(server, keys[0], challenge, digest="md5"), request(server, keys[0], challenge, message_type=18),
           request(server, keys[0], challenge, break_signature=True), request(server, keys[0], envelope=many), good[:-1],
           request(server, keys[0], challenge, ra=foreign.certificate("another RA", keys[1]))]
    for der in weak + odd:
        refused(server, der)
    assert deaths(server) == []
    status, _, _ = server.post(good)
    assert status == 503 and deaths(server, "kurier-signer") != []


# ---- T15: algorithms ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name,oid", [("RC2", "1.2.840.113549.3.2"), ("RC4", "1.2.840.113549.3.4"), ("unknown", "1.2.3.4"), ("AES-GCM", "2.16.840.1.101.3.4.1.6")])
def test_T15_ciphers_that_are_none(shared, keys, unharmed, name, oid):
    old = core.ObjectIdentifier(scepmsg.OIDS["aes128_cbc"]).dump()
    envelope = scepmsg.envelope(scepmsg.make_csr(keys[0], challenge=shared.challenge()), [shared.ra()])
    changed = rewrite(envelope, lambda e: core.ObjectIdentifier(oid).dump() if e == old else e)
    assert changed != envelope
    refused(shared, request(shared, keys[0], envelope=changed), BAD_ALG)


def test_T15_a_csr_signed_with_md5(shared, keys, unharmed):
    refused(shared, request(shared, keys[0], csr=scepmsg.make_csr(keys[0], challenge=shared.challenge(), digest="md5")), BAD_ALG)


def test_T15_the_digest_of_a_certificate_is_the_cas_choice(shared, keys):
    for digest in ("sha1", "sha512"):
        csr = scepmsg.make_csr(keys[0], challenge=shared.challenge(), digest=digest)
        rep = shared.enrol(keys[0], csr=csr, digest=digest)
        assert rep.status == 0 and rep.certificate["signature_algorithm"]["algorithm"].native == "sha256_rsa"


# ---- T7, T17, T19: messages of others ----------------------------------------------------------------------------------


def strangers(server, keys):
    """Certificates of others, with the keys that sign for them: self-signed, of another CA, and of this one."""
    ours = server.enrol(keys[5], server.challenge(), subject="CN=another device").certificate
    return [(scepmsg.self_signed(keys[3]), keys[3]), (foreign.certificate("victim", keys[3], "Kurier CA", keys[4]), keys[3]), (ours, keys[5])]


@pytest.mark.sanitized
def test_T7_T17_a_recorded_envelope_in_a_strangers_message(shared, keys):
    """Neither before nor after its device was served: no certificate, and nothing of it."""
    others, challenge = strangers(shared, keys), shared.challenge()
    envelope = scepmsg.envelope(scepmsg.make_csr(keys[0], "CN=victim", challenge=challenge), [shared.ra()])
    before = len(shared.certificates())
    mine = request(shared, keys[0], envelope=envelope, transaction_id="victim")
    for issued in (0, 1):
        for signer, key in others:
            for message_type in (17, 19, 20):
                der = request(shared, key, envelope=envelope, signer=signer, message_type=message_type, transaction_id="victim")
                rep = refused(shared, der)
                assert rep.fail_info in (BAD_MESSAGE_CHECK, BAD_REQUEST) and rep.content == b""
        assert len(shared.certificates()) == before + issued
        rep = scepmsg.CertRep(shared.post(mine)[2], shared.ra(), keys[0])
        assert rep.status == 0 and rep.certificate.subject.native == {"common_name": "victim"}
    assert len(shared.certificates()) == before + 1


@pytest.fixture(scope="module")
def waiting():
    """A server with two profiles: requests to `slow` wait for approval."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="kurier-test-"))
    path.chmod(0o755)
    change = lambda t: t.replace("\n    profiles: [default]", "\n    profiles: [default, slow]").replace("\nprofiles:\n", "\nprofiles:\n  slow:\n    approval: yes\n", 1)
    server = kurier.Server(path / "home", init=["--ca-key", "rsa:2048"], config=change).start()
    yield server
    server.stop()
    shutil.rmtree(path, ignore_errors=True)


NAMES = tlv(0x30, scepmsg.build_name("CN=Kurier CA").dump() + scepmsg.build_name("CN=victim").dump())


def test_T17_T18_T19_strangers_learn_nothing_of_what_waits(waiting, keys):
    others, challenge = strangers(waiting, keys), waiting.challenge("--profile", "slow", "--device", "victim")
    csr = scepmsg.make_csr(keys[0], "CN=victim", challenge=challenge)
    envelope = scepmsg.envelope(csr, [waiting.ra()])
    mine = request(waiting, keys[0], envelope=envelope, transaction_id="w")
    poll = request(waiting, keys[0], csr=NAMES, message_type=20, transaction_id="w")
    answer = lambda der: scepmsg.CertRep(waiting.post(der, "/scep/slow")[2], waiting.ra(), keys[0])
    before = len(waiting.certificates())
    for state in ("waits", "approved"):
        assert answer(mine).status == (3 if state == "waits" else 0)
        for signer, key in others:
            der = request(waiting, key, csr=NAMES, signer=signer, message_type=20, transaction_id="w")
            rep = scepmsg.CertRep(waiting.post(der, "/scep/slow")[2], waiting.ra())
            # Whose key has failed with this id itself is told of that.
            assert rep.status == 2 and (state == "approved" or rep.fail_info == BAD_CERT_ID), rep.fail_text
        for signer, key in others:
            for message_type in (17, 19):
                der = request(waiting, key, envelope=envelope, signer=signer, message_type=message_type, transaction_id="w")
                rep = scepmsg.CertRep(waiting.post(der, "/scep/slow")[2], waiting.ra())
                assert (rep.status, rep.fail_info) in ((2, BAD_MESSAGE_CHECK), (2, BAD_REQUEST))
        # Another key with the same id and the challenge itself: not this transaction, and nothing new.
        rep = waiting.enrol(keys[3], challenge, subject="CN=victim", path="/scep/slow", transaction_id="w")
        assert (rep.status, rep.fail_info) == (2, BAD_REQUEST)
        if state == "waits":
            assert answer(poll).status == 3
            waiting.command("request", "approve", "victim")
    assert answer(poll).certificate.dump() == answer(mine).certificate.dump()
    assert len(waiting.certificates()) == before + 1


# ---- T8, T9, T28: renewals ---------------------------------------------------------------------------------------------


def renew(server, old, old_key, key, **more):
    return server.enrol(key, signer=old, signer_key=old_key, message_type=more.pop("message_type", 17), **more)


@pytest.mark.parametrize("message_type", [17, 19])
def test_T8_T10_renewals_too_early_and_too_late(make_server, keys, message_type):
    server = make_server(init=["--ca-key", "rsa:2048"], config=lambda t: t.replace("valid: 365d", "valid: 10d").replace("renew_before: 365d", "renew_before: 2d")).start()
    old = server.enrol(keys[0], server.challenge(), subject="CN=window").certificate
    for days, fail_info, code in ((0, BAD_TIME, "KUR-1416"), (7, BAD_TIME, "KUR-1416"), (11, BAD_TIME, "KUR-1415")):
        if days:
            restart(server, days * DAY)
        rep = renew(server, old, keys[0], keys[1], subject="CN=window", message_type=message_type)
        assert (rep.status, rep.fail_info) == (2, fail_info) and rep.fail_text.endswith(f"[{code}]"), rep.fail_text
    assert len(server.certificates()) == 1
    restart(server, 9 * DAY)
    assert server.certificates()[0]["status"] == "good"


def test_T9_a_renewal_has_neither_more_nor_fewer_names(shared, keys):
    old = shared.enrol(keys[0], shared.challenge(), subject="CN=nine,O=Example", sans=["a.example", "b.example"]).certificate
    before = len(shared.certificates())
    for subject, names in (("CN=nine,O=Example", ["a.example"]), ("CN=nine,O=Example", []), ("CN=nine,O=Example", ["a.example", "b.example", "c.example"]),
                           ("CN=nine,O=Example", ["a.example", "c.example"]), ("CN=nine", ["a.example", "b.example"]),
                           ("CN=nine,O=Example,OU=x", ["a.example", "b.example"]), ("CN=Nine's,O=Example", ["a.example", "b.example"])):
        for message_type in (17, 19):
            rep = renew(shared, old, keys[0], keys[1], subject=subject, sans=names, message_type=message_type)
            assert (rep.status, rep.fail_info) == (2, BAD_REQUEST), (subject, names)
    assert len(shared.certificates()) == before
    rep = renew(shared, old, keys[0], keys[1], subject="CN=nine,O=Example", sans=["a.example", "b.example"])
    assert rep.status == 0 and sorted(rep.certificate.subject_alt_name_value.native) == ["a.example", "b.example"]


def test_T28_a_certificate_of_one_profile_renews_at_no_other(waiting, keys):
    old = waiting.enrol(keys[0], waiting.challenge(), subject="CN=crosses").certificate
    for message_type in (17, 19):
        rep = renew(waiting, old, keys[0], keys[1], subject="CN=crosses", path="/scep/slow", message_type=message_type)
        assert (rep.status, rep.fail_info) == (2, BAD_REQUEST) and rep.fail_text.endswith("[KUR-1418]")
    assert renew(waiting, old, keys[0], keys[1], subject="CN=crosses").status == 0


# ---- T20: bombs where only the one who signs can put them ----------------------------------------------------------------

BOMBS = {"deep": nested(10000), "deep indefinite": nested(10000, True), "2^63": b"\x30\x88\x7f" + b"\xff" * 7, "huge OID": tlv(0x06, b"\x88" * 65000), "zeros": b"\0" * 1000}


@pytest.mark.sanitized
@pytest.mark.parametrize("bomb", BOMBS.values(), ids=list(BOMBS))
def test_T20_bombs_within_the_envelope(shared, keys, unharmed, bomb):
    begun = time.monotonic()
    challenge = shared.challenge()
    spent = time.monotonic() - begun
    whole = tlv(0x30, bomb)
    for message_type in (17, 19, 20):
        rep = refused(shared, request(shared, keys[0], csr=bomb, message_type=message_type), BAD_MESSAGE_CHECK)
        assert rep.fail_text.endswith("[KUR-1310]"), "an envelope tells what is in it"
    for csr in (csr_of(keys[0], scepmsg.attribute("1.2.3.4", bomb), password("WRONG")), csr_of(keys[0], wanted(("1.2.3.4", False, bomb)), password("WRONG")),
                csr_of(keys[0], wanted((SAN, False, bomb)), password(challenge)), csr_of(keys[0], wanted((SAN, False, tlv(0x30, tlv(0xA0, whole)))), password(challenge)),
                csr_of(keys[0], password(challenge), name=whole)):
        refused(shared, request(shared, keys[0], csr=csr))
    for change in (lambda a: a + [scepmsg.attribute("1.2.3.4", bomb)], lambda a: a[:4] + [bomb]):
        refused(shared, request(shared, keys[0], "WRONG", change=change))
    assert time.monotonic() - begun - spent < 5
