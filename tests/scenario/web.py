"""Kurier on addresses of its configuration: TLS, administration; and the clients that a test needs for them."""

import base64
import datetime
import http.client
import ipaddress
import json
import re
import signal
import ssl
import subprocess
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import kurier

PASSWORD = "correct horse battery staple"
TOKEN = json.loads(kurier.run("account", "token", "--json").stdout)
PASSWORD_HASH = subprocess.run([kurier.PROGRAM, "account", "hash"], input=PASSWORD + "\n", capture_output=True, text=True,
                               check=True).stdout.strip()
# What device managers do with NDES's page.
SCRAPER = re.compile(r"(?i)The enrollment challenge password is: <B> (\S*)")


def make_certificate(folder, name="tls", days=365, password=None, host="localhost"):
    """A self-signed certificate for localhost and its key: NAME.crt, NAME.key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    names = [x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
                   .not_valid_after(now + datetime.timedelta(days=days))
                   .add_extension(x509.SubjectAlternativeName(names), False).sign(key, hashes.SHA256()))
    hidden = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(key.private_bytes(serialization.Encoding.PEM,
                                                           serialization.PrivateFormat.PKCS8, hidden))
    return certificate


class WebServer(kurier.Server):
    """Devices on a plain address, on one with the own certificate and on one with files; administration on TLS and on
    loopback. `more` is appended to the configuration."""

    def __init__(self, home, more="", accounts="", profiles="", init=("--ca-key", "rsa:2048"), **kwargs):
        super().__init__(home, init=init, **kwargs)
        self.own, self.files, self.admin, self.local = (kurier.free_port() for _ in range(4))
        make_certificate(self.home)
        self.more, self.accounts, self.profiles = more, accounts, profiles
        self.write()

    def write(self):
        self.config_path.write_text(f"""
listen:
  - 127.0.0.1:{self.port}
  - address: 127.0.0.1:{self.own}
    tls: own
    names: [localhost, 127.0.0.1]
  - address: 127.0.0.1:{self.files}
    tls: files
    certificate: tls.crt
    key: {self.home}/tls.key
  - address: 127.0.0.1:{self.admin}
    purposes: [admin]
    tls: own
    names: [localhost, 127.0.0.1]
  - address: 127.0.0.1:{self.local}
    purposes: [admin]
endpoints:
  default:
    profiles: [default, routers]
profiles:
  default:
  routers:
{self.profiles}
accounts:
  jamf:
    password: {PASSWORD_HASH}
  mdm:
    token: {TOKEN["hash"]}
    profiles: [default, routers]
  network:
    password: {PASSWORD_HASH}
    profiles: [routers]
{self.accounts}
{self.more}
""")

    def start(self):
        self.log_path = self.home.parent / (self.home.name + ".log")
        log = open(self.log_path, "ab")
        offset = self.log_path.stat().st_size
        self.process = subprocess.Popen([kurier.PROGRAM, "serve", "--home", str(self.home)], stdout=log, stderr=log,
                                        stdin=subprocess.DEVNULL, env=self.environment)
        log.close()
        self.wait_for("event=ready ", offset)
        return self

    def wait_for(self, text, offset=0, timeout=20 * kurier.SLOWER):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            found = self.log_path.read_bytes()[offset:].decode(errors="replace")
            if text in found:
                return found
            assert self.process.poll() is None, found
            time.sleep(0.02)
        raise AssertionError(f"no {text}: " + self.log())

    def reload(self, expect="event=reloaded"):
        offset = self.log_path.stat().st_size
        self.process.send_signal(signal.SIGHUP)
        return self.wait_for(expect, offset)

    @property
    def ca_file(self):
        return str(self.home / "signer" / "ca-default.crt")

    def context(self, port=None):
        ca = str(self.home / "tls.crt") if port == self.files else self.ca_file
        return ssl.create_default_context(cafile=ca)

    def request(self, method, path, body=None, headers=None, port=None, source=None):
        """One request: status, headers, body."""
        port = port or self.admin
        if port in (self.port, self.local):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30 * kurier.SLOWER)
        else:
            connection = http.client.HTTPSConnection("localhost", port, timeout=30 * kurier.SLOWER, context=self.context(port))
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def page(self, account="jamf", password=PASSWORD, path="/certsrv/mscep_admin/", **kwargs):
        headers = dict(kwargs.pop("headers", {}), **basic(account, password))
        return self.request("GET", path, headers=headers, **kwargs)

    def api(self, path, value, token=TOKEN["token"], headers=None, **kwargs):
        """POST of JSON with a token: status, headers, JSON."""
        wanted = {"Content-Type": "application/json"}
        if token is not None:
            wanted["Authorization"] = f"Bearer {token}"
        body = value if isinstance(value, (bytes, str)) else json.dumps(value)
        status, found, answer = self.request("POST", path, body, dict(wanted, **(headers or {})), **kwargs)
        return status, found, json.loads(answer) if found.get("content-type") == "application/json" else answer

    def order(self, value, **kwargs):
        return self.api("/api/v1/challenges", value, **kwargs)

    def scrape(self, **kwargs):
        status, headers, body = self.page(**kwargs)
        assert status == 200, (status, body)
        return SCRAPER.search(decode(body)).group(1)


def basic(account, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{account}:{password}".encode()).decode()}


def decode(body):
    """As device managers do it: UTF-16 when it begins like UTF-16."""
    return body.decode("utf-16-le") if body[:2] == b"<\0" else body.decode("utf-8")
