"""The notifier within a server: its secrets, its life, its confinement; and webhooks."""

import hashlib
import hmac
import http.server
import json
import os
import pwd
import re
import signal
import subprocess
import threading
import time

import pytest

import kurier
import rolemsg

ALLOWED, REFUSED, UNAVAILABLE = 1, 2, 3
TAKEN, AGAIN, DEAD = 1, 2, 3
CODES = {name: int(number) for name, number in re.findall(
    r"^E\((\w+), (\d+),", (kurier.ROOT / "src" / "base" / "errors.def").read_text(), re.M)}
KEY = b"the key of its signatures"


class Hook(http.server.ThreadingHTTPServer):
    """A webhook: records what it gets, answers what the test says."""

    daemon_threads = True

    def __init__(self, address="127.0.0.1"):
        super().__init__((address, 0), HookHandler)
        self.calls = []
        self.answers = []
        self.default = (200, '{"allow": true}', {})
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/hook?tenant=7"

    def answer(self, status, body="", **headers):
        self.answers.append((status, body, {k.replace("_", "-"): v for k, v in headers.items()}))

    def stop(self):
        self.shutdown()
        self.server_close()


class HookHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, *args):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        hook = self.server
        hook.calls.append({"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}, "body": body,
                           "port": self.client_address[1]})
        status, text, headers = hook.answers.pop(0) if hook.answers else hook.default
        if callable(text):
            text = text()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())


@pytest.fixture
def hook():
    hook = Hook()
    yield hook
    hook.stop()


@pytest.fixture
def notifier(tmp_path):
    notifier = rolemsg.Notifier(tmp_path / "home")
    notifier.secret("hook", KEY + b"\n")
    yield notifier
    assert notifier.end() in (0, None)


@pytest.fixture
def ready(notifier, hook):
    assert notifier.start({"name": "hr", "url": hook.url, "secret": "hook"}) == ("ready", {"generation": 1})
    return notifier


def check_signature(call):
    stamp, value = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", call["headers"]["x-kurier-signature"]).groups()
    assert abs(int(stamp) - time.time()) < 60
    assert value == hmac.new(KEY, stamp.encode() + b"." + call["body"], hashlib.sha256).hexdigest()


def test_a_question_says_all_that_is_known_and_is_signed(ready, hook):
    verdict = ready.ask("hr", request_id=41, device="laptop-7", source="192.0.2.1", challenge="secret-word", csr=b"\x30\x00",
                        sans="DNS:a.example\nemail:b@example.org", subject="CN=\u00e4", renews=b"\x01\xff", profile="phones")
    assert verdict["outcome"] == ALLOWED
    call, = hook.calls
    assert call["path"] == "/hook?tenant=7"
    assert json.loads(call["body"]) == {
        "schema": "kurier.verify.v1", "request_id": "41", "endpoint": "default", "profile": "phones", "device": "laptop-7",
        "transaction_id": "T1", "source": "192.0.2.1", "subject": "CN=\u00e4", "sans": ["DNS:a.example", "email:b@example.org"],
        "challenge": "secret-word", "csr": "MAA=", "renews": "01ff"}
    assert call["headers"]["content-type"] == "application/json"
    assert call["headers"]["x-kurier-event"] == "verify" and call["headers"]["x-kurier-delivery"] == "41"
    check_signature(call)


def test_what_is_not_known_is_null_and_odd_octets_are_escaped(ready, hook):
    assert ready.ask("hr", transaction_id=b"\x00\xff\n\"")["outcome"] == ALLOWED
    body = json.loads(hook.calls[0]["body"])
    assert body["device"] is None and body["challenge"] is None and body["renews"] is None and body["sans"] == []
    assert body["transaction_id"] == "\\x00\\xff\\x0a\\x22"


def test_a_refusal_has_the_services_words(ready, hook):
    hook.answer(200, '{"allow": false, "reason": "unknown-device", "detail": "No such device: laptop-7"}')
    verdict = ready.ask("hr")
    assert (verdict["outcome"], verdict["code"]) == (REFUSED, CODES["WEBHOOK_REFUSED"])
    assert (verdict["reason"], verdict["detail"]) == (b"unknown-device", b"No such device: laptop-7")
    hook.answer(200, '{"allow": false}')
    assert ready.ask("hr")["reason"] == b"refused"
    hook.answer(200, json.dumps({"allow": False, "reason": "\u00e9" * 300, "detail": "x\r\nevent=forged " * 90}))
    verdict = ready.ask("hr")
    assert verdict["reason"].decode() == "\u00e9" * 32 and len(verdict["detail"]) < 256 and b"\n" not in verdict["detail"]
    assert "\nevent=forged" not in ready.log()


@pytest.mark.sanitized
@pytest.mark.parametrize("body", ["", "true", "[]", "{}", '{"allow": "true"}', '{"allow": 1}', '{"allow": null}', '{"Allow": true}',
                                  '{"allow": true', '{"allow": true}}', '{"allow": false, "allow": true}', "<html></html>",
                                  '{"allow": true, "x": "\\ud800"}', "\u2028", '{"allow": true}' + " " * (300 * 1024),
                                  "[" * 5000], ids=range(16))
def test_what_is_no_verdict_allows_nothing(ready, hook, body):
    hook.answer(200, body)
    verdict = ready.ask("hr")
    assert (verdict["outcome"], verdict["code"]) == (UNAVAILABLE, CODES["SERVICE_ANSWER"]), verdict


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 400, 401, 403, 404, 409, 410, 429, 500, 503])
def test_a_verdict_comes_with_status_200_only(ready, hook, status):
    hook.answer(status, "" if status == 204 else '{"allow": true}', Location="http://127.0.0.1:9/", Retry_After="7")
    verdict = ready.ask("hr")
    assert verdict["outcome"] == UNAVAILABLE and verdict["reason"].decode() == f"http-{status}"
    assert verdict["code"] == CODES["SERVICE_BUSY" if status in (429, 503) else "SERVICE_STATUS"]
    assert len(hook.calls) == 1  # no redirect was followed


@pytest.mark.parametrize("status,outcome", [(200, TAKEN), (201, TAKEN), (204, TAKEN), (299, TAKEN), (302, AGAIN), (400, DEAD), (401, DEAD),
                                            (404, DEAD), (408, AGAIN), (410, DEAD), (422, DEAD), (425, AGAIN), (429, AGAIN),
                                            (500, AGAIN), (502, AGAIN), (503, AGAIN)])
def test_a_notice_is_taken_refused_or_sent_again(ready, hook, status, outcome):
    hook.answer(status, "", Retry_After="9")
    body = '{"schema":"kurier.event.v1","id":"12"}'
    told = ready.tell("hr", "issued", body, outbox_id=12)
    assert told["outcome"] == outcome and told["outbox_id"] == 12
    assert told["retry_after_s"] == (9 if outcome == AGAIN else 0)
    call, = hook.calls
    assert call["body"] == body.encode()
    assert call["headers"]["x-kurier-event"] == "issued" and call["headers"]["x-kurier-delivery"] == "12"
    check_signature(call)


def test_retry_after_may_be_a_date_and_is_cut(ready, hook):
    hook.answer(503, "", Retry_After=time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 60)))
    assert 50 <= ready.tell("hr", "issued", "{}")["retry_after_s"] <= 60
    hook.answer(503, "", Retry_After="864000")
    assert ready.tell("hr", "issued", "{}")["retry_after_s"] == 3600
    hook.answer(503, "", Retry_After="soon")
    assert ready.tell("hr", "issued", "{}")["retry_after_s"] == 0


def test_connections_are_used_again(ready, hook):
    for _ in range(5):
        ready.ask("hr")
    assert len({call["port"] for call in hook.calls}) == 1


@pytest.mark.sanitized
def test_a_slow_webhook_holds_up_nobody_else(notifier, hook):
    slow = Hook()
    slow.default = (200, lambda: time.sleep(3) or '{"allow": true}', {})
    notifier.start({"name": "slow", "url": slow.url, "secret": "hook", "timeout_ms": 1500},
                   {"name": "hr", "url": hook.url, "secret": "hook"})
    begun = time.monotonic()
    for i in range(20):
        notifier.verify("slow", request_id=i)
    assert notifier.ask("hr", request_id=99)["request_id"] == 99
    assert time.monotonic() - begun < 1
    late = [notifier.verified() for _ in range(20)]
    assert {(v["outcome"], v["code"]) for v in late} == {(UNAVAILABLE, CODES["SERVICE_LATE"])}
    assert time.monotonic() - begun < 3
    slow.stop()


def test_a_proxy_is_used_when_it_is_named(notifier, hook):
    """The hook plays the proxy: it gets the whole URL."""
    notifier.start({"name": "hr", "url": "http://127.0.0.1:9/behind", "secret": "hook",
                    "proxy": f"http://user:pass@127.0.0.1:{hook.server_address[1]}"},
                   environment={"http_proxy": "http://127.0.0.1:1"})
    assert notifier.ask("hr")["outcome"] == ALLOWED
    assert hook.calls[0]["path"] == "http://127.0.0.1:9/behind"
    assert hook.calls[0]["headers"]["proxy-authorization"].startswith("Basic ")


def test_the_environments_proxy_does_not_count(notifier, hook):
    notifier.start({"name": "hr", "url": hook.url, "secret": "hook"},
                   environment={"http_proxy": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"})
    assert notifier.ask("hr")["outcome"] == ALLOWED


@pytest.mark.parametrize("mode,text", [(0o640, KEY), (0o604, KEY), (0o600, b""), (0o600, b"\n"), (0o600, b"x" * 70000)])
def test_a_secret_that_is_unfit_is_refused(notifier, hook, mode, text):
    notifier.secret("hook", text, mode)
    name, why = notifier.start({"name": "hr", "url": hook.url, "secret": "hook"})
    assert (name, why["code"]) == ("refused", CODES["POLICY_SECRET"])
    assert notifier.process.wait(timeout=20) == 1
    notifier.process = None


def test_a_message_that_is_not_the_ledgers_ends_its_socket(ready, hook):
    ready.ledger.send("verified", request_id=1)
    assert ready.ledger.receive(10) is None
    lost = ready.supervisor.expect("peer_lost")
    assert (lost["role"], lost["is_misbehaving"]) == (3, 1)
    ready.connect_ledger()
    assert ready.ask("hr")["outcome"] == ALLOWED


def test_drain_finishes_what_was_begun(ready, hook):
    hook.default = (200, lambda: time.sleep(0.5) or '{"allow": true}', {})
    ready.verify("hr", request_id=8)
    time.sleep(0.2)
    ready.supervisor.send("drain", deadline_ms=5000)
    assert ready.verified()["request_id"] == 8
    assert ready.process.wait(timeout=10) == 0
    ready.process = None


# ---- in a server ----

def config_with(hook, policies="challenge, hr"):
    return (f"endpoints:\n  default:\n    policies: [{policies}]\n"
            f"policies:\n  hr:\n    type: webhook\n    url: {hook.url}\n    secret: hook\n")


@pytest.fixture
def server(make_server):
    return make_server(init=["--ca-key", "rsa:2048"])


def set_secret(server, name="hook", text=KEY):
    return subprocess.run([kurier.PROGRAM, "secret", "set", name, "--home", str(server.home)], input=text, capture_output=True,
                          timeout=60)


def wait_for_roles(server, wanted, seconds=20):
    deadline = time.monotonic() + seconds
    while set(server.role_pids()) != wanted:
        assert time.monotonic() < deadline, (server.role_pids(), server.log())
        time.sleep(0.05)


THREE = {"kurier-front", "kurier-ledger", "kurier-signer"}


def test_secrets_go_in_and_never_out(server):
    folder = server.home / "notifier"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert set_secret(server).returncode == 0
    assert set_secret(server, "b.pem", b"second\n").returncode == 0
    path = folder / "hook"
    assert path.read_bytes() == KEY and path.stat().st_mode & 0o777 == 0o600 and path.stat().st_uid == folder.stat().st_uid
    assert server.command("secret", "list").stdout == "b.pem\nhook\n"
    assert server.json_lines("secret", "list") == [{"name": "b.pem"}, {"name": "hook"}]
    assert set_secret(server, "hook", b"new").returncode == 0
    assert path.read_bytes() == b"new"
    assert server.command("secret", "remove", "b.pem").stdout == ""
    gone = server.command("secret", "remove", "b.pem", check=False)
    assert gone.returncode == 1 and "KUR-2004" in gone.stderr
    assert [p.name for p in folder.iterdir()] == ["hook"]


@pytest.mark.parametrize("name", ["../signer/x", ".hidden", "..", "a/b", "", "n" * 65])
def test_a_secrets_name_stays_in_its_folder(server, name):
    done = set_secret(server, name, b"x")
    assert done.returncode == 2 and b"the name of a secret" in done.stderr
    assert list((server.home / "notifier").iterdir()) == []


def test_an_empty_or_huge_secret_is_refused(server):
    assert set_secret(server, text=b"").returncode == 2
    assert set_secret(server, text=b"x" * 70000).returncode == 3
    assert list((server.home / "notifier").iterdir()) == []


def test_a_server_without_policies_has_no_notifier(server):
    server.start()
    assert set(server.role_pids()) == THREE
    server.stop()


def test_the_notifier_lives_as_long_as_there_are_policies(server, hook):
    set_secret(server)
    plain = server.config_path.read_text()
    server.start()
    server.config_path.write_text(config_with(hook))
    server.command("reload")
    wait_for_roles(server, THREE | {"kurier-notifier"})
    first = server.role_pids()["kurier-notifier"]
    deadline = time.monotonic() + 10
    while "event=reloaded" not in server.log():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while server.role_pids().get("kurier-notifier", first) == first:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.5)
    server.config_path.write_text(plain)
    server.command("reload")
    wait_for_roles(server, THREE)
    assert re.search(r"event=role_ended .*kurier-notifier .*status=0", server.log())
    server.config_path.write_text(config_with(hook))
    server.command("reload")
    wait_for_roles(server, THREE | {"kurier-notifier"})
    server.stop()


def test_a_reload_whose_secret_is_missing_changes_nothing(server, hook):
    server.start()
    server.config_path.write_text(config_with(hook))
    subprocess.run([kurier.PROGRAM, "reload", "--home", str(server.home)], capture_output=True, timeout=60)
    deadline = time.monotonic() + 20
    while "event=reload_refused" not in server.log():
        assert time.monotonic() < deadline, server.log()
        time.sleep(0.05)
    assert "KUR-2411" in server.log()
    wait_for_roles(server, THREE)
    assert kurier.http(server.port, "GET", "/scep?operation=GetCACaps")[0] == 200
    server.stop()


def test_a_start_whose_secret_is_missing_says_so(server, hook):
    server.config_path.write_text(config_with(hook))
    done = subprocess.run([kurier.PROGRAM, "serve", "--home", str(server.home), "--listen", f"127.0.0.1:{server.port}"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "policy hr" in done.stderr and "KUR-2411" in done.stderr


def test_the_notifier_is_confined(server, hook):
    """From inside: what its table forbids; and what it needs is allowed."""
    set_secret(server)
    server.config_path.write_text(config_with(hook))
    server.start()
    assert re.search(r"event=confined .*role=notifier seccomp=notifier", server.log())
    server.process.send_signal(signal.SIGUSR1)
    deadline = time.monotonic() + 20
    found = {}
    while len(found) < 9:
        assert time.monotonic() < deadline, server.log()
        found = dict(re.findall(r"event=confinement_probe .*role=notifier action=(\S+) result=(\S+)", server.log()))
        time.sleep(0.05)
    assert found["socket_inet"] == "allowed"
    assert found["connect"] != "EPERM"  # its descriptor is no socket
    for action in ("socket_unix", "fork", "kill_parent", "executable_memory"):
        assert found[action] == "EPERM", found
    assert found["open_signer_folder"] in ("EACCES", "EPERM") and found["write_outside"] in ("EACCES", "EPERM", "EROFS")
    server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to have users")
def test_as_root_the_notifier_has_a_user_of_its_own(server, hook):
    set_secret(server)
    server.config_path.write_text(config_with(hook))
    server.start()
    try:
        user = pwd.getpwnam("kurier-notifier")
    except KeyError:
        pytest.skip("no such user")
    if "event=users_shared" in server.log():
        pytest.skip("the home is not reachable for other users")
    status = open(f"/proc/{server.role_pids()['kurier-notifier']}/status").read()
    assert re.search(r"^Uid:\s+(\d+)", status, re.M).group(1) == str(user.pw_uid)
    assert (server.home / "notifier").stat().st_uid == user.pw_uid
    server.stop()


def test_an_older_home_gets_its_folder_at_the_next_start(server):
    (server.home / "notifier").rmdir()
    server.start()
    assert (server.home / "notifier").stat().st_mode & 0o777 == 0o700
    server.stop()
