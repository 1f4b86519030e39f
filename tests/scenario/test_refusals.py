"""Refusals: each with its failInfo and code, signed; and nothing is spent or issued."""

import os

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

import scepmsg

BAD_ALG, BAD_MESSAGE_CHECK, BAD_REQUEST, BAD_TIME, BAD_CERT_ID = range(5)


def refused(rep, fail_info, code):
    assert (rep.status, rep.fail_info) == (2, fail_info), (rep.status, rep.fail_info, rep.fail_text)
    assert rep.fail_text.endswith(f"[{code}]"), rep.fail_text
    assert rep.has_content and rep.content == b""  # M-03: an empty OCTET STRING, which certmonger needs
    return rep


def still_good(server, key, challenge):
    assert server.enrol(key, challenge).status == 0


def test_S_41_broken_csr_signature(shared, keys):
    challenge = shared.challenge()
    csr = scepmsg.make_csr(keys[0], challenge=challenge, broken=True)
    refused(shared.enrol(keys[0], csr=csr), BAD_MESSAGE_CHECK, "KUR-1214")
    still_good(shared, keys[0], challenge)


def test_T7_signer_with_another_key(shared, keys):
    challenge = shared.challenge()
    refused(shared.enrol(keys[0], challenge, signer_key=keys[1]), BAD_MESSAGE_CHECK, "KUR-1313")
    still_good(shared, keys[0], challenge)


def test_M_04_broken_message_signature(shared, keys):
    refused(shared.enrol(keys[0], shared.challenge(), break_signature=True), BAD_MESSAGE_CHECK, "KUR-1209")


@pytest.mark.parametrize("challenge", ["WRONG", "A" * 34, "x" * 5000])
def test_T1_wrong_challenge(shared, keys, challenge):
    refused(shared.enrol(keys[0], challenge), BAD_REQUEST, "KUR-1403")


def test_M_27_T1_absent_and_empty_challenge(shared, keys):
    refused(shared.enrol(keys[0]), BAD_REQUEST, "KUR-1402")
    refused(shared.enrol(keys[0], ""), BAD_REQUEST, "KUR-1402")


def test_S_06_S_43_used_challenge_with_another_key(shared, keys):
    challenge = shared.challenge("--device", "reuse-1")
    assert shared.enrol(keys[1], challenge).status == 0
    refused(shared.enrol(keys[2], challenge), BAD_REQUEST, "KUR-1405")
    events = [e["event"] for e in shared.trace("reuse-1")[0]["events"]]
    assert "challenge_reused" in events


def test_T3_bound_challenge_mismatch_spends_nothing(shared, keys):
    challenge = shared.challenge("--subject", "CN=right,O=Example", "--san", "DNS:right.example", "--device", "bound-3")
    refused(shared.enrol(keys[3], challenge, subject="CN=wrong,O=Example", sans=["right.example"]), BAD_REQUEST, "KUR-1409")
    refused(shared.enrol(keys[3], challenge, subject="CN=right,O=Example", sans=["wrong.example"]), BAD_REQUEST, "KUR-1410")
    told = [(e["event"], e["code"]) for e in shared.trace("bound-3")[0]["events"] if e["event"] == "challenge_mismatch"]
    assert told == [("challenge_mismatch", "KUR-1409"), ("challenge_mismatch", "KUR-1410")]
    assert shared.log().count("code=KUR-1409") >= 1
    assert shared.enrol(keys[3], challenge, subject="CN=right,O=Example", sans=["right.example"]).status == 0


def test_expired_challenge(shared, keys):
    import time
    challenge = shared.challenge("--ttl", "1s")
    time.sleep(1.6)
    refused(shared.enrol(keys[3], challenge), BAD_TIME, "KUR-1404")


def test_T16_wrong_recipient(shared, keys):
    other = scepmsg.self_signed(keys[5], "CN=not the RA")
    refused(shared.enrol(keys[4], shared.challenge(), recipients=[other]), BAD_MESSAGE_CHECK, "KUR-1308")


@pytest.mark.parametrize("arguments", [{"cipher": "des"}, {"digest": "md5"}])
def test_M_37_T15_single_des_and_md5(shared, keys, arguments):
    refused(shared.enrol(keys[4], shared.challenge(), **arguments), BAD_ALG, "KUR-1311")


@pytest.mark.parametrize("size,exponent", [(1024, 65537), (2048, 3)])
def test_T14_weak_keys(shared, size, exponent):
    key = rsa.generate_private_key(exponent, size)
    challenge = shared.challenge()
    refused(shared.enrol(key, challenge), BAD_ALG, "KUR-1207")


def test_M_13_unknown_message_types(shared, keys):
    for message_type in (1, 18, 21, 99):
        refused(shared.enrol(keys[4], shared.challenge(), message_type=message_type), BAD_REQUEST, "KUR-1307")


def test_M_05_missing_and_doubled_attributes(shared, keys):
    refused(shared.enrol(keys[4], shared.challenge(), change=lambda a: a + [a[2]]), BAD_REQUEST, "KUR-1303")
    refused(shared.enrol(keys[4], shared.challenge(), change=lambda a: a[:1] + a[2:]), BAD_REQUEST, "KUR-1302")


def test_T16_a_wrong_content_key_looks_like_every_other_fault(shared, keys):
    ra = shared.ra()
    texts = set()
    for plain, wrong in ((scepmsg.make_csr(keys[0]), True), (os.urandom(400), False), (b"", False)):
        content = scepmsg.envelope(plain, [ra], wrong_key=wrong)
        der = scepmsg.pki_message(content, keys[0], scepmsg.self_signed(keys[0]))
        rep = scepmsg.CertRep(shared.post(der)[2], ra)
        refused(rep, BAD_MESSAGE_CHECK, "KUR-1310")
        texts.add(rep.fail_text)
    assert len(texts) == 1


def test_M_07_hresult_on_the_paths_of_ndes_alone(shared, keys):
    rep = refused(shared.enrol(keys[0], "WRONG", path="/certsrv/mscep/mscep.dll"), BAD_REQUEST, "KUR-1403")
    assert rep.hresult == "-2147024809"
    assert shared.enrol(keys[0], "WRONG").hresult is None


def test_T13_empty_subject_and_odd_names(shared, keys):
    refused(shared.enrol(keys[0], shared.challenge(), subject=""), BAD_REQUEST, "KUR-1412")
    refused(shared.enrol(keys[0], shared.challenge(), subject="CN=a\nb"), BAD_REQUEST, "KUR-1210")
    refused(shared.enrol(keys[0], shared.challenge(), sans=["not a name"]), BAD_REQUEST, "KUR-1211")


def test_S_33_poll_for_an_unknown_transaction(shared, keys):
    names = scepmsg.build_name("CN=a").dump() * 2
    refused(shared.enrol(keys[6], csr=scepmsg.tlv(0x30, names), message_type=20, transaction_id="nobody"), BAD_CERT_ID, "KUR-2002")


def test_refused_deliveries_say_why_in_trace(shared, keys):
    refused(shared.enrol(keys[7], "WRONG", subject="CN=why-refused", transaction_id="why-1"), BAD_REQUEST, "KUR-1403")
    delivery = shared.trace("why-1")[0]
    assert (delivery["state"], delivery["step"], delivery["code"]) == ("refused", 3, "KUR-1403")
    assert delivery["remedy"]
