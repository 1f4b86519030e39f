"""Arrival confirmed: by the device with its new key, by its management with an account; and everybody else who says so."""

import base64
import datetime
import hashlib
import os
import pathlib
import shutil
import socket
import struct
import tempfile
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

import kurier
import scepmsg
import web


@pytest.fixture(scope="module")
def server():
    path = pathlib.Path(tempfile.mkdtemp(prefix="kurier-test-"))
    path.chmod(0o755)
    made = web.WebServer(path / "home").start()
    yield made
    made.stop()
    shutil.rmtree(path, ignore_errors=True)


def enrolled(server, key, name, path="/scep"):
    """Certificate in DER and the address to confirm at, as a device has them."""
    seen = {}

    def send(message, path):
        status, headers, body = server.post(message, path)
        seen.update(headers)
        return status, headers, body

    rep = server.enrol(key, server.challenge("--device", name, *(["--profile", "routers"] if path != "/scep" else [])),
                       subject=f"CN={name}", send=send, path=path)
    assert rep.status == 0
    return rep.certificate.dump(), seen["kurier-confirm"]


def confirmation(key, certificate, path, at="2026-11-24T09:03:02Z", digest=hashes.SHA256()):
    """docs/api.md: a text of four lines, signed with the new key."""
    number = path.split("/")[4]
    text = f"kurier-confirm-v1\n{number}\n{hashlib.sha256(certificate).hexdigest()}\n{at}".encode()
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(text, padding.PKCS1v15(), digest)
    else:
        signature = key.sign(text, ec.ECDSA(digest))
    return {"certificate": base64.b64encode(certificate).decode(), "installed_at": at,
            "signature": base64.b64encode(signature).decode()}


def post(server, path, value, **kwargs):
    return server.api(path, value, token=None, port=kwargs.pop("port", server.port), **kwargs)


def events(server, name):
    return [e["event"] for e in server.trace(name)[0]["events"]]


def self_signed_der(key, name="other"):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime(2026, 11, 1)
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(7)
            .not_valid_before(now).not_valid_after(now + datetime.timedelta(days=900)).sign(key, hashes.SHA256())
            .public_bytes(serialization.Encoding.DER))


@pytest.mark.sanitized
def test_a_device_confirms_and_says_it_again(server, keys):
    certificate, path = enrolled(server, keys[0], "phone-1")
    assert path == f"/api/v1/deliveries/{server.trace('phone-1')[0]['delivery']}/confirm"
    value = confirmation(keys[0], certificate, path)
    for port in (server.port, server.own, server.port):
        status, headers, answer = post(server, path, value, port=port)
        assert (status, answer) == (200, {"confirmed": True})
    delivery = server.trace("phone-1")[0]
    assert delivery["arrival"] == "confirmed" and delivery["state"] == "answered"
    found = [e for e in delivery["events"] if e["event"] == "confirmed"]
    assert len(found) == 1 and found[0]["step"] == 5
    assert found[0]["detail"] == "by the device, installed at 2026-11-24T09:03:02Z"
    assert "arrival        confirmed" in server.command("trace", "phone-1").stdout
    assert server.command("audit").returncode == 0


def test_only_an_answer_with_a_certificate_says_where(server, keys):
    ra = server.ra()
    for challenge, status in ((None, 2), (server.challenge(), 0)):
        csr = scepmsg.make_csr(keys[1], "CN=where", (), challenge)
        message = scepmsg.pki_message(scepmsg.envelope(csr, [ra]), keys[1], scepmsg.self_signed(keys[1]), nonce=b"n" * 16)
        _, headers, body = server.post(message)
        assert scepmsg.CertRep(body, ra, keys[1]).status == status
        assert ("kurier-confirm" in headers) == (status == 0)
    assert "kurier-confirm" not in kurier.http(server.port, "GET", "/scep?operation=GetCACaps")[1]


@pytest.mark.sanitized
def test_bad_signatures_are_refused(server, keys):
    certificate, path = enrolled(server, keys[2], "signed")
    good = confirmation(keys[2], certificate, path)
    other = path.replace(path.split("/")[4], "17")
    bad = [confirmation(keys[3], certificate, path),                                  # another key
           dict(good, installed_at="2026-11-24T09:03:03Z"),                           # another time
           dict(good, installed_at="2026-11-24T09:03:02+00:00"),                      # the same one, written differently
           dict(good, signature=base64.b64encode(base64.b64decode(good["signature"])[::-1]).decode()),
           dict(good, signature=base64.b64encode(b"x").decode()),
           confirmation(keys[2], certificate, other),                                 # of another delivery
           confirmation(keys[2], certificate, path, digest=hashes.SHA1())]
    for value in bad:
        status, _, answer = post(server, path, value)
        assert (status, answer["code"]) == (403, "KUR-1939"), value
    assert "confirmed" not in events(server, "signed")
    assert post(server, path, good)[0] == 200


@pytest.mark.sanitized
def test_foreign_certificates_and_unknown_deliveries_look_the_same(server, keys):
    certificate, path = enrolled(server, keys[4], "mine")
    theirs, their_path = enrolled(server, keys[5], "theirs")
    answers = []
    elliptic = ec.generate_private_key(ec.SECP256R1())
    own = self_signed_der(elliptic)
    for value, where in ((confirmation(keys[5], theirs, path), path),            # somebody else's certificate
                         (confirmation(keys[4], certificate, their_path), their_path),
                         (confirmation(keys[4], self_signed_der(keys[4]), path), path),  # the right key alone
                         (confirmation(elliptic, own, path), path)):
        answers.append(post(server, where, value))
    for number in ("1", "9007199254740991", "9223372036854775807"):
        where = f"/api/v1/deliveries/{number}/confirm"
        answers.append(post(server, where, confirmation(keys[4], certificate, where)))
    offered = server.order({"device": "offered"})[2]["delivery_id"]              # no certificate yet
    where = f"/api/v1/deliveries/{offered}/confirm"
    answers.append(post(server, where, confirmation(keys[4], certificate, where)))
    assert {(a[0], a[2]["code"], a[2]["what"]) for a in answers} == {(404, "KUR-2051", answers[0][2]["what"])}
    assert "confirmed" not in events(server, "mine") + events(server, "theirs")


@pytest.mark.parametrize("change, status", [
    ({"certificate": None}, 400), ({"certificate": "!"}, 400), ({"certificate": "MAA="}, 400), ({"signature": ""}, 400),
    ({"installed_at": "yesterday"}, 400), ({"installed_at": "2099-01-01T00:00:00Z"}, 400), ({"more": 1}, 400)])
@pytest.mark.sanitized
def test_bodies_of_another_form_are_refused(server, keys, change, status):
    value = dict(confirmation(keys[0], self_signed_der(keys[0]), "/api/v1/deliveries/1/confirm"), **change)
    got, _, answer = post(server, "/api/v1/deliveries/1/confirm", value)
    assert (got, answer["code"]) == (status, "KUR-1935")


def test_other_requests_are_refused(server):
    where = "/api/v1/deliveries/1/confirm"
    for body in ("", "[]", "{", "{}", "x" * 100000, "[" * 90000):
        assert post(server, where, body)[0] == 400
    assert post(server, where, "{}", headers={"Content-Type": "text/plain"})[0] == 415
    assert server.request("GET", where, port=server.port)[0] == 405
    for path in ("/api/v1/deliveries//confirm", "/api/v1/deliveries/x/confirm", "/api/v1/deliveries/1/confirm/x",
                 "/api/v1/deliveries/18446744073709551616/confirm", "/api/v1/deliveries/1"):
        assert post(server, path, "{}")[0] == 404


def test_no_confirmation_by_account_on_a_listener_for_devices(server, keys):
    certificate, path = enrolled(server, keys[6], "managed-1")
    value = {"certificate_sha256": hashlib.sha256(certificate).hexdigest()}
    status, _, answer = server.api(path, value, port=server.port)  # with a token, and without a signature
    assert status == 400
    assert "confirmed" not in events(server, "managed-1")


@pytest.mark.sanitized
def test_management_confirms_for_its_profiles(server, keys):
    certificate, path = enrolled(server, keys[7], "managed-2")
    router, router_path = enrolled(server, keys[8], "managed-3", path="/scep/routers")
    value = {"certificate_sha256": hashlib.sha256(certificate).hexdigest().upper(), "installed_at": "2026-11-24T10:00:00+01:00"}
    assert server.api(path, value, token=None)[0] == 401
    assert server.api(path, value, token="wrong")[0] == 401
    assert server.api(path, {"certificate_sha256": "00" * 32})[0] == 404
    assert server.api(path, {"certificate_sha256": "00" * 31})[0] == 400
    assert server.api(path.replace(path.split("/")[4], "17"), value)[0] == 404
    # An account of other profiles: nothing is there for it.
    assert server.api(path, value, token=None, headers=web.basic("network", web.PASSWORD))[0] == 404
    router_value = {"certificate_sha256": hashlib.sha256(router).hexdigest()}
    assert server.api(router_path, router_value, token=None, headers=web.basic("jamf", web.PASSWORD))[0] == 404
    for _ in range(2):
        assert server.api(path, value)[0] == 200
        assert server.api(router_path, router_value, token=None, headers=web.basic("network", web.PASSWORD))[0] == 200
    found = [e for e in server.trace("managed-2")[0]["events"] if e["event"] == "confirmed"]
    assert [e["detail"] for e in found] == ["by mdm, installed at 2026-11-24T09:00:00Z"]
    assert [e["detail"] for e in server.trace("managed-3")[0]["events"] if e["event"] == "confirmed"] == ["by network"]


def test_what_nobody_confirmed_is_delivered_or_unconfirmed(server, keys):
    certificate, path = enrolled(server, keys[9], "quiet")
    deadline = time.monotonic() + 5
    while server.trace("quiet")[0]["arrival"] != "delivered" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.trace("quiet")[0]["arrival"] == "delivered"
    # One that leaves before it has its answer, and confirms later: another answer may have reached it.
    challenge = server.challenge("--device", "left")
    csr = scepmsg.make_csr(keys[10], "CN=left", (), challenge)
    message = scepmsg.pki_message(scepmsg.envelope(csr, [server.ra()]), keys[10], scepmsg.self_signed(keys[10]), nonce=b"n" * 16)
    raw = socket.create_connection(("127.0.0.1", server.port))
    raw.sendall(b"POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(message) + message)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.close()
    deadline = time.monotonic() + 5
    while server.trace("left")[0]["arrival"] is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.trace("left")[0]["arrival"] == "unconfirmed"
    assert "arrival        unconfirmed" in server.command("trace", "left").stdout


@pytest.mark.sanitized
def test_kurier_enroll_confirms_and_never_fails_for_it(server, folder):
    def enroll(name, *args):
        return kurier.run("enroll", server.url(), "--challenge", server.challenge("--device", name), "--subject", f"CN={name}",
                          "--trust-on-first-use", "--out", str(folder / name), *args)

    done = enroll("cli-1")
    assert done.returncode == 0 and "confirmed: " in done.stdout
    assert server.trace("cli-1")[0]["arrival"] == "confirmed"
    assert not (folder / "cli-1" / "confirm").exists()
    done = enroll("cli-2", "--no-confirm")
    assert done.returncode == 0 and "confirmed: " not in done.stdout and not (folder / "cli-2" / "confirm").exists()
    assert "confirmed" not in events(server, "cli-2")
    # A renewal is a delivery of its own.
    done = kurier.run("enroll", server.url(), "--renew", "--subject", "CN=cli-1", "--out", str(folder / "cli-1"))
    assert done.returncode == 0 and "confirmed: " in done.stdout
    assert [d["arrival"] for d in server.trace("CN=cli-1")] == ["confirmed", "confirmed"]


class Between:
    """Between a device and the server: passes everything on, and drops confirmations while it is told to."""

    def __init__(self, port, header=None):
        self.port, self.header, self.is_dropping = port, header, True
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.own = self.socket.getsockname()[1]
        self.asked = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.handle, args=(client,), daemon=True).start()

    def handle(self, client):
        with client:
            data = b""
            while b"\r\n\r\n" not in data:
                piece = client.recv(65536)
                if not piece:
                    return
                data += piece
            head, _, body = data.partition(b"\r\n\r\n")
            fields = {f.split(b":")[0].lower(): f.split(b":", 1)[1].strip() for f in head.split(b"\r\n")[1:]}
            if b"100-continue" in fields.get(b"expect", b""):
                client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            while len(body) < int(fields.get(b"content-length", 0)):
                body += client.recv(65536)
            method, target = head.split()[:2]
            self.asked.append(target.decode())
            if b"/api/" in target and self.is_dropping:
                return
            status, headers, answer = kurier.http(self.port, method.decode(), target.decode(), body,
                                                  headers=[f"Content-Type: {fields.get(b'content-type', b'x').decode()}"])
            confirm = self.header if self.header is not None else headers.get("kurier-confirm")
            lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(answer)}", f"Content-Type: {headers['content-type']}",
                     "Connection: close"] + ([f"Kurier-Confirm: {confirm}"] if confirm else [])
            client.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + answer)


def test_a_confirmation_that_cannot_be_sent_is_sent_by_the_next_run(server, folder):
    between = Between(server.port)
    url = f"http://127.0.0.1:{between.own}/scep"

    def enroll():
        return kurier.run("enroll", url, "--challenge", challenge, "--subject", "CN=later", "--trust-on-first-use", "--out",
                          str(folder / "later"))

    challenge = server.challenge("--device", "later")
    done = enroll()
    assert done.returncode == 0 and "could not be confirmed" in done.stdout
    assert (folder / "later" / "confirm").exists() and server.trace("later")[0]["arrival"] == "delivered"
    between.is_dropping = False
    done = enroll()
    assert done.returncode == 0 and "already enrolled" in done.stdout and "confirmed: " in done.stdout
    assert not (folder / "later" / "confirm").exists() and server.trace("later")[0]["arrival"] == "confirmed"
    between.socket.close()


@pytest.mark.parametrize("header", ["http://evil.example/api/v1/deliveries/1/confirm", "//evil.example/api/v1/deliveries/1/confirm",
                                    "/api/v1/deliveries/1/confirm?x", "/api/v1/deliveries/../1/confirm", "/other", "confirm",
                                    "/api/v1/deliveries/1/confirm/", "/api/v1/deliveries/1%2f/confirm"])
def test_a_device_confirms_at_the_origin_and_nowhere_else(server, folder, header):
    between = Between(server.port, header)
    name = f"odd-{abs(hash(header)) % 10**6}"
    done = kurier.run("enroll", f"http://127.0.0.1:{between.own}/scep", "--challenge", server.challenge("--device", name),
                      "--subject", f"CN={name}", "--trust-on-first-use", "--out", str(folder / "d"))
    assert done.returncode == 0 and "confirm" not in done.stdout
    assert not [t for t in between.asked if "/scep" not in t]
    between.socket.close()


def test_a_ledger_that_dies_costs_no_confirmation(server, keys):
    certificate, path = enrolled(server, keys[11], "killed")
    value = confirmation(keys[11], certificate, path)
    os.kill(server.role_pids()["kurier-ledger"], 9)
    deadline = time.monotonic() + 15
    status, headers, _ = post(server, path, value)
    while status != 200 and time.monotonic() < deadline:
        assert status == 503 and int(headers["retry-after"]) >= 1
        time.sleep(0.2)
        status, headers, _ = post(server, path, value)
    assert status == 200
    assert events(server, "killed").count("confirmed") == 1
