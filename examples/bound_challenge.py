"""Make a bound challenge for Kurier. The key comes from: kurier challenge key new NAME

KEY='KEY-ID KEY' python3 bound_challenge.py laptop-7 CN=laptop-7 DNS:laptop-7.example.org
"""
import base64
import json
import os
import sys
import time
import uuid

from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def bound_challenge(key_id, key, device, subject, sans, profile="default", lifetime_s=3600, **more):
    """key_id: 8 octets, key: 32. more: key_usage, eku, valid_s."""
    now = int(time.time())
    statement = {"id": str(uuid.uuid4()), "iat": now, "exp": now + lifetime_s, "profile": profile,
                 "device": device, "subject": subject, "sans": sans, **more}
    nonce = os.urandom(12)
    sealed = AESGCM(key).encrypt(nonce, json.dumps(statement).encode(), b"kurier-bound-challenge-v1" + key_id)
    return "KB1." + base64.b64encode(key_id + nonce + sealed).decode()


if __name__ == "__main__":
    key_id, key = os.environ["KEY"].split()
    device, subject, *sans = sys.argv[1:]
    print(bound_challenge(bytes.fromhex(key_id), base64.b64decode(key), device, subject, sans))
