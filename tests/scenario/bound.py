"""Bound challenges, made as docs/challenges.md describes them: a second implementation, for the tests alone."""

import base64
import json
import os
import time

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ASSOCIATED = b"kurier-bound-challenge-v1"


class Key:
    def __init__(self, server, name, *options):
        words = server.command("challenge", "key", "new", name, *options).stdout.split()
        self.name, self.key_id, self.key = name, bytes.fromhex(words[0]), base64.b64decode(words[1])
        assert len(self.key_id) == 8 and len(self.key) == 32

    def seal(self, plain, key=None, key_id=None, associated=ASSOCIATED):
        key_id = self.key_id if key_id is None else key_id
        nonce = os.urandom(12)
        return text(key_id + nonce + AESGCM(key or self.key).encrypt(nonce, plain, associated + key_id))

    def make(self, **members):
        return self.seal(json.dumps(statement(**members)).encode())


def text(octets):
    return "KB1." + base64.b64encode(octets).decode()


def octets(challenge):
    return base64.b64decode(challenge[4:] + "===")


COUNT = [0]


def statement(**members):
    """A statement for CN=device; a member that is None is left out."""
    COUNT[0] += 1
    now = int(time.time())
    whole = {"id": f"test-{os.getpid()}-{COUNT[0]}", "iat": now, "exp": now + 600, "profile": "default", "device": "device-7",
             "subject": "CN=device", **members}
    return {name: value for name, value in whole.items() if value is not None}
