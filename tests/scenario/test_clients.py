"""Real clients from Debian: strongSwan's pki, certmonger, micromdm's scepclient, and kurier enroll; each with CA + RA, and with an
issuing CA under a root."""

import json
import os
import re
import shutil
import subprocess

import pytest

import kurier
from clients import certmonger, certmonger_requests_resubmits_and_rekeys, chain_file, pki, strongswan, verify


@pytest.fixture(params=["root", "issuing"])
def server(request, make_server):
    if request.param == "root":
        return make_server(init=["--ca-key", "rsa:2048"]).start()
    certificate, key, root = request.getfixturevalue("issuing_ca")
    return make_server(init=["--ca-cert", certificate, "--ca-key-file", key, "--ca-chain", root]).start()


# ---- strongSwan -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cipher", ["aes", "des3"])
def test_strongswan_enrols_and_renews(server, folder, openssl, cipher):
    paths = chain_file(server, folder, openssl)
    done = pki("--scepca", "--url", server.url(), "--outform", "pem", "--caout", str(folder / "swan-ca.pem"), "--raout", str(folder / "ra.pem"))
    assert (folder / "ra.pem").exists() and done.returncode == 0
    keys = [folder / "key0.pem", folder / "key1.pem"]
    for key in keys:
        key.write_bytes(pki("--gen", "--type", "rsa", "--size", "2048", "--outform", "pem").stdout)
    first = folder / "first.pem"
    first.write_bytes(strongswan(server, folder, paths, keys[0], server.challenge(), cipher).stdout)
    verify(openssl, paths[1], first, keys[0])
    renewed = folder / "renewed.pem"
    extra = ["--cert", str(first), "--key", str(keys[0])]
    renewed.write_bytes(strongswan(server, folder, paths, keys[1], None, cipher, extra).stdout)
    verify(openssl, paths[1], renewed, keys[1])
    assert openssl("x509", "-in", str(first), "-noout", "-serial") != openssl("x509", "-in", str(renewed), "-noout", "-serial")


def test_strongswan_sees_a_failure_and_waits_through_pending(make_server, folder, openssl):
    server = make_server(init=["--ca-key", "rsa:2048"], config=lambda t: t.replace("approval: no", "approval: yes")).start()
    paths = chain_file(server, folder, openssl)
    key = folder / "key.pem"
    key.write_bytes(pki("--gen", "--type", "rsa", "--size", "2048", "--outform", "pem").stdout)
    done = strongswan(server, folder, paths, key, "WRONG", check=False)
    assert done.returncode != 0 and b"badrequest" in done.stderr.lower()
    ra, cas, _ = paths
    waiting = subprocess.Popen(["pki", "--scep", "--url", server.url(), "--in", str(key), "--dn", "CN=swan", "--password",
                                server.challenge("--device", "swan"), "--cacert-enc", ra, "--cacert-sig", ra, "--cacert", cas[0],
                                "--interval", "1", "--maxpolltime", "30", "--outform", "pem"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    approve_when_waiting(server, "swan")
    out, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, err.decode()
    (folder / "c.pem").write_bytes(out)
    verify(openssl, cas, folder / "c.pem", key)


def approve_when_waiting(server, device):
    import time
    for _ in range(100):
        if any(r["device"] == device for r in server.json_lines("request", "list")):
            server.command("request", "approve", device)
            return
        time.sleep(0.1)
    raise AssertionError("nothing waits")


# ---- certmonger -----------------------------------------------------------------------------------------------------


def test_certmonger_requests_resubmits_and_rekeys(server, folder, openssl):
    _, cas, bundle = chain_file(server, folder, openssl)
    work = certmonger_requests_resubmits_and_rekeys(server, folder, openssl, bundle, cas)
    assert (work / "first.key").read_bytes() == (work / "second.key").read_bytes() != (work / "third.key").read_bytes()
    serials = {openssl("x509", "-in", str(work / f"{n}.pem"), "-noout", "-serial") for n in ("first", "second", "third")}
    assert len(serials) == 3


def test_certmonger_sees_a_failure_for_what_it_is(make_server, folder, openssl):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    _, _, bundle = chain_file(server, folder, openssl)
    _, text = certmonger(server, folder, bundle, """
getcert request -s -c kurier -f $PWD/cert.pem -k $PWD/key.pem -N CN=monger -L WRONG -I one -w -v --wait-timeout 20
getcert list -s
""")
    assert "CA_REJECTED" in text, text


def test_certmonger_waits_through_pending(make_server, folder, openssl):
    server = make_server(init=["--ca-key", "rsa:2048"], config=lambda t: t.replace("approval: no", "approval: yes")).start()
    _, cas, bundle = chain_file(server, folder, openssl)
    challenge = server.challenge("--device", "monger")
    work, text = certmonger(server, folder, bundle, f"""
getcert request -s -c kurier -f $PWD/cert.pem -k $PWD/key.pem -N CN=monger -L {challenge} -I one
for i in $(seq 100); do {kurier.PROGRAM} request approve monger --home {server.home} && break; sleep 0.2; done
for i in $(seq 60); do getcert list -s | grep -q MONITORING && break; getcert resubmit -s -i one >/dev/null; sleep 1; done
getcert list -s
""")
    assert "status: MONITORING" in text, text
    verify(openssl, cas, work / "cert.pem", work / "key.pem")


# ---- micromdm's scepclient ------------------------------------------------------------------------------------------


def test_scepclient_is_told_badalg(server, folder):
    done = subprocess.run([shutil.which("scepclient") or "/usr/bin/scepclient", "-server-url", server.url(), "-private-key", "client.key",
                           "-certificate", "client.pem", "-challenge", server.challenge(), "-cn", "micro"],
                          cwd=folder, capture_output=True, text=True, timeout=60)
    text = (done.stdout + done.stderr).lower()
    assert done.returncode != 0 and "badalg" in text, text
    assert not (folder / "client.pem").exists()
    assert any(d["code"] == "KUR-1311" for d in server.json_lines("delivery", "list"))


# ---- kurier enroll --------------------------------------------------------------------------------------------------


def enroll(server, folder, *args, environment=None):
    ca = server.ca_certificates()[1]
    return subprocess.run([kurier.PROGRAM, "enroll", server.url(), "--subject", "CN=own,O=Example", "--san", "DNS:own.example", "--out",
                           str(folder / "own"), "--ca-fingerprint", ca.sha256.hex(), "--poll-interval", "1s", *args],
                          capture_output=True, text=True, timeout=90, env=dict(os.environ, **(environment or {})))


ANDROID = (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}    INFO    Event     [a-zA-Z.]+StateMachine +\d+ +\d+    "
           r"(Root|SCEP) cert '.+' state changed from [A-Z_]+ to [A-Z_]+")
STATES = ["CERT_ENROLLED", "CERT_INSTALL_REQUESTED", "CERT_INSTALLING", "CERT_ACCESS_REQUESTED", "CERT_ACCESS_GRANTED"]


def logged(folder):
    lines = (folder / "own" / "kurier-device.log").read_text().splitlines()
    return [line.rsplit(" ", 1)[1] for line in lines if "SCEP cert" in line]


@pytest.mark.sanitized
@pytest.mark.parametrize("way", [[], ["--get"]], ids=["post", "get"])
def test_enroll_installs_and_renews(server, folder, openssl, way):
    done = enroll(server, folder, "--challenge", server.challenge(), *way)
    assert done.returncode == 0, done.stderr
    own = folder / "own"
    openssl("verify", "-CAfile", str(own / "root.pem"), "-untrusted", str(own / "chain.pem"), str(own / "cert.pem"))
    assert logged(folder) == STATES
    lines = (own / "kurier-device.log").read_text().splitlines()
    assert all(re.fullmatch(ANDROID, line) for line in lines), lines
    assert [line.rsplit(" ", 1)[1] for line in lines if "Root cert" in line] == ["CERT_INSTALL_REQUESTED", "CERT_INSTALLING", "CERT_INSTALL_SUCCESS"]
    assert oct((own / "key.pem").stat().st_mode & 0o777) == "0o600"
    first = (own / "cert.pem").read_bytes()
    assert "already enrolled" in enroll(server, folder).stdout
    assert enroll(server, folder, "--renew", *way).returncode == 0
    assert (own / "cert.pem").read_bytes() != first
    openssl("verify", "-CAfile", str(own / "root.pem"), "-untrusted", str(own / "chain.pem"), str(own / "cert.pem"))


@pytest.mark.parametrize("state", STATES)
def test_enroll_goes_on_where_it_was_cut_off(shared, folder, state):
    challenge = shared.challenge()
    cut = enroll(shared, folder, "--challenge", challenge, environment={"KURIER_DEVICE_STOP_AT": state})
    assert cut.returncode == 9 and logged(folder)[-1] == state
    again = enroll(shared, folder, "--challenge", challenge)
    assert again.returncode == 0, again.stderr
    assert logged(folder)[-1] in ("CERT_ACCESS_GRANTED",)


def test_C_01_C_03_enroll_refuses_an_unauthenticated_ca(shared, folder):
    base = [kurier.PROGRAM, "enroll", shared.url(), "--subject", "CN=x", "--challenge", shared.challenge(), "--out", str(folder / "o"), "--json"]
    done = subprocess.run(base, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and json.loads(done.stdout)["code"] == "KUR-2104"
    done = subprocess.run([*base, "--ca-fingerprint", "00" * 32], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and json.loads(done.stdout)["code"] == "KUR-2103"
    done = subprocess.run([*base, "--trust-on-first-use"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and json.loads(done.stdout)["result"] == "enrolled"


def test_enroll_shows_a_refusal_and_polls(make_server, folder):
    server = make_server(init=["--ca-key", "rsa:2048"], config=lambda t: t.replace("approval: no", "approval: yes")).start()
    done = enroll(server, folder, "--challenge", "WRONG", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 1 and (answer["result"], answer["fail_info"]) == ("refused", "badRequest")
    assert answer["fail_info_text"].endswith("[KUR-1403]")
    challenge = server.challenge("--device", "own")
    assert enroll(server, folder, "--challenge", challenge, "--poll-max", "1s").returncode == 1
    server.command("request", "approve", "own")
    done = enroll(server, folder, "--challenge", challenge)
    assert done.returncode == 0, done.stderr
