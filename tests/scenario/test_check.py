"""kurier check: servers of every kind, well and unwell, and what is said of them."""

import datetime
import http.server
import json
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import foreign
import kurier
from checking import Site, check, one, outcomes, self_signed_tls


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
    context = self_signed_tls(folder, -30, -3)
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


# ---- with a challenge: for real -------------------------------------------------------------------------------------


def test_a_real_enrolment(shared):
    before = len(shared.certificates())
    answer = check(shared.url(), "--challenge", shared.challenge(), "--subject", "CN=probe,O=Example")
    assert answer["failures"] == 0, answer
    assert one(answer, "enrolment")["text"].startswith("a certificate after ")
    assert "CN=probe" in one(answer, "issued")["text"]
    assert len(shared.certificates()) == before + 1 and any("CN=probe" in c["subject"] for c in shared.certificates())


def test_a_real_enrolment_that_is_refused(shared):
    answer = check(shared.url(), "--challenge", "WRONG")
    line = one(answer, "enrolment")
    assert line["outcome"] == "failure" and line["cause"] == "scep-fail-badrequest" and "[KUR-1403]" in line["text"]
    answer = check(shared.url("/certsrv/mscep/mscep.dll"), "--challenge", "WRONG")
    assert "HRESULT" in one(answer, "enrolment")["text"]


def test_a_real_enrolment_that_waits(make_server):
    server = make_server(init=["--ca-key", "rsa:2048"], config=lambda t: t.replace("approval: no", "approval: yes")).start()
    line = one(check(server.url(), "--challenge", server.challenge()), "enrolment")
    assert (line["outcome"], line["cause"]) == ("warning", "ca-pending")


def through(server, change):
    """A server that changes what Kurier answers: change(path, body, kind) -> (status, body, kind)."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self, data=None):
            request = urllib.request.Request(f"http://127.0.0.1:{server.port}{self.path}", data=data)
            try:
                with urllib.request.urlopen(request) as found:
                    status, body, kind = 200, found.read(), found.headers["Content-Type"]
            except urllib.error.HTTPError as error:
                status, body, kind = error.code, b"", "text/plain"
            status, body, kind = change(self.path, status, body, kind)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            self.answer()

        def do_POST(self):
            self.answer(self.rfile.read(int(self.headers["Content-Length"])))

        def log_message(self, *arguments):
            pass

    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    return site, f"http://127.0.0.1:{site.server_port}/scep"


def test_a_real_enrolment_without_post(shared):
    """A server that offers GET alone is asked by GET."""
    asked = []

    def change(path, status, body, kind):
        asked.append("PKIOperation&message=" in path)
        return status, b"AES\nSHA-256\nRenewal" if "GetCACaps" in path else body, kind

    site, url = through(shared, change)
    answer = check(url, "--challenge", shared.challenge())
    assert one(answer, "enrolment")["outcome"] == "ok", answer
    assert one(answer, "refusal")["outcome"] == "ok" and asked.count(True) == 2
    site.shutdown()
    site.server_close()


@pytest.mark.parametrize("status,kind,has_body,outcome", [(200, "application/x-x509-next-ca-cert", True, "ok"), (404, "text/plain", False, "warning"),
                                                          (200, "text/html", False, "warning")])
def test_the_next_ca_certificate(shared, status, kind, has_body, outcome):
    p7 = kurier.http(shared.port, "GET", "/scep?operation=GetCACert")[2]

    def change(path, old_status, body, old_kind):
        if "GetCACaps" in path:
            return 200, body + b"\nGetNextCACert", old_kind
        if "GetNextCACert" in path:
            return status, p7 if has_body else b"<html>", kind
        return old_status, body, old_kind

    site, url = through(shared, change)
    assert one(check(url), "next-ca")["outcome"] == outcome
    site.shutdown()
    site.server_close()


@pytest.mark.parametrize("answer,outcome,words", [
    (lambda body: (500, b"", "text/plain"), "warning", "HTTP 500"),
    (lambda body: (200, b"<html>login</html>", "text/html"), "failure", "no CertRep"),
    (lambda body: (200, body[:-1], "application/x-pki-message"), "failure", "no CertRep"),
])
def test_answers_to_an_invalid_request(shared, answer, outcome, words):
    site, url = through(shared, lambda path, status, body, kind: answer(body) if "PKIOperation" in path else (status, body, kind))
    line = one(check(url, "--challenge", shared.challenge()), "refusal")
    assert line["outcome"] == outcome and words in line["text"], line
    site.shutdown()
    site.server_close()


def test_an_answer_that_nobody_would_believe(shared):
    def change(path, status, body, kind):
        return status, body[:-3] + bytes([body[-3] ^ 1]) + body[-2:] if "PKIOperation" in path else body, kind

    site, url = through(shared, change)
    line = one(check(url, "--challenge", shared.challenge()), "enrolment")
    assert line["outcome"] == "failure" and "not believed" in line["text"]
    site.shutdown()
    site.server_close()


# ---- a Windows device's stores --------------------------------------------------------------------------------------

ROOT = """Root "Trusted Root Certification Authorities"
================ Certificate 0 ================
Serial Number: 1f2e3d
Issuer: CN=Example Root CA, DC=example, DC=org
 NotBefore: 1/2/2020 8:00 AM
 NotAfter: {until}
Subject: CN=Example Root CA, DC=example, DC=org
Signature matches Public Key
Root Certificate: Subject matches Issuer
Cert Hash(sha1): 00112233445566778899aabbccddeeff00112233
No key provider information
Cannot find the certificate and private key for decryption.
CertUtil: -store command completed successfully.
"""
MY = """My "Personal"
================ Certificate 0 ================
Serial Number: 6800000009
Issuer: CN=Example Root CA, DC=example, DC=org
 NotBefore: {since}
 NotAfter: {until}
Subject: CN=laptop-1
Non-root Certificate
Cert Hash(sha1): 7d3a3c1b2f4e5d6c7b8a99887766554433221100
  Key Container = te-1234
  Provider = Microsoft Software Key Storage Provider
{key}
CertUtil: -store command completed successfully.
"""
MEIN = """My "Eigene Zertifikate"
================ Zertifikat 0 ================
Seriennummer: 6800000009
Aussteller: CN=Example Root CA, DC=example, DC=org
 Nicht vor: 05.03.2020 08:10
 Nicht nach: 13.12.2049 08:20
Antragsteller: CN=laptop-1
Kein Stammzertifikat
Zertifikathash(sha1): 7d3a3c1b2f4e5d6c7b8a99887766554433221100
  Schl\u00fcsselcontainer = te-1234
  Anbieter = Microsoft Software Key Storage Provider
Verschl\u00fcsselungstest wurde durchgef\u00fchrt
"""
WELL = dict(since="3/5/2020 8:10 AM", until="12/13/2049 8:20 AM", key="Encryption test passed")


def stores(folder, my, root=ROOT.format(until="12/31/2049 8:00 AM"), encoding="utf-8"):
    arguments = []
    for name, text in (("my.txt", my), ("root.txt", root)):
        if text is not None:
            (folder / name).write_bytes(text.replace("\n", "\r\n").encode(encoding))
            arguments += ["--store", str(folder / name)]
    done = kurier.run("check", *arguments, "--json")
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("my", [MY.format(**WELL), MEIN])
def test_certutil_of_a_device_that_is_well(folder, my, encoding):
    answer = stores(folder, my, encoding=encoding)
    assert (answer["failures"], answer["warnings"]) == (0, 0), answer
    assert {c["check"] for c in answer["checks"]} == {"certificate", "issuer", "root", "key", "valid"}


@pytest.mark.parametrize("change,check_name,outcome,cause", [
    (dict(until="3/5/2021 8:20 AM"), "valid", "failure", "cert-expired"),
    (dict(since="3/5/2048 8:20 AM"), "valid", "failure", "scep-fail-badtime"),
    (dict(until="2049-12-13 08:20"), "valid", "ok", None),
    (dict(until="whenever"), "valid", "warning", None),
    (dict(key="Missing stored keyset"), "key", "failure", "key-set-missing"),
    (dict(key=""), "key", "warning", None),
])
def test_certutil_of_a_device_that_is_not(folder, change, check_name, outcome, cause):
    line = one(stores(folder, MY.format(**{**WELL, **change})), check_name)
    assert (line["outcome"], line["cause"]) == (outcome, cause), line


def test_certutil_where_day_and_month_are_open(folder):
    now = datetime.date.today()
    soon = now.replace(day=5, month=now.month) if now.month != 5 else now.replace(day=6)
    year = now.year
    open_date = f"{soon.month}/{soon.day}/{year} 8:00 AM"
    line = one(stores(folder, MY.format(**{**WELL, "until": open_date})), "valid")
    assert line["outcome"] in ("warning", "failure", "ok")
    both = [datetime.date(year, soon.month, soon.day), datetime.date(year, soon.day, soon.month)]
    assert (line["outcome"] == "warning") == ((both[0] < now) != (both[1] < now))


def test_certutil_without_the_root_and_without_a_certificate(folder):
    assert one(stores(folder, MY.format(**WELL), root=None), "issuer")["cause"] == "chain-incomplete"
    other = ROOT.format(until="12/31/2049 8:00 AM").replace("Example Root CA", "Another CA")
    assert one(stores(folder, MY.format(**WELL), root=other), "issuer")["outcome"] == "failure"
    answer = stores(folder, None)
    assert one(answer, "certificate")["outcome"] == "failure"


def test_certutil_through_an_intermediate(folder):
    between = MY.format(**WELL).replace("CN=laptop-1", "CN=Issuing CA").replace("6800000009", "77")
    leaf = MY.format(**WELL).replace("Issuer: CN=Example Root CA, DC=example, DC=org", "Issuer: CN=Issuing CA")
    answer = stores(folder, leaf + between)
    assert answer["failures"] == 0 and one(answer, "root")["outcome"] == "ok"
    assert one(stores(folder, leaf + between, root=None), "root")["cause"] == "untrusted-root"


def test_what_is_no_certutil(folder):
    (folder / "x.txt").write_text("nothing\n")
    assert kurier.run("check", "--store", str(folder / "x.txt")).returncode == 3
    assert kurier.run("check", "--store", str(folder / "missing.txt")).returncode == 1
    draw = os.urandom(20000)
    (folder / "x.txt").write_bytes(b"======= Certificate 0 ======\n" * 2000 + draw)
    assert kurier.run("check", "--store", str(folder / "x.txt")).returncode in (0, 1, 3)
