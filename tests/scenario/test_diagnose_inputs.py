"""kurier diagnose: inputs in pieces, pasted messages, more than its limits; and branches of readers that whole logs do not reach."""

import base64
import gzip
import io
import json
import os
import subprocess
import time
import zipfile

import pytest
from asn1crypto import core

import evtx
import kurier
import scepmsg
from foreign import ForeignServer
from logs import CASES, cmtrace, diagnose, event, found

TRANSACTION = "0123456789ABCDEF0123456789ABCDEF01234567"


@pytest.fixture(scope="module")
def foreign():
    server = ForeignServer()
    yield server
    server.close()


# ---- messages that were pasted ----------------------------------------------------------------------------------------


def pasted(der, label="PKCS7"):
    text = base64.b64encode(der).decode()
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def cert_rep(foreign, status, fail_info=None, transaction_id=TRANSACTION):
    foreign.fail_info = fail_info
    request = {scepmsg.SENDER_NONCE: core.OctetString(os.urandom(16)), scepmsg.TRANSACTION_ID: core.PrintableString(transaction_id)}
    return foreign.build(status, b"", request)


@pytest.mark.parametrize("label", ["PKCS7", "CMS"])
@pytest.mark.parametrize("fail_info, step, cause", [("0", 2, "scep-fail-badalg"), ("1", 2, "scep-fail-badmessagecheck"),
                                                    ("2", 3, "scep-fail-badrequest"), ("3", 2, "scep-fail-badtime"),
                                                    ("4", 2, "scep-fail-badcertid"), ("9", 3, "scep-fail-badrequest")])
def test_a_pasted_refusal_is_read(foreign, label, fail_info, step, cause):
    answer = diagnose("-", data=pasted(cert_rep(foreign, "2", fail_info), label).encode())
    assert found(answer) == (step, "stopped", cause)
    assert any(f"failInfo {fail_info}" in e["text"] for e in answer["evidence"])


def test_a_pasted_success_and_a_pasted_pending(foreign):
    assert diagnose("-", data=pasted(cert_rep(foreign, "0")).encode())["stage"] == 5
    assert found(diagnose("-", data=pasted(cert_rep(foreign, "3")).encode())) == (4, "stopped", "ca-pending")


def test_a_pasted_answer_belongs_to_the_device_of_its_transaction(foreign):
    text = CASES["android-sent"][0] + "\n" + pasted(cert_rep(foreign, "2", "2"))
    answer = diagnose("-", data=text.encode())
    assert found(answer) == (3, "stopped", "scep-fail-badrequest") and len(answer["deliveries"]) == 1


@pytest.mark.parametrize("data", ["-----BEGIN PKCS7-----\n!!!!\n-----END PKCS7-----\n", "-----BEGIN PKCS7-----\nMIIB\n-----END PKCS7-----\n",
                                  "-----BEGIN PKCS7-----\n" + "QUFB" * 100000 + "\n-----END PKCS7-----\n", "-----BEGIN CMS-----\nMIIB\n"],
                         ids=["no-base64", "cut-off", "too-long", "no-end"])
def test_what_is_pasted_and_is_no_answer_says_nothing(data):
    assert diagnose("-", data=data.encode())["deliveries"] == []
    text, *expected = CASES["android-all"]
    assert found(diagnose("-", data=(data + text).encode())) == tuple(expected) or "END" not in data


# ---- inputs in pieces -------------------------------------------------------------------------------------------------


def in_pieces(data, first):
    process = subprocess.Popen([kurier.PROGRAM, "diagnose", "-", "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    os.write(process.stdin.fileno(), data[:first])
    time.sleep(0.05)
    for i in range(first, len(data)):
        os.write(process.stdin.fileno(), data[i:i + 1])
        time.sleep(0.001)
    out, _ = process.communicate(timeout=30)
    assert process.returncode in (0, 1)
    return json.loads(out)


@pytest.mark.parametrize("encoding, first", [("utf-16", 20), ("utf-16", 21), ("utf-16-be", 22)])
def test_characters_that_pieces_of_utf_16_cut_are_whole(encoding, first):
    said = "Verify challenge returns false \U0001f600\u00e4\u20ac\U0001f511."
    text = ("\ufeff" if encoding == "utf-16-be" else "") + "Calling VerifyRequest ...\n" + said + "\n"
    answer = in_pieces(text.encode(encoding), first)
    assert found(answer) == (3, "stopped", "challenge-verify-false")
    assert said in [e["text"] for e in answer["evidence"]]


def test_half_a_surrogate_is_passed_over():
    data = "Calling VerifyRequest ...\nVerify challenge returns false ".encode("utf-16") + b"\x3d\xd8" + "x\n".encode("utf-16-le") + b"\x3d"
    answer = diagnose("-", data=data)
    assert found(answer) == (3, "stopped", "challenge-verify-false")
    assert "Verify challenge returns false x" in [e["text"] for e in answer["evidence"]]


def test_a_pipe_with_an_event_log(folder):
    path = folder / "log.evtx"
    rows = [{"provider": "Microsoft-Windows-NetworkDeviceEnrollmentService", "id": 29, "level": 2, "time": 1772355601 + i, "computer": "NDES-1",
             "channel": "Application", "data": [("x", "The password in the certificate request cannot be verified.")]} for i in range(3)]
    path.write_bytes(evtx.write(rows))
    assert found(diagnose("-", data=path.read_bytes())) == found(diagnose(path)) != (None, "inconclusive", None)


# ---- more than the limits ---------------------------------------------------------------------------------------------


def refused(path, code="KUR-"):
    done = kurier.run("diagnose", str(path))
    assert done.returncode == 3 and code in done.stderr, (done.returncode, done.stderr)
    return done.stderr


def test_folders_have_a_depth(folder):
    here = folder / "deep"
    for i in range(8):
        here = here / str(i)
    here.mkdir(parents=True)
    (here.parent / "log").write_text(CASES["win-tls"][0])
    assert found(diagnose(folder / "deep" / "0"))[2] == "tls-failure"  # 8 folders
    assert "deeper than 8" in refused(folder / "deep")


def test_an_archive_has_so_many_files(folder):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.mkdir("empty") if hasattr(archive, "mkdir") else archive.writestr("empty/", "")
        for i in range(20001):
            archive.writestr(str(i), "")
    (folder / "many.zip").write_bytes(packed.getvalue())
    assert "more than 20000 files" in refused(folder / "many.zip")


def test_a_damaged_archive_counts_as_far_as_it_can_be_read(folder):
    text = CASES["win-tls"][0].encode() + os.urandom(300_000)
    (folder / "whole.gz").write_bytes(gzip.compress(text))
    (folder / "cut.gz").write_bytes(gzip.compress(text)[:-100_000])
    assert found(diagnose(folder / "cut.gz")) == found(diagnose(folder / "whole.gz")) == (2, "stopped", "tls-failure")
    (folder / "bad.zip").write_bytes(b"PK\x03\x04" + bytes(10))
    assert diagnose(folder / "bad.zip")["deliveries"] == []


def test_a_pipe_among_files_is_passed_over(folder):
    logs = folder / "logs"
    logs.mkdir()
    (logs / "log").write_text(CASES["win-tls"][0])
    os.mkfifo(logs / "pipe")
    assert found(diagnose(logs)) == (2, "stopped", "tls-failure")


def test_thousands_of_deliveries_leave_the_failure_in(folder):
    """Those that went well make room; the one that failed stays."""
    model = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
    well = CASES["android-all"][0]
    parts = [CASES["android-sent"][0].replace(TRANSACTION, "F" * 40) + "\n" + CASES["ndes-29"][0].replace("3/1/2026 9:00:01", "3/1/2026 9:00:50")]
    for i in range(2100):
        parts.append(well.replace(model, f"{i:08x}{model[8:]}").replace(TRANSACTION, f"{i:040X}"))
    (folder / "logs").mkdir()
    for i, part in enumerate(parts):
        (folder / "logs" / f"{i:05d}.log").write_text(part)
    answer = diagnose(folder / "logs")
    assert len(answer["deliveries"]) <= 2000 and answer["left_out"] >= 100
    assert found(answer) == (3, "stopped", "challenge-password-invalid")


# ---- the policy module ------------------------------------------------------------------------------------------------


PLUGIN = {
    "page-403": (["Calling VerifyRequest ...", "Verify challenge returns <html><title>403 - Forbidden</title>"], 3, "crp-client-cert-untrusted"),
    "page-later": (["Calling VerifyRequest ...", "Verify challenge returns <html>", "<title>500 - Internal server error.</title>"], 3, "crp-temp-folder-permission"),
    "page-503": (["Calling VerifyRequest ...", "Verify challenge returns <html>", "<title>503 Service Unavailable</title>"], 3, "iis-503"),
    "exit-bad": (["Calling VerifyRequest ...", "Exiting VerifyRequest with 0x80004005"], 3, "challenge-verify-false"),
    "notify-exit-bad": (["Calling NotifyRequest ...", "Exiting Notify with 0x80004005"], 6, "connector-notify-failed"),
    "notify-send": (["Calling NotifyRequest ...", "Failed to send http request /CertificateRegistrationSvc/Certificate/Notify. Error 12002"], 6,
                    "connector-notify-failed"),
    "verify-send": (["Calling VerifyRequest ...", "Failed to send http request /CertificateRegistrationSvc/Certificate/VerifyRequest. Error 999"], 3,
                    "challenge-verify-false"),
    "setup-failed": (["Product: Microsoft Intune Connector -- Installation failed."], None, None),
}


@pytest.mark.parametrize("form", ["cmtrace", "clipboard", "bare"])
@pytest.mark.parametrize("name", PLUGIN)
def test_the_policy_modules_answers(name, form):
    texts, stage, cause = PLUGIN[name]
    if form == "cmtrace":
        text = cmtrace(*texts)
    elif form == "clipboard":
        text = "".join(f"{t}\tNDESPlugin\t3/1/2026 9:00:{i:02d} AM\t7364 (0x1CC4)\n" for i, t in enumerate(texts))
    else:
        text = "".join(t + "\n" for t in texts)
    answer = diagnose("-", data=text.encode())
    if cause is None:
        assert answer["verdict"] != "delivered"
    else:
        assert found(answer) == (stage, "stopped", cause)


def test_the_bias_of_a_module_is_its_zone():
    """CMTrace writes local time and how far UTC is ahead of it."""
    at = {}
    for bias in ("+000", "-060", "+480"):
        text = cmtrace("Calling VerifyRequest ...", "Verify challenge returns false").replace("+000", bias)
        at[bias] = diagnose("-", data=text.encode())["evidence"][0]["time"]
    assert len(set(at.values())) == 3, at


# ---- Windows and the CA's view ----------------------------------------------------------------------------------------


def test_source_and_id_on_one_line():
    text = "Source: Microsoft-Windows-NetworkDeviceEnrollmentService  Event ID: 29\nThe password in the certificate request cannot be verified.\n"
    assert found(diagnose("-", data=text.encode()))[2] == found(diagnose("-", data=CASES["ndes-29"][0].encode()))[2]


@pytest.mark.parametrize("name, number, cause", [
    ("Microsoft-Windows-DeviceManagement-Enterprise-Diagnostics-Provider", 306, "win-306-nonaccepted"),
    ("Microsoft-Windows-DeviceManagement-Enterprise-Diagnostics-Provider", 32, "win-enroll-failed"),
    ("Microsoft-Windows-NetworkDeviceEnrollmentService", 2, "ndes-start-e-fail"),
    ("Microsoft-Windows-NetworkDeviceEnrollmentService", 10, "ndes-ra-cert-unusable")])
def test_events_with_a_text_that_nothing_else_explains(name, number, cause):
    text = event(number, "SCEP: CspExecute for UniqueId : (x) Result : (Unknown Win32 Error code: 0x86000022)." if number == 306 else "Something went wrong.", name)
    assert found(diagnose("-", data=text.encode()))[1:] == ("stopped", cause)


@pytest.mark.parametrize("disposition, stage, cause", [("0x9 (9) -- Under Submission", 4, "ca-pending"), ("0x15 (21) -- Revoked", 4, "cert-revoked"),
                                                       ("0x1e (30) -- Failed", 4, "ca-not-issued"), ("0x1f (31) -- Denied", 4, "ca-not-issued")])
def test_the_cas_view_of_a_request(disposition, stage, cause):
    text = f'Row 1:\n  Request ID: 0x17 (23)\n  Request Disposition: {disposition}\n  Requester Name: "CONTOSO\\NDES$"\n'
    assert found(diagnose("-", data=text.encode())) == (stage, "stopped", cause)


def test_the_cas_view_of_what_it_issued():
    for disposition in ("0x14 (20) -- Issued", "0x8 (8) -- Active"):
        text = f"Row 1:\n  Request ID: 0x17 (23)\n  Request Disposition: {disposition}\n"
        assert diagnose("-", data=text.encode())["verdict"] in ("in-progress", "inconclusive", "delivered")
