"""Profiles as devices take them in: exported, read back by libraries that are not ours, and used by real clients."""

import base64
import datetime
import json
import os
import plistlib
import re
import subprocess
import uuid
import xml.etree.ElementTree as ET

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

import kurier
import scepmsg

# Each breaks one quoting rule or another: XML, shell, RFC 4514, X.500 strings, option parsers.
HOSTILE = ["O'Brien", 'say "hi"', "a<b>&amp;c]]>", "$(touch pwned) `touch pwned`; touch pwned | x", "a\\b/c", "--help", "-x",
           "Ärger, Inc. + Söhne = 1", " edges ", "#hash", "%s%n", "!$0 *?[a]~"]


@pytest.fixture(params=["root", "issuing"])
def server(request, make_server):
    if request.param == "root":
        return make_server(init=["--ca-key", "rsa:2048"]).start()
    certificate, key, root = request.getfixturevalue("issuing_ca")
    return make_server(init=["--ca-cert", certificate, "--ca-key-file", key, "--ca-chain", root]).start()


def export(server, form, *args, device="laptop-7", profile="default", check=True):
    done = subprocess.run([kurier.PROGRAM, "profile", "export", profile, "--format", form, "--device", device, *args, "--home",
                           str(server.home)], capture_output=True, timeout=60)
    if check:
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout
    return done


def refused(server, form, *args, code, **kwargs):
    before = len(server.json_lines("delivery", "list"))
    done = export(server, form, *args, check=False, **kwargs)
    assert done.returncode in (1, 2, 3) and f"[{code}]" in done.stderr.decode(), done.stderr.decode()
    assert done.stdout == b""
    assert len(server.json_lines("delivery", "list")) == before, "a challenge was made for nothing"


def cas(server):
    """The CA that issues, and the root; cryptography's objects."""
    found = [x509.load_der_x509_certificate(c.dump()) for c in server.ca_certificates()[1:]]
    return found[0], found[-1]


def enroll(source, out, *args):
    return subprocess.run([kurier.PROGRAM, "enroll", str(source), "--out", str(out), *args], capture_output=True, text=True, timeout=90)


def subject_of(path):
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return [(a.oid, a.value) for a in certificate.subject], certificate


# ---- list and show --------------------------------------------------------------------------------------------------

SECOND = """
profiles:
  default: {}
  wifi:
    valid: 36h
    renew_before: 6h
    key_usage: [digitalSignature]
    extended_key_usage: [clientAuth, 1.3.6.1.4.1.311.20.2.2]
    san_types: [dns]
    min_rsa_bits: 4096
    approval: yes
  unserved: {}
endpoints:
  default:
    profiles: [default, wifi]
"""


@pytest.fixture
def two_profiles(make_server):
    return make_server(init=["--ca-key", "rsa:2048"], config=lambda t: SECOND).start()


def test_profiles_are_listed_and_shown(two_profiles):
    server = two_profiles
    listed = {p["name"]: p for p in server.json_lines("profile", "list")}
    assert set(listed) == {"default", "wifi", "unserved"}
    assert listed["default"]["url"] == server.url()
    assert listed["wifi"]["url"] == server.url("/scep/wifi") and listed["unserved"]["url"] is None
    wifi = server.json_lines("profile", "show", "wifi")[0]
    assert wifi == listed["wifi"]
    assert (wifi["valid_s"], wifi["renew_before_s"], wifi["min_rsa_bits"]) == (36 * 3600, 6 * 3600, 4096)
    assert wifi["key_usage"] == ["digitalSignature"] and wifi["san_types"] == ["dns"]
    assert wifi["extended_key_usage"] == ["1.3.6.1.5.5.7.3.2", "1.3.6.1.4.1.311.20.2.2"]
    assert wifi["authorisation"] == "challenge, then approval"
    text = server.command("profile", "list").stdout
    assert "36h" in text and server.url("/scep/wifi") in text
    assert "digitalSignature\n" in server.command("profile", "show", "wifi").stdout
    done = server.command("profile", "show", "nothing", check=False)
    assert done.returncode == 1 and "KUR-2001" in done.stderr


def test_profiles_of_a_stopped_server(make_server):
    server = make_server(init=["--ca-key", "rsa:2048"])
    assert server.json_lines("profile", "list")[0]["url"] == "http://127.0.0.1:8080/scep"
    assert plistlib.loads(export(server, "mobileconfig"))["PayloadType"] == "Configuration"


# ---- Apple ----------------------------------------------------------------------------------------------------------

COMMON = {"PayloadType": str, "PayloadVersion": int, "PayloadIdentifier": str, "PayloadUUID": str, "PayloadDisplayName": str}
SCEP_TYPES = {"URL": str, "Name": str, "Subject": list, "Challenge": str, "Keysize": int, "Key Type": str, "Key Usage": int,
              "CAFingerprint": bytes, "Retries": int, "RetryDelay": int, "SubjectAltName": dict, "KeyIsExtractable": bool,
              "AllowAllAppsAccess": bool}


def validate(data):
    """As plutil and a device's parser look at it: types and required keys. Returns the payloads by type."""
    profile = plistlib.loads(data, fmt=plistlib.FMT_XML)
    assert data.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" ')
    assert profile["PayloadType"] == "Configuration"
    found = {}
    for payload in [profile, *profile["PayloadContent"]]:
        for key, kind in COMMON.items():
            assert type(payload[key]) is kind, (key, payload)
        assert payload["PayloadVersion"] == 1
        assert str(uuid.UUID(payload["PayloadUUID"])).upper() == payload["PayloadUUID"]
        found.setdefault(payload["PayloadType"], []).append(payload)
    ids = [p["PayloadUUID"] for ps in found.values() for p in ps] + [p["PayloadIdentifier"] for ps in found.values() for p in ps]
    assert len(ids) == len(set(ids))
    scep = found["com.apple.security.scep"][0]["PayloadContent"]
    for key, value in scep.items():
        assert type(value) is SCEP_TYPES[key], (key, value)
    assert scep["Keysize"] in (1024, 2048, 4096) and scep["Key Usage"] in (1, 4, 5) and scep["Key Type"] == "RSA"
    for rdn in scep["Subject"]:
        for kind, value in rdn:
            assert type(kind) is str and type(value) is str
    return found


def test_mobileconfig_has_every_key(server):
    data = export(server, "mobileconfig", "--subject", "CN=laptop-7,OU=Sales+UID=42,O=Example,C=DE", "--san", "DNS:a.example", "--san",
                  "UPN:u@example.org", "--san", "email:e@example.org", "--san", "email:f@example.org", "--san", "URI:tag:example,1")
    found = validate(data)
    issuing, root = cas(server)
    scep = found["com.apple.security.scep"][0]["PayloadContent"]
    assert set(scep) == set(SCEP_TYPES)
    # The order of RDNs is the certificate's: country first. An unknown short name is an OID.
    assert scep["Subject"][0] == [["C", "DE"]] and scep["Subject"][1] == [["O", "Example"]] and scep["Subject"][3] == [["CN", "laptop-7"]]
    assert sorted(scep["Subject"][2]) == [["0.9.2342.19200300.100.1.1", "42"], ["OU", "Sales"]]
    assert scep["SubjectAltName"] == {"dNSName": "a.example", "ntPrincipalName": "u@example.org", "uniformResourceIdentifier":
                                      "tag:example,1", "rfc822Name": ["e@example.org", "f@example.org"]}
    assert scep["URL"] == server.url() and scep["Keysize"] == 2048 and scep["Key Usage"] == 5
    assert scep["CAFingerprint"] == issuing.fingerprint(hashes.SHA256())
    assert (scep["Retries"], scep["RetryDelay"], scep["KeyIsExtractable"], scep["AllowAllAppsAccess"]) == (3, 10, False, False)
    anchors = [p["PayloadContent"] for p in found["com.apple.security.root"]]
    assert [x509.load_der_x509_certificate(a) for a in anchors] == [root]
    if issuing != root:
        assert x509.load_der_x509_certificate(found["com.apple.security.pkcs1"][0]["PayloadContent"]) == issuing
    # The same device's next profile replaces this one: same identifiers, other UUIDs, another challenge.
    again = plistlib.loads(export(server, "mobileconfig", "--set", "Retries=7", "--set", "CAFingerprint=sha1", "--set", "Name=my CA",
                                  "--set", "Organization=Example & Sons", "--set", "KeyIsExtractable=yes"))
    first = plistlib.loads(export(server, "mobileconfig"))
    assert again["PayloadIdentifier"] == first["PayloadIdentifier"] and again["PayloadUUID"] != first["PayloadUUID"]
    assert again["PayloadOrganization"] == "Example & Sons"
    content = again["PayloadContent"][-1]["PayloadContent"]
    assert content["CAFingerprint"] == issuing.fingerprint(hashes.SHA1()) and content["Retries"] == 7
    assert content["Name"] == "my CA" and content["KeyIsExtractable"] is True
    assert content["Challenge"] != first["PayloadContent"][-1]["PayloadContent"]["Challenge"]


def test_mobileconfig_follows_its_profile(two_profiles):
    scep = validate(export(two_profiles, "mobileconfig", profile="wifi"))["com.apple.security.scep"][0]["PayloadContent"]
    assert (scep["Keysize"], scep["Key Usage"], scep["Retries"], scep["RetryDelay"]) == (4096, 1, 60, 60)
    assert scep["URL"] == two_profiles.url("/scep/wifi")
    scep = validate(export(two_profiles, "mobileconfig", "--url", "https://scep.example.org/x?y&z"))["com.apple.security.scep"][0]
    assert scep["PayloadContent"]["URL"] == "https://scep.example.org/x?y&z"


def test_mobileconfig_enrols_once_and_only_for_its_identity(server, folder, openssl, keys):
    path = folder / "a.mobileconfig"
    out = server.command("profile", "export", "default", "--format", "mobileconfig", "--device", "laptop-7", "--subject",
                         "CN=laptop-7,O=Example", "--san", "DNS:a.example", "--san", "UPN:u@example.org", "--out", str(path)).stdout
    assert "laptop-7, CN=laptop-7,O=Example; its challenge serves one enrolment until 20" in out
    assert path.stat().st_mode & 0o777 == 0o600
    challenge = plistlib.loads(path.read_bytes())["PayloadContent"][-1]["PayloadContent"]["Challenge"]
    # Another subject, other names, no names: refused, and the challenge is still good.
    for subject, sans in [("CN=laptop-8,O=Example", ["a.example", scepmsg.upn("u@example.org")]),
                          ("CN=laptop-7,O=Example", ["b.example", scepmsg.upn("u@example.org")]), ("CN=laptop-7,O=Example", [])]:
        rep = server.enrol(keys[0], challenge, subject, sans)
        assert rep.status == 2, (subject, sans)
    done = enroll(path, folder / "own")
    assert done.returncode == 0, done.stderr
    assert "the profile is not signed" in done.stdout
    names, certificate = subject_of(folder / "own" / "cert.pem")
    assert names == [(NameOID.ORGANIZATION_NAME, "Example"), (NameOID.COMMON_NAME, "laptop-7")]
    assert certificate.public_key().key_size == 2048
    own = folder / "own"
    openssl("verify", "-CAfile", str(own / "root.pem"), "-untrusted", str(own / "chain.pem"), str(own / "cert.pem"))
    again = enroll(path, folder / "other", "--json")
    answer = json.loads(again.stdout)
    assert again.returncode == 1 and answer["fail_info_text"].endswith("[KUR-1405]") and answer["profile_signed_by"] is None
    delivery = server.trace("laptop-7")[0]
    assert delivery["device"] == "laptop-7"
    assert server.command("audit").returncode == 0


def test_a_bound_export_is_unknown_until_it_is_used(server, folder, keys):
    path = folder / "b.mobileconfig"
    server.command("profile", "export", "default", "--format", "mobileconfig", "--device", "laptop-bound", "--bound", "--out", str(path))
    challenge = plistlib.loads(path.read_bytes())["PayloadContent"][-1]["PayloadContent"]["Challenge"]
    assert challenge.startswith("KB1.")
    assert kurier.run("trace", "laptop-bound", "--home", str(server.home)).returncode == 1
    assert server.enrol(keys[0], challenge, "CN=another").status == 2
    assert enroll(path, folder / "own").returncode == 0
    assert server.trace("laptop-bound")[0]["state"] in ("signed", "answered")
    assert server.enrol(keys[1], challenge, "CN=laptop-bound").fail_text.endswith("[KUR-1405]")


def test_signed_mobileconfig(server, folder, openssl):
    path, plain = folder / "s.mobileconfig", folder / "plain"
    server.command("profile", "export", "default", "--format", "mobileconfig", "--device", "laptop-7", "--sign", "--out", str(path))
    root = folder / "root.pem"
    root.write_bytes(openssl("x509", "-inform", "DER", data=server.ca_certificates()[-1].dump()))
    for tool in ("cms", "smime"):
        openssl(tool, "-verify", "-in", str(path), "-inform", "DER", "-CAfile", str(root), "-purpose", "any", "-out", str(plain))
        validate(plain.read_bytes())
    # What was signed says when; nothing of SCEP is in it; the journals agree.
    signer = scepmsg.cms.ContentInfo.load(path.read_bytes())["content"]["signer_infos"][0]
    attributes = {a["type"].native: a["values"][0].native for a in signer["signed_attrs"]}
    assert set(attributes) == {"content_type", "message_digest", "signing_time"}
    assert abs(attributes["signing_time"] - datetime.datetime.now(datetime.timezone.utc)) < datetime.timedelta(minutes=5)
    assert "they agree" in server.command("audit").stdout
    assert "event=profile_signed" in server.log()
    done = enroll(path, folder / "own")
    assert done.returncode == 0, done.stderr
    assert re.search(r"the profile is signed by .*CN=.* RA, issued by .*CN=", done.stdout), done.stdout
    # Signed by others, in other forms: BER in pieces, PEM, without attributes.
    server.command("profile", "export", "default", "--format", "mobileconfig", "--device", "laptop-8", "--out", str(plain))
    key, certificate = folder / "o.key", folder / "o.pem"
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(key), "-out", str(certificate),
            "-subj", "/CN=Somebody/O=Else")
    for name, form in (("pem", ["-outform", "PEM", "-noattr"]), ("ber", ["-outform", "DER", "-stream"])):
        openssl("cms", "-sign", "-nodetach", "-binary", "-in", str(plain), "-signer", str(certificate), "-inkey", str(key), "-out",
                str(folder / name), *form)
    done = enroll(folder / "pem", folder / "o1", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["profile_signed_by"] == "O=Else,CN=Somebody, issued by O=Else,CN=Somebody"
    assert "Somebody" in enroll(folder / "ber", folder / "o2").stdout
    # One octet of the content changed.
    data = bytearray(path.read_bytes())
    at = data.index(b"laptop-7")
    data[at] ^= 1
    (folder / "changed").write_bytes(data)
    done = enroll(folder / "changed", folder / "o3")
    assert done.returncode == 1 and "KUR-2156" in done.stderr
    refused(server, "syncml-windows", "--sign", code="KUR-1006")


def change(data, edit):
    profile = plistlib.loads(data)
    scep = profile["PayloadContent"][-1]
    edit(profile, scep, scep["PayloadContent"])
    return plistlib.dumps(profile)


def test_enroll_takes_what_other_tools_write(shared, folder):
    def attempt(edit, *args, form=None, name=[0]):
        name[0] += 1
        path = folder / f"t{name[0]}"
        data = change(export(shared, "mobileconfig", device=f"tool-{name[0]}"), edit)
        path.write_bytes(form(data) if form else data)
        return enroll(path, folder / f"out{name[0]}", *args)

    def digits(profile, scep, content):
        content["Key Usage"], content["Keysize"], content["Retries"] = "5", "2048", "3"

    def two(profile, scep, content):
        other = plistlib.loads(plistlib.dumps(scep))
        other["PayloadContent"]["Challenge"] = "WRONG"
        profile["PayloadContent"] += [{"PayloadType": "com.apple.wifi.managed"}, other]

    def only_root(profile, scep, content):
        del content["CAFingerprint"]

    def no_anchor(profile, scep, content):
        del content["CAFingerprint"]
        profile["PayloadContent"] = [scep]

    def sha1(profile, scep, content):
        content["CAFingerprint"] = cas(shared)[0].fingerprint(hashes.SHA1())

    def wrong(profile, scep, content):
        content["CAFingerprint"] = bytes(32)

    def md5(profile, scep, content):
        content["CAFingerprint"] = cas(shared)[0].fingerprint(hashes.MD5())

    def odd(profile, scep, content):
        content["Key Usage"] = 7

    nothing = lambda *a: None  # noqa: E731
    for edit in (digits, only_root, sha1, odd):
        done = attempt(edit)
        assert done.returncode == 0, (edit, done.stderr)
    assert "error 22000" in done.stdout
    assert attempt(two).returncode == 0
    done = attempt(two, "--payload", "2")
    assert done.returncode == 1 and "KUR-1403" in done.stderr and "--payload N chooses" in done.stdout
    for edit, args, code in ((wrong, [], "KUR-2103"), (md5, [], "KUR-2155"), (no_anchor, [], "KUR-2104"), (nothing, ["--payload", "2"], "KUR-2153"),
                             (nothing, ["--payload", "x"], "KUR-1003")):
        done = attempt(edit, *args)
        assert done.returncode in (1, 2) and code in done.stderr, (edit, done.stderr)
    assert attempt(no_anchor, "--ca-fingerprint", cas(shared)[0].fingerprint(hashes.SHA256()).hex()).returncode == 0
    # Options win over the file; the challenge knows its subject.
    done = attempt(nothing, "--subject", "CN=another")
    assert done.returncode == 1 and "KUR-1409" in done.stderr
    done = attempt(nothing, form=lambda d: plistlib.dumps(plistlib.loads(d), fmt=plistlib.FMT_BINARY))
    assert done.returncode == 1 and "KUR-2152" in done.stderr and "plutil -convert xml1" in done.stderr
    evil = b'<!DOCTYPE plist [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    done = attempt(nothing, form=lambda d: re.sub(rb"<!DOCTYPE[^>]*>", evil, d))
    assert done.returncode == 1 and "KUR-2151" in done.stderr
    done = attempt(nothing, form=lambda d: d[:len(d) // 2])
    assert done.returncode == 1 and "KUR-2151" in done.stderr and "line " in done.stderr
    done = attempt(nothing, form=lambda d: d + b" " * 1024 * 1024)
    assert done.returncode in (1, 3) and "KUR-1002" in done.stderr
    assert enroll(folder / "missing", folder / "m").returncode == 2


def test_enroll_asks_as_often_as_the_profile_says(make_server, folder):
    server = make_server(init=["--ca-key", "rsa:2048"], config=lambda t: t.replace("approval: no", "approval: yes")).start()
    path = folder / "p.mobileconfig"
    path.write_bytes(export(server, "mobileconfig", "--set", "Retries=2", "--set", "RetryDelay=1"))
    done = enroll(path, folder / "own")
    assert done.returncode == 1 and "KUR-2108" in done.stderr and done.stdout.count("pending: ") == 2, done.stdout
    server.command("request", "approve", "laptop-7")
    done = enroll(path, folder / "own")
    assert done.returncode == 0, done.stderr


# ---- SyncML ---------------------------------------------------------------------------------------------------------

SYNCML = "{SYNCML:SYNCML1.2}"
WINDOWS = {"ServerURL": "chr", "Challenge": "chr", "EKUMapping": "chr", "KeyUsage": "int", "SubjectName": "chr", "KeyProtection": "int",
           "RetryDelay": "int", "RetryCount": "int", "TemplateName": "chr", "KeyLength": "int", "HashAlgorithm": "chr",
           "CAThumbprint": "chr", "SubjectAlternativeNames": "chr", "ValidPeriod": "chr", "ValidPeriodUnits": "int",
           "ContainerName": "chr", "CustomTextToShowInPrompt": "chr", "AADKeyIdentifierList": "chr"}


def commands(data, parent):
    """(command, LocURI, format, data) in the order of the document, their numbers checked."""
    root = ET.fromstring(data)
    assert root.tag == SYNCML + "SyncML" and [c.tag for c in root] == [SYNCML + "SyncHdr", SYNCML + "SyncBody"]
    body = root[1]
    assert body[-1].tag == SYNCML + "Final"
    numbers = [int(e.text) for e in root.iter(SYNCML + "CmdID")]
    assert numbers == list(range(1, len(numbers) + 1))
    holder = body if parent == "SyncBody" else body.find(SYNCML + parent)
    if parent == "Atomic":
        assert [c.tag for c in body] == [SYNCML + "Atomic", SYNCML + "Final"]
    found = []
    for command in holder:
        if command.tag in (SYNCML + "CmdID", SYNCML + "Final"):
            continue
        item = command.find(SYNCML + "Item")
        kind = item.find(f"{SYNCML}Meta/{{syncml:metinf}}Format")
        text = item.find(SYNCML + "Data")
        found.append((command.tag.replace(SYNCML, ""), item.find(f"{SYNCML}Target/{SYNCML}LocURI").text,
                      None if kind is None else kind.text, None if text is None else text.text or ""))
    return found


def windows(data, scope="Device"):
    """The commands checked, the values of Install's nodes."""
    found = commands(data, "Atomic")
    roots = [c for c in found if "/RootCATrustedCertificates/" in c[1]]
    rest = found[len(roots):]
    assert found[:len(roots)] == roots
    base = rest[0][1]
    assert re.fullmatch(rf"\./{scope}/Vendor/MSFT/ClientCertificateInstall/SCEP/Kurier_[0-9A-F-]{{36}}", base)
    assert rest[0] == ("Add", base, "node", None)
    assert rest[-1] == ("Exec", base + "/Install/Enroll", None, None), "the start comes last"
    values = {}
    for command, uri, kind, text in rest[1:-1]:
        name = uri.removeprefix(base + "/Install/")
        assert command == "Add" and kind == WINDOWS[name] and name not in values
        if kind == "int":
            int(text)
        values[name] = text
    return roots, values


def thumbprint(certificate):
    return certificate.fingerprint(hashes.SHA1()).hex().upper()


def test_windows_has_every_node_in_one_atomic(server):
    data = export(server, "syncml-windows", "--subject", "CN=laptop-7,OU=A\\, B,ST=x,O=Example,C=DE", "--san", "DNS:a.example", "--san",
                  "UPN:u@example.org", "--san", "email:a+b@example.org", "--san", "URI:tag:example,1", "--set", "KeyProtection=4", "--set",
                  "ContainerName=hello", "--set", "CustomTextToShowInPrompt=A <PIN> & more", "--set", "AADKeyIdentifierList=k1;k2", "--set",
                  "TemplateName=1.2.3", "--set", "HashAlgorithm=SHA256", "--set", "RetryCount=30", "--set", "RetryDelay=1")
    issuing, root = cas(server)
    roots, values = windows(data)
    assert set(values) == set(WINDOWS)
    expected = [("Root", root)] + ([("CA", issuing)] if issuing != root else [])
    for (command, uri, kind, text), (store, certificate) in zip(roots, expected, strict=True):
        assert uri == f"./Device/Vendor/MSFT/RootCATrustedCertificates/{store}/{thumbprint(certificate)}/EncodedCertificate"
        assert (command, kind) == ("Add", "b64") and x509.load_der_x509_certificate(base64.b64decode(text, validate=True)) == certificate
    assert values["CAThumbprint"] == thumbprint(issuing), "the CA that issues, not its root"
    assert values["SubjectName"] == 'CN=laptop-7,OU="A, B",S=x,O=Example,C=DE'
    assert sorted(values["SubjectAlternativeNames"].split(";")) == ["11+u@example.org", "2+a+b@example.org", "3+a.example", "7+tag:example,1"]
    assert values["ServerURL"] == server.url("/certsrv/mscep/mscep.dll")
    assert (values["KeyUsage"], values["EKUMapping"], values["KeyLength"]) == ("160", "1.3.6.1.5.5.7.3.2", "2048")
    assert (values["ValidPeriod"], values["ValidPeriodUnits"]) == ("Days", "365")
    assert values["CustomTextToShowInPrompt"] == "A <PIN> & more" and values["AADKeyIdentifierList"] == "k1;k2"
    assert (values["KeyProtection"], values["HashAlgorithm"], values["RetryCount"], values["RetryDelay"]) == ("4", "SHA256", "30", "1")
    # Without being asked: what Windows needs, and nothing empty.
    _, plain = windows(export(server, "syncml-windows", "--set", "Scope=User"), "User")
    assert set(plain) == set(WINDOWS) - {"TemplateName", "ContainerName", "CustomTextToShowInPrompt", "AADKeyIdentifierList",
                                         "SubjectAlternativeNames"}
    assert plain["HashAlgorithm"] == "SHA-2" and plain["KeyProtection"] == "3" and all(plain.values())
    _, encoded = windows(export(server, "syncml-windows", "--set", "ChallengeEncoding=base64"))
    assert len(base64.b64decode(encoded["Challenge"], validate=True)) == len(plain["Challenge"])


def test_windows_challenge_enrols_once_and_only_for_its_identity(shared, keys):
    _, values = windows(export(shared, "syncml-windows", "--san", "DNS:win.example", device="win-1"))
    path = "/certsrv/mscep/mscep.dll"
    assert shared.enrol(keys[1], values["Challenge"], "CN=win-2", ["win.example"], path=path).status == 2
    assert shared.enrol(keys[1], values["Challenge"], values["SubjectName"], ["win.example"], path=path).status == 0
    assert shared.enrol(keys[2], values["Challenge"], values["SubjectName"], ["win.example"], path=path).status == 2


ANDROID = "{http://schemas.microsoft.com/SystemCenterConfigurationManager/2012/03/07/CertificateEnrollment/ConfigurationParameters}"


def test_android_is_escaped_twice(server, keys):
    data = export(server, "syncml-android", "--subject", "CN=a<b>&\\\"c\\\",O=Example", "--san", "DNS:a.example", "--san", "UPN:u@example.org")
    issuing, root = cas(server)
    found = commands(data, "SyncBody")
    assert all(c[0] == "Add" for c in found)
    stores = [("Root", root)] + ([("CA", issuing)] if issuing != root else [])
    for (_, uri, kind, text), (store, certificate) in zip(found[:-1], stores, strict=True):
        assert uri == f"./Vendor/MSFT/CertificateStore/{store}/{thumbprint(certificate)}/EncodedCertificate" and kind == "b64"
        assert x509.load_der_x509_certificate(base64.b64decode(text)) == certificate
    _, uri, kind, text = found[-1]
    assert kind == "xml"
    assert re.fullmatch(r"\./Vendor/MSFT/CertificateStore/Enroll/ModelName=AC_[0-9A-F-]{36}%2FLogicalName_[0-9A-F-]{36}%3BHash=\d+/Install", uri)
    # Once: the request is text of the document. Twice: its parameters are text of the request.
    request = ET.fromstring(text)
    assert [e.tag for e in request] == ["ConfigurationParametersDocument", "RequestParameters"]
    assert len(request[0]) == 0
    parameters = ET.fromstring(request[0].text)
    names = [e.tag.removeprefix(ANDROID) for e in parameters]
    assert names == ["ExpirationThreshold", "RetryCount", "RetryDelay", "TemplateName", "SubjectNameFormat", "SubjectAlternativeNameFormat",
                     "KeyStorageProviderSetting", "KeyUsage", "KeyLength", "HashAlgorithms", "NDESUrls", "CAThumbprint", "ValidityPeriod",
                     "ValidityPeriodUnit", "EKUMapping"]
    value = {n: e.text for n, e in zip(names, parameters)}
    assert (value["KeyUsage"], value["KeyLength"], value["ValidityPeriod"], value["ValidityPeriodUnit"]) == ("160", "2048", "365", "Days")
    assert value["CAThumbprint"] == thumbprint(root), "the root, where Windows has the CA that issues"
    assert value["ExpirationThreshold"] == "20"
    assert [e.text for e in parameters.find(ANDROID + "HashAlgorithms")] == ["SHA-2"]
    maps = [[e.text for e in m] for m in parameters.find(ANDROID + "EKUMapping")]
    assert maps == [["Client Authentication", "1.3.6.1.5.5.7.3.2"]]
    asked = request[1]
    assert [e.tag for e in asked] == ["CertificateRequestToken", "SubjectName", "Issuers", "SubjectAlternativeName", "NDESUrl"]
    assert asked.find("SubjectName").text == 'CN="a<b>&""c""",O=Example' == value["SubjectNameFormat"]
    sans = [(e.get("AltNameType"), e.get("NameFormat"), e.get("OID"), e.text) for e in asked.iter("SAN")]
    assert sorted(sans) == [("11", "ID", "1.3.6.1.4.1.311.20.2.3", "u@example.org"), ("3", "ID", "", "a.example")]
    assert asked.find("NDESUrl").text == parameters.find(f"{ANDROID}NDESUrls/{ANDROID}NDESUrl").text == server.url("/certsrv/mscep/mscep.dll")
    if issuing != root:
        assert asked.find("Issuers").text == "O=Example; CN=Test Issuing CA"
    token = asked.find("CertificateRequestToken").text
    subject = 'CN=a<b>&"c",O=Example'
    sans = ["a.example", scepmsg.upn("u@example.org")]
    assert server.enrol(keys[3], token, "CN=x,O=Example", sans).status == 2
    assert server.enrol(keys[3], token, subject, sans).status == 0


def test_android_does_not_renew_before_the_server_allows_it(two_profiles):
    text = commands(export(two_profiles, "syncml-android", profile="wifi"), "SyncBody")[-1][3]
    parameters = ET.fromstring(ET.fromstring(text)[0].text)
    assert parameters.find(ANDROID + "ExpirationThreshold").text == "16"  # 6 of 36 hours
    assert [m[1].text for m in parameters.find(ANDROID + "EKUMapping")] == ["1.3.6.1.5.5.7.3.2", "1.3.6.1.4.1.311.20.2.2"]
    assert parameters.find(ANDROID + "KeyUsage").text == "128" and parameters.find(ANDROID + "ValidityPeriod").text == "2"


# ---- what cannot be said --------------------------------------------------------------------------------------------


def test_exports_that_are_refused_make_no_challenge(two_profiles, folder):
    server = two_profiles
    for form in ("mobileconfig", "syncml-windows", "syncml-android"):
        refused(server, form, "--key", "rsa:3072", code="KUR-2154")
        refused(server, form, "--set", "Nothing=1", code="KUR-1006")
        refused(server, form, "--san", "IP:192.0.2.1", code="KUR-1212")
        refused(server, form, "--key", "rsa:8192", code="KUR-2154")
        refused(server, form, code="KUR-2157", profile="unserved")
        refused(server, form, code="KUR-2001", profile="nothing")
        refused(server, form, code="KUR-1003", device="two\nlines")
        refused(server, form, "--subject", "CN=a\nb", code="KUR-1210")
        refused(server, form, "--san", "DNS:a\nDNS:b", code="KUR-1211")
        refused(server, form, "--san", "UPN:u@x", code="KUR-1212", profile="wifi")
        refused(server, form, "--url", "ftp://x", code="KUR-1006")
        refused(server, form, "--out", str(folder / "no" / "such"), code="KUR-1004")
    refused(server, "mobileconfig", "--set", "Retries=1001", code="KUR-1006")
    refused(server, "mobileconfig", "--set", "CAFingerprint=md5", code="KUR-1006")
    refused(server, "syncml-windows", "--set", "KeyProtection=4", code="KUR-2154")
    refused(server, "syncml-windows", "--set", "RetryCount=31", code="KUR-1006")
    refused(server, "syncml-windows", "--set", "HashAlgorithm=MD5", code="KUR-1006")
    refused(server, "syncml-windows", "--url", "http://a/x;http://b/x", code="KUR-2154")
    refused(server, "strongswan", "--san", "UPN:u@x", code="KUR-2154")
    refused(server, "certmonger", "--san", "UPN:u@x", code="KUR-2154")
    refused(server, "certmonger", "--san", "URI:tag:x", code="KUR-2154")
    refused(server, "tape", code="KUR-1006")
    for form in ("mobileconfig", "syncml-windows", "syncml-android"):
        text = kurier.run("profile", "export", "--format", form, "--settings").stdout
        assert "default" in text and len(text.splitlines()) >= 6


def test_a_wildcard_listener_is_no_address(make_server):
    server = make_server(init=["--ca-key", "rsa:2048"], config=lambda t: t.replace("127.0.0.1:8080", "0.0.0.0:8080"))
    refused(server, "mobileconfig", code="KUR-2157")
    server.configure(lambda t: t.replace("# public_url:", "public_url:").replace('public_url: ""', "public_url: http://scep.example.org"))
    data = plistlib.loads(export(server, "mobileconfig"))
    assert data["PayloadContent"][-1]["PayloadContent"]["URL"] == "http://scep.example.org/scep"


def test_an_endpoint_without_challenges_gets_none(make_server):
    server = make_server(init=["--ca-key", "rsa:2048"], config=lambda t: """
policies:
  hr:
    type: webhook
    url: http://127.0.0.1:9/
    secret: hr
endpoints:
  default:
    policies: [hr]
""")
    assert server.json_lines("profile", "show", "default")[0]["authorisation"] == "policies outside"
    refused(server, "mobileconfig", code="KUR-2154")


# ---- hostile names --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", HOSTILE)
def test_hostile_device_names_in_xml(shared, folder, device):
    """Written, read back by libraries that are not ours, and enrolled."""
    path = folder / "h.mobileconfig"
    data = export(shared, "mobileconfig", device=device)
    scep = validate(data)["com.apple.security.scep"][0]
    assert scep["PayloadDisplayName"] == "Certificate of " + device
    assert scep["PayloadContent"]["Subject"] == [[["CN", device]]]
    path.write_bytes(data)
    done = enroll(path, folder / "own")
    assert done.returncode == 0, done.stderr
    assert subject_of(folder / "own" / "cert.pem")[0] == [(NameOID.COMMON_NAME, device)]
    _, values = windows(export(shared, "syncml-windows", device=device))
    plain = not re.search(r'^ | $|[,=+;<>#"]', device)
    assert values["SubjectName"] == "CN=" + (device if plain else '"' + device.replace('"', '""') + '"')
    text = commands(export(shared, "syncml-android", device=device), "SyncBody")[-1][3]
    assert ET.fromstring(text).find("RequestParameters/SubjectName").text == values["SubjectName"]
    assert ET.fromstring(ET.fromstring(text)[0].text).find(ANDROID + "SubjectNameFormat").text == values["SubjectName"]


# ---- strongSwan and certmonger, really run --------------------------------------------------------------------------


def run_script(data, folder, name="out", environment=None, wrap=()):
    work = folder / "work"
    work.mkdir(exist_ok=True)
    (work / "script.sh").write_bytes(data)
    done = subprocess.run([*wrap, "sh", "script.sh", name], cwd=work, env=dict(os.environ, **(environment or {})), capture_output=True,
                          text=True, timeout=150)
    return done, work / name


def verify(openssl, server, folder, certificate, key):
    root = folder / "verify-root.pem"
    root.write_bytes(openssl("x509", "-inform", "DER", data=server.ca_certificates()[-1].dump()))
    between = folder / "verify-ca.pem"
    between.write_bytes(openssl("x509", "-inform", "DER", data=server.ca_certificates()[1].dump()))
    openssl("verify", "-CAfile", str(root), "-untrusted", str(between), str(certificate))
    assert openssl("x509", "-in", str(certificate), "-noout", "-pubkey") == openssl("pkey", "-in", str(key), "-pubout")


def test_strongswan_script_enrols_once(server, folder, openssl):
    data = export(server, "strongswan", "--subject", "CN=swan,OU=A\\, B,O=Example,C=DE", "--san", "DNS:swan.example.org", "--san",
                  "email:swan@example.org", device="swan")
    done, out = run_script(data, folder)
    assert done.returncode == 0, done.stderr
    verify(openssl, server, folder, out / "cert.pem", out / "key.pem")
    names, certificate = subject_of(out / "cert.pem")
    assert names == [(NameOID.COUNTRY_NAME, "DE"), (NameOID.ORGANIZATION_NAME, "Example"), (NameOID.ORGANIZATIONAL_UNIT_NAME, "A, B"),
                     (NameOID.COMMON_NAME, "swan")]
    sans = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert sans.get_values_for_type(x509.DNSName) == ["swan.example.org"]
    assert sans.get_values_for_type(x509.RFC822Name) == ["swan@example.org"]
    assert (out / "key.pem").stat().st_mode & 0o777 == 0o600
    done, _ = run_script(data, folder)  # the same key again: a retry, the same certificate
    assert done.returncode == 0, done.stderr
    assert subject_of(out / "cert.pem")[1] == certificate
    done, other = run_script(data, folder, "other")
    assert done.returncode != 0 and not (other / "cert.pem").exists()


GETCERT = """#!/bin/sh
# certmonger of this session's bus, not the system's
verb=$1; shift
exec /usr/bin/getcert "$verb" -s "$@"
"""


def certmonger(data, folder, name="out"):
    """The script as it is, with a certmonger of its own around it."""
    work = folder / "work"
    environment = {"CERTMONGER_TMPDIR": str(work), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    for part in ("CONFIG", "REQUESTS", "CAS", "LOCAL_CA"):
        (work / part).mkdir(parents=True, exist_ok=True)
        environment[f"CERTMONGER_{part}_DIR"] = str(work / part)
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin" / "getcert").write_text(GETCERT)
    (folder / "bin" / "getcert").chmod(0o755)
    around = ('/usr/sbin/certmonger -s -n -f -d 1 -p pid >certmonger.log 2>&1 & daemon=$!; sleep 1; '
              '"$@"; status=$?; getcert list >list.txt; kill $daemon; exit $status')
    return run_script(data, folder, name, environment, ["dbus-run-session", "--", "bash", "-c", around, "bash"])


def test_certmonger_script_enrols(server, folder, openssl):
    data = export(server, "certmonger", "--subject", "CN=monger,O=Example", "--san", "DNS:monger.example.org", "--san",
                  "email:m@example.org", device="monger")
    done, out = certmonger(data, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "status: MONITORING" in (folder / "work" / "list.txt").read_text()
    verify(openssl, server, folder, out / "cert.pem", out / "key.pem")
    names, certificate = subject_of(out / "cert.pem")
    assert sorted(v for _, v in names) == ["Example", "monger"]
    sans = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert sans.get_values_for_type(x509.DNSName) == ["monger.example.org"]
    assert server.trace("monger")[0]["state"] in ("answered", "signed")


@pytest.mark.parametrize("device", HOSTILE)
def test_hostile_device_names_in_a_strongswan_script(shared, folder, device):
    done, out = run_script(export(shared, "strongswan", device=device), folder)
    assert done.returncode == 0, done.stderr
    assert subject_of(out / "cert.pem")[0] == [(NameOID.COMMON_NAME, device)]
    assert not list(folder.rglob("pwned"))


@pytest.mark.parametrize("device", HOSTILE)
def test_hostile_device_names_in_a_certmonger_script(shared, folder, device):
    done, out = certmonger(export(shared, "certmonger", device=device), folder)
    assert not list(folder.rglob("pwned"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert subject_of(out / "cert.pem")[0] == [(NameOID.COMMON_NAME, device)]
