"""kurier check: servers of every kind, well and unwell, and what is said of them."""

import datetime
import http.server
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import foreign
import kurier


def check(url, *more):
    done = kurier.run("check", url, "--json", *more)
    assert done.returncode in (0, 1), done.stderr
    answer = json.loads(done.stdout)
    assert (answer["failures"] > 0) == (done.returncode == 1)
    return answer


def outcomes(answer, name):
    return [c["outcome"] for c in answer["checks"] if c["check"] == name]


def one(answer, name):
    found, = [c for c in answer["checks"] if c["check"] == name]
    return found


class Site:
    """An HTTP server that answers everything alike."""

    def __init__(self, status=200, kind="text/html", body=b"<html>hello</html>", headers=(), context=None):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                for name, value in headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *arguments):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context:
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.http.server_port}/scep"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *arguments):
        self.http.shutdown()
        self.http.server_close()


def test_kurier_itself_is_well(shared):
    fingerprint = next(c for c in shared.ca_certificates() if c.ca).sha256.hex()
    before = len(shared.certificates())
    answer = check(shared.url(), "--ca-fingerprint", fingerprint)
    assert (answer["failures"], answer["warnings"]) == (0, 0), answer
    assert answer["ok"] >= 15 and len(shared.certificates()) == before
    assert one(answer, "refusal")["text"].startswith("an invalid request gets a signed FAILURE")


def test_a_wrong_fingerprint(shared):
    answer = check(shared.url(), "--ca-fingerprint", "ab" * 32)
    assert one(answer, "fingerprint")["cause"] == "ca-thumbprint-mismatch"


def test_text_for_people(shared):
    done = kurier.run("check", shared.url())
    assert "checks are well" in done.stdout and done.returncode == 0


def test_a_closed_port():
    answer = check(f"http://127.0.0.1:{kurier.free_port()}/scep")
    assert one(answer, "reachable")["cause"] == "connect-failure"


def test_a_name_that_is_none():
    answer = check("http://nobody.invalid/scep")
    assert one(answer, "reachable")["cause"] in ("dns-failure", "connect-failure")


def test_a_server_that_hangs():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        begun = time.monotonic()
        answer = check(f"http://127.0.0.1:{listener.getsockname()[1]}/scep")
        assert one(answer, "reachable")["cause"] == "connect-timeout" and time.monotonic() - begun < 20


def test_a_web_page_instead_of_scep():
    with Site() as site:
        answer = check(site.url)
    assert outcomes(answer, "GetCACaps") == ["failure"] and outcomes(answer, "GetCACert") == ["failure"]
    assert one(answer, "GetCACaps")["cause"] == "http-200-no-scep-information"


@pytest.mark.parametrize("status,cause", [(403, "http-403"), (404, "http-404"), (500, "http-500"), (503, "http-503"), (401, "http-401")])
def test_a_status_is_told_with_its_cause(status, cause):
    with Site(status) as site:
        assert one(check(site.url), "GetCACaps")["cause"] == cause


def test_a_redirect_is_told():
    with Site(301, headers=[("Location", "https://elsewhere.example/")]) as site:
        assert "elsewhere.example" in one(check(site.url), "GetCACaps")["text"]


def test_something_that_is_not_http():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def serve():
            for _ in range(3):
                try:
                    peer, _ = listener.accept()
                    peer.recv(100)
                    peer.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
                    peer.close()
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        assert outcomes(check(f"http://127.0.0.1:{listener.getsockname()[1]}/scep"), "reachable") == ["failure"]


def test_an_expired_tls_certificate(folder):
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
                   .not_valid_before(now - datetime.timedelta(days=30)).not_valid_after(now - datetime.timedelta(days=3)).sign(key, hashes.SHA256()))
    path = folder / "tls.pem"
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
                     + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with Site(200, "text/plain", b"AES\nSHA-256", context=context) as site:
        answer = check(site.url)
    tls = one(answer, "tls")
    assert (tls["outcome"], tls["cause"]) == ("failure", "tls-cert-date") and "3 days" in tls["text"]


def test_sparse_capabilities_are_explained():
    server = foreign.ForeignServer()
    server.caps = (200, "text/html", b"SHA-1\n")
    answer = check(server.url)
    server.close()
    assert outcomes(answer, "GetCACaps") == ["warning"] and outcomes(answer, "ciphers") == ["failure"]
    assert outcomes(answer, "post") == ["warning"] and outcomes(answer, "renewal") == ["warning"]


def test_unfit_certificates_are_explained():
    server = foreign.ForeignServer()
    server.ra = foreign.certificate("Foreign RA", server.ra_key, "Foreign CA", server.ca_key, begin=-20, end=-1)
    assert "failure" in outcomes(check(server.url), "certificate")
    server.ra = foreign.certificate("Foreign RA", server.ra_key, "Foreign CA", server.ca_key, usages=("digital_signature",))
    assert one(check(server.url), "recipient")["cause"] == "ra-cert-key-usage-missing"
    stranger = rsa.generate_private_key(65537, 2048)
    server.ra = foreign.certificate("Foreign RA", server.ra_key, "Another CA", stranger)
    assert outcomes(check(server.url), "chain") == ["warning"]
    server.close()


def test_a_server_that_certifies_anything():
    server = foreign.ForeignServer()
    assert one(check(server.url), "refusal")["outcome"] == "failure"
    server.close()


def test_the_administrators_page(shared):
    assert outcomes(check(f"http://127.0.0.1:{shared.port}/certsrv/mscep_admin/mscep.dll"), "url") == ["failure"]


@pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace needs root")
@pytest.mark.skipif(shutil.which("scepserver") is None, reason="scepserver is not installed")
def test_debians_scepserver(folder):
    subprocess.run(["scepserver", "ca", "-init", "-keySize", "2048"], cwd=folder, check=True, capture_output=True)
    script = (f"ip link set lo up; scepserver -port 8080 -depot depot -challenge secret >log 2>&1 & P=$!; sleep 1; "
              f"{kurier.PROGRAM} check http://127.0.0.1:8080/scep --json; kill $P")
    done = subprocess.run(["unshare", "--net", "sh", "-c", script], cwd=folder, capture_output=True, text=True, timeout=60)
    answer = json.loads(done.stdout)
    assert one(answer, "recipient")["outcome"] in ("warning", "failure")
    assert pathlib.Path(folder / "log").exists()


def test_what_a_device_has_installed(shared, folder):
    fingerprint = next(c for c in shared.ca_certificates() if c.ca).sha256.hex()
    out = folder / "device"
    assert kurier.run("enroll", shared.url(), "--challenge", shared.challenge(), "--subject", "CN=store", "--out", str(out),
                      "--ca-fingerprint", fingerprint).returncode == 0
    assert kurier.run("check", "--store", str(out)).returncode == 0
    (out / "root.pem").unlink()
    other = rsa.generate_private_key(65537, 2048)
    (out / "key.pem").write_bytes(other.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    answer = json.loads(kurier.run("check", "--store", str(out), "--json").stdout)
    assert one(answer, "root")["outcome"] == "failure" and one(answer, "belongs-together")["outcome"] == "failure"
    assert one(answer, "valid-now")["outcome"] == "ok"
    assert kurier.run("check", "--store", str(folder / "nothing")).returncode == 1
    assert kurier.run("check").returncode == 2
