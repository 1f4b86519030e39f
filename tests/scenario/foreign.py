"""A SCEP server of the tests' own, over the independent builder: it answers as it is told, also wrongly."""

import base64
import datetime
import functools
import http.server
import os
import threading
import urllib.parse

from asn1crypto import cms, core, x509 as ax509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

import scepmsg


@functools.cache
def some_keys():
    return rsa.generate_private_key(65537, 2048), rsa.generate_private_key(65537, 2048)


NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def certificate(subject, key, issuer=None, issuer_key=None, ca=False, usages=("digital_signature", "key_encipherment"), begin=-1, end=365):
    """An asn1crypto certificate made by the cryptography package; days from now."""
    flags = {u: u in usages for u in ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
                                      "key_agreement", "key_cert_sign", "crl_sign")}
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)])
    above = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer or subject)])
    public = key if hasattr(key, "public_numbers") and not hasattr(key, "private_numbers") else key.public_key()
    builder = (x509.CertificateBuilder().subject_name(name).issuer_name(above).public_key(public)
               .serial_number(x509.random_serial_number()).not_valid_before(NOW + datetime.timedelta(days=begin))
               .not_valid_after(NOW + datetime.timedelta(days=end))
               .add_extension(x509.BasicConstraints(ca, None), True)
               .add_extension(x509.KeyUsage(**flags, encipher_only=False, decipher_only=False), True))
    made = builder.sign(issuer_key or key, hashes.SHA256())
    return ax509.Certificate.load(made.public_bytes(Encoding.DER))


def certs_only(certificates):
    data = scepmsg.tlv(0x30, b"\x02\x01\x01" + scepmsg.tlv(0x31, b"") + scepmsg.tlv(0x30, core.ObjectIdentifier("1.2.840.113549.1.7.1").dump())
                       + scepmsg.tlv(0xA0, b"".join(c.dump() for c in certificates)) + scepmsg.tlv(0x31, b""))
    return scepmsg.tlv(0x30, core.ObjectIdentifier("1.2.840.113549.1.7.2").dump() + scepmsg.tlv(0xA0, data))


class ForeignServer:
    """Issues to everybody. What a test wants otherwise it sets: caps, ca_answer, change, reply, before."""

    CAPS = b"AES\r\nSHA-256\r\nPOSTPKIOperation\r\nRenewal\r\nSCEPStandard"

    def __init__(self):
        self.ca_key, self.ra_key = some_keys()
        self.ca = certificate("Foreign CA", self.ca_key, ca=True, usages=("key_cert_sign", "crl_sign"), begin=-30, end=3650)
        self.ra = certificate("Foreign RA", self.ra_key, "Foreign CA", self.ca_key)
        self.caps = (200, "text/plain", self.CAPS)
        self.ca_answer = None
        self.status = ["0"]          # one a message; the last one stays
        self.fail_info = None
        self.change = None           # on the list of signed attributes of an answer
        self.reply = lambda der: der
        self.refuse = None           # (status, headers, body) instead of an answer
        self.certificates_of = lambda public: [self.issue(public), self.ca]
        self.signer = lambda: (self.ra_key, self.ra)
        self.requests = []           # (method, target)
        self.messages = []           # parsed pkiMessages: dicts
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, body=b""):
                status, kind, octets, headers = outer.handle(self.command, self.path, body)
                if status is None:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(octets)))
                for name, value in headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(octets)

            def do_GET(self):
                self.answer()

            def do_POST(self):
                self.answer(self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *arguments):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/scep"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    @property
    def fingerprint(self):
        return self.ca.sha256.hex()

    def issue(self, public, issuer="Foreign CA", issuer_key=None):
        return certificate("device", public, issuer, issuer_key or self.ca_key)

    def handle(self, method, target, body):
        self.requests.append((method, target))
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(target).query, keep_blank_values=True)
        operation = query.get("operation", [""])[0]
        if operation == "GetCACaps":
            return (*self.caps, [])
        if operation == "GetCACert":
            return (*(self.ca_answer or (200, "application/x-x509-ca-ra-cert", certs_only([self.ra, self.ca]))), [])
        if self.refuse is not None:
            return self.refuse() if callable(self.refuse) else self.refuse
        if method == "GET":
            body = base64.b64decode(query["message"][0])
        return 200, "application/x-pki-message", self.reply(self.cert_rep(body)), []

    def cert_rep(self, der):
        """Reads one request and builds its answer."""
        data = cms.ContentInfo.load(der)["content"]
        signer = data["signer_infos"][0]
        attributes = {a["type"].dotted: a["values"][0] for a in signer["signed_attrs"]}
        attributes = {k: (v.parse() if isinstance(v, core.Any) else v) for k, v in attributes.items()}
        client = data["certificates"][0].chosen
        enveloped = cms.ContentInfo.load(data["encap_content_info"]["content"].native)["content"]
        info = enveloped["recipient_infos"][0].chosen
        content_key = self.ra_key.decrypt(info["encrypted_key"].native, padding.PKCS1v15())
        encrypted = enveloped["encrypted_content_info"]
        cipher = next(k for k, v in scepmsg.OIDS.items() if v == encrypted["content_encryption_algorithm"]["algorithm"].dotted)
        plain = scepmsg.decrypt(cipher, content_key, encrypted["content_encryption_algorithm"]["parameters"].native,
                                encrypted["encrypted_content"].native)
        kind = attributes[scepmsg.MESSAGE_TYPE].native
        self.messages.append({"type": kind, "transaction_id": attributes[scepmsg.TRANSACTION_ID].native, "plain": plain,
                              "nonce": attributes[scepmsg.SENDER_NONCE].native, "client": client, "cipher": cipher,
                              "recipient": info["rid"].chosen["serial_number"].native,
                              "digest": signer["digest_algorithm"]["algorithm"].native})
        public = self.requested_key(plain) if kind != "20" else self.public
        self.public = public
        status = self.status.pop(0) if len(self.status) > 1 else self.status[0]
        content = b""
        if status == "0":
            content = scepmsg.envelope(certs_only(self.certificates_of(public)), [client], cipher)
        return self.build(status, content, attributes)

    @staticmethod
    def requested_key(plain):
        from asn1crypto import csr
        spki = csr.CertificationRequest.load(plain)["certification_request_info"]["subject_pk_info"]
        return serialization.load_der_public_key(spki.dump())

    def build(self, status, content, request):
        def change(attributes):
            attributes = attributes[:2] + [
                scepmsg.attribute(scepmsg.MESSAGE_TYPE, core.PrintableString("3").dump()),
                scepmsg.attribute(scepmsg.PKI_STATUS, core.PrintableString(status).dump()),
                scepmsg.attribute(scepmsg.SENDER_NONCE, core.OctetString(os.urandom(16)).dump()),
                scepmsg.attribute(scepmsg.RECIPIENT_NONCE, core.OctetString(request[scepmsg.SENDER_NONCE].native).dump()),
                scepmsg.attribute(scepmsg.TRANSACTION_ID, core.PrintableString(request[scepmsg.TRANSACTION_ID].native).dump())]
            if self.fail_info is not None:
                attributes.append(scepmsg.attribute(scepmsg.FAIL_INFO, core.PrintableString(self.fail_info).dump()))
            return self.change(attributes) if self.change else attributes

        key, signer = self.signer()
        return scepmsg.pki_message(content, key, signer, change=change, certificates=[signer])
