"""A service as an administrator would write one for Kurier's webhooks: it says yes or no, and is told what happened."""

import hashlib
import hmac
import http.server
import json
import subprocess
import threading
import time

import kurier


class Webhook:
    """Answers on 127.0.0.1; verdicts and faults are set by the test, calls are kept."""

    def __init__(self, secret=b"hook-secret"):
        self.secret = secret
        self.verdict = {"allow": True}
        self.fault = None  # (status, headers, body) for every call, or "reset", or "slow"
        self.notice_fault = None  # the same, for notices alone
        self.asked = []
        self.told = []
        self.lock = threading.Lock()
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_POST(self):
                hook.take(self)

        class Service(http.server.ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

        self.make = lambda port: Service(("127.0.0.1", port), Handler)
        self.service = self.make(0)
        self.port = self.service.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self.serve()

    def serve(self):
        threading.Thread(target=self.service.serve_forever, args=(0.02,), daemon=True).start()

    def down(self):
        self.service.shutdown()
        self.service.server_close()

    def up(self):
        self.service = self.make(self.port)
        self.serve()

    def is_signed(self, headers, body):
        fields = dict(part.split("=", 1) for part in headers["X-Kurier-Signature"].split(","))
        wanted = hmac.new(self.secret, fields["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(wanted, fields["v1"]) and int(fields["t"]) >= time.time() - 60

    def take(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        message = json.loads(body)
        assert self.is_signed(request.headers, body)
        is_question = message["schema"] == "kurier.verify.v1"
        fault = self.fault or (None if is_question else self.notice_fault)
        with self.lock:
            (self.asked if is_question else self.told).append(dict(message, fault=fault is not None))
        if fault == "reset":
            request.connection.close()
            return
        if fault == "slow":
            time.sleep(30)
        status, headers, answer = fault if isinstance(fault, tuple) else (200, {}, json.dumps(self.verdict if is_question else {}))
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(answer)))
        request.end_headers()
        request.wfile.write(answer.encode())

    def events(self, delivery=None):
        """Names of what it took, in order."""
        with self.lock:
            return [m["event"] for m in self.told if not m["fault"] and delivery in (None, m["delivery_id"])]

    def wait_for(self, event, seconds=20):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self.lock:
                found = [m for m in self.told if m["event"] == event and not m["fault"]]
            if found:
                return found[-1]
            time.sleep(0.05)
        raise AssertionError(f"never told of {event}: {self.events()}")


def policy(hook, endpoint="challenge, hr", **settings):
    """The configuration's text with a webhook called hr."""
    rows = dict({"type": "webhook", "url": hook.url, "secret": "hr"}, **settings)
    section = "\npolicies:\n  hr:\n" + "".join(f"    {k}: {v}\n" for k, v in rows.items())
    return lambda text: text.replace("    policies: [challenge]", f"    policies: [{endpoint}]").replace("\npolicies:\n", section)


def put_secret(server, value):
    subprocess.run([kurier.PROGRAM, "secret", "set", "hr", "--home", str(server.home)], input=value, check=True)
