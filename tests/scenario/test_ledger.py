"""The ledger as people and programs see it, on a running and on a stopped server; renewal, approval, exactly once."""

import concurrent.futures
import os

import pytest
from asn1crypto import x509 as ax509

import kurier
import scepmsg
from kurier import with_approval


def test_same_answers_running_and_stopped(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    rep = server.enrol(keys[0], server.challenge("--device", "phone-1"), subject="CN=phone-1")
    running = server.certificates(), server.trace("phone-1")[0]["certificate"]
    server.stop()
    assert (server.certificates(), server.trace("phone-1")[0]["certificate"]) == running
    row = running[0][0]
    assert int(row["serial"], 16) == rep.certificate.serial_number
    assert row["sha256"] == rep.certificate.sha256.hex()
    assert (row["status"], row["transaction_id"], row["profile"], row["subject"]) == ("good", "1", "default", "CN=phone-1")
    assert server.command("audit").returncode == 0
    assert "they agree" in server.command("audit").stdout
    for what in (row["serial"], row["sha256"], row["sha1"], "CN=phone-1", "phone-1"):
        assert server.trace(what)[0]["serial"] == row["serial"], what


def test_trace_has_steps_one_to_five_and_probable_contacts(shared, keys):
    kurier.http(shared.port, "GET", "/scep?operation=GetCACaps")
    shared.enrol(keys[0], shared.challenge("--device", "steps"))
    import time
    time.sleep(0.3)
    delivery = shared.trace("steps")[0]
    assert [e["step"] for e in delivery["events"]] == [1, 2, 3, 4, 4, 5]
    assert delivery["state"] == "answered"
    assert {c["certainty"] for c in delivery["contacts"]} == {"probable"}
    assert {c["operation"] for c in delivery["contacts"]} == {"GetCACaps", "GetCACert"}


def test_challenges_survive_a_restart(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    challenge = server.challenge()
    server.stop()
    server.start()
    assert server.enrol(keys[0], challenge).status == 0


def test_challenges_are_printed_alone_one_a_line(shared):
    lines = shared.challenge("--count", "40").splitlines()
    assert len(set(lines)) == 40 and all(len(line) == 34 for line in lines)


def test_a_challenge_with_uses(shared, keys):
    challenge = shared.challenge("--uses", "2", "--device", "twice")
    assert shared.enrol(keys[0], challenge).status == 0
    assert shared.enrol(keys[1], challenge).status == 0
    assert shared.enrol(keys[2], challenge).fail_text.endswith("[KUR-1405]")


# ---- exactly once ---------------------------------------------------------------------------------------------------


@pytest.mark.sanitized
def test_twenty_identical_requests_at_once_get_one_certificate(shared, keys):
    challenge = shared.challenge()
    before = len(shared.certificates())
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        reps = list(pool.map(lambda i: shared.enrol(keys[0], challenge, transaction_id=str(i)), range(20)))
    assert {r.certificate.sha256 for r in reps} == {reps[0].certificate.sha256}
    assert len(shared.certificates()) == before + 1


def test_S_31_a_retry_with_another_csr_gets_the_same_certificate(shared, keys):
    challenge = shared.challenge()
    first = shared.enrol(keys[0], challenge, subject="CN=retry", transaction_id="a")
    second = shared.enrol(keys[0], challenge, subject="CN=retry", transaction_id="b", cipher="aes256_cbc",
                          csr=scepmsg.make_csr(keys[0], "CN=retry", (), challenge, digest="sha512"))
    assert first.certificate.dump() == second.certificate.dump()


def test_1000_enrolments_over_64_connections(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"]).start()
    challenges = server.challenge("--count", "1000").splitlines()
    ra = server.ra()

    def enrol(i):
        key = keys[i % len(keys)]
        content = scepmsg.envelope(scepmsg.make_csr(key, f"CN=d{i}", (), challenges[i]), [ra])
        der = scepmsg.pki_message(content, key, signers[i % len(keys)], transaction_id=str(i))
        status, _, body = server.post(der)
        return scepmsg.CertRep(body, ra, key).certificate.serial_number if status == 200 else None

    signers = [scepmsg.self_signed(key) for key in keys]
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        serials = list(pool.map(enrol, range(1000)))
    assert len(set(serials)) == 1000 and None not in serials
    assert {int(c["serial"], 16) for c in server.certificates()} == set(serials)
    server.stop()
    assert "they agree" in server.command("audit").stdout


# ---- renewal --------------------------------------------------------------------------------------------------------


def certificate_of(rep):
    return ax509.Certificate.load(rep.certificate.dump())


@pytest.mark.parametrize("message_type", [17, 19])
def test_S_10_renewal_by_either_message(shared, keys, message_type):
    first = shared.enrol(keys[0], shared.challenge(), subject="CN=renew")
    second = shared.enrol(keys[1], subject="CN=renew", signer=certificate_of(first), signer_key=keys[0], message_type=message_type)
    assert second.status == 0 and second.certificate.serial_number != first.certificate.serial_number
    assert second.certificate.public_key.dump() == scepmsg.spki(keys[1])


def test_T9_renewal_to_other_names_is_refused(shared, keys):
    first = shared.enrol(keys[0], shared.challenge(), subject="CN=renew-names")
    rep = shared.enrol(keys[1], subject="CN=admin", signer=certificate_of(first), signer_key=keys[0], message_type=17)
    assert (rep.status, rep.fail_info) == (2, 2) and rep.fail_text.endswith("[KUR-1417]")


def test_T8_renewal_by_a_stranger_or_a_revoked_certificate(shared, keys):
    rep = shared.enrol(keys[1], message_type=17)
    assert rep.fail_text.endswith("[KUR-1413]") and rep.fail_info == 1
    first = shared.enrol(keys[2], shared.challenge(), subject="CN=revoked")
    shared.command("cert", "revoke", f"{first.certificate.serial_number:036x}", "--reason", "keyCompromise")
    rep = shared.enrol(keys[3], subject="CN=revoked", signer=certificate_of(first), signer_key=keys[2], message_type=17)
    assert rep.fail_text.endswith("[KUR-1414]") and rep.fail_info == 4


def test_S_09_the_spent_challenge_in_a_renewal_counts_as_absent(shared, keys):
    challenge = shared.challenge()
    first = shared.enrol(keys[0], challenge, subject="CN=again")
    rep = shared.enrol(keys[4], challenge, subject="CN=again", signer=certificate_of(first), signer_key=keys[0])
    assert rep.status == 0 and rep.certificate.serial_number != first.certificate.serial_number
    rep = shared.enrol(keys[5], "UNKNOWN", subject="CN=again", signer=certificate_of(first), signer_key=keys[0], message_type=17)
    assert rep.fail_text.endswith("[KUR-1403]")


# ---- approval -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def approving(tmp_path_factory):
    import pathlib
    import shutil
    import tempfile
    path = pathlib.Path(tempfile.mkdtemp(prefix="kurier-test-"))
    path.chmod(0o755)
    server = kurier.Server(path / "home", init=["--ca-key", "rsa:2048"], config=with_approval).start()
    yield server
    server.stop()
    shutil.rmtree(path, ignore_errors=True)


def poll(server, key, transaction_id):
    names = scepmsg.build_name("CN=Kurier CA").dump() + scepmsg.build_name("CN=device").dump()
    return server.enrol(key, csr=scepmsg.tlv(0x30, names), message_type=20, transaction_id=transaction_id)


def test_S_32_S_34_pending_polls_and_approval(approving, keys):
    challenge = approving.challenge("--device", "waits")
    rep = approving.enrol(keys[0], challenge, transaction_id="t1")
    assert rep.status == 3 and rep.has_content and rep.content == b""
    assert poll(approving, keys[0], "t1").status == 3
    assert approving.enrol(keys[0], challenge, transaction_id="t1").status == 3  # a repeated PKCSReq counts as a poll
    assert [r["device"] for r in approving.json_lines("request", "list")] == ["waits"]
    assert poll(approving, keys[1], "t1").fail_info == 4  # another key knows nothing of it
    approving.command("request", "approve", "waits")
    first, second = poll(approving, keys[0], "t1"), poll(approving, keys[0], "t1")
    assert first.status == 0 and first.certificate.dump() == second.certificate.dump()
    assert approving.enrol(keys[0], challenge, transaction_id="t1").certificate.dump() == first.certificate.dump()
    assert approving.json_lines("request", "list") == []


def test_a_denied_request_is_told_and_its_challenge_is_dead(approving, keys):
    challenge = approving.challenge("--device", "denied")
    assert approving.enrol(keys[2], challenge, transaction_id="t2").status == 3
    approving.command("request", "deny", "denied", "--reason", "not ours")
    assert poll(approving, keys[2], "t2").fail_text.endswith("[KUR-2003]")
    assert approving.enrol(keys[3], challenge, transaction_id="t3").fail_text.endswith("[KUR-1406]")


# ---- CRL ------------------------------------------------------------------------------------------------------------


def test_revocation_is_in_the_crl_at_once(make_server, keys, openssl, folder):
    server = make_server(init=["--ca-key", "rsa:2048"])
    server.configure(lambda text: text + f'\npublic_url: "http://127.0.0.1:{server.port}"\n' if "\npublic_url:" not in text
                     else text.replace('public_url: ""', f'public_url: "http://127.0.0.1:{server.port}"'))
    server.start()
    rep = server.enrol(keys[0], server.challenge())
    url = rep.certificate.crl_distribution_points_value.native[0]["distribution_point"][0]
    assert url == f"http://127.0.0.1:{server.port}/crl/default.crl"
    server.command("cert", "revoke", f"{rep.certificate.serial_number:036x}", "--reason", "superseded")
    status, headers, body = kurier.http(server.port, "GET", "/crl/default.crl")
    assert (status, headers["content-type"]) == (200, "application/pkix-crl")
    (folder / "crl.der").write_bytes(body)
    text = openssl("crl", "-inform", "DER", "-in", str(folder / "crl.der"), "-text", "-noout").decode()
    assert f"{rep.certificate.serial_number:036X}" in text and "Superseded" in text
    status, headers, body = kurier.http(server.port, "GET", "/ca/default.crt")
    assert headers["content-type"] == "application/pkix-cert" and ax509.Certificate.load(body).ca
    (folder / "ca.pem").write_bytes(openssl("x509", "-inform", "DER", data=body))
    openssl("crl", "-inform", "DER", "-in", str(folder / "crl.der"), "-CAfile", str(folder / "ca.pem"), "-noout")


@pytest.mark.parametrize("key", ["rsa:3072", "ec:p256", "ec:p384"])
def test_every_kind_of_ca_issues(make_server, keys, openssl, folder, key):
    server = make_server(init=["--ca-key", key]).start()
    rep = server.enrol(keys[0], server.challenge())
    again = server.enrol(keys[0], server.challenge(), subject="CN=two")
    chain = server.ca_certificates()
    (folder / "ca.pem").write_bytes(openssl("x509", "-inform", "DER", data=chain[-1].dump()))
    for certificate in (rep.certificate, again.certificate):
        (folder / "c.pem").write_bytes(openssl("x509", "-inform", "DER", data=certificate.dump()))
        openssl("verify", "-x509_strict", "-CAfile", str(folder / "ca.pem"), str(folder / "c.pem"))
    server.stop()
    assert "they agree" in server.command("audit").stdout


def test_an_issuing_ca_under_a_root(make_server, keys, openssl, folder, issuing_ca):
    certificate, key, root = issuing_ca
    server = make_server(init=["--ca-cert", certificate, "--ca-key-file", key, "--ca-chain", root]).start()
    rep = server.enrol(keys[0], server.challenge())
    ra, issuing, above = server.ca_certificates()
    assert (issuing.subject.native["common_name"], above.subject.native["common_name"]) == ("Test Issuing CA", "Test Root")
    (folder / "c.pem").write_bytes(openssl("x509", "-inform", "DER", data=rep.certificate.dump()))
    openssl("verify", "-x509_strict", "-CAfile", root, "-untrusted", certificate, str(folder / "c.pem"))
    assert os.path.exists(root)
