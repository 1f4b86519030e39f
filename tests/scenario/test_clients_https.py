"""Real clients over HTTPS: strongSwan's pki, certmonger, micromdm's scepclient and kurier enroll, against a listener with a certificate
of Kurier's own CA, with one of an own CA under a root, and with one that somebody else gave."""

import collections
import json
import os
import shutil
import subprocess

import pytest

import kurier
import web
from clients import certmonger, certmonger_requests_resubmits_and_rekeys, chain_file, pki, strongswan, verify

Setting = collections.namedtuple("Setting", "server port trust")  # trust: the file with whom a client believes


@pytest.fixture(params=["own", "own under a root", "files"])
def setting(request, folder):
    more = {}
    if request.param == "own under a root":
        certificate, key, root = request.getfixturevalue("issuing_ca")
        more = {"init": ["--ca-cert", certificate, "--ca-key-file", key, "--ca-chain", root]}
    server = web.WebServer(folder / "home", **more).start()
    if request.param == "files":
        yield Setting(server, server.files, str(server.home / "tls.crt"))
    else:
        yield Setting(server, server.own, root if more else server.ca_file)
    server.stop()


def url(setting, host="localhost"):
    return f"https://{host}:{setting.port}/scep"


def trusting(folder, trust):
    """What to put before a command for a machine whose administrator has had Debian believe a CA, and no other."""
    script = folder / "trusting"
    script.write_text(f"""#!/bin/sh
set -e
mount -t tmpfs tmpfs /usr/local/share/ca-certificates
mount -t tmpfs tmpfs /etc/ssl/certs
cp {trust} /usr/local/share/ca-certificates/kurier.crt
update-ca-certificates >/dev/null 2>&1
exec "$@"
""")
    script.chmod(0o755)
    return ["unshare", "--mount", str(script)]


# ---- strongSwan -----------------------------------------------------------------------------------------------------


def new_key(path):
    path.write_bytes(pki("--gen", "--type", "rsa", "--size", "2048", "--outform", "pem").stdout)
    return path


def test_strongswan_asks_enrols_and_renews(setting, folder, openssl):
    server, before = setting.server, trusting(folder, setting.trust)
    paths = chain_file(server, folder, openssl)
    done = pki("--scepca", "--url", url(setting), "--outform", "pem", "--caout", str(folder / "swan-ca.pem"), "--raout", str(folder / "ra.pem"),
               before=before)
    assert (folder / "ra.pem").exists(), done.stderr
    keys = [new_key(folder / f"key{i}.pem") for i in range(2)]
    first, renewed = folder / "first.pem", folder / "renewed.pem"
    first.write_bytes(strongswan(server, folder, paths, keys[0], server.challenge(), url=url(setting), before=before).stdout)
    verify(openssl, paths[1], first, keys[0])
    extra = ["--cert", str(first), "--key", str(keys[0])]
    renewed.write_bytes(strongswan(server, folder, paths, keys[1], extra=extra, url=url(setting), before=before).stdout)
    verify(openssl, paths[1], renewed, keys[1])
    assert len(server.certificates()) == 2


def test_strongswan_takes_no_server_that_the_machine_does_not_believe(setting, folder, openssl):
    """No option and no variable names a CA for it; --cacert is for SCEP alone."""
    server = setting.server
    paths = chain_file(server, folder, openssl)
    given = ["env", f"SSL_CERT_FILE={setting.trust}", f"CURL_CA_BUNDLE={setting.trust}"]
    done = strongswan(server, folder, paths, new_key(folder / "key.pem"), server.challenge(), check=False, url=url(setting), before=given)
    assert done.returncode != 0 and b"libcurl request failed [60]" in done.stderr, done.stderr
    assert server.certificates() == []


# ---- certmonger -----------------------------------------------------------------------------------------------------


def test_certmonger_requests_resubmits_and_rekeys(setting, folder, openssl):
    """It believes -R for the first request of each step only, and the machine's CAs for the second one, PKIOperation."""
    server = setting.server
    _, cas, _ = chain_file(server, folder, openssl)
    certmonger_requests_resubmits_and_rekeys(server, folder, openssl, setting.trust, cas, url=url(setting), before=trusting(folder, setting.trust))
    assert len(server.certificates()) == 3


def test_certmonger_does_not_get_through_with_its_option_alone(setting, folder):
    server = setting.server
    _, text = certmonger(server, folder, setting.trust, f"""
getcert request -s -c kurier -f $PWD/cert.pem -k $PWD/key.pem -N CN=monger -L {server.challenge()} -I one -w -v --wait-timeout 20
getcert list -s
""", url=url(setting))
    assert "CA_UNREACHABLE" in text and "Error 60 connecting" in text, text
    assert server.certificates() == []


def scep_submit(*args):
    return subprocess.run(["/usr/lib/certmonger/scep-submit", *args], capture_output=True, text=True, timeout=60)


def test_scep_submit_needs_to_be_told_whom_to_believe(setting):
    done = scep_submit("-u", url(setting), "-R", setting.trust, "-c")
    assert done.returncode == 0 and "SCEPStandard" in done.stdout, done.stdout + done.stderr
    done = scep_submit("-u", url(setting), "-R", setting.trust, "-C")
    assert done.returncode == 0 and done.stdout.count("BEGIN CERTIFICATE") >= 2
    done = scep_submit("-u", url(setting), "-c")
    assert done.returncode != 0 and "Error 60 connecting" in done.stdout + done.stderr


# ---- micromdm's scepclient ------------------------------------------------------------------------------------------


def test_scepclient_gets_as_far_as_over_http(setting, folder):
    done = subprocess.run([shutil.which("scepclient") or "/usr/bin/scepclient", "-server-url", url(setting), "-private-key", "client.key",
                           "-certificate", "client.pem", "-challenge", setting.server.challenge(), "-cn", "micro"], cwd=folder,
                          capture_output=True, text=True, timeout=60, env=dict(os.environ, SSL_CERT_FILE=setting.trust))
    text = (done.stdout + done.stderr).lower()
    assert done.returncode != 0 and "badalg" in text, text


# ---- kurier enroll --------------------------------------------------------------------------------------------------


def enroll(setting, folder, *args, host="localhost", trust=None):
    fingerprint = setting.server.ca_certificates()[1].sha256.hex()
    return kurier.run("enroll", url(setting, host), "--subject", "CN=own,O=Example", "--out", str(folder / "own"), "--ca-fingerprint", fingerprint,
                      "--tls-ca", trust or setting.trust, "--json", *args)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_kurier_enrols_and_renews(setting, folder, openssl, host):
    done = enroll(setting, folder, "--challenge", setting.server.challenge(), host=host)
    assert done.returncode == 0 and json.loads(done.stdout)["result"] == "enrolled", done.stdout
    own = folder / "own"
    openssl("verify", "-CAfile", str(own / "root.pem"), "-untrusted", str(own / "chain.pem"), str(own / "cert.pem"))
    first = (own / "cert.pem").read_bytes()
    assert enroll(setting, folder, "--renew", host=host).returncode == 0
    assert (own / "cert.pem").read_bytes() != first
    assert len(setting.server.certificates()) == 2


def test_kurier_takes_no_server_of_another_ca_or_name(setting, folder):
    """The fingerprint of the CA says nothing of who speaks TLS."""
    web.make_certificate(folder, "foreign")
    challenge = setting.server.challenge()
    done = enroll(setting, folder, "--challenge", challenge, trust=str(folder / "foreign.crt"))
    assert done.returncode == 1 and json.loads(done.stdout)["code"] == "KUR-2101"
    done = enroll(setting, folder, "--challenge", challenge, host="localhost.localdomain")
    assert done.returncode == 1 and json.loads(done.stdout)["code"] == "KUR-2101"
    assert setting.server.certificates() == []


# ---- exported scripts -----------------------------------------------------------------------------------------------


def script(setting, folder, form):
    path = folder / "script.sh"
    setting.server.command("profile", "export", "default", "--format", form, "--device", "exported", "--url", url(setting), "--out", str(path))
    assert "update-ca-certificates" in path.read_text()
    return path


def test_an_exported_script_for_strongswan_enrols(setting, folder):
    done = subprocess.run([*trusting(folder, setting.trust), "sh", str(script(setting, folder, "strongswan")), str(folder / "out")],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and (folder / "out" / "cert.pem").exists(), done.stderr


def test_an_exported_script_for_certmonger_enrols(setting, folder):
    work, text = certmonger(setting.server, folder, setting.trust, f"""
getcert() {{ verb=$1; shift; /usr/bin/getcert "$verb" -s "$@"; }}
. {script(setting, folder, "certmonger")}
getcert list
""", url=url(setting), before=trusting(folder, setting.trust))
    assert "status: MONITORING" in text, text
    assert len(setting.server.certificates()) == 1
