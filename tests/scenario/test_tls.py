"""HTTPS: what is agreed to, certificates of our own and of files, their change under load, connections that misbehave."""

import concurrent.futures
import hashlib
import os
import pathlib
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

import pytest

import kurier
import web

CAPABILITIES = "/scep?operation=GetCACaps"


@pytest.fixture(scope="module")
def server():
    path = pathlib.Path(tempfile.mkdtemp(prefix="kurier-test-"))
    path.chmod(0o755)
    made = web.WebServer(path / "home").start()
    yield made
    made.stop()
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def make_web(folder):
    made = []

    def make(**kwargs):
        made.append(web.WebServer(folder / f"home{len(made)}", **kwargs))
        return made[-1]

    yield make
    for one in made:
        one.kill()


def s_client(port, *args):
    return subprocess.run(["openssl", "s_client", "-connect", f"localhost:{port}", *args], input="", capture_output=True,
                          text=True, timeout=20)


def peer_sha256(server, port):
    with socket.create_connection(("127.0.0.1", port)) as raw:
        with server.context(port).wrap_socket(raw, server_hostname="localhost") as tls:
            return hashlib.sha256(tls.getpeercert(True)).hexdigest()


# ---- what is agreed to ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.sanitized
def test_both_versions_are_spoken_with_either_certificate(server, version):
    for port in (server.own, server.files):
        context = server.context(port)
        context.minimum_version = context.maximum_version = version
        with socket.create_connection(("127.0.0.1", port)) as raw:
            with context.wrap_socket(raw, server_hostname="localhost") as tls:
                tls.sendall(f"GET {CAPABILITIES} HTTP/1.0\r\n\r\n".encode())
                assert b"SCEPStandard" in b"".join(iter(lambda: tls.recv(4096), b""))


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_older_versions_are_refused(server, version):
    done = s_client(server.own, version, "-cipher", "DEFAULT@SECLEVEL=0")
    assert done.returncode != 0 and "Cipher is (NONE)" in done.stdout
    server.wait_for("event=tls_refused")
    assert "unsupported\\x20protocol code=KUR-1926" in server.log()


def test_key_exchange_without_forward_secrecy_is_refused(server):
    done = s_client(server.own, "-tls1_2", "-cipher", "kRSA:@SECLEVEL=0")
    assert "Cipher is (NONE)" in done.stdout


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_no_client_certificate_is_ever_asked_for(server, version):
    for port in (server.own, server.files, server.admin):
        done = s_client(port, version, "-CAfile", server.ca_file, "-msg", "-trace")
        assert "ServerHello" in done.stdout and "Finished" in done.stdout
        assert "CertificateRequest" not in done.stdout
        assert "No client certificate CA names sent" in done.stdout


def test_the_own_certificate_is_for_its_names_alone(server):
    assert "CA:FALSE" in subprocess.run(["openssl", "x509", "-noout", "-text"], input=s_client(server.own).stdout,
                                        capture_output=True, text=True).stdout
    with socket.create_connection(("127.0.0.1", server.own)) as raw:
        with pytest.raises(ssl.SSLCertVerificationError):
            server.context().wrap_socket(raw, server_hostname="other.example")
    for name in ("localhost", "127.0.0.1"):
        with socket.create_connection(("127.0.0.1", server.own)) as raw:
            server.context().wrap_socket(raw, server_hostname=name).close()


def test_plain_http_on_a_tls_port_is_told_so(server):
    status, headers, body = kurier.http(server.own, "GET", CAPABILITIES)
    assert status == 400 and b"write https" in body
    status, _, body = kurier.http(server.own, "POST", "/scep?operation=PKIOperation", b"x" * 20000)
    assert status == 400 and b"write https" in body
    server.wait_for("code=KUR-1927")


def test_tls_on_a_plain_port_is_refused(server):
    with socket.create_connection(("127.0.0.1", server.port)) as raw, pytest.raises((ssl.SSLError, ConnectionError)):
        server.context().wrap_socket(raw, server_hostname="localhost")


# ---- enrolment over TLS ---------------------------------------------------------------------------------------------


@pytest.mark.sanitized
def test_enrolment_and_what_becomes_of_its_answer(server, keys):
    def send(message, path):
        status, headers, body = server.request("POST", path + "?operation=PKIOperation", message, port=server.own)
        return status, headers, body

    for i in range(3):
        rep = server.enrol(keys[0], server.challenge("--device", f"tls-{i}"), subject=f"CN=tls-{i}", send=send)
        assert rep.status == 0
    for i in range(3):
        deadline = time.monotonic() + 10
        while server.trace(f"tls-{i}")[0]["state"] != "answered" and time.monotonic() < deadline:
            time.sleep(0.05)
        delivery = server.trace(f"tls-{i}")[0]
        assert delivery["state"] == "answered" and delivery["arrival"] == "delivered"
    assert server.command("audit").returncode == 0


def test_kurier_enroll_over_https(server, folder):
    done = kurier.run("enroll", f"https://localhost:{server.own}/scep", "--tls-ca", server.ca_file, "--challenge",
                      server.challenge(), "--subject", "CN=by-https", "--trust-on-first-use", "--out", str(folder / "d"))
    assert done.returncode == 0, done.stderr
    done = kurier.run("enroll", f"https://localhost:{server.own}/scep", "--challenge", server.challenge(), "--subject",
                      "CN=untrusted", "--trust-on-first-use", "--out", str(folder / "e"))
    assert done.returncode == 1 and "KUR-2101" in done.stderr  # nobody has told it whom to believe


def test_curl_keeps_its_connection(server):
    url = f"https://localhost:{server.own}{CAPABILITIES}"
    done = subprocess.run(["curl", "-sv", "--cacert", server.ca_file, url, url, url], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.count("SCEPStandard") == 3
    assert done.stderr.count("Re-using existing connection") == 2


def test_sessions_are_resumed_by_tickets(server):
    done = s_client(server.own, "-tls1_2", "-reconnect")
    assert done.stdout.count("Reused, TLSv1.2") >= 3


# ---- connections that misbehave -------------------------------------------------------------------------------------


def answer_of(tls):
    data = b""
    while True:
        piece = tls.recv(65536)
        if not piece:
            return data
        data += piece


@pytest.mark.sanitized
def test_a_client_that_ends_its_side_gets_its_answer_and_close_notify(server):
    context = server.context()
    with socket.create_connection(("127.0.0.1", server.own)) as raw:
        tls = context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False)
        tls.sendall(f"GET {CAPABILITIES} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        socket.socket.shutdown(tls, socket.SHUT_WR)  # FIN without close_notify
        assert b"SCEPStandard" in answer_of(tls)  # ends with close_notify, or recv() would raise
        tls.close()


def test_requests_in_one_record_and_in_many(server):
    context = server.context()
    one = f"GET {CAPABILITIES} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    last = one.replace(b"Host: x\r\n", b"Host: x\r\nConnection: close\r\n")
    with socket.create_connection(("127.0.0.1", server.own)) as raw:
        with context.wrap_socket(raw, server_hostname="localhost") as tls:
            tls.sendall(one * 5 + last)
            assert answer_of(tls).count(b"SCEPStandard") == 6
    with socket.create_connection(("127.0.0.1", server.own)) as raw:
        with context.wrap_socket(raw, server_hostname="localhost") as tls:
            for i in range(len(last)):
                tls.sendall(last[i:i + 1])
            assert answer_of(tls).count(b"SCEPStandard") == 1


def test_a_large_body_arrives_whole(server):
    context = server.context()
    body = os.urandom(256 * 1024)
    with socket.create_connection(("127.0.0.1", server.own)) as raw:
        with context.wrap_socket(raw, server_hostname="localhost") as tls:
            tls.sendall(b"POST /scep?operation=PKIOperation HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body))
            tls.sendall(body)
            assert answer_of(tls).startswith(b"HTTP/1.1 400 ")
    with socket.create_connection(("127.0.0.1", server.own)) as raw:
        with context.wrap_socket(raw, server_hostname="localhost") as tls:
            tls.sendall(b"POST /scep?operation=PKIOperation HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % (len(body) + 1))
            assert answer_of(tls).startswith(b"HTTP/1.1 413 ")


def test_a_handshake_that_does_not_come_is_cut_off_and_others_are_served(server):
    begun = time.monotonic()
    idle = [socket.create_connection(("127.0.0.1", server.own)) for _ in range(30)]
    half = [socket.create_connection(("127.0.0.1", server.own)) for _ in range(30)]
    for s in half:
        s.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")  # the beginning of a ClientHello
    assert server.request("GET", CAPABILITIES, port=server.own)[0] == 200
    assert time.monotonic() - begun < 3
    for s in idle + half:
        s.settimeout(10)
        try:
            assert s.recv(100) == b""
        except ConnectionResetError:
            pass
        s.close()
    assert 4 < time.monotonic() - begun < 9


def test_the_handshake_counts_as_part_of_the_first_head(server):
    context = server.context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", server.own)) as raw:
        begun = time.monotonic()
        time.sleep(3)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                raw.sendall(outgoing.read())
                incoming.write(raw.recv(65536))
        tls.write(b"GET / HTTP/1.1\r\n")
        raw.sendall(outgoing.read())
        answer = b""
        while b"408" not in answer:
            try:
                answer += tls.read(4096)
            except ssl.SSLWantReadError:
                incoming.write(raw.recv(65536))
        assert 4.5 < time.monotonic() - begun < 7  # not 3 and another 5


def test_garbage_never_stops_the_server(server):
    for octets in (b"\x16\x03\x01\xff\xff" + b"A" * 70000, b"\x15\x03\x03\x00\x02\x02\x28", b"\x00" * 1000, os.urandom(5000)):
        with socket.create_connection(("127.0.0.1", server.own)) as raw:
            raw.settimeout(10)
            try:
                raw.sendall(octets)
                while raw.recv(65536):
                    pass
            except OSError:
                pass
    # Reset in the middle of a handshake, and right after it.
    for _ in range(20):
        raw = socket.create_connection(("127.0.0.1", server.own))
        raw.sendall(b"\x16\x03\x01\x00\x05\x01")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()
    assert server.request("GET", CAPABILITIES, port=server.own)[0] == 200


def test_an_answer_that_was_not_taken_is_not_called_delivered(server, keys):
    import scepmsg
    device = "tls-left"
    csr = scepmsg.make_csr(keys[1], f"CN={device}", (), server.challenge("--device", device))
    message = scepmsg.pki_message(scepmsg.envelope(csr, [server.ra()]), keys[1], scepmsg.self_signed(keys[1]), nonce=b"n" * 16)
    raw = socket.create_connection(("127.0.0.1", server.own))
    tls = server.context().wrap_socket(raw, server_hostname="localhost")
    tls.sendall(b"POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(message) + message)
    tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    tls.close()
    time.sleep(1)
    delivery = server.trace(device)[0]
    assert delivery["state"] != "answered"
    assert delivery["arrival"] in (None, "unconfirmed")


# ---- certificates of files, and their change ------------------------------------------------------------------------


@pytest.mark.sanitized
def test_certificates_change_under_load_and_nobody_notices(make_web):
    server = make_web().start()
    stop = threading.Event()
    seen, failures = set(), []
    first = peer_sha256(server, server.files)

    def ask():
        context = ssl._create_unverified_context()
        kept = context.wrap_socket(socket.create_connection(("127.0.0.1", server.files)))
        request = f"GET {CAPABILITIES} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        while not stop.is_set():
            try:
                kept.sendall(request)  # on one connection that outlives every change
                assert kept.recv(4096).startswith(b"HTTP/1.1 200 ")
                with context.wrap_socket(socket.create_connection(("127.0.0.1", server.files))) as tls:
                    seen.add(hashlib.sha256(tls.getpeercert(True)).hexdigest())
                    tls.sendall(request)
                    assert tls.recv(4096).startswith(b"HTTP/1.1 200 ")
            except Exception as e:  # noqa: BLE001
                failures.append(repr(e))
        kept.close()

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(ask)
        for i in range(6):
            web.make_certificate(server.home)
            server.reload()
            time.sleep(0.3)
        stop.set()
    assert failures == []
    assert len(seen) >= 4 and first in seen
    assert peer_sha256(server, server.files) != first
    server.stop()


def spoil(server, how):
    if how == "garbage":
        (server.home / "tls.key").write_text("garbage")
    elif how == "another key":
        kept = (server.home / "tls.crt").read_bytes()
        web.make_certificate(server.home)
        (server.home / "tls.crt").write_bytes(kept)
    elif how == "no file":
        (server.home / "tls.crt").unlink()
    elif how == "an encrypted key":
        web.make_certificate(server.home, password=b"secret")
    elif how == "no certificate":
        (server.home / "tls.crt").write_bytes((server.home / "tls.key").read_bytes())
    elif how == "a folder":
        (server.home / "tls.crt").unlink()
        (server.home / "tls.crt").mkdir()
    elif how == "too large":
        (server.home / "tls.crt").write_bytes(b"#" * 65537)


@pytest.mark.parametrize("how, code", [("garbage", 1929), ("another key", 1929), ("no file", 1721), ("an encrypted key", 1929),
                                       ("no certificate", 1928), ("a folder", 1721), ("too large", 1721)])
def test_a_bad_file_changes_nothing_and_says_why(make_web, how, code):
    server = make_web().start()
    context = server.context(server.files)
    before = peer_sha256(server, server.files)
    spoil(server, how)
    told = server.reload(expect="event=reload_refused")
    line = [x for x in told.splitlines() if "event=reload_refused" in x][0]
    assert f"code=KUR-{code}" in line and "tls." in line
    with socket.create_connection(("127.0.0.1", server.files)) as raw:
        with context.wrap_socket(raw, server_hostname="localhost") as tls:
            assert hashlib.sha256(tls.getpeercert(True)).hexdigest() == before
    # A front that is started again has what the last good reload had.
    os.kill(server.role_pids()["kurier-front"], signal.SIGKILL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            with context.wrap_socket(socket.create_connection(("127.0.0.1", server.files)), server_hostname="localhost") as tls:
                assert hashlib.sha256(tls.getpeercert(True)).hexdigest() == before
                break
        except OSError:
            time.sleep(0.1)
    else:
        raise AssertionError("the front did not come back")
    server.stop()


def test_a_bad_file_refuses_the_start(make_web):
    server = make_web()
    spoil(server, "another key")
    done = kurier.run("serve", "--home", str(server.home))
    assert done.returncode != 0 and "KUR-1929" in done.stdout + done.stderr


def wait_for_status(port, status):
    """event=reloaded says that the front was told of its listeners; it takes that when its turn comes."""
    deadline = time.monotonic() + 5
    while kurier.http(port, "GET", CAPABILITIES)[0] != status:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_tls_comes_and_goes_by_reload(make_web):
    server = make_web().start()
    text = server.config_path.read_text()
    plain = text.replace(f"  - 127.0.0.1:{server.port}\n",
                         f"  - address: 127.0.0.1:{server.port}\n    tls: own\n    names: [localhost]\n")
    assert kurier.http(server.port, "GET", CAPABILITIES)[0] == 200
    server.config_path.write_text(plain)
    server.reload()
    wait_for_status(server.port, 400)
    assert peer_sha256(server, server.port)
    server.config_path.write_text(text)
    server.reload()
    wait_for_status(server.port, 200)
    server.stop()
    assert server.command("audit").returncode == 0


def test_an_own_certificate_outlives_a_reload_and_the_signer(make_web):
    server = make_web().start()
    before = peer_sha256(server, server.own)
    server.reload()
    os.kill(server.role_pids()["kurier-signer"], signal.SIGKILL)
    time.sleep(1.5)
    assert peer_sha256(server, server.own) == before
    # Other names are another certificate; the old one is there until then.
    server.config_path.write_text(server.config_path.read_text().replace("[localhost, 127.0.0.1]", "[localhost]"))
    server.reload()
    assert peer_sha256(server, server.own) != before
    server.stop()
    done = server.command("audit")
    assert done.returncode == 0 and "they agree" in done.stdout


def test_the_front_gets_no_certificate_for_other_names(make_web):
    """What the signer makes is in its journal, for the names of the configuration only."""
    server = make_web().start()
    server.wait_for("event=tls_certificate_made")
    lines = [x for x in server.log().splitlines() if "event=tls_certificate_made" in x]
    assert len(lines) == 1 and "names=localhost\\x0a127.0.0.1" in lines[0]  # two listeners, one certificate
    assert server.certificates() == []  # none of the ledger's
    server.stop()


def test_D20_sigterm_finishes_what_has_begun_over_tls(make_web):
    server = make_web().start()
    raw = socket.create_connection(("127.0.0.1", server.own))
    tls = server.context().wrap_socket(raw, server_hostname="localhost")
    tls.sendall(b"POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")
    time.sleep(0.3)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    tls.sendall(b"cd")
    assert answer_of(tls).startswith(b"HTTP/1.1 400 ")
    assert server.process.wait(timeout=40) == 0
    server.process = None


def test_the_front_has_no_key_of_ca_or_ra(make_web):
    """A listener's key is in the front's memory; those of CA and RA are not."""
    server = make_web().start()
    pids = server.role_pids()
    assert os.listdir(f"/proc/{pids['kurier-front']}/task").__len__() == 1  # no thread before the first password
    keys = [p for p in (server.home / "signer").glob("*.key")]
    assert len(keys) == 2
    opened = [os.readlink(f"/proc/{pids['kurier-front']}/fd/{fd}") for fd in os.listdir(f"/proc/{pids['kurier-front']}/fd")]
    assert not [name for name in opened if name.startswith(str(server.home)) and "signer" in name]
    assert not [name for name in opened if "kurier-tls" in name]  # read and closed
    server.stop()
