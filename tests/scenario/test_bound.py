"""Bound challenges: made by a management system with a shared key, opened without a look-up, spent once.

The T numbers are the threats that a test is about.
"""

import base64
import concurrent.futures
import datetime
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

import pytest
from asn1crypto import core, x509 as ax509
from cryptography.hazmat.primitives.asymmetric import rsa

import bound
import kurier
import scepmsg
from durable import deaths, wait_until
from kurier import with_approval

BAD_REQUEST, BAD_TIME = 2, 3
SID = "1.3.6.1.4.1.311.25.2"

OTHER_PROFILE = """
  mobile:
    valid: 10d
    key_usage: [digitalSignature]
    extended_key_usage: [clientAuth, emailProtection]
"""


def with_mobile(text):
    """A second profile at the same endpoint."""
    text = text.replace("profiles: [default]", "profiles: [default, mobile]")
    at = text.index("\nprofiles:\n") + len("\nprofiles:")
    return text[:at] + OTHER_PROFILE + text[at + 1:]


@pytest.fixture(scope="module")
def server():
    path = pathlib.Path(tempfile.mkdtemp(prefix="kurier-test-"))
    path.chmod(0o755)
    made = kurier.Server(path / "home", init=["--ca-key", "rsa:2048"], config=with_mobile).start()
    made.system = bound.Key(made, "mdm")
    yield made
    made.stop()
    shutil.rmtree(path, ignore_errors=True)


COUNT = [0]


def enrol(server, key, challenge, **options):
    COUNT[0] += 1
    return server.enrol(key, challenge, transaction_id=options.pop("transaction_id", f"b{COUNT[0]}"), **options)


def refused(rep, code, fail_info=BAD_REQUEST):
    assert (rep.status, rep.fail_info) == (2, fail_info), (rep.status, rep.fail_info, rep.fail_text)
    assert f"KUR-{code}" in rep.fail_text, rep.fail_text


def spent(home):
    """What the database knows of bound challenges, of a stopped server."""
    with sqlite3.connect(f"file:{home}/ledger/kurier.db?mode=ro", uri=True) as db:
        return db.execute("SELECT id, state FROM bound_spent").fetchall()


# ---- what it is for ---------------------------------------------------------------------------------------------------


def test_a_bound_challenge_of_a_management_system_enrols_once(server, keys):
    challenge = server.system.make(id="order-4711", sans=["DNS:a.example"])
    first = enrol(server, keys[0], challenge, sans=["a.example"], transaction_id="order")
    assert first.status == 0 and len(first.certificates) >= 1
    again = enrol(server, keys[0], challenge, sans=["a.example"], transaction_id="order")
    other_id = enrol(server, keys[0], challenge, sans=["a.example"])
    assert again.certificate.dump() == first.certificate.dump() == other_id.certificate.dump()
    for what in ("order-4711", "device-7", "order"):
        assert any(d["challenge_id"] == "order-4711" for d in server.trace(what)), what
    delivery, = server.trace("order-4711")
    assert delivery["device"] == "device-7"
    assert any(e["event"] == "authorised" and e["detail"] == "by bound challenge order-4711 of key mdm" for e in delivery["events"])


def test_nothing_is_written_before_it_is_used(server):
    before = len(server.json_lines("delivery", "list"))
    server.system.make()
    row, = server.json_lines("challenge", "new", "--bound", "--device", "later-1", "--subject", "CN=device")
    assert row["challenge"].startswith("KB1.") and row["delivery"] is None
    assert len(server.json_lines("delivery", "list")) == before


def test_kurier_makes_bound_challenges_itself(server, keys):
    row, = server.json_lines("challenge", "new", "--bound", "--device", "own-1", "--subject", "CN=device", "--san", "DNS:own.example")
    refused(enrol(server, keys[0], row["challenge"]), 1410)
    assert enrol(server, keys[0], row["challenge"], sans=["own.example"]).status == 0
    refused(enrol(server, keys[1], row["challenge"], sans=["own.example"]), 1405)
    used = [d for d in server.trace(row["challenge_id"]) if d["serial"]]
    assert [d["device"] for d in used] == ["own-1"]
    many = server.challenge("--bound", "--device", "own-2", "--count", "3").split()
    assert len(set(many)) == 3
    for arguments, words in ((["--device", "x", "--uses", "2"], "one enrolment"), ([], "names its device"),
                             (["--device", "x", "--ttl", "40d"], "31 days")):
        done = server.command("challenge", "new", "--bound", *arguments, check=False)
        assert done.returncode == 2 and words in done.stderr, done.stderr


def test_the_example_of_the_documentation_enrols_once(server, keys):
    line = server.command("challenge", "key", "new", "example").stdout.strip()
    program = kurier.ROOT / "examples" / "bound_challenge.py"
    assert len(program.read_text().splitlines()) <= 30
    done = subprocess.run([sys.executable, program, "laptop-7", "CN=laptop-7", "DNS:laptop-7.example.org"], capture_output=True,
                          text=True, timeout=60, env=dict(os.environ, KEY=line))
    assert done.returncode == 0, done.stderr
    challenge = done.stdout.strip()
    names = {"subject": "CN=laptop-7", "sans": ["laptop-7.example.org"]}
    assert enrol(server, keys[2], challenge, **names).status == 0
    refused(enrol(server, keys[3], challenge, **names), 1405)
    refused(enrol(server, keys[2], challenge, subject="CN=laptop-8", sans=names["sans"]), 1405)


def test_the_statement_of_the_documentation_is_one(server, keys):
    """The worked example of docs/challenges.md: its octets, opened with its key."""
    page = (kurier.ROOT / "docs" / "challenges.md").read_text()
    key = bytes.fromhex(re.search(r"^key +([0-9a-f]{64})$", page, re.M).group(1))
    key_id = bytes.fromhex(re.search(r"^key id +([0-9a-f]{16})$", page, re.M).group(1))
    nonce = bytes.fromhex(re.search(r"^nonce +([0-9a-f]{24})$", page, re.M).group(1))
    plain = re.search(r"^plaintext +(\{.*\})$", page, re.M).group(1).encode()
    challenge = "".join(re.search(r"^challenge +(KB1\.(?:.+\n)(?: +.+\n)*)", page, re.M).group(1).split())
    sealed = bound.AESGCM(key).encrypt(nonce, plain, bound.ASSOCIATED + key_id)
    assert challenge == bound.text(key_id + nonce + sealed)
    members = set(re.findall(r"^\| `(\w+)` \|", page[page.index("## The statement"):page.index("## A worked example")], re.M))
    assert members == {"id", "iat", "exp", "profile", "device", "subject", "sans", "key_usage", "eku", "valid_s"}


# ---- T1: no, wrong, cut off, changed ------------------------------------------------------------------------------------


def test_T1_a_bound_challenge_that_is_not_whole_is_refused(server, keys):
    """One message for each; the source is loopback, which the limit of wrong challenges does not count."""
    whole = server.system.make()
    octets = bound.octets(whole)
    other = bound.Key(server, "other-key")
    changed = bytearray(octets)
    changed[-1] ^= 1
    for text, code in [
            ("KB1.", 1441), ("KB1", 1403), ("kb1." + whole[4:], 1403), (whole[:-8], 1441), (whole[:40], 1441), ("KB1.!!!!", 1441),
            ("KB1. " + whole[4:], 1441), (whole + "AAAA", 1441), (whole.replace("KB1.", "KB2."), 1403),
            ("KB1." + base64.urlsafe_b64encode(octets).decode() if set("+/") & set(whole) else whole[:-8], 1441),
            (bound.text(bytes(changed)), 1441), (bound.text(other.key_id + octets[8:]), 1441),
            (bound.text(os.urandom(8) + octets[8:]), 1440), (server.system.seal(b"{}", key=os.urandom(32)), 1441),
            (server.system.seal(b"{}", associated=b""), 1441)]:
        refused(enrol(server, keys[1], text), code)
    assert enrol(server, keys[1], whole).status == 0


def test_T1_the_padding_may_be_left_out(server, keys):
    challenge = server.system.make(device="d" * 5).rstrip("=")
    assert enrol(server, keys[1], challenge).status == 0


def test_T1_a_challenge_of_almost_8_KiB_is_read_and_a_longer_one_refused(server, keys):
    names = [f"DNS:{i:03}.{'x' * 41}.example" for i in range(95)]
    big = server.system.make(sans=names)
    assert 7500 < len(big) <= 8192
    assert enrol(server, keys[1], big, sans=[n[4:] for n in names]).status == 0
    rep = enrol(server, keys[1], server.system.make(sans=names, device="d" * 1000))
    assert rep.status == 2


def test_T1_what_is_no_statement_is_refused_and_the_trace_says_why(server, keys):
    now = int(time.time())
    good = json.dumps(bound.statement())
    cases = [
        (b"", "text"), (b"{}", "id: missing"), (b"[]", "object"), (b"nonsense", "object"), (good.encode() + b" {}", "object"),
        (good[:-1].encode() + b', "id": "x"}', "object"), (good[:-1].encode() + b', "uses": 7}', "not known")]
    cases += [(json.dumps(bound.statement(**members)).encode(), words) for members, words in [
        ({"id": ""}, "id:"), ({"id": "x" * 65}, "id:"), ({"id": "a b"}, "id:"), ({"id": 7}, "id:"), ({"iat": None}, "iat: missing"),
        ({"iat": "1"}, "iat:"), ({"exp": now + 0.5}, "exp:"), ({"exp": now - 1}, "exp:"), ({"exp": now + 32 * 86400}, "exp:"),
        ({"exp": True}, "exp:"), ({"profile": None}, "profile: missing"), ({"device": None}, "device: missing"),
        ({"device": ""}, "device:"), ({"device": "a\nb"}, "device:"), ({"subject": "laptop"}, "subject:"), ({"sans": "DNS:a"}, "sans:"),
        ({"sans": ["a.example"]}, "sans:"), ({"sans": [7]}, "sans:"), ({"sans": ["DNS:a.example\nDNS:b.example"]}, "sans:"),
        ({"key_usage": []}, "key_usage:"), ({"key_usage": ["keyCertSign"]}, "key_usage:"),
        ({"key_usage": ["digitalSignature", "digitalSignature"]}, "key_usage:"), ({"eku": []}, "eku:"), ({"eku": ["nonsense"]}, "eku:"),
        ({"eku": ["clientAuth", "1.3.6.1.5.5.7.3.2"]}, "eku:"), ({"valid_s": 1}, "valid_s:"), ({"valid_s": "1d"}, "valid_s:"),
        ({"nonce": "x"}, "not known")]]
    for index, (plain, words) in enumerate(cases):
        rep = enrol(server, keys[4], server.system.seal(plain), transaction_id=f"statement-{index}")
        refused(rep, 1441 if plain == b"" else 1442)
        if plain:
            delivery, = server.trace(f"statement-{index}")
            assert words in delivery["detail"], (plain, delivery["detail"])


def test_T1_T26_keys_and_challenges_are_not_in_the_log(server, keys):
    challenge = server.system.make()
    assert enrol(server, keys[1], challenge).status == 0
    log = server.log()
    assert challenge not in log and base64.b64encode(server.system.key).decode() not in log and server.system.key.hex() not in log
    assert server.system.key_id.hex() in log and "event=bound_key_added" in log
    assert base64.b64encode(server.system.key).decode() not in server.command("challenge", "key", "list").stdout
    assert "key" not in server.json_lines("challenge", "key", "list")[0]


# ---- T3 and T28: for somebody else ---------------------------------------------------------------------------------------


def test_T3_a_bound_challenge_of_one_device_is_of_no_use_to_another(server, keys):
    challenge = server.system.make(sans=["DNS:a.example", "email:a@example.org"])
    both = ["a.example", ax509.GeneralName(name="rfc822_name", value="a@example.org")]
    refused(enrol(server, keys[0], challenge, subject="CN=other", sans=both), 1409)
    for sans in ([], ["a.example"], ["b.example"], both + ["c.example"]):
        refused(enrol(server, keys[0], challenge, sans=sans), 1410)
    refused(enrol(server, keys[0], challenge, sans=both, path="/scep/mobile"), 1408)
    for _ in range(15):  # there is nothing to be worn out
        refused(enrol(server, keys[0], challenge), 1410)
    assert enrol(server, keys[0], challenge, sans=both[::-1]).status == 0
    refused(enrol(server, keys[1], server.system.make(sans=[]), sans=["a.example"]), 1410)
    assert enrol(server, keys[1], server.system.make(subject=None), subject="CN=anything", sans=["any.example"]).status == 0


def test_T28_a_bound_challenge_and_its_key_are_for_their_profiles(server, keys):
    key = bound.Key(server, "for-mobile", "--profile", "mobile")
    refused(enrol(server, keys[0], key.make()), 1408)
    refused(enrol(server, keys[0], key.make(profile="mobile")), 1408)
    refused(enrol(server, keys[0], key.make(), path="/scep/mobile"), 1408)
    assert enrol(server, keys[0], key.make(profile="mobile"), path="/scep/mobile").status == 0
    row, = [r for r in server.json_lines("challenge", "key", "list") if r["name"] == "for-mobile"]
    assert row["profiles"] == ["mobile"] and row["key_id"] == key.key_id.hex()


def test_T13_what_the_signer_refuses_spends_nothing_and_is_traced(server, keys):
    ca = server.ca_certificates()[1].subject.native["common_name"]
    challenge = server.system.make(id="as-the-ca", subject=None)
    refused(enrol(server, keys[0], challenge, subject=f"CN={ca}"), 1803)
    delivery, = server.trace("as-the-ca")
    assert (delivery["state"], delivery["step"], delivery["code"], delivery["device"]) == ("refused", 4, "KUR-1803", "device-7")
    assert enrol(server, keys[0], challenge).status == 0


# ---- T4: twice -------------------------------------------------------------------------------------------------------------


def test_T4_used_with_another_key_or_other_names_is_a_security_event(server, keys):
    challenge = server.system.make(id="twice", subject=None)
    assert enrol(server, keys[0], challenge).status == 0
    refused(enrol(server, keys[1], challenge), 1405)
    refused(enrol(server, keys[0], challenge, subject="CN=other"), 1405)
    refused(enrol(server, keys[0], server.system.make(id="twice"), sans=["x.example"]), 1405)
    delivery, = server.trace("twice")
    assert [e["code"] for e in delivery["events"] if e["event"] == "challenge_reused"] == ["KUR-1405"] * 3
    assert server.log().count("event=challenge_reused") >= 3
    other = bound.Key(server, "another-system")
    assert enrol(server, keys[1], other.make(id="twice")).status == 0, "an id is one of its key's"


def test_T4_twenty_at_once_with_one_bound_challenge_get_one_certificate(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    pool = keys + [rsa.generate_private_key(65537, 2048) for _ in range(20 - len(keys))]
    challenge = bound.Key(server, "mdm").make(id="one")
    with concurrent.futures.ThreadPoolExecutor(20) as threads:
        reps = list(threads.map(lambda i: server.enrol(pool[i], challenge, transaction_id=f"p{i}"), range(20)))
    assert sorted(r.status for r in reps) == [0] + [2] * 19
    for rep in reps:
        if rep.status == 2:
            refused(rep, 1405)
    assert len(server.certificates()) == 1
    server.stop()
    assert spent(server.home) == [("one", 3)]


@pytest.mark.parametrize("point", ["ledger_request", "ledger_before_commit", "ledger_after_commit", "ledger_signed"])
def test_T4_killed_in_between_it_is_spent_exactly_once(make_server, keys, point):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    key = bound.Key(server, "mdm")
    challenge = key.make(id="killed")
    server.stop()
    server.environment["KURIER_FAULT"] = f"{point}:1"
    server.start()
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        lost = threads.submit(server.enrol, keys[0], challenge, transaction_id="k")
        wait_until(lambda: deaths(server, "kurier-ledger"), 20, f"the ledger does not die at {point}")
        server.kill()
        lost.exception()
    del server.environment["KURIER_FAULT"]
    server.start()
    got = enrol(server, keys[0], challenge)
    assert got.status == 0
    assert enrol(server, keys[0], challenge).certificate.dump() == got.certificate.dump()
    refused(enrol(server, keys[1], challenge), 1405)
    assert len(server.certificates()) == 1
    server.stop()
    assert spent(server.home) == [("killed", 3)]


# ---- time ------------------------------------------------------------------------------------------------------------------


def test_expiry_is_judged_at_first_contact(server, keys):
    now = int(time.time())
    refused(enrol(server, keys[0], server.system.make(iat=now - 900, exp=now - 300)), 1404, BAD_TIME)
    refused(enrol(server, keys[0], server.system.make(iat=now + 400, exp=now + 900)), 1443, BAD_TIME)
    # Two clocks may differ by two minutes.
    assert enrol(server, keys[0], server.system.make(iat=now + 60, exp=now + 900)).status == 0
    assert enrol(server, keys[0], server.system.make(iat=now - 900, exp=now - 60)).status == 0
    # A retry is not a first contact.
    brief = server.system.make(iat=now - 900, exp=int(time.time()) - 117)
    first = enrol(server, keys[5], brief)
    assert first.status == 0
    time.sleep(5)
    assert enrol(server, keys[5], brief).certificate.dump() == first.certificate.dump()


# ---- renewal and approval ----------------------------------------------------------------------------------------------------


def renew(server, certificate, old_key, new_key, challenge, message_type=19, **options):
    return enrol(server, new_key, challenge, signer=certificate, signer_key=old_key, message_type=message_type, **options)


def test_a_renewal_may_carry_the_challenge_of_its_ancestor(server, keys):
    challenge = server.system.make(valid_s=86400)
    first = enrol(server, keys[6], challenge)
    second = renew(server, first.certificate, keys[6], keys[7], challenge)
    assert second.status == 0 and second.certificate.serial_number != first.certificate.serial_number
    third = renew(server, second.certificate, keys[7], keys[8], challenge)
    assert third.status == 0
    used = server.system.make()
    assert enrol(server, keys[9], used).status == 0
    refused(renew(server, third.certificate, keys[8], keys[10], used), 1405)


def test_with_approval_a_bound_challenge_is_held(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"], config=with_approval).start()
    key = bound.Key(server, "mdm")
    challenge, denied = key.make(id="held", valid_s=3600, eku=["clientAuth"]), key.make(id="denied")
    assert server.enrol(keys[0], challenge, transaction_id="w").status == 3
    assert server.enrol(keys[0], challenge, transaction_id="w").status == 3
    refused(server.enrol(keys[1], challenge, transaction_id="w2"), 1407)
    server.stop()
    server.start()
    assert server.command("request", "approve", "held").stdout == "approved held\n"
    rep = server.enrol(keys[0], challenge, transaction_id="w")
    assert rep.status == 0
    validity = rep.certificate["tbs_certificate"]["validity"]
    life = validity["not_after"].native - validity["not_before"].native
    assert life <= datetime.timedelta(seconds=3600 + 301)
    refused(server.enrol(keys[1], challenge, transaction_id="w3"), 1405)
    assert server.enrol(keys[2], denied, transaction_id="d").status == 3
    server.command("request", "deny", "denied", "--reason", "no")
    refused(server.enrol(keys[2], denied, transaction_id="d"), 2003)
    refused(server.enrol(keys[3], denied, transaction_id="d2"), 1406)
    server.stop()
    assert sorted(spent(server.home)) == [("denied", 4), ("held", 3)]


# ---- what it states of the certificate ----------------------------------------------------------------------------------------


def seconds(certificate):
    validity = certificate["tbs_certificate"]["validity"]
    return (validity["not_after"].native - validity["not_before"].native).total_seconds()


def test_T11_a_statement_narrows_its_profile_and_never_widens_it(server, keys):
    rep = enrol(server, keys[0], server.system.make(key_usage=["digitalSignature"], eku=["clientAuth"], valid_s=7200))
    assert rep.certificate.key_usage_value.native == {"digital_signature"}
    assert rep.certificate.extended_key_usage_value.native == ["client_auth"]
    assert 7200 <= seconds(rep.certificate) <= 7200 + 301
    mobile = enrol(server, keys[1], server.system.make(profile="mobile", eku=["1.3.6.1.5.5.7.3.4"]), path="/scep/mobile")
    assert mobile.certificate.extended_key_usage_value.native == ["email_protection"]
    assert mobile.certificate.key_usage_value.native == {"digital_signature"}
    for members in ({"key_usage": ["digitalSignature", "keyAgreement"]}, {"eku": ["serverAuth"]}, {"eku": ["clientAuth", "1.2.3"]},
                    {"valid_s": 366 * 86400}):
        challenge = server.system.make(**members)
        refused(enrol(server, keys[2], challenge), 1444)
    refused(enrol(server, keys[2], server.system.make(profile="mobile", valid_s=11 * 86400), path="/scep/mobile"), 1444)


def test_T9_a_renewal_stays_as_narrow_as_what_it_renews(server, keys):
    challenge = server.system.make(key_usage=["digitalSignature"], valid_s=7200)
    first = enrol(server, keys[0], challenge)
    second = renew(server, first.certificate, keys[0], keys[1], None)
    third = renew(server, second.certificate, keys[1], keys[2], None, message_type=17)
    for rep in (second, third):
        assert rep.status == 0
        assert rep.certificate.key_usage_value.native == {"digital_signature"} and seconds(rep.certificate) <= 7200 + 301


# ---- keys ---------------------------------------------------------------------------------------------------------------------


def test_keys_are_listed_removed_and_outlive_a_restart(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    key = bound.Key(server, "mdm")
    for name in ("mdm", "kurier", "Big", "a b", ""):
        done = server.command("challenge", "key", "new", name, check=False)
        assert done.returncode != 0 and "KUR-2030" in done.stderr, (name, done.stderr)
    done = server.command("challenge", "key", "new", "x", "--profile", "nowhere", check=False)
    assert "KUR-2001" in done.stderr
    server.challenge("--bound", "--device", "x")
    assert [r["name"] for r in server.json_lines("challenge", "key", "list")] == ["kurier", "mdm"]
    one, two = key.make(), key.make()
    server.stop()
    server.start()
    assert server.enrol(keys[0], one, transaction_id="1").status == 0
    server.command("challenge", "key", "remove", "mdm")
    refused(server.enrol(keys[1], two, transaction_id="2"), 1440)
    assert "KUR-2004" in server.command("challenge", "key", "remove", "mdm", check=False).stderr
    assert bound.Key(server, "mdm").key_id != key.key_id
    audit = server.command("audit")
    assert audit.returncode == 0, audit.stdout


# ---- SID -----------------------------------------------------------------------------------------------------------------------


def sid_value(text, inner="1.3.6.1.4.1.311.25.2.1", extra=b""):
    other = core.ObjectIdentifier(inner).dump() + scepmsg.tlv(0xA0, core.OctetString(text.encode()).dump())
    return scepmsg.tlv(0x30, scepmsg.tlv(0xA0, other) + extra)


def sid_of(certificate):
    found = [e["extn_value"].contents for e in certificate["tbs_certificate"]["extensions"] if e["extn_id"].dotted == SID]
    return found[0] if found else None


USER = "S-1-5-21-1004336348-1177238915-682003330-512"


def sid_request(server, key, value, challenge=None, **options):
    csr = scepmsg.make_csr(key, "CN=device", (), challenge, extensions=[(SID, value)])
    return enrol(server, key, csr=csr, challenge=None, **options)


def test_T12_a_requested_SID_is_dropped_unless_the_profile_takes_it(server, keys):
    for value in (sid_value(USER), b"nonsense", b""):
        rep = sid_request(server, keys[0], value, server.system.make())
        assert rep.status == 0 and sid_of(rep.certificate) is None


def test_T12_where_the_profile_says_so_a_SID_in_its_one_form_is_copied(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"], config=lambda t: t.replace("sid: drop", "sid: from-request")).start()
    key = bound.Key(server, "mdm")
    rep = sid_request(server, keys[0], sid_value(USER), key.make())
    assert rep.status == 0 and sid_of(rep.certificate) == sid_value(USER)
    assert enrol(server, keys[1], key.make()).status == 0
    for value in (b"", b"nonsense", sid_value("S-1-5-21-x"), sid_value("S-1-5-021"), sid_value("s" + USER[1:]), sid_value(USER + "\0"),
                  sid_value(USER, inner="1.3.6.1.4.1.311.25.2.2"), sid_value(USER, extra=b"\x05\0"), sid_value(USER) + b"\0",
                  sid_value("S-1-5" + "-1" * 20), sid_value("S-1-" + "9" * 300)):
        refused(sid_request(server, keys[2], value, key.make()), 1217)
    # A renewal has the one that it had, and can ask for no other.
    renewed = sid_request(server, keys[3], sid_value(USER), signer=rep.certificate, signer_key=keys[0])
    silent = enrol(server, keys[4], None, signer=rep.certificate, signer_key=keys[0])
    assert sid_of(renewed.certificate) == sid_of(silent.certificate) == sid_value(USER)
    other = sid_request(server, keys[5], sid_value(USER[:-3] + "500"), signer=rep.certificate, signer_key=keys[0])
    refused(other, 1417)


def test_T12_a_SID_waits_for_approval_with_its_request(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"],
                         config=lambda t: with_approval(t).replace("sid: drop", "sid: from-request")).start()
    rep = sid_request(server, keys[0], sid_value(USER), server.challenge(), transaction_id="sid")
    assert rep.status == 3
    server.command("request", "approve", "sid")
    rep = sid_request(server, keys[0], sid_value(USER), None, transaction_id="sid", message_type=19)
    assert rep.status in (0, 2)
    row, = server.certificates()
    shown = server.command("cert", "show", row["serial"], "--pem").stdout
    certificate = ax509.Certificate.load(base64.b64decode("".join(shown.split("-----")[2].split())))
    assert sid_of(certificate) == sid_value(USER)
