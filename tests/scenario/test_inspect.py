"""The microscope: messages of the independent builder, of Kurier and of the field, whole, damaged and cut off."""

import base64
import json
import os
import subprocess

import pytest
from asn1crypto import cms, core
from cryptography.hazmat.primitives import serialization

import kurier
import scepmsg


def inspect(what, *options, data=None, check=0):
    done = subprocess.run([kurier.PROGRAM, "inspect", what, *options], input=data, capture_output=True, timeout=60)
    assert done.returncode == check, done.stderr.decode()
    return done.stdout.decode()


def facts(data, *options):
    return json.loads(inspect("-", "--json", *options, data=data))


@pytest.fixture(scope="module")
def message(shared, keys):
    """A PKCSReq for the shared server, and what it is made of."""
    challenge = shared.challenge("--device", "looked-at")
    csr = scepmsg.make_csr(keys[0], "CN=looked-at,O=Example", ["a.example", "b.example"], challenge)
    return scepmsg.pki_message(scepmsg.envelope(csr, [shared.ra()]), keys[0], scepmsg.self_signed(keys[0]), transaction_id="looked-at-1",
                               nonce=bytes(range(16)))


def test_a_request_in_the_standards_terms(message, keys, shared):
    it = facts(message)
    assert (it["kind"], it["message_type"], it["transaction_id"]) == ("pkiMessage", "PKCSReq (19)", "looked-at-1")
    assert it["sender_nonce"] == bytes(range(16)).hex() and not it["recipient_nonce"]
    assert (it["digest"], it["content_cipher"], it["key_transport"]) == ("SHA-256", "AES-128-CBC", "RSA PKCS#1 v1.5")
    ra = shared.ra()
    assert [r["serial"] for r in it["recipients"]] == [core.Integer(ra.serial_number).contents.hex()]
    assert "CN=Kurier" in it["recipients"][0]["issuer"] and it["truncated"] is False
    assert it["certificates"] == ["CN=SCEP SIGNER"]


@pytest.mark.parametrize("form", ["file", "base64", "url-safe", "escaped", "url", "log", "lines", "pem", "spaces"])
def test_each_form_of_input_says_the_same(message, folder, form):
    whole = facts(message)
    text = base64.b64encode(message).decode()
    escaped = text.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    lines = "\n".join(text[i:i + 64] for i in range(0, len(text), 64))
    forms = {
        "base64": text, "url-safe": text.replace("+", "-").replace("/", "_").rstrip("="), "escaped": escaped, "lines": lines,
        "url": f"http://ca.example/certsrv/mscep/mscep.dll/pkiclient.exe?operation=PKIOperation&message={escaped}",
        "log": f"2026-01-01 10:00:00 10.0.0.1 GET /scep/pkiclient.exe operation=PKIOperation&message={escaped} 443 - 10.0.0.2 - 200 0 0 15",
        "pem": f"-----BEGIN PKCS7-----\n{lines}\n-----END PKCS7-----\n",
        "spaces": "message=" + text.replace("+", " "),
    }
    if form == "file":
        (folder / "message").write_bytes(message)
        again = json.loads(inspect(str(folder / "message"), "--json"))
    else:
        again = facts(forms[form].encode())
        if form not in ("lines", "pem"):
            assert json.loads(inspect(forms[form], "--json")) == whole
    assert again == whole


def test_the_tree_has_offsets_and_names(message):
    text = inspect("-", data=message)
    first = text[text.index("message (offset"):].splitlines()[1].split()
    assert first[:2] == ["0", str(len(message) - 4)] and first[2] == "SEQUENCE"
    for name in ("signedData", "transactionID", "senderNonce", "messageType", "envelopedData", "AES-128-CBC"):
        assert name in text, name
    assert "signed content (offset, length)" in text
    assert "looked-at-1" in text
    assert "(offset" not in inspect("-", "--short", data=message)


def test_cut_off_anywhere_it_says_what_is_there(message):
    """Each length: never a crash, never more than the octets say; from the envelope's recipient on, that recipient."""
    whole = facts(message)
    known = 0
    for length in list(range(2, len(message) - 1, 23)) + [len(message) - 1]:
        it = facts(base64.b64encode(message[:length]))
        assert it["truncated"] is True, length
        for field in ("transaction_id", "digest", "content_cipher", "key_transport"):
            assert it[field] in (None, "", whole[field]), (length, field)
        known = max(known, sum(it[f] == whole[f] for f in ("transaction_id", "digest", "content_cipher", "key_transport")))
    assert known == 4


@pytest.mark.parametrize("form,said", [(scepmsg.apple, True), (scepmsg.jscep, True), (lambda der: der, False)])
def test_ber_is_read_and_named(message, form, said):
    it = facts(form(message))
    assert it["transaction_id"] == "looked-at-1" and it["content_cipher"] == "AES-128-CBC"
    assert any("indefinite" in n for n in it["notes"]) is said


def test_damage_is_survived(message):
    import random
    draw = random.Random(4)
    for _ in range(150):
        bad = bytearray(message)
        for _ in range(draw.randrange(1, 4)):
            bad[draw.randrange(len(bad))] ^= 1 << draw.randrange(8)
        done = subprocess.run([kurier.PROGRAM, "inspect", "-", "--json"], input=bytes(bad), capture_output=True, timeout=20)
        assert done.returncode in (0, 3), done.stderr


@pytest.mark.parametrize("what", [b"", b"\x00", b"nothing of the kind!", b"\x30", b"message=", b"operation=PKIOperation&message="])
def test_what_is_no_message(what):
    done = subprocess.run([kurier.PROGRAM, "inspect", "-"], input=what, capture_output=True, timeout=20)
    assert done.returncode == 3 and b"KUR-" in done.stderr


@pytest.mark.parametrize("cipher,digest,said", [("tripledes_3key", "sha256", "3DES"), ("aes256_cbc", "sha512", None), ("aes128_cbc", "sha1", "SHA-1")])
def test_algorithms_and_which_peers_refuse_them(shared, keys, cipher, digest, said):
    csr = scepmsg.make_csr(keys[0], "CN=x", (), "c")
    it = facts(scepmsg.pki_message(scepmsg.envelope(csr, [shared.ra()], cipher), keys[0], scepmsg.self_signed(keys[0]), digest=digest))
    assert any(said in n for n in it["notes"]) if said else not any("refuse" in n for n in it["notes"])


def test_oaep_is_named(shared, keys):
    csr = scepmsg.make_csr(keys[0], "CN=x", (), "c")
    it = facts(scepmsg.pki_message(scepmsg.envelope(csr, [shared.ra()], oaep=True), keys[0], scepmsg.self_signed(keys[0])))
    assert it["key_transport"] == "id-RSAES-OAEP" and any("OAEP" in n for n in it["notes"])


# ---- whom it is for -------------------------------------------------------------------------------------------------


def pem(certificate):
    text = base64.encodebytes(certificate.dump()).decode()
    return f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n"


@pytest.mark.parametrize("form", ["pem", "der", "p7", "chain"])
def test_is_it_encrypted_to_a_certificate_of_this_file(message, shared, folder, form):
    ra, ca = shared.ca_certificates()[:2]
    path = folder / "certificates"
    p7 = kurier.http(shared.port, "GET", "/scep?operation=GetCACert")[2]
    path.write_bytes({"pem": pem(ra).encode(), "der": ra.dump(), "p7": p7, "chain": (pem(ca) + pem(ra)).encode()}[form])
    it = facts(message, "--cert", str(path))
    assert any(n.startswith("It is encrypted to the RA certificate") for n in it["notes"]), it["notes"]


def test_it_is_for_another_server(message, keys, folder):
    other = scepmsg.self_signed(keys[5], "CN=Another CA")
    (folder / "other.der").write_bytes(other.dump())
    assert any("none of the 1 certificates" in n for n in facts(message, "--cert", str(folder / "other.der"))["notes"])


def test_is_it_encrypted_to_a_certificate_of_this_server(message, shared):
    assert any("RA certificate" in n and shared.url() in n for n in facts(message, "--server", shared.url())["notes"])
    inspect("-", "--server", f"http://127.0.0.1:{kurier.free_port()}/scep", data=message, check=3)


@pytest.mark.parametrize("content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_file_without_certificates(message, folder, content):
    (folder / "none").write_bytes(content)
    inspect("-", "--cert", str(folder / "none"), data=message, check=3)
    inspect("-", "--cert", str(folder / "missing"), data=message, check=3)


# ---- opened ---------------------------------------------------------------------------------------------------------


def test_with_the_recipients_key_the_request_is_shown_and_the_challenge_is_not(message, keys, folder):
    (folder / "ra.key").write_bytes(keys[6].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                          serialization.NoEncryption()))
    csr = scepmsg.make_csr(keys[0], "CN=opened,O=Example", ["a.example"], "a-secret-challenge")
    for cipher, oaep in (("aes128_cbc", False), ("aes256_cbc", True), ("tripledes_3key", False)):
        mine = scepmsg.pki_message(scepmsg.envelope(csr, [scepmsg.self_signed(keys[6])], cipher, oaep), keys[0], scepmsg.self_signed(keys[0]))
        it = facts(mine, "--key", str(folder / "ra.key"))
        assert it["csr"]["has_challenge"] is True and it["csr"]["challenge_octets"] == 18
        assert "CN=opened" in it["csr"]["subject"] and "a.example" in it["csr"]["sans"]
        text = inspect("-", "--key", str(folder / "ra.key"), data=mine)
        assert "a-secret-challenge" not in text and "challenge       there" in text
    assert any("was not opened" in n for n in facts(message, "--key", str(folder / "ra.key"))["notes"])
    inspect("-", "--key", str(folder / "no.key"), data=message, check=3)


@pytest.mark.parametrize("is_running", [True, False])
def test_in_a_home_the_signer_opens_it(make_server, keys, is_running):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    csr = scepmsg.make_csr(keys[0], "CN=for-the-home", (), "secret")
    mine = scepmsg.pki_message(scepmsg.envelope(csr, [server.ra()]), keys[0], scepmsg.self_signed(keys[0]))
    if not is_running:
        server.stop()
    it = facts(mine, "--home", str(server.home))
    assert "CN=for-the-home" in it["csr"]["subject"]
    by_environment = subprocess.run([kurier.PROGRAM, "inspect", "-", "--json"], input=mine, capture_output=True,
                                    env=dict(os.environ, KURIER_HOME=str(server.home)), timeout=60)
    assert json.loads(by_environment.stdout) == it
    if is_running:
        assert server.enrol(keys[0], server.challenge()).status == 0


def test_a_stopped_home_with_encrypted_keys_is_opened_with_its_passphrase(folder, keys):
    def given(name, *words, **kwargs):
        with open(folder / name) as f:
            return subprocess.run([kurier.PROGRAM, *words, "--passphrase-fd", str(f.fileno())], pass_fds=[f.fileno()], capture_output=True,
                                  timeout=60, **kwargs)

    (folder / "right").write_text("correct horse\n")
    (folder / "wrong").write_text("battery staple\n")
    home = str(folder / "home")
    assert given("right", "init", "--home", home, "--ca-key", "rsa:2048").returncode == 0
    csr = scepmsg.make_csr(keys[0], "CN=for-the-home", (), "secret")
    ra = kurier.load(folder / "home" / "signer" / "ra-default.crt")
    mine = scepmsg.pki_message(scepmsg.envelope(csr, [ra]), keys[0], scepmsg.self_signed(keys[0]))
    opened = given("right", "inspect", "-", "--json", "--home", home, input=mine)
    assert opened.returncode == 0 and "CN=for-the-home" in json.loads(opened.stdout)["csr"]["subject"], opened.stderr
    assert "secret" not in opened.stdout.decode()
    by_environment = given("right", "inspect", "-", "--json", input=mine, env=dict(os.environ, KURIER_HOME=home))
    assert json.loads(by_environment.stdout) == json.loads(opened.stdout)
    for done in (given("wrong", "inspect", "-", "--home", home, input=mine),
                 given("wrong", "inspect", "-", input=mine, env=dict(os.environ, KURIER_HOME=home)),
                 subprocess.run([kurier.PROGRAM, "inspect", "-", "--home", home], input=mine, capture_output=True, timeout=60)):
        assert done.returncode == 1 and b"KUR-1208" in done.stderr and done.stdout == b"", done.stderr
    assert given("right", "inspect", "-", "--cert", str(folder / "home" / "signer" / "ra-default.crt"), input=mine).returncode != 2


def test_a_home_does_not_open_what_is_for_another(shared, keys):
    csr = scepmsg.make_csr(keys[0], "CN=x", (), "secret")
    other = scepmsg.pki_message(scepmsg.envelope(csr, [scepmsg.self_signed(keys[4])]), keys[0], scepmsg.self_signed(keys[0]))
    it = facts(other, "--home", str(shared.home))
    assert "csr" not in it and any("was not opened" in n for n in it["notes"])


def test_an_answer_and_the_certificate_in_it(shared, keys, folder):
    challenge = shared.challenge()
    csr = scepmsg.make_csr(keys[2], "CN=answered", (), challenge)
    der = scepmsg.pki_message(scepmsg.envelope(csr, [shared.ra()]), keys[2], scepmsg.self_signed(keys[2]))
    status, _, body = shared.post(der)
    assert status == 200
    (folder / "device.key").write_bytes(keys[2].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                              serialization.NoEncryption()))
    it = facts(body, "--key", str(folder / "device.key"))
    assert (it["message_type"], it["pki_status"]) == ("CertRep (3)", "SUCCESS (0)")
    assert it["issued"][0] == "CN=answered" and it["recipient_nonce"]
    assert "issued          CN=answered" in inspect("-", "--key", str(folder / "device.key"), data=body)


def test_a_refusal_says_why(shared, keys):
    csr = scepmsg.make_csr(keys[3], "CN=x", (), "wrong")
    der = scepmsg.pki_message(scepmsg.envelope(csr, [shared.ra()]), keys[3], scepmsg.self_signed(keys[3]))
    _, _, body = shared.post(der, "/certsrv/mscep/mscep.dll")
    it = facts(body)
    assert (it["pki_status"], it["fail_info"]) == ("FAILURE (2)", "badRequest (2)")
    assert it["fail_info_text"].endswith("[KUR-1403]") and it["hresult"]
    assert any(n.startswith("NDES says 0x") for n in it["notes"])
    text = inspect("-", data=body)
    assert "failInfoText" in text and "HRESULT" in text


def test_a_poll_is_opened_too(shared, keys):
    names = scepmsg.build_name("CN=Kurier CA").dump() + scepmsg.build_name("CN=device").dump()
    der = scepmsg.pki_message(scepmsg.envelope(scepmsg.tlv(0x30, names), [shared.ra()]), keys[0], scepmsg.self_signed(keys[0]), 20)
    it = facts(der, "--home", str(shared.home))
    assert it["message_type"] == "CertPoll (20)" and any("was opened" in n for n in it["notes"])


# ---- what is no pkiMessage ------------------------------------------------------------------------------------------


def test_other_things_of_the_protocol(shared, keys):
    assert facts(shared.ra().dump())["kind"] == "certificate"
    csr = scepmsg.make_csr(keys[0], "CN=bare", (), "secret")
    it = facts(csr)
    assert it["kind"] == "csr" and it["csr"]["subject"] == "CN=bare"
    p7 = kurier.http(shared.port, "GET", "/scep?operation=GetCACert")[2]
    assert facts(p7)["kind"] == "certificates" and len(facts(p7)["certificates"]) == 2
    envelope = scepmsg.envelope(csr, [shared.ra()])
    it = facts(envelope)
    assert it["kind"] == "envelope" and it["content_cipher"] == "AES-128-CBC"
    assert any("inner layer" in n for n in it["notes"])
    assert facts(b"\x30\x03\x02\x01\x05")["kind"] == "unknown"


def without(message, attribute):
    info = cms.ContentInfo.load(message)
    signer = info["content"]["signer_infos"][0]
    kept = [a for a in signer["signed_attrs"] if a["type"].dotted != attribute]
    assert len(kept) < len(signer["signed_attrs"])
    signer["signed_attrs"] = cms.CMSAttributes(kept)
    return info.dump(force=True)


@pytest.mark.parametrize("attribute,said", [("2.16.840.1.113733.1.9.7", "transactionID or messageType is missing"),
                                            ("2.16.840.1.113733.1.9.2", "transactionID or messageType is missing"),
                                            ("2.16.840.1.113733.1.9.5", "senderNonce is missing")])
def test_a_missing_attribute_is_told(message, attribute, said):
    assert any(said in n for n in facts(without(message, attribute))["notes"])


def test_no_certificate_and_two_signers(message):
    info = cms.ContentInfo.load(message)
    info["content"]["certificates"] = cms.CertificateSet([])
    assert any("signer's certificate is not in" in n for n in facts(info.dump(force=True))["notes"])
    info = cms.ContentInfo.load(message)
    signer = info["content"]["signer_infos"][0]
    info["content"]["signer_infos"] = cms.SignerInfos([signer, signer])
    assert any("2 signers" in n for n in facts(info.dump(force=True))["notes"])


def test_a_recipient_that_is_no_key_transport(shared, keys):
    csr = scepmsg.make_csr(keys[0], "CN=x", (), "c")
    content = cms.ContentInfo.load(scepmsg.envelope(csr, [shared.ra()]))
    info = content["content"]["recipient_infos"][0].dump()
    octets = content.dump().replace(info, b"\xa3" + info[1:], 1)  # PasswordRecipientInfo's tag
    it = facts(octets)
    assert it["kind"] == "envelope" and it["recipients"] == []
    assert any("not for key transport" in n for n in it["notes"])


def test_a_subject_key_identifier_as_recipient(shared, keys):
    csr = scepmsg.make_csr(keys[0], "CN=x", (), "c")
    content = cms.ContentInfo.load(scepmsg.envelope(csr, [shared.ra()]))
    info = content["content"]["recipient_infos"][0].chosen
    info["version"] = "v2"
    info["rid"] = cms.RecipientIdentifier("subject_key_identifier", core.OctetString(b"\x11" * 20))
    it = facts(content.dump(force=True))
    assert it["recipients"] == [{"issuer": "(by subjectKeyIdentifier)", "serial": "11" * 20}]


# ---- a line of a log, cut off in the middle ---------------------------------------------------------------------------


def assert_the_line_says(it, issuer, serial):
    assert (it["kind"], it["digest"], it["key_transport"], it["truncated"]) == ("pkiMessage", "SHA-512", "RSA PKCS#1 v1.5", True)
    assert [(r["issuer"].replace(", ", ","), r["serial"]) for r in it["recipients"]] == [(issuer, serial)]


def test_a_line_that_is_cut_off_behind_its_recipient(shared, keys):
    csr = scepmsg.make_csr(keys[0], "CN=cut", (), "c")
    der = scepmsg.apple(scepmsg.pki_message(scepmsg.envelope(csr, [shared.ra()]), keys[0], scepmsg.self_signed(keys[0]), digest="sha512"))
    whole = facts(der)
    serial = bytes.fromhex(whole["recipients"][0]["serial"])
    end = der.index(serial) + len(serial) + 40
    text = base64.b64encode(der[:end]).decode()
    line = f"debug    18:30:55.487908 -0500    profiled    Performing synchronous URL request: https://ndes.example/scep?operation=PKIOperation&message={text[:-3]}"
    assert_the_line_says(json.loads(inspect(line, "--json")), whole["recipients"][0]["issuer"].replace(", ", ","), whole["recipients"][0]["serial"])


@pytest.mark.skipif("KURIER_SAMPLES" not in os.environ, reason="KURIER_SAMPLES names no folder")
@pytest.mark.parametrize("name", ["ios-profiled-device-to-ndes.log", "ios-profiled.log"])
def test_the_line_of_a_phone(name):
    line, = [line for line in open(os.path.join(os.environ["KURIER_SAMPLES"], name)) if "operation=PKIOperation" in line]
    assert_the_line_says(json.loads(inspect(line, "--json")), "CN=FourthCoffee CA,DC=fourthcoffee,DC=local", "68000000099a9de56310f95c4f000000000009")


def test_cut_off_at_every_octet(shared, keys):
    csr = scepmsg.make_csr(keys[0], "CN=x", (), "wrong")
    _, _, body = shared.post(scepmsg.pki_message(scepmsg.envelope(csr, [shared.ra()]), keys[0], scepmsg.self_signed(keys[0])))
    for length in range(1, len(body)):
        done = subprocess.run([kurier.PROGRAM, "inspect", "-", "--json"], input=body[:length], capture_output=True, timeout=20)
        assert done.returncode in (0, 3), (length, done.stderr)
        assert done.returncode == 3 or json.loads(done.stdout)["truncated"] is True, length
