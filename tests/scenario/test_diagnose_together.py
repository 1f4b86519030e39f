"""Logs of both sides: of real clients and kurier serve, binary event logs, what is told and what is read, and what is made unreadable."""

import calendar
import io
import json
import os
import random
import re
import signal
import subprocess
import time
import zipfile

import pytest

import evtx
import kurier
from clients import certmonger, chain_file, pki, strongswan
from logs import CASES, CONNECTOR, NDES, PKCS_REQ, SENT, TRYING, WINDOWS_MODEL, android, diagnose, found

MDM = "Microsoft-Windows-DeviceManagement-Enterprise-Diagnostics-Provider"
MORNING = calendar.timegm((2026, 3, 1, 9, 0, 0))


# ---- .evtx ----------------------------------------------------------------------------------------------------------


def windows_events(*rows, computer="LAPTOP-1"):
    """(provider, id, texts...), ten seconds apart."""
    return evtx.write({"provider": provider, "id": number, "time": MORNING + 10 * i, "computer": computer,
                       "data": [(f"Message{k}", text) for k, text in enumerate(texts, 1)]} for i, (provider, number, *texts) in enumerate(rows))


ACCEPTED_DATA = (MDM, 306, WINDOWS_MODEL, "0x2ab0003")
GENERATED_DATA = (MDM, 36, "1.3.6.1.5.5.7.3.2", "https://ndes.example.org/certsrv/mscep/mscep.dll/pkiclient.exe", "")
EVENT_LOGS = {
    "installed": ([(MDM, 306, WINDOWS_MODEL, "0x2ab0003"), GENERATED_DATA, (MDM, 39, "7d3a3c1b2f4e5d6c7b8a99887766554433221100")], 5, "delivered", "win-event-39"),
    "failed": ([GENERATED_DATA, (MDM, 32, "0x80072f8f")], 2, "stopped", "tls-failure"),
    "unknown-code": ([GENERATED_DATA, (MDM, 32, "0x80004005")], 2, "stopped", "win-enroll-failed"),
    "ndes-password": ([(NDES, 29, "")], 3, "stopped", "challenge-password-invalid"),
    "connector": ([(CONNECTOR, 4002, "x")], 6, "stopped", "connector-notify-failed"),
}


@pytest.mark.parametrize("name", EVENT_LOGS)
@pytest.mark.parametrize("form", ["file", "zip", "pipe"])
def test_binary_event_logs_are_read_by_provider_and_id(folder, name, form):
    rows, *expected = EVENT_LOGS[name]
    octets = windows_events(*rows)
    path = folder / "Admin.evtx"
    path.write_bytes(octets)
    if form == "zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("diag/Admin.evtx", octets)
            archive.writestr("diag/empty.txt", "")
        path = folder / "upload.zip"
        path.write_bytes(packed.getvalue())
    answer = diagnose("-", data=octets) if form == "pipe" else diagnose(path)
    assert found(answer) == tuple(expected), answer
    assert all(e["time"].startswith("2026-03-01T09:00:") for e in answer["evidence"])


def test_many_chunks_of_events(folder):
    """Hundreds of other events before and behind; the delivery is found among them."""
    noise = [("Microsoft-Windows-Kernel-General", 12, "x" * 200)] * 700
    octets = windows_events(*noise, GENERATED_DATA, (MDM, 32, "0x80072f8f"), *noise)
    assert len(octets) > 4 * 65536
    (folder / "big.evtx").write_bytes(octets)
    assert found(diagnose(folder / "big.evtx")) == (2, "stopped", "tls-failure")


def test_damaged_event_logs_end_quietly(folder):
    good = windows_events(*EVENT_LOGS["failed"][0])
    draw = random.Random(3)
    path = folder / "bad.evtx"
    for i in range(60):
        bad = bytearray(good[:draw.choice([len(good), 4096, 5000, 70000, 4096 + 512])])
        for _ in range(draw.randrange(0, 12)):
            bad[draw.randrange(8, len(bad))] = draw.randrange(256)
        path.write_bytes(bad)
        done = subprocess.run([kurier.PROGRAM, "diagnose", str(path), "--json"], capture_output=True, timeout=60)
        assert done.returncode in (0, 1), (i, done.stderr)
        assert "Sanitizer" not in done.stderr.decode(), done.stderr.decode()


# ---- redaction ------------------------------------------------------------------------------------------------------

SECRETS = ["ndes.example.org", "10.0.0.9", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "0123456789ABCDEF0123456789ABCDEF01234567", "alice@example.org",
           "CONTOSO\\svc_ndes", "laptop-of-alice", "S3cretChallenge99", "fe80::1:2:3:4", "FourthCoffee"]


def told_text():
    transport = "org.jscep.transport.UrlConnectionPostTransport"
    where = "https://ndes.example.org/certsrv/mscep/mscep.dll"
    return android(TRYING, (transport, f"Sending GetCACaps(ca) to {where}?operation=GetCACaps of alice@example.org"),
                   (transport, f"Sending PkiOperation to {where} from fe80::1:2:3:4 account CONTOSO\\svc_ndes subject CN=laptop-of-alice,O=FourthCoffee, "
                    "challenge=S3cretChallenge99"), PKCS_REQ, SENT,
                   (transport, "java.net.ConnectException: failed to connect to ndes.example.org/10.0.0.9 (port 443) after 10000ms"))


@pytest.mark.parametrize("form", ["text", "json", "html"])
def test_redacted_output_names_nobody(folder, form):
    (folder / "alice").mkdir()
    path = folder / "alice" / "OMADM.log"
    path.write_text(told_text())
    page = folder / "page.html"
    plain = kurier.run("diagnose", str(path), *(["--json"] if form == "json" else []), "--html", str(page))
    if form == "html":
        plain.stdout = page.read_text()
    assert sum(s.lower() in plain.stdout.lower() for s in SECRETS) >= 3, "nothing to hide"
    done = kurier.run("diagnose", str(path), "--redact", *(["--json"] if form == "json" else []), "--html", str(page))
    text = page.read_text() if form == "html" else done.stdout
    assert done.returncode == plain.returncode
    assert [s for s in SECRETS + ["/alice/"] if s.lower() in text.lower()] == []
    assert "OMADM.log" in text and re.search(r"host-\d", text) and re.search(r"id-\d", text)


def test_the_same_thing_has_the_same_word(folder):
    (folder / "OMADM.log").write_text(told_text())
    answer = diagnose(folder / "OMADM.log", "--redact")
    plain = diagnose(folder / "OMADM.log")
    assert found(answer) == found(plain)
    texts = [e["text"] for d in answer["deliveries"] for e in d["evidence"]]
    originals = [e["text"] for d in plain["deliveries"] for e in d["evidence"]]
    for name, word in (("ndes.example.org", r"host-\d+"), ("10.0.0.9", r"address-\d+")):
        words = {w for t, o in zip(texts, originals) if name in o for w in re.findall(word, t)}
        assert len(words) == 1, (name, words)
    assert any("2026-03-01T09:00:" in t for t in texts), "times stay"
    assert any("org.jscep" in t or "java.net.ConnectException" in t for t in texts), "program names stay"
    assert any("mscep.dll" in t for t in texts)
    assert any("PkcsReq@1[messageData=x" in t and re.search(r"transId=id-\d", t) for t in texts)
    assert any(re.search(r"ModelName=AC_id-(\d+)%2FLogicalName_id-(\d+);Hash", t) for t in texts)


@pytest.mark.parametrize("name", CASES)
def test_redaction_changes_no_verdict(name):
    text, *expected = CASES[name]
    assert found(diagnose("-", "--redact", data=text.encode())) == tuple(expected)


# ---- clocks ---------------------------------------------------------------------------------------------------------


def ndes_29(minutes):
    at = MORNING + 60 * minutes + 45
    when = time.strftime("%m/%d/%Y %I:%M:%S %p", time.gmtime(at))
    return CASES["ndes-29"][0].replace("3/1/2026 9:00:01 AM", when)


@pytest.mark.parametrize("minutes,said", [(0, None), (7, "clocks is wrong"), (-120, "time zone"), (330, "time zone")])
def test_the_skew_that_was_found_is_told(folder, minutes, said):
    (folder / "OMADM.log").write_text(CASES["android-sent"][0])
    (folder / "ndes.txt").write_text(ndes_29(minutes))
    answer = diagnose(folder)
    assert found(answer) == (3, "stopped", "challenge-password-invalid")
    skew = answer["deliveries"][0]["skew_s"]
    assert abs(skew - 60 * minutes) < 60
    text = kurier.run("diagnose", str(folder)).stdout
    assert (said in text) if said else ("ahead of" not in text and "behind" not in text)


def test_one_server_delivery_with_an_id_and_one_device(folder):
    """The server knows transactions, the device its profile: one of each can only be the same; two of them cannot be told apart."""
    (folder / "OMADM.log").write_text(android(TRYING, ("org.jscep.transport.UrlConnectionGetTransport", "Sending GetCACaps(ca) to https://x.example/scep"),
                                              ("org.jscep.transaction.EnrollmentTransaction", "Sending PkiOperation")))
    line = "event=refused transaction_id={} time=2026-03-01T09:00:31.000Z level=warn role=front source=10.0.0.9 code=KUR-1403\n"
    (folder / "kurier.log").write_text(line.format("ab12cd34"))
    assert len(diagnose(folder)["deliveries"]) == 1
    (folder / "kurier.log").write_text(line.format("ab12cd34") + line.format("ffff0000"))
    assert len(diagnose(folder)["deliveries"]) == 3


# ---- trace --with ---------------------------------------------------------------------------------------------------


def test_trace_lays_both_on_one_time_line(make_server, folder):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    out = folder / "device"
    fingerprint = next(c for c in server.ca_certificates() if c.ca).sha256.hex()
    done = kurier.run("enroll", server.url(), "--challenge", server.challenge("--device", "both"), "--subject", "CN=both", "--out", str(out),
                      "--ca-fingerprint", fingerprint)
    assert done.returncode == 0, done.stderr
    log, = [p for p in out.iterdir() if "state changed" in p.read_text(errors="replace")]
    done = kurier.run("trace", "both", "--home", str(server.home), "--with", str(log))
    text = done.stdout[done.stdout.index("With the logs"):]
    assert done.returncode == 0 and "delivered at step 5" in text
    sources = [line.split()[4] for line in text.splitlines()[1:] if re.match(r"  \d \w", line)]
    assert "ledger" in sources and log.name[:16] in sources
    answer = json.loads(kurier.run("trace", "both", "--home", str(server.home), "--with", str(log), "--json").stdout)
    times = [e["at"] for e in answer["with"]["timeline"] if e["at"]]
    assert times == sorted(times) and answer["with"]["verdict"] == "delivered"
    assert {e["file"] == "ledger" for e in answer["with"]["timeline"]} == {True, False}


def test_trace_with_a_log_that_waits_and_a_ledger_that_refused(make_server, keys, folder):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    assert server.enrol(keys[0], server.challenge("--device", "refused", "--subject", "CN=right"), subject="CN=wrong").status == 2
    today = time.strftime("%Y-%m-%d", time.gmtime())
    (folder / "OMADM.log").write_text(android(TRYING, day=today))
    done = kurier.run("trace", "refused", "--home", str(server.home), "--with", str(folder / "OMADM.log"))
    assert done.returncode == 1
    text = done.stdout[done.stdout.index("With the logs"):]
    assert "stopped at step 3 (policy): challenge-subject-mismatch" in text and "what to do" in text


def test_trace_with_a_log_of_nothing(make_server, keys, folder):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    server.enrol(keys[0], server.challenge("--device", "alone"))
    (folder / "empty.log").write_text("nothing of the kind\n")
    done = kurier.run("trace", "alone", "--home", str(server.home), "--with", str(folder / "empty.log"))
    assert done.returncode == 0 and "nothing that can be this delivery" in done.stdout
    answer = json.loads(kurier.run("trace", "alone", "--home", str(server.home), "--with", str(folder / "empty.log"), "--json").stdout)
    assert answer["with"] is None
    assert kurier.run("trace", "alone", "--home", str(server.home), "--with", str(folder / "missing.log")).returncode == 3


# ---- real logs, made here -------------------------------------------------------------------------------------------


def swan_log(server, folder, openssl, challenge):
    """What strongSwan's pki says, and whether it was content."""
    paths = chain_file(server, folder, openssl)
    key = folder / "swan.key"
    key.write_bytes(pki("--gen", "--type", "rsa", "--size", "2048", "--outform", "pem").stdout)
    done = strongswan(server, folder, paths, key, challenge, check=False)
    log = folder / "swan.log"
    log.write_bytes(done.stderr)
    return done.returncode == 0, log


def test_strongswan_with_a_wrong_challenge(make_server, folder, openssl):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    is_good, log = swan_log(server, folder, openssl, "WRONG")
    assert not is_good
    answer = diagnose(log)
    assert answer["verdict"] == "stopped" and answer["cause"] == "scep-fail-badrequest", answer
    assert found(diagnose(log, server.log_path)) == (3, "stopped", "challenge-password-invalid")


def test_strongswan_with_an_expired_challenge(make_server, folder, openssl):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    challenge = server.challenge("--ttl", "1s")
    time.sleep(2.1)
    is_good, log = swan_log(server, folder, openssl, challenge)
    assert not is_good
    assert found(diagnose(log, server.log_path))[1:] == ("stopped", "challenge-password-invalid")


def test_strongswan_that_is_content(make_server, folder, openssl):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    is_good, log = swan_log(server, folder, openssl, server.challenge())
    assert is_good
    assert diagnose(log, server.log_path)["verdict"] != "stopped"


def test_certmonger_with_a_wrong_challenge(make_server, folder, openssl):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    _, _, bundle = chain_file(server, folder, openssl)
    _, text = certmonger(server, folder, bundle, "getcert request -s -c kurier -f $PWD/c.pem -k $PWD/k.pem -N CN=m -L WRONG -I one -w -v; getcert list -s")
    (folder / "getcert.txt").write_text(text)
    answer = diagnose(folder / "getcert.txt")
    assert answer["verdict"] == "stopped", (answer, text)
    assert found(diagnose(folder / "getcert.txt", server.log_path)) == (3, "stopped", "challenge-password-invalid")


def enrol_log(server, folder, *options):
    done = kurier.run("enroll", server.url(), "--subject", "CN=device", "--out", str(folder / "device"), *options)
    log = folder / "enroll.txt"
    log.write_text(done.stdout + done.stderr)
    device = [p for p in (folder / "device").iterdir() if p.suffix == ".log"] if (folder / "device").exists() else []
    return done.returncode, [log, *device]


def test_kurier_enroll_with_another_ca(make_server, folder):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    status, logs = enrol_log(server, folder, "--challenge", server.challenge(), "--ca-fingerprint", "00" * 32)
    assert status != 0
    assert found(diagnose(*logs)) == (2, "stopped", "ca-thumbprint-mismatch")


def test_kurier_enroll_with_a_wrong_challenge(make_server, folder):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    status, logs = enrol_log(server, folder, "--challenge", "WRONG", "--trust-on-first-use")
    assert status != 0
    assert found(diagnose(*logs, server.log_path)) == (3, "stopped", "challenge-password-invalid")


def test_a_server_that_is_stopped_in_the_middle(make_server, folder, keys):
    """The device has the CA's certificates; then nobody answers any more."""
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    challenge, fingerprint = server.challenge(), next(c for c in server.ca_certificates() if c.ca).sha256.hex()
    for pid in (server.role_pids()["kurier-ledger"],):
        os.kill(pid, signal.SIGSTOP)
    device = subprocess.Popen([kurier.PROGRAM, "enroll", server.url(), "--subject", "CN=device", "--out", str(folder / "device"), "--challenge", challenge,
                               "--ca-fingerprint", fingerprint], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(1.5)
    server.kill()
    out, _ = device.communicate(timeout=120)
    (folder / "enroll.txt").write_text(out)
    assert device.returncode != 0
    logs = [folder / "enroll.txt", *[p for p in (folder / "device").iterdir() if p.suffix == ".log"]]
    answer = diagnose(*logs, server.log_path)
    assert answer["stage"] == 2 and answer["verdict"] == "stopped", answer
    assert answer["cause"] in ("request-sent-no-response", "connect-failure", "connect-timeout", "tls-or-proxy-invalid-response", "ios-network"), answer


# ---- more real logs: the wrong CA, nobody there, an expired challenge ------------------------------------------------


def other_chain(make_server, folder, openssl):
    """The certificates of another server: what an administrator copied from the wrong place."""
    other = make_server("other-home", init=["--ca-key", "rsa:2048"]).start()
    (folder / "other").mkdir()
    return chain_file(other, folder / "other", openssl)


def test_strongswan_with_another_ca(make_server, folder, openssl):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    key = folder / "swan.key"
    key.write_bytes(pki("--gen", "--type", "rsa", "--size", "2048", "--outform", "pem").stdout)
    done = strongswan(server, folder, other_chain(make_server, folder, openssl), key, server.challenge(), check=False)
    assert done.returncode != 0
    (folder / "swan.log").write_bytes(done.stderr)
    answer = diagnose(folder / "swan.log", server.log_path)
    assert answer["verdict"] == "stopped" and answer["cause"] == "request-encrypted-to-wrong-cert", done.stderr.decode() + server.log_path.read_text()


def test_strongswan_and_a_closed_port(make_server, folder, openssl):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    paths = chain_file(server, folder, openssl)
    server.stop()
    key = folder / "swan.key"
    key.write_bytes(pki("--gen", "--type", "rsa", "--size", "2048", "--outform", "pem").stdout)
    done = strongswan(server, folder, paths, key, "x", check=False)
    (folder / "swan.log").write_bytes(done.stderr)
    assert found(diagnose(folder / "swan.log")) == (2, "stopped", "connect-failure"), done.stderr.decode()


def certmonger_log(server, folder, bundle, challenge):
    _, text = certmonger(server, folder, bundle, f"getcert request -s -c kurier -f $PWD/c.pem -k $PWD/k.pem -N CN=m -L {challenge} -I one -w -v; getcert list -s")
    (folder / "getcert.txt").write_text(text)
    return folder / "getcert.txt"


def test_certmonger_with_an_expired_challenge(make_server, folder, openssl):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    challenge = server.challenge("--ttl", "1s")
    time.sleep(2.1)
    log = certmonger_log(server, folder, chain_file(server, folder, openssl)[2], challenge)
    assert found(diagnose(log, server.log_path)) == (3, "stopped", "challenge-password-invalid")


def test_certmonger_and_nobody_there(make_server, folder, openssl):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    bundle = chain_file(server, folder, openssl)[2]
    server.stop()
    log = certmonger_log(server, folder, bundle, "x")
    assert found(diagnose(log)) == (2, "stopped", "client-unconfigured"), log.read_text()


def test_kurier_enroll_with_an_expired_challenge(make_server, folder):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    challenge = server.challenge("--ttl", "1s")
    time.sleep(2.1)
    status, logs = enrol_log(server, folder, "--challenge", challenge, "--trust-on-first-use")
    assert status != 0
    assert found(diagnose(*logs, server.log_path)) == (3, "stopped", "challenge-password-invalid")


# ---- several partial logs, one verdict --------------------------------------------------------------------------------

FIELDS = "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\n"
PHONE = "Dalvik/2.1.0+(Linux;+U;+Android+13)"
TABLET = "profiled/1.0+CFNetwork/1494.0.7+Darwin/23.4.0"


def web(*rows):
    """(seconds, address, agent, method, what, status, taken)"""
    paths = {"caps": "/certsrv/mscep/mscep.dll operation=GetCACaps&message=ca", "operation": "/certsrv/mscep/mscep.dll operation=PKIOperation",
             "verify": "/CertificateRegistrationSvc/Certificate/VerifyRequest -", "notify": "/CertificateRegistrationSvc/Certificate/Notify -"}
    return FIELDS + "".join(f"2026-03-01 09:00:{s:02d} 10.0.0.1 {method} {paths[what]} 443 - {address} {agent} - {status} {taken}\n"
                            for s, address, agent, method, what, status, taken in rows)


def own(seconds, what, status):
    return (seconds, "10.0.0.1", "NDES_Plugin", "POST", what, status, 60)


SENT_LOG = CASES["android-sent"][0] # sends at 09:00:40
TOGETHER = {
    "device-and-web-server": ([SENT_LOG, web((20, "10.0.0.9", PHONE, "GET", "caps", "200 0 0", 9), own(42, "verify", "403 16 2148204809"),
                                             (42, "10.0.0.9", PHONE, "POST", "operation", "200 0 0", 1300))], 3, "stopped", "crp-client-cert-untrusted", 1),
    "reported": ([CASES["android-all"][0], web((20, "10.0.0.9", PHONE, "GET", "caps", "200 0 0", 9), own(42, "verify", "201 0 0"), own(43, "notify", "204 0 0"),
                                               (43, "10.0.0.9", PHONE, "POST", "operation", "200 0 0", 2300))], 6, "delivered", "reported-notify-204", 1),
    "delivered-but-not-reported": ([CASES["android-all"][0], web((20, "10.0.0.9", PHONE, "GET", "caps", "200 0 0", 9), own(42, "verify", "201 0 0"),
                                                                 own(43, "notify", "500 0 0"), (43, "10.0.0.9", PHONE, "POST", "operation", "200 0 0", 2300))],
                                   6, "stopped", "connector-notify-failed", 1),
    "the-client-of-another-kind": ([SENT_LOG, web((20, "10.0.0.7", TABLET, "GET", "caps", "503 0 0", 9), (21, "10.0.0.9", PHONE, "GET", "caps", "200 0 0", 9))],
                                   2, "stopped", "iis-503", 2),
    "two-requests-at-once": ([web((20, "10.0.0.7", TABLET, "GET", "caps", "200 0 0", 9), (20, "10.0.0.9", PHONE, "GET", "caps", "200 0 0", 9),
                                  own(25, "verify", "500 0 0"), (26, "10.0.0.7", TABLET, "POST", "operation", "200 0 0", 1500), own(40, "verify", "201 0 0"),
                                  own(41, "notify", "204 0 0"), (42, "10.0.0.9", PHONE, "POST", "operation", "200 0 0", 2500))],
                             3, "stopped", "crp-temp-folder-permission", 2),
    "three-logs": ([SENT_LOG, web((20, "10.0.0.9", PHONE, "GET", "caps", "200 0 0", 9), (42, "10.0.0.9", PHONE, "POST", "operation", "200 0 0", 1300)),
                    CASES["ndes-29"][0].replace("9:00:01", "9:00:42")], 3, "stopped", "challenge-password-invalid", 1),
    "the-older-log-comes-last": ([CASES["android-all"][0].replace("2026-03-01", "2026-03-02"), CASES["android-bad-request"][0]],
                                 5, "delivered", "android-access-granted", 1),
    "by-transaction": ([SENT_LOG, "2026-03-01 09:00:41,001  INFO ScepService - transactionId : 0123456789abcdef0123456789abcdef01234567\n"
                        '2026-03-01 09:00:42,001  INFO IntuneScepServiceClient - {"code":"ChallengeExpired","errorDescription":""}\n'],
                       3, "stopped", "intune-challenge-expired", 1),
}


@pytest.mark.parametrize("name", TOGETHER)
@pytest.mark.parametrize("is_turned", [False, True])
def test_parts_of_one_delivery(folder, name, is_turned):
    logs, *expected, count = TOGETHER[name]
    if is_turned and name == "the-older-log-comes-last":
        pytest.skip("then it does not")
    for i, text in enumerate(reversed(logs) if is_turned else logs):
        (folder / f"{i}.log").write_text(text)
    answer = diagnose(folder)
    assert found(answer) == tuple(expected) and len(answer["deliveries"]) == count, answer["deliveries"]


def test_a_verification_among_several_is_the_devices_by_its_time(folder):
    (folder / "OMADM.log").write_text(SENT_LOG)
    module = "".join(f'<![LOG[{t}]LOG]!><time="{at}.450+000" date="3-1-2026" component="NDESPlugin" context="" type="1" thread="7" file="x">\n' for at, t in (
        ("08:30:01", "Calling VerifyRequest ..."), ("08:30:02", "Verify challenge returns true"), ("08:30:02", "Exiting VerifyRequest with 0x0"),
        ("09:00:41", "Calling VerifyRequest ..."), ("09:00:42", "Verify challenge returns false"), ("09:00:42", "Exiting VerifyRequest with 0x80004005")))
    (folder / "NDESPlugin.log").write_text(module)
    answer = diagnose(folder)
    assert found(answer) == (3, "stopped", "challenge-verify-false")
    assert sorted(d["verdict"] for d in answer["deliveries"]) == ["in-progress", "stopped"]
    joined, = [d for d in answer["deliveries"] if d["verdict"] == "stopped"]
    assert joined["ids"]["profile"]


def test_unknown_lines_near_the_end_are_evidence(folder):
    text = CASES["android-sent"][0] + "2026-03-01T09:01:00.1230000    VERB    Event    org.jscep.transaction.EnrollmentTransaction    4711    9    Something nobody has seen before\n"
    answer = diagnose("-", data=text.encode())
    assert found(answer) == (2, "in-progress", "request-sent-no-response")
    assert "nobody has seen" in answer["evidence"][-1]["text"]


def test_codes_of_others_in_a_long_log_are_not_ours():
    lines = "".join(f"2026/03/01 09:{i // 60:02d}:{i % 60:02d} WindowsUpdate agent: download failed, error 0x80070005\n" for i in range(300))
    answer = diagnose("-", data=("nothing\n" * 70 + lines).encode())
    assert answer["verdict"] == "inconclusive" and answer["cause"] is None
