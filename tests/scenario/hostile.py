"""Requests that nobody should send, and what a refusal must be."""

import os
import re
import socket

from asn1crypto import core
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

import kurier
import scepmsg
from scepmsg import tlv

BAD_ALG, BAD_MESSAGE_CHECK, BAD_REQUEST, BAD_TIME, BAD_CERT_ID = range(5)


def send(server, der, path="/scep"):
    """Status and CertRep (None: refused before it could be answered). Never a 5xx."""
    status, headers, body = server.post(der, path)
    assert status == 200 or 400 <= status < 500, (status, body)
    return status, scepmsg.CertRep(body, server.ra()) if status == 200 and headers["content-type"] == "application/x-pki-message" else None


TEXTS = {f"{why} [{code}]" for code, why in re.findall(r"^\| (KUR-\d+) \| [^|]+ \| [^|]+ \| ([^|]+) \|", (kurier.ROOT / "docs/errors.md").read_text(), re.M)}


def refused(server, der, fail_info=None):
    """Told in the words of the catalogue and in no others."""
    status, rep = send(server, der)
    assert rep is None or rep.status == 2, (rep.status, rep.fail_text)
    assert rep is None or rep.fail_text in TEXTS, rep.fail_text
    assert fail_info is None or (rep is not None and rep.fail_info == fail_info), (status, rep and rep.fail_info, rep and rep.fail_text)
    return rep


def request(server, key, challenge=None, csr=None, ra=None, signer=None, signer_key=None, envelope=None, **message):
    content = envelope or scepmsg.envelope(csr or scepmsg.make_csr(key, challenge=challenge), [ra or server.ra()])
    return scepmsg.pki_message(content, signer_key or key, signer or scepmsg.self_signed(signer_key or key), **message)


def seven_faults(ra, key):
    """Envelopes that do not open, each for another reason."""
    plain = scepmsg.make_csr(key)
    good = scepmsg.envelope(plain, [ra])
    public = scepmsg.serialization.load_der_public_key(ra.public_key.dump())
    n = public.public_numbers().n

    def with_key(block):
        """The wrapped key is this padded block, raw RSA."""
        wrapped = pow(int.from_bytes(block, "big"), 65537, n).to_bytes(256, "big")
        at = good.index(tlv(0x04, b"")[:1] + b"\x82\x01\x00")
        return good[:at + 4] + wrapped + good[at + 260:]

    iv, content_key = os.urandom(16), os.urandom(16)

    def sealed(data):
        encryptor = Cipher(algorithms.AES(content_key), modes.CBC(iv)).encryptor()
        return encryptor.update(data) + encryptor.finalize()

    def with_content(data):
        wrapped = public.encrypt(content_key, padding.PKCS1v15())
        rid = tlv(0x30, ra.issuer.dump() + core.Integer(ra.serial_number).dump())
        info = tlv(0x30, b"\x02\x01\x00" + rid + bytes.fromhex("300d06092a864886f70d0101010500") + tlv(0x04, wrapped))
        content = tlv(0x30, bytes.fromhex("06092a864886f70d010701") + tlv(0x30, core.ObjectIdentifier(scepmsg.OIDS["aes128_cbc"]).dump() + tlv(0x04, iv)) + tlv(0x80, data))
        return tlv(0x30, bytes.fromhex("06092a864886f70d010703") + tlv(0xA0, tlv(0x30, b"\x02\x01\x00" + tlv(0x31, info) + content)))

    filler = b"\x11" * 300
    return {
        "wrong key": scepmsg.envelope(plain, [ra], wrong_key=True),
        "wrong padding": with_key(b"\x00\x01" + filler[:237] + b"\x00" + os.urandom(16)),
        "no separator": with_key(b"\x00\x02" + filler[:254]),
        "wrong length": with_key(b"\x00\x02" + filler[:229] + b"\x00" + os.urandom(24)),
        "bad cbc padding": with_content(sealed(b"\x00" * (len(plain) // 16 * 16 + 16))),
        "garbage": with_content(sealed(os.urandom(len(plain) // 16 * 16) + b"\x10" * 16)),
        "no block": with_content(sealed(b"\x10" * 320)[:-5]),
    }


class Kept:
    """One kept connection."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self, der):
        head = f"POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: a\r\nContent-Length: {len(der)}\r\n\r\n".encode()
        self.socket.sendall(head + der)
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self.socket.recv(65536)
            assert piece, "closed"
            data += piece
        head, _, rest = data.partition(b"\r\n\r\n")
        self.is_ending = b"connection: close" in head.lower()
        want = int(re.search(rb"content-length: *(\d+)", head, re.I).group(1))
        while len(rest) < want:
            rest += self.socket.recv(65536)
        return int(head.split()[1]), rest


def nested(levels, indefinite=False):
    return b"\x30\x80" * levels if indefinite else b"".join(b"\x30\x84" + (max(0, (levels - i) * 6)).to_bytes(4, "big") for i in range(levels))


SHA256_RSA = bytes.fromhex("300d06092a864886f70d01010b0500")


def csr_of(key, *attributes, name=None):
    """A CSR with attributes in DER, in this order; its algorithm is what the key signs with."""
    body = tlv(0x30, b"\x02\x01\0" + (name or scepmsg.build_name("CN=device").dump()) + scepmsg.spki(key) + tlv(0xA0, b"".join(attributes)))
    return tlv(0x30, body + SHA256_RSA + tlv(0x03, b"\0" + key.sign(body, scepmsg.padding.PKCS1v15(), scepmsg.hashes.SHA256())))


def password(text):
    return scepmsg.attribute("1.2.840.113549.1.9.7", core.PrintableString(text).dump())


def csr_named(key, challenge, name):
    return csr_of(key, password(challenge), name=name)
