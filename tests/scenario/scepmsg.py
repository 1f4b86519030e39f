"""An independent encoder and decoder of SCEP messages (RFC 8894), over asn1crypto and cryptography: nothing of Kurier."""

import datetime
import hashlib
import os

from asn1crypto import algos, cms, core, csr as acsr, x509 as ax509
from cryptography.hazmat.primitives import hashes, padding as sympad, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ARC = "2.16.840.1.113733.1.9."
MESSAGE_TYPE, PKI_STATUS, FAIL_INFO, SENDER_NONCE, RECIPIENT_NONCE, TRANSACTION_ID = (ARC + str(n) for n in range(2, 8))
FAIL_INFO_TEXT = "1.3.6.1.5.5.7.24.1"
HRESULT = "1.3.6.1.4.1.311.21.33"
HASHES = {"sha1": hashes.SHA1, "sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512, "md5": hashes.MD5}
CIPHERS = {"aes128_cbc": 16, "aes256_cbc": 32, "tripledes_3key": 24, "des": 8}


def spki(key):
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


NAMES = {"CN": "common_name", "O": "organization_name", "OU": "organizational_unit_name", "C": "country_name"}


def build_name(text):
    return ax509.Name.build({NAMES[k]: v for k, v in (part.split("=", 1) for part in text.split(","))}) if text else ax509.Name.build({})


def upn(value):
    """An otherName of Microsoft's UPN; written by hand, because asn1crypto leaves the [0] EXPLICIT out."""
    return ax509.GeneralName.load(tlv(0xA0, core.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3").dump() + tlv(0xA0, core.UTF8String(value).dump())))


def make_csr(key, subject="CN=device", sans=(), challenge=None, challenge_type=core.PrintableString, digest="sha256",
             broken=False, other_key=None, extensions=()):
    """A PKCS#10 request in DER. sans: GeneralName objects or DNS names. extensions: (dotted OID, value) of others."""
    attributes = []
    wanted = [ax509.Extension({"extn_id": oid, "critical": False, "extn_value": core.ParsableOctetString(value)})
              for oid, value in extensions]
    if sans:
        names = [s if isinstance(s, ax509.GeneralName) else ax509.GeneralName(name="dns_name", value=s) for s in sans]
        extension = ax509.Extension({"extn_id": "subject_alt_name", "critical": False, "extn_value": ax509.GeneralNames(names)})
        wanted.insert(0, extension)
    if wanted:
        attributes.append({"type": "extension_request", "values": [ax509.Extensions(wanted)]})
    info = acsr.CertificationRequestInfo({
        "version": "v1", "subject": build_name(subject),
        "subject_pk_info": ax509.PublicKeyInfo.load(spki(other_key or key)), "attributes": acsr.CRIAttributes(attributes)})
    body = info.dump()
    if challenge is not None:
        value = challenge_type(challenge).dump()
        raw = core.ObjectIdentifier("1.2.840.113549.1.9.7").dump() + tlv(0x31, value)
        body = add_attribute(body, tlv(0x30, raw))
    signature = key.sign(body, padding.PKCS1v15(), HASHES[digest]())
    if broken:
        signature = bytes([signature[0] ^ 1]) + signature[1:]
    algorithm = algos.SignedDigestAlgorithm({"algorithm": digest + "_rsa"}).dump()
    return tlv(0x30, body + algorithm + tlv(0x03, b"\0" + signature))


def tlv(tag, content):
    n = len(content)
    head = bytes([n]) if n < 128 else (lambda b: bytes([0x80 | len(b)]) + b)(n.to_bytes((n.bit_length() + 7) // 8, "big"))
    return bytes([tag]) + head + content


def elements(octets):
    """(tag, content, whole) of each definite element."""
    at = 0
    while at < len(octets):
        start = at
        tag = octets[at]
        length = octets[at + 1]
        at += 2
        if length & 0x80:
            n = length & 0x7F
            length = int.from_bytes(octets[at:at + n], "big")
            at += n
        yield tag, octets[at:at + length], octets[start:at + length]
        at += length


def add_attribute(info, attribute):
    """Put one more attribute FIRST into a CertificationRequestInfo: so they are not sorted, as strongSwan's are not."""
    (_, content, _), = elements(info)
    parts = list(elements(content))
    head = b"".join(whole for _, _, whole in parts[:3])
    rest = parts[3][1] if len(parts) > 3 else b""
    return tlv(0x30, head + tlv(0xA0, attribute + rest))


def self_signed(key, subject="CN=SCEP SIGNER", version1=False, serial=None):
    begin = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    validity = {"not_before": ax509.Time({"utc_time": begin - datetime.timedelta(days=1)}),
                "not_after": ax509.Time({"utc_time": begin + datetime.timedelta(days=7)})}
    fields = {"serial_number": serial or int.from_bytes(os.urandom(8), "big") >> 1, "signature": {"algorithm": "sha256_rsa"},
              "issuer": build_name(subject), "validity": validity, "subject": build_name(subject),
              "subject_public_key_info": ax509.PublicKeyInfo.load(spki(key))}
    if not version1:
        fields["version"] = "v3"
        fields["extensions"] = [{"extn_id": "key_usage", "critical": True, "extn_value": ax509.KeyUsage({"digital_signature", "key_encipherment"})}]
    tbs = ax509.TbsCertificate(fields)
    body = tbs.dump()
    signature = key.sign(body, padding.PKCS1v15(), hashes.SHA256())
    return ax509.Certificate({"tbs_certificate": tbs, "signature_algorithm": {"algorithm": "sha256_rsa"}, "signature_value": signature})


def encrypt(cipher, key, iv, plain):
    block = 8 if cipher in ("tripledes_3key", "des") else 16
    padder = sympad.PKCS7(block * 8).padder()
    data = padder.update(plain) + padder.finalize()
    algorithm = algorithms.AES(key) if cipher.startswith("aes") else algorithms.TripleDES(key if len(key) == 24 else key * 3)
    encryptor = Cipher(algorithm, modes.CBC(iv)).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def decrypt(cipher, key, iv, data):
    block = 8 if cipher in ("tripledes_3key", "des") else 16
    algorithm = algorithms.AES(key) if cipher.startswith("aes") else algorithms.TripleDES(key)
    decryptor = Cipher(algorithm, modes.CBC(iv)).decryptor()
    plain = decryptor.update(data) + decryptor.finalize()
    unpadder = sympad.PKCS7(block * 8).unpadder()
    return unpadder.update(plain) + unpadder.finalize()


OIDS = {"aes128_cbc": "2.16.840.1.101.3.4.1.2", "aes256_cbc": "2.16.840.1.101.3.4.1.42",
        "tripledes_3key": "1.2.840.113549.3.7", "des": "1.3.14.3.2.7"}


def envelope(plain, recipients, cipher="aes128_cbc", oaep=False, wrong_key=False):
    """EnvelopedData ContentInfo in DER. recipients: asn1crypto certificates."""
    key = os.urandom(CIPHERS[cipher])
    iv = os.urandom(8 if cipher in ("tripledes_3key", "des") else 16)
    infos = b""
    for certificate in recipients:
        public = serialization.load_der_public_key(certificate.public_key.dump())
        wrapped_key = os.urandom(len(key)) if wrong_key else key
        if oaep:
            wrapped = public.encrypt(wrapped_key, padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None))
            transport = tlv(0x30, core.ObjectIdentifier("1.2.840.113549.1.1.7").dump() + tlv(0x30, b""))
        else:
            wrapped = public.encrypt(wrapped_key, padding.PKCS1v15())
            transport = tlv(0x30, core.ObjectIdentifier("1.2.840.113549.1.1.1").dump() + b"\x05\x00")
        rid = tlv(0x30, certificate.issuer.dump() + core.Integer(certificate.serial_number).dump())
        infos += tlv(0x30, b"\x02\x01\x00" + rid + transport + tlv(0x04, wrapped))
    content = tlv(0x30, core.ObjectIdentifier("1.2.840.113549.1.7.1").dump()
                  + tlv(0x30, core.ObjectIdentifier(OIDS[cipher]).dump() + tlv(0x04, iv))
                  + tlv(0x80, encrypt(cipher, key, iv, plain)))
    data = tlv(0x30, b"\x02\x01\x00" + tlv(0x31, infos) + content)
    return tlv(0x30, core.ObjectIdentifier("1.2.840.113549.1.7.3").dump() + tlv(0xA0, data))


def attribute(oid, *values):
    return tlv(0x30, core.ObjectIdentifier(oid).dump() + tlv(0x31, b"".join(values)))


def pki_message(content, key, certificate, message_type=19, transaction_id="1", nonce=None, digest="sha256",
                text=core.PrintableString, change=None, unsorted=False, break_signature=False, certificates=None):
    """A pkiMessage in DER. change: a function on the list of attributes (each DER) before signing."""
    nonce = os.urandom(16) if nonce is None else nonce
    attributes = [
        attribute("1.2.840.113549.1.9.3", core.ObjectIdentifier("1.2.840.113549.1.7.1").dump()),
        attribute("1.2.840.113549.1.9.4", core.OctetString(hashlib.new(digest, content).digest()).dump()),
        attribute(MESSAGE_TYPE, text(str(message_type)).dump()),
        attribute(SENDER_NONCE, core.OctetString(nonce).dump()),
        attribute(TRANSACTION_ID, text(transaction_id).dump()),
    ]
    if change is not None:
        attributes = change(attributes)
    signed = tlv(0x31, b"".join(sorted(attributes)))
    signature = key.sign(signed, padding.PKCS1v15(), HASHES[digest]())
    if break_signature:
        signature = bytes([signature[0] ^ 1]) + signature[1:]
    sent = b"".join(attributes if unsorted else sorted(attributes))
    digest_algorithm = algos.DigestAlgorithm({"algorithm": digest}).dump()
    sid = tlv(0x30, certificate.issuer.dump() + core.Integer(certificate.serial_number).dump())
    info = tlv(0x30, b"\x02\x01\x01" + sid + digest_algorithm + tlv(0xA0, sent)
               + tlv(0x30, core.ObjectIdentifier("1.2.840.113549.1.1.1").dump() + b"\x05\x00") + tlv(0x04, signature))
    all_certificates = [certificate] if certificates is None else certificates
    data = tlv(0x30, b"\x02\x01\x01" + tlv(0x31, digest_algorithm)
               + tlv(0x30, core.ObjectIdentifier("1.2.840.113549.1.7.1").dump() + tlv(0xA0, tlv(0x04, content)))
               + tlv(0xA0, b"".join(c.dump() for c in all_certificates)) + tlv(0x31, info))
    return tlv(0x30, core.ObjectIdentifier("1.2.840.113549.1.7.2").dump() + tlv(0xA0, data))


def apple(octets, depth=0):
    """Indefinite lengths at every constructed level, as Apple's profiled writes; content octets stay as they are."""
    out = b""
    for tag, content, whole in elements(octets):
        # What a signature or digest covers stays as it is: certificates and signed attributes.
        if tag & 0x20 and not (depth >= 3 and tag in (0xA0,)):
            out += bytes([tag, 0x80]) + apple(content, depth + 1) + b"\0\0"
        else:
            out += whole
    return out


def jscep(octets):
    """Constructed OCTET STRINGs in pieces of 1,000 octets for the outer content, as Bouncy Castle writes."""
    out = b""
    for tag, content, whole in elements(octets):
        if tag == 0x04 and len(content) > 1000:
            pieces = b"".join(tlv(0x04, content[i:i + 1000]) for i in range(0, len(content), 1000))
            out += bytes([0x24, 0x80]) + pieces + b"\0\0"
        elif tag & 0x20 and tag != 0x31:
            out += tlv(tag, jscep(content))
        else:
            out += whole
    return out


class CertRep:
    """A CertRep, verified against the RA certificate and against the rules of the field for answers."""

    def __init__(self, der, ra, key=None):
        info = cms.ContentInfo.load(der, strict=True)
        assert info.dump(force=True) == der, "not DER"
        data = info["content"]
        assert len(data["signer_infos"]) == 1
        signer = data["signer_infos"][0]
        assert signer["signature_algorithm"]["algorithm"].dotted == "1.2.840.113549.1.1.1"
        assert any(c.chosen.dump() == ra.dump() for c in data["certificates"])
        self.digest = signer["digest_algorithm"]["algorithm"].native
        self.attributes = {}
        for item in signer["signed_attrs"]:
            oid = item["type"].dotted
            assert oid not in self.attributes and len(item["values"]) == 1, oid
            self.attributes[oid] = item["values"][0]
        content = data["encap_content_info"]["content"]
        self.has_content = not isinstance(content, core.Void) and content.contents is not None
        self.content = content.native if self.has_content else b""
        digest = hashlib.new(self.digest, self.content or b"").digest()
        assert self.attributes["1.2.840.113549.1.9.4"].native == digest
        assert self.attributes["1.2.840.113549.1.9.3"].dotted == "1.2.840.113549.1.7.1"
        public = serialization.load_der_public_key(ra.public_key.dump())
        raw = signer["signed_attrs"].dump()
        public.verify(signer["signature"].native, b"\x31" + raw[1:], padding.PKCS1v15(), HASHES[self.digest]())
        assert self.text(MESSAGE_TYPE) == "3"
        self.status = int(self.text(PKI_STATUS))
        self.transaction_id = self.text(TRANSACTION_ID)
        # A request without a senderNonce leaves nothing to be echoed.
        self.recipient_nonce = self.parsed(RECIPIENT_NONCE).native if RECIPIENT_NONCE in self.attributes else None
        assert len(self.parsed(SENDER_NONCE).native) == 16
        assert (FAIL_INFO in self.attributes) == (self.status == 2)
        self.fail_info = int(self.text(FAIL_INFO)) if self.status == 2 else None
        self.fail_text = self.parsed(FAIL_INFO_TEXT).native if FAIL_INFO_TEXT in self.attributes else None
        self.hresult = self.text(HRESULT) if HRESULT in self.attributes else None
        self.certificates = []
        if self.status == 0:
            self.open(key)

    def parsed(self, oid):
        value = self.attributes[oid]
        return value.parse() if isinstance(value, core.Any) else value

    def text(self, oid):
        value = self.parsed(oid)
        assert isinstance(value, core.PrintableString), oid
        return value.native

    def open(self, key):
        enveloped = cms.ContentInfo.load(self.content)["content"]
        assert len(enveloped["recipient_infos"]) == 1
        recipient = enveloped["recipient_infos"][0].chosen
        named = recipient["rid"].chosen
        self.recipient = named["issuer"].dump(), named["serial_number"].native
        self.transport = recipient["key_encryption_algorithm"]["algorithm"].dotted
        if self.transport == "1.2.840.113549.1.1.7":
            content_key = key.decrypt(recipient["encrypted_key"].native, padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None))
        else:
            content_key = key.decrypt(recipient["encrypted_key"].native, padding.PKCS1v15())
        encrypted = enveloped["encrypted_content_info"]
        algorithm = encrypted["content_encryption_algorithm"]
        oid = algorithm["algorithm"].dotted
        self.cipher = next(k for k, v in OIDS.items() if v == oid)
        iv = algorithm["parameters"].native
        plain = decrypt(self.cipher, content_key, iv, encrypted["encrypted_content"].native)
        self.certificates = [c.chosen for c in cms.ContentInfo.load(plain)["content"]["certificates"]]

    @property
    def certificate(self):
        return self.certificates[0]


def rewrite(octets, change, keep=()):
    """DER again after `change` on every element from the inside outwards; what is in `keep` stays as it is."""
    out = b""
    for tag, content, whole in elements(octets):
        if tag & 0x20 and whole not in keep:
            whole = tlv(tag, rewrite(content, change, keep))
        out += change(whole)
    return out
