"""Kurier as a test uses it: a home, a server, commands; and HTTP as devices write it."""

import base64
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.parse

from asn1crypto import cms, x509 as ax509

import scepmsg

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("KURIER_BUILD", ROOT / "build" / "gcc"))
PROGRAM = str(BUILD / "kurier")
# How many times longer a sanitizer's build may take where a test waits for something.
SLOWER = 5 if BUILD.name in ("sanitizers", "threads") else 1


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run(*args, **kwargs):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=60 * SLOWER, **kwargs)


class Server:
    """A home and the server on it. End only what was started here."""

    def __init__(self, home, init=(), config=None, environment=None):
        self.home = pathlib.Path(home)
        self.port = free_port()
        self.process = None
        self.environment = dict(os.environ, **(environment or {}))
        made = run("init", "--home", str(home), *init)
        assert made.returncode == 0, made.stderr
        self.init_output = made.stdout
        if config:
            self.configure(config)

    @property
    def config_path(self):
        return self.home / "kurier.yaml"

    def configure(self, change):
        """change: a function from the file's text to the new text."""
        self.config_path.write_text(change(self.config_path.read_text()))

    def start(self, wrap=(), ready_s=20 * SLOWER):
        """wrap: a command that runs the server, and ready_s seconds of patience with it."""
        self.log_path = self.home.parent / (self.home.name + ".log")
        log = open(self.log_path, "ab")
        offset = self.log_path.stat().st_size
        self.process = subprocess.Popen([*wrap, PROGRAM, "serve", "--home", str(self.home), "--listen", f"127.0.0.1:{self.port}"],
                                        stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment)
        log.close()
        deadline = time.monotonic() + ready_s
        while time.monotonic() < deadline:
            text = self.log_path.read_bytes()[offset:]
            if b"event=ready " in text:
                return self
            assert self.process.poll() is None, text.decode()
            time.sleep(0.02)
        raise AssertionError("not ready: " + self.log())

    def stop(self, seconds=40 * SLOWER):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            status = self.process.wait(timeout=seconds)
            self.process = None
            assert status == 0, self.log()
            self.check_log()

    def check_log(self):
        """What a sanitizer says of a role is in the server's log."""
        found = [line for line in self.log().splitlines() if "Sanitizer" in line or "runtime error:" in line]
        assert found == [], "\n".join(found[:20])

    def kill(self):
        """What is left, without a word."""
        if self.process is not None:
            for pid in self.role_pids().values():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.kill()
            self.process.wait()
            self.process = None
            self.check_log()

    def log(self):
        return self.log_path.read_text(errors="replace")

    def role_pids(self):
        """Name to pid of the supervisor's children."""
        found = {}
        for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                text = path.read_text()
            except OSError:
                continue
            name = text[text.index("(") + 1:text.rindex(")")]
            parent = int(text[text.rindex(")") + 2:].split()[1])
            if parent == self.process.pid and name.startswith("kurier-"):
                found[name] = int(path.parent.name)
        return found

    def command(self, *args, check=True):
        done = run(*args, "--home", str(self.home))
        if check:
            assert done.returncode == 0, (args, done.stdout, done.stderr)
        return done

    def json_lines(self, *args):
        return [json.loads(line) for line in self.command(*args, "--json").stdout.splitlines()]

    def challenge(self, *args):
        return self.command("challenge", "new", *args).stdout.strip()

    def certificates(self):
        return self.json_lines("cert", "list")

    def trace(self, what):
        return json.loads(run("trace", what, "--home", str(self.home), "--json").stdout)["deliveries"]

    def url(self, path="/scep"):
        return f"http://127.0.0.1:{self.port}{path}"

    def ca_certificates(self, path="/scep"):
        """RA first, then the CA and what is above it."""
        status, headers, body = http(self.port, "GET", path + "?operation=GetCACert&message=x")
        assert status == 200 and headers["content-type"] == "application/x-x509-ca-ra-cert"
        return [c.chosen for c in cms.ContentInfo.load(body)["content"]["certificates"]]

    def ra(self):
        return self.ca_certificates()[0]

    def post(self, message, path="/scep"):
        return http(self.port, "POST", path + "?operation=PKIOperation", message)

    def get(self, message, path="/scep", escape="full"):
        text = base64.b64encode(message).decode()
        if escape == "full":
            text = urllib.parse.quote(text, safe="")
        elif escape == "apple":  # only '=' is escaped; '+' and '/' arrive raw
            text = text.replace("=", "%3D")
        elif escape == "lines":
            text = "%0A".join(urllib.parse.quote(text[i:i + 64], safe="") for i in range(0, len(text), 64)) + "%0A"
        elif escape == "url":
            text = text.replace("+", "-").replace("/", "_").rstrip("=")
        elif escape == "twice":
            text = urllib.parse.quote(urllib.parse.quote(text, safe=""), safe="")
        return http(self.port, "GET", f"{path}?operation=PKIOperation&message={text}")

    def enrol(self, key, challenge=None, subject="CN=device", sans=(), cipher="aes128_cbc", digest="sha256", form=None,
              send=None, signer=None, signer_key=None, message_type=19, transaction_id="1", nonce=None, oaep=False,
              recipients=None, csr=None, path="/scep", **message):
        """One enrolment by the independent builder; returns the CertRep."""
        ra = self.ra()
        nonce = os.urandom(16) if nonce is None else nonce
        csr = csr or scepmsg.make_csr(key, subject, sans, challenge, digest="sha256")
        content = scepmsg.envelope(csr, recipients or [ra], cipher, oaep)
        if form is not None:
            content = form(content)
        signer_key = signer_key or key
        signer = signer or scepmsg.self_signed(signer_key)
        der = scepmsg.pki_message(content, signer_key, signer, message_type, transaction_id, nonce, digest, **message)
        if form is not None:
            der = form(der)
        status, headers, body = (send or self.post)(der, path)
        assert status == 200, (status, body)
        assert headers["content-type"] == "application/x-pki-message"
        rep = scepmsg.CertRep(body, ra, signer_key)
        assert rep.recipient_nonce == nonce
        assert rep.transaction_id == transaction_id
        assert rep.status != 0 or rep.recipient == (signer.issuer.dump(), signer.serial_number)
        return rep


def http(port, method, target, body=b"", version="1.1", headers=(), raw=None):
    """One request on a connection of its own: status, headers, body."""
    with socket.create_connection(("127.0.0.1", port), timeout=30 * SLOWER) as s:
        lines = [f"{method} {target} HTTP/{version}"]
        if version == "1.1":
            lines += ["Host: 127.0.0.1", "Connection: close"]
        if method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        lines += headers
        s.sendall(raw if raw is not None else ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body)
        data = b""
        while True:
            piece = s.recv(65536)
            if not piece:
                break
            data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *fields = head.decode("latin-1").split("\r\n")
    found = {k.lower(): v.strip() for k, v in (f.split(":", 1) for f in fields)}
    assert int(found.get("content-length", len(rest))) == len(rest) or method == "HEAD"
    return int(first.split()[1]), found, rest


def load(pem_path):
    from asn1crypto import pem
    return ax509.Certificate.load(pem.unarmor(pathlib.Path(pem_path).read_bytes())[2])


def with_approval(text):
    assert "approval: no" in text
    return text.replace("approval: no", "approval: yes")
