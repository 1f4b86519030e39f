#!/usr/bin/env python3
"""A double of the services with which Microsoft Intune validates SCEP requests: Entra's tokens, Graph's discovery, the
validation of challenges, notices, and revocations, on one HTTPS origin on 127.0.0.1.

Challenges are real: signed and encrypted statements of what a request must be, made here and compared with the request
when it comes. Outcomes can be scripted, all calls are recorded, and what must never happen (a notice of a certificate
that was not validated) is kept as a violation. Everything under /control/ is the test's and no part of what is doubled.

    intune.py [--port N] [--folder DIR]          serves; prints one line of JSON: where it is, its CA certificate, and
                                                 what a configuration needs (also in DIR/about.json)
    intune.py --folder DIR challenge SUBJECT     asks the one that serves from DIR for a challenge
    intune.py --folder DIR calls                 what it was asked, one call a line
"""

import argparse
import base64
import datetime
import hashlib
import html
import http.server
import ipaddress
import json
import os
import pathlib
import re
import signal
import socket
import socketserver
import ssl
import struct
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
import uuid

from asn1crypto import algos, cms, core, csr as acsr, x509 as ax509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

VALIDATION = "ScepRequestValidationFEService"
CONNECTOR = "PkiConnectorFEService"
INTUNE_APP = "0000000a-0000-0000-c000-000000000000"
GUID = re.compile(r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")
CALLS = {"validateRequest": "validate", "successNotification": "success", "failureNotification": "failure",
         "downloadRevocationRequests": "download", "uploadRevocationResults": "upload"}
RESULT_CODES = {"None": 0, "NonRetryableServiceException": 4000, "DataSerializationError": 4001,
                "ParameterDataInvalidError": 4002, "CryptographyError": 4003, "CertificateNotFoundError": 4004,
                "ConflictError": 4005, "NotSupportedError": 4006, "PayloadTooLargeError": 4007,
                "RetryableServiceException": 4100, "ServiceUnavailableException": 4101, "ServiceTooBusyException": 4102,
                "AuthenticationException": 4103}


class Refused(Exception):
    """A challenge or request that is not what it should be; the code is Intune's."""

    def __init__(self, code, description=""):
        super().__init__(code)
        self.code = code
        self.description = description


def make_certificate(name, hosts=()):
    """A key and a certificate signed with it."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.utcnow()
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
               .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=2))
               .not_valid_after(now + datetime.timedelta(days=60))
               .add_extension(x509.BasicConstraints(True, None), True))
    if hosts:
        names = [x509.IPAddress(ipaddress.ip_address(h)) if h[0].isdigit() else x509.DNSName(h) for h in hosts]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
    return key, builder.sign(key, hashes.SHA256())


def pem(thing):
    return thing.public_bytes(serialization.Encoding.PEM)


def key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


# ---- challenges ----

class Challenges:
    """Signed, then encrypted: a statement that only this service makes and reads."""

    def __init__(self):
        self.signing_key, self.signing = make_certificate("challenge signing")
        self.encryption_key, self.encryption = make_certificate("challenge encryption")

    def seal(self, payload):
        """payload: octets. The challenge as the text of a challengePassword."""
        signed = (pkcs7.PKCS7SignatureBuilder().set_data(payload)
                  .add_signer(self.signing, self.signing_key, hashes.SHA256())
                  .sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.NoCapabilities]))
        key, iv = os.urandom(32), os.urandom(16)
        padder = PKCS7(128).padder()
        encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
        padded = padder.update(signed) + padder.finalize()
        recipient = ax509.Certificate.load(self.encryption.public_bytes(serialization.Encoding.DER))
        envelope = cms.EnvelopedData({
            "version": "v0",
            "recipient_infos": [cms.RecipientInfo({"ktri": {
                "version": "v0",
                "rid": cms.RecipientIdentifier({"issuer_and_serial_number": {
                    "issuer": recipient.issuer, "serial_number": recipient.serial_number}}),
                "key_encryption_algorithm": {"algorithm": "rsaes_pkcs1v15"},
                "encrypted_key": self.encryption.public_key().encrypt(key, padding.PKCS1v15())}})],
            "encrypted_content_info": {
                "content_type": "data",
                "content_encryption_algorithm": algos.EncryptionAlgorithm({"algorithm": "aes256_cbc", "parameters": iv}),
                "encrypted_content": encryptor.update(padded) + encryptor.finalize()}})
        content = cms.ContentInfo({"content_type": "enveloped_data", "content": envelope})
        return base64.b64encode(content.dump()).decode()

    def decrypt(self, text):
        try:
            envelope = cms.ContentInfo.load(base64.b64decode(text, validate=True), strict=True)
            if envelope["content_type"].native != "enveloped_data":
                raise ValueError
            recipient = envelope["content"]["recipient_infos"][0].chosen
            info = envelope["content"]["encrypted_content_info"]
            iv = info["content_encryption_algorithm"]["parameters"].native
            encrypted = info["encrypted_content"].native
        except (ValueError, TypeError, KeyError, IndexError) as why:
            raise Refused("ChallengeDecodingError", "The challenge is no CMS structure.") from why
        try:
            key = self.encryption_key.decrypt(recipient["encrypted_key"].native, padding.PKCS1v15())
            decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
            padded = decryptor.update(encrypted) + decryptor.finalize()
            unpadder = PKCS7(128).unpadder()
            return unpadder.update(padded) + unpadder.finalize()
        except ValueError as why:
            raise Refused("ChallengeDecryptionError", "The challenge cannot be decrypted.") from why

    def open(self, text):
        """The payload of a challenge, or Refused."""
        try:
            signed = cms.ContentInfo.load(self.decrypt(text))["content"]
            signer = signed["signer_infos"][0]
            issuer_serial = signer["sid"].chosen["serial_number"].native
            payload = signed["encap_content_info"]["content"].native
            attributes = signer["signed_attrs"].untag().dump()
            digest = [a["values"][0].native for a in signer["signed_attrs"] if a["type"].native == "message_digest"][0]
            signature = signer["signature"].native
        except (ValueError, TypeError, KeyError, IndexError) as why:
            raise Refused("ChallengeDecodingError", "The content of the challenge is no CMS structure.") from why
        if issuer_serial != self.signing.serial_number:
            raise Refused("SigningCertThumbprintMismatch", "The challenge is signed with another certificate.")
        try:
            self.signing.public_key().verify(signature, attributes, padding.PKCS1v15(), hashes.SHA256())
        except Exception as why:
            raise Refused("SignatureValidationFailed", "The signature of the challenge does not hold.") from why
        if hashlib.sha256(payload).digest() != digest:
            raise Refused("SignatureValidationFailed", "The digest of the challenge does not hold.")
        return payload


# ---- requests ----

def read_csr(text):
    """What a base64 PKCS#10 asks for."""
    try:
        request = acsr.CertificationRequest.load(base64.b64decode(text, validate=True), strict=True)
        info = request["certification_request_info"]
        found = {"subject": {}, "sans": [], "key_usage": None, "ekus": None, "challenge": None,
                 "key_length": info["subject_pk_info"].bit_size,
                 "key_hash": hashlib.sha256(info["subject_pk_info"].dump()).hexdigest()}
        for rdn in info["subject"].chosen:
            for pair in rdn:
                found["subject"].setdefault(pair["type"].dotted, []).append(pair["value"].native)
        for attribute in info["attributes"]:
            if attribute["type"].native == "challenge_password":
                found["challenge"] = attribute["values"][0].native
            elif attribute["type"].native == "extension_request":
                for extension in attribute["values"][0]:
                    read_extension(extension, found)
        return found
    except (ValueError, TypeError, KeyError, IndexError) as why:
        raise Refused("CertificateRequestDecodingFailed", "The certificate request cannot be decoded.") from why


def read_extension(extension, found):
    kind, value = extension["extn_id"].native, extension["extn_value"].parsed
    if kind == "key_usage":
        found["key_usage"] = sorted(value.native)
    elif kind == "extended_key_usage":
        found["ekus"] = sorted(x.dotted for x in value)
    elif kind == "subject_alt_name":
        for name in value:
            tag = {"dns_name": "DNS", "rfc822_name": "email", "uniform_resource_identifier": "URI"}.get(name.name)
            if tag:
                found["sans"].append(f"{tag}:{name.native}")
            elif name.name == "other_name" and name.chosen["type_id"].dotted == "1.3.6.1.4.1.311.20.2.3":
                found["sans"].append("UPN:" + str(name.chosen["value"].native))


def read_subject(text):
    """'CN=a,O=b' as read_csr has it."""
    out = {}
    for attribute in x509.Name.from_rfc4514_string(text):
        out.setdefault(attribute.oid.dotted_string, []).append(attribute.value)
    return out


# ---- the double ----

class Double:
    """All that is known, and what each call answers. One lock for all of it."""

    def __init__(self, folder):
        self.lock = threading.RLock()
        self.folder = pathlib.Path(folder)
        self.origin = None
        self.tenant = "contoso.onmicrosoft.com"
        self.tenant_id = str(uuid.uuid4())
        self.client_id = str(uuid.uuid4())
        self.secret = "s+e=c&r%t~" + base64.urlsafe_b64encode(os.urandom(12)).decode()
        self.assertion_key, self.assertion = make_certificate("app registration")
        self.challenges = Challenges()
        self.other_challenges = Challenges()
        self.token_life = 3599
        self.has_consent = True
        self.has_validation_permission = True
        self.variant = "normal"
        self.unit = "msua02"
        self.tokens = {}
        self.requests = {}  # by id: what a challenge was made for
        self.revocations = []
        self.results = []
        self.scripts = []
        self.calls = []
        self.violations = []
        self.validated = {}
        self.reported = {}
        self.is_down = False
        self.hold = 0.0

    # -- tokens --

    def token(self, tenant, form):
        """(status, body) for the form of a token request."""
        if tenant not in (self.tenant, self.tenant_id):
            return self.token_error(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")
        if form.get("client_id") != self.client_id:
            return self.token_error(400, "unauthorized_client", 700016, "Application was not found in the directory.")
        if form.get("grant_type") != "client_credentials":
            return self.token_error(400, "unsupported_grant_type", 70003, "The grant type is not supported.")
        if "client_assertion" in form:
            why = self.check_assertion(form, tenant)
            if why:
                return self.token_error(401, "invalid_client", 700027, why)
        elif form.get("client_secret") != self.secret:
            return self.token_error(401, "invalid_client", 7000215, "Invalid client secret provided.")
        scope = form.get("scope", "")
        graph, manage = self.origin + "/graph", self.origin + "/manage"
        audiences = {graph + "/.default": "graph", manage + "/.default": "manage", manage + "//.default": "manage"}
        if scope not in audiences:
            return self.token_error(400, "invalid_scope", 70011, f"The scope {scope} is not valid.")
        token = base64.urlsafe_b64encode(os.urandom(600)).decode()
        self.tokens[token] = (audiences[scope], time.monotonic() + self.token_life)
        return 200, {"token_type": "Bearer", "expires_in": self.token_life, "ext_expires_in": self.token_life,
                     "access_token": token}

    @staticmethod
    def token_error(status, word, number, text):
        trace, correlation = uuid.uuid4(), uuid.uuid4()
        now = datetime.datetime.utcnow().strftime("%Y-%m-%d %H:%M:%SZ")
        return status, {"error": word, "error_description": f"AADSTS{number}: {text}\r\nTrace ID: {trace}\r\nCorrelation ID: "
                        f"{correlation}\r\nTimestamp: {now}", "error_codes": [number], "timestamp": now, "trace_id": str(trace),
                        "correlation_id": str(correlation)}

    def check_assertion(self, form, tenant):
        """Why not; None when it proves the registered certificate's key."""
        if form.get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
            return "Unknown client_assertion_type."
        decode = lambda part: base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        try:
            head, claims, signature = form["client_assertion"].split(".")
            header, body = json.loads(decode(head)), json.loads(decode(claims))
            der = self.assertion.public_bytes(serialization.Encoding.DER)
            self.assertion.public_key().verify(decode(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(),
                                               hashes.SHA256())
        except Exception:
            return "Client assertion failed signature validation."
        if header.get("alg") != "RS256" or header.get("typ") != "JWT" or decode(header["x5t"]) != hashlib.sha1(der).digest():
            return "The key was not found."
        now = time.time()
        if body.get("aud") != f"{self.origin}/login/{tenant}/oauth2/v2.0/token":
            return f"Audience {body.get('aud')} is not valid."
        if body.get("iss") != self.client_id or body.get("sub") != self.client_id or not GUID.match(body.get("jti", "")):
            return "Issuer, subject or jti is not valid."
        if not (body["nbf"] - 300 <= now < body["exp"] <= now + 660):
            return "The assertion is not within its valid time range."
        return None

    def bearer(self, headers, audience):
        kind, _, token = headers.get("authorization", "").partition(" ")
        known = self.tokens.get(token)
        return kind == "Bearer" and known is not None and known[0] == audience and known[1] > time.monotonic()

    # -- discovery --

    def discovery(self, headers):
        if not self.bearer(headers, "graph"):
            return 401, {"error": {"code": "InvalidAuthenticationToken", "message": "Access token is empty or expired."}}
        entries = [(VALIDATION, f"{self.origin}/{self.unit}/RACerts/ScepRequestValidationFEService/Gateway"
                                "/StatelessScepRequestValidationService"),
                   (CONNECTOR, f"{self.origin}/{self.unit}/RACerts/StatelessPkiConnectorService/Gateway"
                               "/StatelessPkiConnectorService")]
        change = {"upper": str.upper, "lower": str.lower}.get(self.variant, str)
        name = "serviceName" if self.variant == "legacy" else "providerName"
        slash = "/" if self.variant == "slash" else ""
        value = [{"id": str(uuid.uuid4()), "capability": "c", "providerId": str(uuid.uuid4()), name: change(entry),
                  "uri": uri + slash} for entry, uri in entries]
        if self.variant == "duplicate":
            value.append(dict(value[0], uri=self.origin + "/nowhere"))
        if self.variant == "empty" or not self.has_consent:
            value = []
        body = {"@odata.context": f"{self.origin}/graph/v1.0/$metadata#servicePrincipals/endpoints", "value": value}
        if self.variant == "no-value":
            del body["value"]
        return 200, body

    # -- actions --

    def check_headers(self, headers, version):
        """(status, body) when the call must not be served; None: it may."""
        if not self.bearer(headers, "manage"):
            return 401, {"error": {"code": "Unauthorized", "message": "The token is missing, expired or for another audience."}}
        if not self.has_validation_permission:
            return 403, {"error": {"code": "Forbidden", "message": "scep_challenge_provider is not granted."}}
        if headers.get("api-version") != version or not GUID.match(headers.get("client-request-id", "")):
            return 400, {"error": {"code": "BadRequest", "message": "api-version or client-request-id."}}
        return None

    def action(self, call, body):
        if call == "validate":
            return self.answer(*self.validate(body["request"]))
        note = body["notification"]
        for field in ("transactionId", "certificateRequest", "callerInfo"):
            if not note.get(field):
                return 400, {"error": {"code": "BadRequest", "message": f"{field} is missing."}}
        return self.note_success(note) if call == "success" else self.note_failure(note)

    def answer(self, code, description=""):
        return 200, {"@odata.context": f"{self.origin}/RACerts/StatelessScepRequestValidationService/{uuid.uuid4()}/$metadata"
                     "#microsoft.management.services.scepRequestValidationService.api.scepActionResult", "code": code,
                     "errorDescription": description}

    def validate(self, request):
        try:
            if not request.get("transactionId"):
                raise Refused("Unknown", "transactionId is empty.")
            wanted = read_csr(request.get("certificateRequest", ""))
            self.compare(wanted)
        except Refused as why:
            return why.code, why.description
        self.validated[request["transactionId"]] = request["certificateRequest"]
        return "Success", ""

    def compare(self, csr):
        if not csr["challenge"]:
            raise Refused("ChallengePasswordMissing", "The request has no challengePassword.")
        payload = self.challenges.open(csr["challenge"])
        try:
            made = json.loads(payload)
            made = {key: made[key] for key in ("tenant", "request", "device", "user", "profile", "not_before", "not_after",
                                               "expected")}
        except (ValueError, KeyError) as why:
            raise Refused("ChallengeDeserializationError", "The challenge has not the form of one.") from why
        self.check_times(made)
        self.check_ids(made)
        self.check_expected(made["expected"], csr)

    @staticmethod
    def check_times(made):
        now = time.time()
        if made["not_after"] <= made["not_before"] or made["not_before"] > now + 300:
            raise Refused("ChallengeInvalidTimestamp", "The times of the challenge are not valid.")
        if made["not_after"] < now:
            raise Refused("ChallengeExpired", "The challenge has expired.")

    def check_ids(self, made):
        if made["tenant"] != self.tenant_id:
            raise Refused("BadTenantIdInChallenge", "Failed to parse the tenant id in the challenge.tenantId in challenge does "
                          "not match tenantId from security token.")
        known = self.requests.get(made["request"])
        if known is None:
            raise Refused("BadCertificateRequestIdInChallenge", "The request id is not known.")
        for kind, code in (("device", "BadDeviceIdInChallenge"), ("user", "BadUserIdInChallenge")):
            if known.get("deleted") == kind or made[kind] != known[kind]:
                raise Refused(code, f"The {kind} id is not known.")
        if known.get("deleted") == "assignment":
            raise Refused("ScepProfileNoLongerTargetedToTheClient", "The profile is not targeted to the client.")

    @staticmethod
    def check_expected(expected, csr):
        subject, sans = expected.get("subject"), expected.get("sans")
        if subject is not None and not csr["subject"]:
            raise Refused("SubjectNameMissing", "The request has no subject.")
        if subject is not None and read_subject(subject) != csr["subject"]:
            raise Refused("SubjectNameMismatch", f"Expected {subject}.")
        if sans and not csr["sans"]:
            raise Refused("SubjectAltNameMissing", "The request has no subject alternative name.")
        if sans is not None and sorted(sans) != sorted(csr["sans"]):
            raise Refused("SubjectAltNameMismatch", f"Expected {', '.join(sans)}.")
        if expected.get("key_usage") is not None and csr["key_usage"] != sorted(expected["key_usage"]):
            raise Refused("KeyUsageMismatch", "The key usage is another.")
        if expected.get("key_length") is not None and csr["key_length"] != expected["key_length"]:
            raise Refused("KeyLengthMismatch", f"Expected {expected['key_length']} bits.")
        if expected.get("ekus") and csr["ekus"] is None:
            raise Refused("EnhancedKeyUsageMissing", "The request has no extended key usage.")
        if expected.get("ekus") is not None and csr["ekus"] != sorted(expected["ekus"]):
            raise Refused("EnhancedKeyUsageMismatch", "The extended key usage is another.")
        if expected.get("registered_keys") == []:
            raise Refused("AadKeyIdentifierListMissing", "The device has no registered key.")
        if expected.get("registered_keys") is not None and csr["key_hash"] not in expected["registered_keys"]:
            raise Refused("RegisteredKeyMismatch", "The key is not a registered one.")

    def note_success(self, note):
        for field in ("certificateThumbprint", "certificateSerialNumber", "certificateExpirationDateUtc",
                      "issuingCertificateAuthority"):
            if not note.get(field):
                return 400, {"error": {"code": "BadRequest", "message": f"{field} is missing."}}
        transaction = note["transactionId"]
        if not re.fullmatch(r"[0-9a-fA-F]{40}", note["certificateThumbprint"]):
            self.violations.append(f"thumbprint of {transaction}")
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", note["certificateExpirationDateUtc"]):
            self.violations.append(f"expiration date of {transaction}")
        if self.validated.get(transaction) != note["certificateRequest"]:
            self.violations.append(f"success of {transaction}, which was not validated")
        earlier = self.reported.setdefault(transaction, note)
        if earlier["certificateSerialNumber"] != note["certificateSerialNumber"]:
            self.violations.append(f"two certificates for {transaction}")
        return self.answer("Success")

    def note_failure(self, note):
        number = note.get("hResult")
        if isinstance(number, bool) or not isinstance(number, int) or not -2**31 <= number < 2**32:
            return 400, {"error": {"code": "BadRequest", "message": "hResult is no integer of 32 bits."}}
        text = note.get("errorDescription", "")
        if not text or len(text) > 255:
            return 400, {"error": {"code": "BadRequest", "message": "errorDescription must have 1 to 255 characters."}}
        return self.answer("Success")

    # -- revocations --

    def download(self, body):
        wanted = body["downloadParameters"]
        most = wanted["maxRequests"]
        if not 1 <= most <= 500:
            return 400, {"error": {"code": "BadRequest", "message": "maxRequests must be from 1 to 500."}}
        page = self.revocations[:most]  # cut before the filter, as the service does
        issuer = wanted.get("issuerName")
        if issuer is not None:  # and the filter looks at another field than its name says
            page = [r for r in page if r["caConfiguration"] == issuer]
        return 200, {"@odata.context": "https://manage.microsoft.com/RACerts/StatelessPkiConnectorService/$metadata#Collection"
                     "(microsoft.management.services.api.caRevocationRequest)", "value": page}

    def upload(self, body):
        known = {r["requestContext"] for r in self.revocations}
        for result in body["results"]:
            code = result["errorCode"]
            is_none = code in ("None", "0")
            if result["requestContext"] not in known or code not in (*RESULT_CODES, *map(str, RESULT_CODES.values())):
                return 200, {"value": False}
            if result["succeeded"] != is_none or (is_none and result.get("errorMessage")):
                return 200, {"value": False}
        done = {r["requestContext"] for r in body["results"]}
        self.revocations = [r for r in self.revocations if r["requestContext"] not in done]
        self.results += body["results"]
        return 200, {"@odata.context": "x", "value": True}

    # -- the test's side --

    def make_challenge(self, wanted):
        request = wanted.get("request") or str(uuid.uuid4())
        now = time.time()
        made = {"tenant": wanted.get("tenant", self.tenant_id), "request": request,
                "device": wanted.get("device", str(uuid.uuid4())), "user": wanted.get("user", str(uuid.uuid4())),
                "profile": wanted.get("profile", "scep"), "not_before": now + wanted.get("starts_in", -60),
                "not_after": now + wanted.get("ends_in", 3600), "expected": wanted.get("expected", {})}
        if not wanted.get("is_unknown"):
            self.requests[request] = {"device": made["device"], "user": made["user"]}
        payload = wanted["payload"].encode() if "payload" in wanted else json.dumps(made).encode()
        sealer = self.challenges
        if wanted.get("signer") == "other":
            sealer = Challenges.__new__(Challenges)
            sealer.signing_key, sealer.signing = self.other_challenges.signing_key, self.other_challenges.signing
            sealer.encryption = self.challenges.encryption
        elif wanted.get("signer") == "forged":
            sealer = Challenges.__new__(Challenges)
            sealer.signing_key, _ = self.other_challenges.signing_key, None
            sealer.signing, sealer.encryption = self.challenges.signing, self.challenges.encryption
            return {"challenge": forge(sealer, payload), "request": request}
        elif wanted.get("recipient") == "other":
            sealer = Challenges.__new__(Challenges)
            sealer.signing_key, sealer.signing = self.challenges.signing_key, self.challenges.signing
            sealer.encryption = self.other_challenges.encryption
            # The same name on the envelope: only the key is another's.
        return {"challenge": sealer.seal(payload), "request": request}

    def control(self, what, body):
        """What a test says."""
        if what == "script":
            self.scripts.append(body)
        elif what == "clear":
            self.scripts = []
        elif what == "set":
            for key, value in body.items():
                assert hasattr(self, key), key
                setattr(self, key, value)
        elif what == "challenge":
            return self.make_challenge(body)
        elif what == "delete":
            self.requests[body["request"]]["deleted"] = body["what"]
        elif what == "expire-tokens":
            self.tokens = {}
        elif what == "revoke":
            self.revocations.append({"requestContext": body.get("context") or base64.b64encode(os.urandom(24)).decode(),
                                     "serialNumber": body["serial"], "issuerName": body.get("issuer"),
                                     "caConfiguration": body.get("configuration")})
        elif what == "state":
            return {"calls": self.calls, "violations": self.violations, "reported": self.reported,
                    "validated": sorted(self.validated), "results": self.results, "revocations": self.revocations}
        elif what == "forget-calls":
            self.calls = []
        else:
            raise ValueError(what)
        return {}

    def scripted(self, call, transaction):
        """The outcome that a test wants for this call; None: the honest one."""
        for script in self.scripts:
            is_meant = call == script["call"] if "call" in script else call in ("validate", "success", "failure")
            if not is_meant or script.get("transaction", transaction) != transaction:
                continue
            if script.get("times") is not None:
                if script["times"] <= 0:
                    continue
                script["times"] -= 1
            return script["outcome"]
        return None


def forge(sealer, payload):
    """A challenge that names the right signer and is signed by another key: the signer's certificate with a foreign key."""
    name = sealer.signing.subject
    now = datetime.datetime.utcnow()
    fake = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(sealer.signing_key.public_key())
            .serial_number(sealer.signing.serial_number).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
            .sign(sealer.signing_key, hashes.SHA256()))
    sealer.signing = fake
    return sealer.seal(payload)


# ---- HTTP ----

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    wbufsize = -1  # head and body in one piece

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.serve(b"")

    def do_POST(self):
        self.serve(self.rfile.read(int(self.headers.get("content-length", 0))))

    @property
    def double(self):
        return self.server.double

    def serve(self, body):
        path = urllib.parse.urlsplit(self.path).path
        if path.startswith("/control/"):
            with self.double.lock:
                self.reply(200, self.double.control(path[len("/control/"):], json.loads(body or b"{}")))
            return
        call, transaction, parsed = self.identify(path, body)
        with self.double.lock:
            record = {"call": call, "transaction": transaction, "path": self.path, "method": self.command, "at": time.time(),
                      "headers": {k.lower(): v for k, v in self.headers.items() if k.lower() != "authorization"},
                      "body": None if call == "token" else parsed, "status": None, "answer": None}
            self.double.calls.append(record)
            outcome = self.double.scripted(call, transaction)
        if outcome is not None and self.play(outcome, record):
            return
        with self.double.lock:
            try:
                status, answer = self.honest(path, call, body, parsed, transaction)
            except (KeyError, TypeError, ValueError) as why:
                message = json.dumps({"_version": 3, "Message": f"An internal error occurred: {why!r}", "CustomApiErrorPhrase": ""},
                                     indent=2).replace("\n", "\r\n")
                status, answer = 500, {"error": {"code": "InternalError", "message": message}}
            record["status"], record["answer"] = status, None if call == "token" else answer
        self.reply(status, answer)

    def identify(self, path, body):
        """Name of the call, its transaction, its JSON."""
        if path.startswith("/login/"):
            return "token", None, None
        if path.startswith("/graph/"):
            return "discovery", None, None
        call = CALLS.get(path.rsplit("/", 1)[-1], "unknown")
        try:
            parsed = json.loads(body)
            inner = parsed.get("request") or parsed.get("notification") or {}
            return call, inner.get("transactionId"), parsed
        except (ValueError, AttributeError):
            return call, None, None

    def honest(self, path, call, body, parsed, transaction):
        double = self.double
        headers = {k.lower(): v for k, v in self.headers.items()}
        if call == "token":
            match = re.fullmatch(r"/login/([^/]+)/oauth2/v2\.0/token", path)
            form = {k: v[0] for k, v in urllib.parse.parse_qs(body.decode(), keep_blank_values=True).items()}
            is_form = headers.get("content-type") == "application/x-www-form-urlencoded"
            return double.token(match.group(1), form) if match and is_form else (404, {"error": "not_found"})
        if call == "discovery":
            is_right = path == f"/graph/v1.0/servicePrincipals/appId={INTUNE_APP}/endpoints" and self.command == "GET"
            return double.discovery(headers) if is_right else (404, {"error": {"code": "Request_ResourceNotFound"}})
        if not path.startswith(f"/{double.unit}/RACerts/") or self.command != "POST" or call == "unknown":
            return 404, {"error": {"code": "NotFound", "message": "There is nothing here."}}
        is_connector = call in ("download", "upload")
        wrong = double.check_headers(headers, "5019-05-05" if is_connector else "2018-02-20")
        if wrong:
            return wrong
        if not headers.get("content-type", "").startswith("application/json"):
            return 415, {"error": {"code": "UnsupportedMediaType", "message": ""}}
        if is_connector:
            return double.download(parsed) if call == "download" else double.upload(parsed)
        return double.action(call, parsed)

    def play(self, outcome, record):
        """A scripted outcome; False: go on honestly after it (a delay)."""
        time.sleep(outcome.get("delay", 0))
        record["scripted"] = outcome
        if "code" in outcome:
            _, answer = self.double.answer(outcome["code"], outcome.get("description", ""))
            record["status"], record["answer"] = 200, answer
            self.reply(200, answer)
        elif "body" in outcome or "status" in outcome:
            record["status"] = outcome.get("status", 200)
            self.reply(record["status"], outcome.get("body", ""), outcome.get("headers", {}))
        elif "nested" in outcome:
            message = json.dumps({"_version": 3, "Message": outcome["nested"], "CustomApiErrorPhrase": ""},
                                 indent=2).replace("\n", "\r\n")
            record["status"] = 500
            self.reply(500, {"error": {"code": "InternalError", "message": message}})
        elif outcome.get("reset"):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            os.close(self.connection.detach())
        elif outcome.get("cut"):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"code\":")
            self.wfile.flush()
            self.close_connection = True
        else:
            return False
        return True

    def reply(self, status, body, headers=None):
        octets = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        headers = dict({"Content-Type": "application/json; odata.metadata=minimal"}, **(headers or {}))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port, context, double):
        super().__init__(("127.0.0.1", port), Handler)
        self.context = context
        self.double = double

    def finish_request(self, request, client_address):
        """In the connection's own thread: a slow handshake holds up nobody."""
        if self.double.is_down:
            request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        try:
            with self.context.wrap_socket(request, server_side=True) as wrapped:
                self.RequestHandlerClass(wrapped, client_address, self)
        except (OSError, ValueError):
            pass

    def handle_error(self, request, client_address):
        pass


def start(port=0, folder=None):
    """(server, what a test must know); the server's thread runs."""
    folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="intune-double-"))
    folder.mkdir(parents=True, exist_ok=True)
    double = Double(folder)
    key, certificate = make_certificate("Intune double", ("127.0.0.1", "localhost"))
    (folder / "ca.pem").write_bytes(pem(certificate))
    (folder / "tls.pem").write_bytes(key_pem(key) + pem(certificate))
    (folder / "assertion.pem").write_bytes(pem(double.assertion))
    (folder / "assertion.key").write_bytes(key_pem(double.assertion_key))
    (folder / "tls.pem").chmod(0o600)
    (folder / "assertion.key").chmod(0o600)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(folder / "tls.pem")
    server = Server(port, context, double)
    double.origin = f"https://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    about = {"origin": double.origin, "folder": str(folder), "ca_file": str(folder / "ca.pem"), "tenant": double.tenant,
             "tenant_id": double.tenant_id, "client_id": double.client_id, "secret": double.secret,
             "authority": double.origin + "/login/", "graph_url": double.origin + "/graph/",
             "resource_url": double.origin + "/manage/", "assertion_certificate": str(folder / "assertion.pem"),
             "assertion_key": str(folder / "assertion.key"), "pid": os.getpid()}
    (folder / "about.json").write_text(json.dumps(about))
    return server, about


def ask(folder, what, body):
    """The double that serves from this folder, over its /control/ paths."""
    about = json.loads((pathlib.Path(folder) / "about.json").read_text())
    context = ssl.create_default_context(cafile=about["ca_file"])
    request = urllib.request.Request(f"{about['origin']}/control/{what}", json.dumps(body).encode())
    with urllib.request.urlopen(request, context=context, timeout=30) as answer:
        return json.load(answer)


def print_calls(calls):
    for call in calls:
        at = time.strftime("%H:%M:%S", time.localtime(call["at"]))
        word = (call["answer"] or {}).get("code", "") if isinstance(call["answer"], dict) else ""
        print(f"{at}  {call['call']:<10} {call['transaction'] or '':<42} {call['status'] or ''} {word}")


def main():
    parser = argparse.ArgumentParser(description="A double of the Intune services for SCEP validation.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--folder")
    parser.add_argument("action", nargs="?", choices=["serve", "challenge", "calls"], default="serve")
    parser.add_argument("subject", nargs="?")
    options = parser.parse_args()
    if options.action == "challenge":
        print(ask(options.folder, "challenge", {"expected": {"subject": options.subject}})["challenge"])
        return
    if options.action == "calls":
        print_calls(ask(options.folder, "state", {})["calls"])
        return
    server, about = start(options.port, options.folder)
    print(json.dumps(about), flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
