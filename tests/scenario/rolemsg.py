"""Messages between Kurier's roles, read from the headers of src/ipc: a test plays the other end of a role's socket."""

import os
import pathlib
import re
import select
import socket
import struct
import subprocess
import time

import kurier

IPC = kurier.ROOT / "src" / "ipc"


def _types():
    """Names of enum ipc_type to their numbers."""
    text = (IPC / "types.h").read_text()
    body = re.search(r"enum ipc_type \{(.*?)\};", text, re.S).group(1)
    body = re.sub(r"/\*.*?\*/", "", body, flags=re.S)
    found, number = {}, 0
    for entry in body.split(","):
        name, _, given = (part.strip() for part in entry.partition("="))
        if name:
            number = int(given) if given else number + 1
            found[name.removeprefix("IPC_TYPE_").lower()] = number
    return found


def _fields():
    """Names of messages to their fields, (name, kind), in the order of the wire."""
    found = {}
    for path in IPC.glob("*.h"):
        text = path.read_text().replace("\\\n", " ")
        for name, row in re.findall(r"^#define IPC_(\w+)_FIELDS\(U8, U32, U64, I64, BYTES\)(.*)$", text, re.M):
            found[name.lower()] = [(field, kind) for kind, field in re.findall(r"\b(U8|U32|U64|I64|BYTES)\((\w+)", row)]
    return found


TYPES = _types()
FIELDS = _fields()
NAMES = {number: name for name, number in TYPES.items()}
FORMS = {"U8": "<B", "U32": "<I", "U64": "<Q", "I64": "<q"}


def encode(message, **values):
    out = struct.pack("<H", TYPES[message])
    for field, kind in FIELDS[message]:
        value = values.pop(field, b"" if kind == "BYTES" else 0)
        if kind == "BYTES":
            value = value.encode() if isinstance(value, str) else value
            out += struct.pack("<I", len(value)) + value
        else:
            out += struct.pack(FORMS[kind], value)
    assert not values, values
    return out


def decode(octets):
    """(name, fields); octet strings as bytes."""
    message = NAMES[struct.unpack_from("<H", octets)[0]]
    at, values = 2, {}
    for field, kind in FIELDS[message]:
        if kind == "BYTES":
            size, = struct.unpack_from("<I", octets, at)
            values[field] = octets[at + 4:at + 4 + size]
            at += 4 + size
        else:
            values[field], = struct.unpack_from(FORMS[kind], octets, at)
            at += struct.calcsize(FORMS[kind])
    assert at == len(octets), (message, octets)
    return message, values


class Socket:
    """One end of a SEQPACKET pair."""

    def __init__(self, end):
        self.end = end

    def send(self, message, pass_fd=None, **values):
        octets = encode(message, **values)
        if pass_fd is None:
            self.end.send(octets)
        else:
            socket.send_fds(self.end, [octets], [pass_fd])

    def receive(self, seconds=30):
        """(name, fields) of the next message; None at the end or when there is none."""
        if not select.select([self.end], [], [], seconds)[0]:
            return None
        try:
            octets = self.end.recv(65536)
        except ConnectionResetError:
            return None
        return decode(octets) if octets else None

    def expect(self, message, seconds=30):
        got = self.receive(seconds)
        assert got is not None, f"want {message}, got nothing"
        assert got[0] == message, got
        return got[1]

    def close(self):
        self.end.close()


def pair():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    return Socket(ours), theirs


POLICY = {"kind": 1, "is_asked": 1, "notify": 2, "events": "*", "timeout_ms": 5000, "authority": "https://unused.invalid/",
          "graph_url": "https://unused.invalid/", "resource_url": "https://unused.invalid/",
          "app_id": "0000000a-0000-0000-c000-000000000000"}


class Notifier:
    """kurier-notifier as a child of the test, which is its supervisor and its ledger."""

    def __init__(self, home):
        self.home = pathlib.Path(home)
        (self.home / "notifier").mkdir(parents=True, exist_ok=True)
        self.log_path = self.home / "log"
        self.generation = 0
        self.process = None
        self.ledger = None

    def secret(self, name, text, mode=0o600):
        path = self.home / "notifier" / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        path.chmod(mode)

    def start(self, *policies, environment=None):
        self.supervisor, theirs = pair()
        log = open(self.log_path, "ab")
        # After the fork: descriptors 3 and 4, as types.h names them; only these are inherited.
        high = os.dup(theirs.fileno()), os.dup(log.fileno())

        def arrange():
            a, b = os.dup(high[0]), os.dup(high[1])
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.process = subprocess.Popen([str(kurier.BUILD / "kurier-notifier")], stdin=subprocess.DEVNULL, stdout=log,
                                        stderr=log, preexec_fn=arrange, pass_fds=(3, 4),
                                        env=dict(os.environ, **(environment or {})))
        for fd in high:
            os.close(fd)
        theirs.close()
        log.close()
        self.connect_ledger()
        return self.configure(*policies)

    def connect_ledger(self):
        if self.ledger:
            self.ledger.close()
        self.ledger, theirs = pair()
        self.supervisor.send("peer", pass_fd=theirs.fileno(), role=3)
        theirs.close()

    def configure(self, *policies):
        """READY's or REFUSED's fields, with its name."""
        self.generation += 1
        self.supervisor.send("config_general", home=str(self.home), log_level=3)
        for policy in policies:
            self.supervisor.send("config_policy", **{**POLICY, **policy})
        self.supervisor.send("config_end", generation=self.generation)
        return self.supervisor.receive()

    def verify(self, policy, request_id=1, **values):
        self.ledger.send("verify", **{"policy": policy, "request_id": request_id, "deadline_ms": 20000, "endpoint": "default",
                                      "profile": "default", "transaction_id": "T1", "subject": "CN=a", **values})

    def verified(self, seconds=30):
        return self.ledger.expect("verified", seconds)

    def ask(self, policy, **values):
        self.verify(policy, **values)
        return self.verified()

    def tell(self, policy, event, body, outbox_id=1, deadline_ms=20000):
        self.ledger.send("notify", policy=policy, event=event, body=body, outbox_id=outbox_id, deadline_ms=deadline_ms)
        return self.ledger.expect("notified")

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_for_log(self, text, seconds=20):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if text in self.log():
                return
            time.sleep(0.02)
        raise AssertionError(f"no '{text}' in " + self.log())

    def end(self):
        """DRAIN; its exit status."""
        if self.process is None:
            return None
        try:
            self.supervisor.send("drain", deadline_ms=2000)
        except OSError:
            pass
        status = self.process.wait(timeout=20)
        self.process = None
        self.ledger.close()
        self.supervisor.close()
        found = [line for line in self.log().splitlines() if "Sanitizer" in line or "runtime error:" in line]
        assert found == [], "\n".join(found[:20])
        return status
