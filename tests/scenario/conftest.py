import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: E402

import kurier  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "sanitized: also run with the sanitizers' build")


@pytest.fixture(scope="session")
def keys():
    """A pool: the identity of a request has its challenge in it, so keys may serve several enrolments."""
    return [rsa.generate_private_key(65537, 2048) for _ in range(12)]


@pytest.fixture
def folder():
    # Below /tmp, not below a private folder of pytest's: the roles' own users must reach it.
    path = pathlib.Path(tempfile.mkdtemp(prefix="kurier-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def make_server(folder):
    made = []

    def make(name="home", **kwargs):
        server = kurier.Server(folder / name, **kwargs)
        made.append(server)
        return server

    yield make
    for server in made:
        server.kill()


@pytest.fixture(scope="module")
def shared():
    """One server for tests that leave it as it was: started once a file."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="kurier-test-"))
    path.chmod(0o755)
    server = kurier.Server(path / "home", init=["--ca-key", "rsa:2048"]).start()
    yield server
    server.stop()
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def openssl():
    def run(*args, data=None):
        done = subprocess.run(["openssl", *args], input=data, capture_output=True, timeout=60)
        assert done.returncode == 0, (args, done.stderr.decode())
        return done.stdout

    return run


@pytest.fixture
def issuing_ca(folder, openssl):
    """A root and an issuing CA under it, made by OpenSSL: paths of certificate, key and chain."""
    root_key, root, key, request, certificate = (str(folder / n) for n in ("root.key", "root.pem", "ca.key", "ca.csr", "ca.pem"))
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", root_key, "-out", root, "-days", "3650", "-subj",
            "/CN=Test Root", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", "/CN=Test Issuing CA/O=Example")
    extensions = folder / "ext"
    extensions.write_text("basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign,digitalSignature\n"
                          "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
    openssl("x509", "-req", "-in", request, "-CA", root, "-CAkey", root_key, "-CAcreateserial", "-out", certificate, "-days", "1000",
            "-extfile", str(extensions))
    os.chmod(key, 0o600)
    return certificate, key, root
