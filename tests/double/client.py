"""The double of Intune as a test uses it: started as a program, told what to do over its /control/ paths."""

import contextlib
import json
import pathlib
import ssl
import subprocess
import sys
import urllib.request

PROGRAM = pathlib.Path(__file__).with_name("intune.py")


class Intune:
    """One double. `about` is what it said of itself: origin, ca_file, tenant, client_id, secret, ..."""

    def __init__(self, folder, port=0):
        self.folder = pathlib.Path(folder)
        self.process = subprocess.Popen([sys.executable, str(PROGRAM), "--port", str(port), "--folder", str(folder)],
                                        stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        assert line, "the double did not start"
        self.about = json.loads(line)
        self.context = ssl.create_default_context(cafile=self.about["ca_file"])

    def __getattr__(self, name):
        try:
            return self.__dict__["about"][name]
        except KeyError:
            raise AttributeError(name) from None

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=10)
        self.process.stdout.close()

    def control(self, what, **body):
        request = urllib.request.Request(f"{self.origin}/control/{what}", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, context=self.context, timeout=30) as answer:
            return json.load(answer)

    def set(self, **values):
        self.control("set", **values)

    def script(self, outcome, call=None, transaction=None, times=None):
        """The next `times` calls of this kind, or all, come out like this. Without a kind: validation and notices."""
        body = {"outcome": outcome, "times": times}
        body.update({k: v for k, v in (("call", call), ("transaction", transaction)) if v is not None})
        self.control("script", **body)

    def clear(self):
        self.control("clear")

    def challenge(self, **wanted):
        """A challenge; keyword `expected` holds subject, sans, key_usage, ekus, key_length, registered_keys."""
        return self.control("challenge", **wanted)["challenge"]

    def revoke(self, serial, **more):
        self.control("revoke", serial=serial, **more)

    def state(self):
        return self.control("state")

    def calls(self, call=None, transaction=None):
        """Recorded calls, oldest first."""
        return [c for c in self.state()["calls"] if (call is None or c["call"] == call) and
                (transaction is None or c["transaction"] == transaction)]

    def names(self):
        return [c["call"] for c in self.state()["calls"]]

    def policy(self, name="intune", **more):
        """As a notifier's configuration message; secrets must be put in place under these names."""
        return {"name": name, "kind": 2, "notify": 1, "events": "issued\nfailed", "secret": "intune-secret",
                "ca_file": "intune-ca", "tenant": self.tenant, "client_id": self.client_id, "authority": self.authority,
                "graph_url": self.graph_url, "resource_url": self.resource_url, **more}


@contextlib.contextmanager
def intune(folder, port=0):
    double = Intune(folder, port)
    try:
        yield double
    finally:
        double.stop()
