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


# A folder that every role's user may write: what a sanitizer finds in any process, a role too that lives on or is killed.
# Each worker has its own in it, so that a report is the fault of the test that it runs.
REPORTS = os.environ.get("KURIER_SANITIZER_REPORTS")


def pytest_configure(config):
    config.addinivalue_line("markers", "sanitized: also run with the sanitizers' build by a plain script/test")
    config.addinivalue_line("markers", "unsanitized(why): makes no sense in a sanitizer's build")
    if REPORTS:
        own = report_folder()
        own.mkdir(exist_ok=True)
        own.chmod(0o1777)
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            os.environ[name] = os.environ.get(name, "") + f":log_path={own}/report"


def report_folder():
    return pathlib.Path(REPORTS) / os.environ.get("PYTEST_XDIST_WORKER", "main")


@pytest.fixture(autouse=True)
def no_report():
    """Torn down last, when the test's servers have ended."""
    if not REPORTS:
        yield
        return
    before = set(report_folder().iterdir())
    yield
    new = set(report_folder().iterdir()) - before
    assert not new, "\n".join(path.read_text(errors="replace") for path in sorted(new))


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
def unharmed(shared, keys):
    """Afterwards a good enrolment works, it is the only new certificate, and no role has ended meanwhile."""
    before, pids = len(shared.certificates()), shared.role_pids()
    yield
    assert shared.role_pids() == pids
    assert shared.enrol(keys[11], shared.challenge()).status == 0
    assert len(shared.certificates()) == before + 1


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
