"""What people read: the commands' texts, their refusals and their exit status."""

import json
import os
import re
import subprocess

import pytest

import kurier
from kurier import with_approval

COMMANDS = ["init", "serve", "reload", "challenge", "delivery", "trace", "cert", "request", "crl", "audit", "diagnose", "check", "inspect",
            "enroll", "outbox", "profile", "secret", "account"]
VERBS = [["challenge", "new"], ["delivery", "list"], ["cert", "list"], ["cert", "show"], ["cert", "revoke"], ["cert", "authority"],
         ["request", "list"], ["request", "approve"], ["request", "deny"], ["outbox", "list"], ["outbox", "send"], ["outbox", "status"],
         ["profile", "list"], ["profile", "show"], ["profile", "export"], ["secret", "set"], ["secret", "list"], ["secret", "remove"],
         ["account", "hash"], ["account", "token"]]
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ?"


@pytest.fixture(scope="module")
def used(shared, keys):
    """A server with two deliveries, one refused; and what the devices got."""
    server = shared
    good = server.enrol(keys[0], server.challenge("--device", "laptop-1"), subject="CN=laptop-1,O=Example",
                        sans=["laptop-1.example.com"])
    bad = server.enrol(keys[1], server.challenge("--device", "laptop-2", "--subject", "CN=laptop-2"), subject="CN=other")
    assert (good.status, bad.status) == (0, 2)
    return server, good


# ---- usage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [[c] for c in COMMANDS] + VERBS, ids=" ".join)
def test_each_command_explains_itself(words):
    done = kurier.run(*words, "--help")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith(("kurier " + " ".join(words), "usage: kurier " + " ".join(words)))


@pytest.mark.parametrize("words", [[c] for c in COMMANDS] + VERBS, ids=" ".join)
def test_an_unknown_option_is_wrong_usage(words):
    done = kurier.run(*words, "--no-such-option")
    assert done.returncode == 2 and done.stdout == ""
    assert "--no-such-option" in done.stderr or "usage: kurier" in done.stderr


@pytest.mark.parametrize("words", [[], ["no-such-command"], ["cert", "no-such-verb"], ["request"], ["delivery", "show"], ["challenge", "old"],
                                   ["trace"], ["cert", "show"], ["cert", "revoke"], ["request", "approve"], ["trace", "a", "b"], ["inspect"],
                                   ["check"], ["diagnose"], ["enroll"], ["audit", "extra"], ["trace", "--home"]],
                         ids=lambda words: " ".join(words) or "nothing")
def test_wrong_usage_has_status_2(words):
    done = kurier.run(*words)
    assert done.returncode == 2 and done.stderr != ""


def test_help_and_version():
    assert kurier.run("--help").stdout.startswith("Kurier delivers certificates")
    assert kurier.run("help").stdout == kurier.run("--help").stdout
    assert re.fullmatch(r"kurier \d+\.\d+\.\d+.*\n", kurier.run("--version").stdout, re.S)


def options_of(words):
    return set(re.findall(r"^  (--[a-z0-9-]+)", kurier.run(*words, "--help").stdout, re.M))


@pytest.mark.parametrize("words", [[c] for c in COMMANDS] + VERBS, ids=" ".join)
def test_help_of_a_command_and_the_manual_have_every_option(words):
    done = kurier.run("help", *words)
    assert done.returncode == 0 and done.stdout == kurier.run(*words, "--help").stdout != ""
    own = kurier.ROOT / "man" / f"kurier-{words[0]}.1"
    manual = (own if own.exists() else kurier.ROOT / "man" / "kurier.1").read_text().replace("\\-", "-")
    assert {option for option in options_of(words) if not re.search(option + r"(?![a-z0-9-])", manual)} == set()


def complete(*words):
    """What bash offers for the last of these words."""
    script = '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _kurier; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", script, "bash", str(kurier.ROOT / "completion" / "kurier.bash"), kurier.PROGRAM, *words],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return set(done.stdout.split())


def test_completion_offers_what_there_is():
    assert complete("") == set(COMMANDS) | {"help"}
    assert complete("de") == {"delivery"} and complete("help", "au") == {"audit"}
    assert complete("cert", "") == {"list", "show", "revoke", "authority"} and complete("challenge", "") == {"new", "key"}
    for words in (["init"], ["serve"], ["cert", "revoke"], ["challenge", "new"], ["enroll"]):
        assert complete(*words, "--") == options_of(words) | {"--help"}
    assert complete("init", "--ca-key", "ec") == {"ec:p256", "ec:p384"}


def test_the_home_may_stand_first(used):
    server, _ = used
    for words in (["cert", "list"], ["delivery", "list", "--json"], ["audit"], ["trace", "laptop-1"]):
        done = kurier.run("--home", str(server.home), *words)
        assert done.returncode == 0 and done.stdout == server.command(*words).stdout, done.stderr


@pytest.mark.parametrize("words", [["trace", "x"], ["cert", "list"], ["crl"], ["audit"], ["delivery", "list"], ["reload"]], ids=" ".join)
def test_a_home_that_is_none_is_said(folder, words):
    done = kurier.run(*words, "--home", str(folder / "nothing"))
    assert done.returncode == 3 and "KUR-" in done.stderr and str(folder / "nothing") in done.stderr
    assert "Run kurier init" in done.stderr


def test_a_home_is_made_once_and_only_as_it_was_meant(folder, openssl, issuing_ca):
    certificate, key, root = issuing_ca
    other = str(folder / "other.key")
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", other)
    home = str(folder / "home")
    own = ["--ca-cert", certificate, "--ca-key-file", key, "--ca-chain", root]
    for status, code, words in ((2, "KUR-1006", own[:2]), (2, "KUR-1006", own[4:]), (2, "KUR-1006", [*own, "--ca-key", "rsa:2048"]),
                                (2, "KUR-1006", [*own, "--ca-subject", "CN=x"]), (2, "KUR-1006", ["--ca-key", "rsa:1024"]),
                                (2, "KUR-1006", ["--ca-key", "foo"]),
                                (1, "KUR-1811", own[:4]), (1, "KUR-1811", [*own[:3], other, *own[4:]]), (1, "KUR-1205", [*own[:3], root, *own[4:]])):
        done = kurier.run("init", "--home", home, *words)
        assert (done.returncode, done.stdout) == (status, "") and done.stderr.count("\n") == 1, (words, done.stderr)
        assert code in done.stderr and not (folder / "home" / "kurier.yaml").exists()
    made = kurier.run("init", "--home", home, *own)
    assert made.returncode == 0 and made.stderr == "" and made.stdout.endswith(f"\n  kurier serve --home {home}\n")
    assert re.findall(r"^(CA|chain|RA) ", made.stdout, re.M) == ["CA", "chain", "RA"]
    assert len(re.findall(r"SHA-256 [0-9a-f]{64}\n       SHA-1   [0-9a-f]{40}\n", made.stdout)) == 3
    again = kurier.run("init", "--home", home)
    assert again.returncode == 1 and "KUR-1512" in again.stderr


# ---- deliveries -----------------------------------------------------------------------------------------------------


def test_deliveries_as_a_table(used):
    server, _ = used
    heading, *lines = server.command("delivery", "list").stdout.splitlines()
    assert heading.split() == ["DELIVERY", "UPDATED", "STEP", "STATE", "DEVICE", "SUBJECT"]
    assert len(lines) == 2
    assert re.fullmatch(rf"\d+ +{TIME} +5 delivery +answered +laptop-1 +\S.*", lines[1]), lines[1]
    assert re.fullmatch(rf"\d+ +{TIME} +3 policy +offered +laptop-2 +\S.*", lines[0]), lines[0]


def test_a_trace_reads_like_parcel_tracking(used):
    server, good = used
    text = server.command("trace", "laptop-1").stdout
    steps = re.findall(rf"^  (\d) (\w+) +({TIME})  (.+)$", text, re.M)
    assert [s[0] for s in steps if "probably" not in s[3]] == ["1", "2", "3", "4", "4", "5"]
    assert [s[3] for s in steps][-1] == "answer sent, and taken in full by the device"
    assert f"{good.certificate.serial_number:x}" in text and good.certificate.sha256.hex() in text
    assert text.rstrip().endswith("answered: step 5, the device has its certificate")
    assert "\x1b" not in text, "colours are for terminals"


def test_a_trace_that_stopped_says_why_and_what_to_do(used):
    server, _ = used
    done = server.command("trace", "laptop-2", check=False)
    assert done.returncode == 1
    assert re.search(r"Stopped at step 3, policy \[KUR-\d+\]\n  why +\S.*\n  what to do +\S", done.stdout), done.stdout


def test_contacts_are_probable_in_the_text(used):
    server, _ = used
    assert re.search(r"GetCACert: from 127\.0\.0\.1, probably this device", server.command("trace", "laptop-1").stdout)


def test_trace_of_something_unknown(used):
    server, _ = used
    done = server.command("trace", "nobody", check=False)
    assert done.returncode in (1, 3) and "nobody" in done.stdout + done.stderr


def test_hostile_names_are_shown_harmlessly(used, keys):
    server, _ = used
    rep = server.enrol(keys[2], server.challenge("--device", "odd"), subject="CN=\x1b[31mred")
    text = server.command("delivery", "list").stdout + server.command("trace", "odd", check=False).stdout
    assert "\x1b" not in text and rep.status in (0, 2)


# ---- certificates ---------------------------------------------------------------------------------------------------


def test_certificates_as_a_table(used):
    server, good = used
    heading, *lines = server.command("cert", "list").stdout.splitlines()
    assert heading.split() == ["SERIAL", "STATUS", "NOT", "AFTER", "SUBJECT"]
    assert any(re.fullmatch(rf"[0-9a-f]+ +good +{TIME} +.*laptop-1.*", line) for line in lines), lines


def test_a_certificate_shown(used, openssl, folder):
    server, good = used
    serial = server.certificates()[-1]["serial"]
    text = server.command("cert", "show", serial).stdout
    facts = dict(re.split(" +", line, maxsplit=1) for line in text.splitlines())
    assert facts["serial"] == serial and facts["status"] == "good"
    assert "laptop-1.example.com" in facts["names"] and facts["sha256"] == good.certificate.sha256.hex()
    pem = server.command("cert", "show", serial, "--pem").stdout
    (folder / "a.pem").write_text(pem)
    assert b"laptop-1" in openssl("x509", "-in", str(folder / "a.pem"), "-noout", "-subject")
    shown = json.loads(server.command("cert", "show", serial, "--json").stdout)
    assert shown["pem"] == pem


@pytest.mark.parametrize("reason", ["keyCompromise", "SUPERSEDED", "cessationOfOperation"])
def test_a_revoked_certificate_says_so(used, keys, reason):
    server, _ = used
    rep = server.enrol(keys[3], server.challenge(), subject=f"CN={reason}")
    serial = next(c["serial"] for c in server.certificates() if int(c["serial"], 16) == rep.certificate.serial_number)
    assert server.command("cert", "revoke", serial, "--reason", reason).stdout == f"revoked {serial}\n"
    text = server.command("cert", "show", serial).stdout
    assert re.search(r"^status +revoked$", text, re.M) and re.search(rf"^revoked +{TIME}, {reason}$", text, re.M | re.I)
    row = next(c for c in server.certificates() if c["serial"] == serial)
    assert row["status"] == "revoked" and row["reason"].lower() == reason.lower() and re.fullmatch(r"\d{4}-.*Z", row["revoked"])
    again = server.command("cert", "revoke", serial, check=False)
    assert again.returncode == 1 and "nothing was changed" in again.stderr


def test_revocations_that_are_refused(used):
    server, _ = used
    serial = server.certificates()[-1]["serial"]
    wrong = server.command("cert", "revoke", serial, "--reason", "boredom", check=False)
    assert wrong.returncode == 2 and "keyCompromise" in wrong.stderr
    for what in ("00" * 18, "zz", ""):
        done = server.command("cert", "revoke", what, check=False)
        assert done.returncode in (1, 2) and done.stderr != ""


def test_authorities(used, openssl, folder):
    server, _ = used
    text = server.command("cert", "authority").stdout
    assert "Kurier" in text
    print_ = server.command("cert", "authority", "--fingerprint").stdout.strip()
    assert re.fullmatch(r"[0-9A-Fa-f:]{64,95}", print_)
    rows = server.json_lines("cert", "authority")
    assert {row["kind"] for row in rows} >= {"CA", "RA"}


# ---- the CRL --------------------------------------------------------------------------------------------------------


def test_a_crl_shown_and_written(used, openssl, folder):
    server, _ = used
    text = server.command("crl").stdout
    assert re.fullmatch(rf"CRL of CA default: number \d+, {TIME} to {TIME}, \d+ octets\n", text), text
    row = json.loads(server.command("crl", "--json").stdout)
    assert row["ca"] == "default" and row["length"] > 100
    rebuilt = json.loads(server.command("crl", "--json", "--rebuild").stdout)
    assert rebuilt["number"] == row["number"] + 1
    server.command("crl", "--out", str(folder / "crl.pem"))
    server.command("crl", "--out", str(folder / "crl.der"), "--der")
    assert "X509 CRL" in (folder / "crl.pem").read_text()
    number = openssl("crl", "-in", str(folder / "crl.pem"), "-noout", "-crlnumber")
    assert int(number.decode().split("=")[1], 16) == rebuilt["number"]
    assert openssl("crl", "-in", str(folder / "crl.der"), "-inform", "DER", "-noout", "-crlnumber") == number
    assert server.command("crl", "--out", "-").stdout == (folder / "crl.pem").read_text()


def test_a_crl_that_cannot_be_written(used, folder):
    server, _ = used
    done = server.command("crl", "--out", str(folder / "no" / "such" / "folder"), check=False)
    assert done.returncode == 3 and "cannot write" in done.stderr
    full = server.command("crl", "--out", "/dev/full", check=False)
    assert full.returncode == 3 and "cannot write" in full.stderr


def test_a_crl_of_an_unknown_ca(used):
    server, _ = used
    done = server.command("crl", "--ca", "other", check=False)
    assert done.returncode == 1 and "KUR-2004" in done.stderr


# ---- what the log has of them ---------------------------------------------------------------------------------------


def asked(server, offset):
    return [dict(part.split("=", 1) for part in line.split()) for line in server.log()[offset:].splitlines()
            if line.startswith("event=administration ")]


def test_the_log_says_who_asked_what_and_no_secret(make_server):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    commands = [(["challenge", "new", "--device", "lapTop-7"], "challenge_new"), (["cert", "list"], "cert_list"), (["audit"], "audit"),
                (["delivery", "list"], "delivery_list"), (["request", "list"], "request_list"), (["trace", "lapTop-7"], "trace"),
                (["challenge", "key", "new", "mdm-seven"], "bound_key_new"), (["challenge", "key", "list"], "bound_key_list"),
                (["outbox", "status"], "outbox_status"), (["crl", "--rebuild"], "crl_show")]
    for words, question in commands:
        offset = len(server.log())
        answer = server.command(*words).stdout
        told = asked(server, offset)
        assert [t["question"] for t in told][:1] == [question], (words, told)
        assert all(t["uid"] == str(os.getuid()) and int(t["pid"]) > 0 and t["role"] == "ledger" for t in told)
        if question in ("challenge_new", "bound_key_new"):
            assert answer.split()[-1] not in server.log()  # the challenge; the key, behind its id
        assert "lapTop-7" not in server.log()[offset:]


def test_the_pages_of_one_list_are_one_question_in_the_log(make_server):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    server.challenge("--count", "100")
    offset = len(server.log())
    assert len(server.json_lines("delivery", "list")) == 100
    assert [t["question"] for t in asked(server, offset)] == ["delivery_list"]
    for limit in ("0", "1", "31", "32", "33", "99", "101"):
        assert len(server.json_lines("delivery", "list", "--limit", limit)) == min(int(limit), 100)


# ---- approval, audit, challenges ------------------------------------------------------------------------------------


def test_requests_that_wait(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"], config=with_approval).start()
    assert len(server.command("request", "list").stdout.splitlines()) == 1
    for i in range(2):
        assert server.enrol(keys[i], server.challenge("--device", f"waits-{i}"), transaction_id=f"t{i}").status == 3
    lines = server.command("request", "list").stdout.splitlines()
    assert len(lines) == 3 and any("waits-0" in line for line in lines)
    assert server.command("request", "approve", "t0").stdout == "approved t0\n"
    assert server.command("request", "deny", "t1", "--reason", "lost device").stdout == "denied t1\n"
    assert server.command("request", "list").stdout.splitlines() == lines[:1]
    assert "lost device" in server.command("trace", "waits-1", check=False).stdout
    done = server.command("request", "approve", "nothing", check=False)
    assert done.returncode == 1 and "KUR-" in done.stderr


def test_an_audit_says_what_it_looked_at(used):
    server, _ = used
    assert "they agree" in server.command("audit").stdout
    row = json.loads(server.command("audit", "--json").stdout.splitlines()[-1])
    assert row["findings"] in (0, []) or "findings" in row


def test_challenges_that_cannot_be_made(used):
    server, _ = used
    for words in (["--ttl", "never"], ["--uses", "0"], ["--count", "x"], ["--profile", "no-such"], ["--subject", "nonsense"],
                  ["--san", "nothing"], ["--san", "dns"], ["--san", "colour:red"]):
        done = server.command("challenge", "new", *words, check=False)
        assert done.returncode in (1, 2) and done.stderr != "" and done.stdout == "", words


def test_a_challenge_as_json(used):
    server, _ = used
    row = json.loads(server.command("challenge", "new", "--json", "--device", "tablet", "--san", "dns:a.example", "--san", "email:a@example",
                                    "--san", "uri:urn:x", "--san", "upn:a@example", "--san", "ip:192.0.2.1", "--ttl", "5m").stdout)
    assert len(row["challenge"]) == 34 and "expires" in row


def test_a_closed_pipe_ends_a_list_quietly(used):
    server, _ = used
    done = subprocess.run(f"{kurier.PROGRAM} cert list --home {server.home} | head -n 0", shell=True, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and done.stderr == ""
