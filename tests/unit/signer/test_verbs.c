/* The program: its verbs, and who may use them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "der/writer.h"
#include "journal/record.h"
#include "program.h"

#include "base/banned.h"

static struct pki_private_key *device_key;

static int
make_device_key(void **state)
{
    (void)state;
    device_key = fixture_key("rsa:2048");
    return 0;
}

static int
free_device_key(void **state)
{
    (void)state;
    pki_private_key_free(device_key);
    return 0;
}

static struct pki_private_key *tls_key;

static struct program *
start_new(void **state, const char *key_spec)
{
    const struct fixture_place *place = *state;
    const struct program_options options = {.home = place->home, .is_new_home = true};
    struct program *program = program_start(&options);
    assert_int_equal(program_create_ca(program, key_spec), BASE_OK);
    return program;
}

static struct program *
start_again(void **state)
{
    const struct fixture_place *place = *state;
    const struct program_options options = {.home = place->home};
    return program_start(&options);
}

/* A body of now, under the CA that DESCRIBE showed; @number makes its serial. */
static void
make_body(struct fixture_body *body, struct signer_authority *seen, uint8_t number)
{
    struct base_clock clock = base_clock_system();
    int64_t now_ms = base_clock_now_ms(&clock);
    seen->signature = seen->ca.read.algorithm.kind;
    seen->digest = seen->ca.read.algorithm.digest;
    fixture_body_init(body, seen, device_key);
    for (size_t i = 0; i < 6; i++) {
        body->serial[i] = (uint8_t)((uint64_t)now_ms >> (8 * (5 - i)));
    }
    body->serial[17] = number;
    body->spec.not_before_s = now_ms / 1000 - 300;
    body->spec.not_after_s = now_ms / 1000 + 300 * FIXTURE_DAY_S;
    (void)fixture_build(body);
}

static void
ask_to_sign(struct program *program, struct bytes body, uint64_t front_request_id)
{
    const struct ipc_sign_body ask = {.request_id = 9,
        .ca = BYTES_LITERAL("default"),
        .profile = BYTES_LITERAL("device"),
        .body = body,
        .front_request_id = front_request_id,
        .delivery_id = 33};
    program_tell(program->ledger, &ipc_sign_body_spec, &ask, -1);
}

static struct ipc_body_signed
sign_body(struct program *program, struct bytes body, uint64_t front_request_id)
{
    struct ipc_body_signed answer = {0};
    ask_to_sign(program, body, front_request_id);
    program_expect(program, program->ledger, &ipc_body_signed_spec, &answer);
    assert_int_equal(answer.request_id, 9);
    return answer;
}

static void
check_certificate(struct bytes der, const struct signer_authority *seen, struct bytes body)
{
    struct pki_certificate certificate;
    struct base_error err = {0};
    assert_int_equal(pki_certificate_read(der, &certificate, &err), BASE_OK);
    assert_int_equal(pki_certificate_check_issuer(&certificate, &seen->ca.read, &err), BASE_OK);
    assert_true(bytes_equal(certificate.body, body));
}

static void
rsa_certificate_goes_to_the_front_and_to_the_ledger(void **state)
{
    OWN_STRUCT(program) program = start_new(state, "rsa:2048");
    OWN_STRUCT(signer_authority) seen = program_describe(program, program->front);
    struct fixture_body body;
    struct ipc_certificate notice = {0};
    BUFFER_LOCAL(kept, 65536);
    struct base_error err = {0};
    make_body(&body, seen, 1);
    struct ipc_body_signed answer = sign_body(program, buffer_bytes(&body.der), 41);
    assert_int_equal(answer.code, 0);
    assert_int_equal(answer.is_handed_over, 1);
    check_certificate(answer.certificate, seen, buffer_bytes(&body.der));
    assert_int_equal(buffer_append(&kept, answer.certificate, &err), BASE_OK);
    program_expect(program, program->front, &ipc_certificate_spec, &notice);
    assert_int_equal(notice.request_id, 41);
    assert_int_equal(notice.delivery_id, 33);
    assert_true(bytes_equal(notice.certificate, buffer_bytes(&kept)));
    /* The same body again, for nobody at the front: the same octets, and one record. */
    answer = sign_body(program, buffer_bytes(&body.der), 0);
    assert_int_equal(answer.code, 0);
    assert_int_equal(answer.is_handed_over, 0);
    assert_true(bytes_equal(answer.certificate, buffer_bytes(&kept)));
    fixture_body_clear(&body);
}

static void
ecdsa_certificate_goes_to_the_ledger_alone(void **state)
{
    OWN_STRUCT(program) program = start_new(state, "ec:p256");
    OWN_STRUCT(signer_authority) seen = program_describe(program, program->ledger);
    struct fixture_body body;
    make_body(&body, seen, 1);
    struct ipc_body_signed answer = sign_body(program, buffer_bytes(&body.der), 41);
    assert_int_equal(answer.code, 0);
    assert_int_equal(answer.is_handed_over, 0);
    check_certificate(answer.certificate, seen, buffer_bytes(&body.der));
    struct pollfd front = {program->front, POLLIN, 0};
    assert_int_equal(poll(&front, 1, 100), 0);
    fixture_body_clear(&body);
}

static void
T25_serial_is_never_signed_with_two_bodies(void **state)
{
    struct fixture_body body;
    BUFFER_LOCAL(kept, 65536);
    struct base_error err = {0};
    {
        OWN_STRUCT(program) program = start_new(state, "rsa:2048");
        OWN_STRUCT(signer_authority) seen = program_describe(program, program->ledger);
        make_body(&body, seen, 1);
        struct ipc_body_signed answer = sign_body(program, buffer_bytes(&body.der), 0);
        assert_int_equal(answer.code, 0);
        assert_int_equal(buffer_append(&kept, answer.certificate, &err), BASE_OK);
        body.spec.issuer_der = BYTES_NONE; /* that memory ends here */
        body.spec.authority_key_id = BYTES_NONE;
    } /* killed */
    OWN_STRUCT(program) program = start_again(state);
    OWN_STRUCT(signer_authority) seen = program_describe(program, program->ledger);
    struct ipc_body_signed answer = sign_body(program, buffer_bytes(&body.der), 0);
    assert_int_equal(answer.code, 0);
    assert_true(bytes_equal(answer.certificate, buffer_bytes(&kept)));
    body.spec.issuer_der = seen->ca.read.subject;
    body.spec.authority_key_id = seen->ca.read.subject_key_id;
    body.spec.not_after_s -= 1;
    answer = sign_body(program, fixture_build(&body), 0);
    assert_int_equal(answer.code, E_SIGNER_SERIAL_REUSED);
    assert_int_equal(answer.certificate.len, 0);
    fixture_body_clear(&body);
}

static void
T25_body_beyond_the_profile_is_answered_with_its_limit(void **state)
{
    OWN_STRUCT(program) program = start_new(state, "ec:p256");
    OWN_STRUCT(signer_authority) seen = program_describe(program, program->ledger);
    struct fixture_body body;
    struct ipc_body_checked checked = {0};
    make_body(&body, seen, 1);
    struct ipc_check_body ask = {.request_id = 4,
        .ca = BYTES_LITERAL("default"),
        .profile = BYTES_LITERAL("device"),
        .body = buffer_bytes(&body.der)};
    program_tell(program->ledger, &ipc_check_body_spec, &ask, -1);
    program_expect(program, program->ledger, &ipc_body_checked_spec, &checked);
    assert_int_equal(checked.request_id, 4);
    assert_int_equal(checked.code, 0);
    ask.profile = BYTES_LITERAL("other");
    program_tell(program->ledger, &ipc_check_body_spec, &ask, -1);
    program_expect(program, program->ledger, &ipc_body_checked_spec, &checked);
    assert_int_equal(checked.code, E_SIGNER_PROFILE);
    body.spec.key_usage |= PKI_KEY_CERT_SIGN;
    struct ipc_body_signed answer = sign_body(program, fixture_build(&body), 0);
    assert_int_equal(answer.code, E_SIGNER_BODY);
    assert_true(answer.detail.len > 0);
    answer = sign_body(program, BYTES_LITERAL("nonsense"), 0);
    assert_true(answer.code != 0);
    assert_true(program_has_logged(program, "event=body_refused"));
    /* Nothing of this is in the journal. */
    struct ipc_journal_page page = {0};
    const struct ipc_read_journal read = {.request_id = 1, .from_seq = 0};
    program_tell(program->ledger, &ipc_read_journal_spec, &read, -1);
    program_expect(program, program->ledger, &ipc_journal_page_spec, &page);
    assert_int_equal(page.next_seq, 2);
    fixture_body_clear(&body);
}

static void
open_envelope(
    struct program *program, struct bytes encrypted, uint8_t key_len, struct ipc_envelope_key *out)
{
    const struct ipc_open_envelope ask = {.request_id = 8,
        .ca = BYTES_LITERAL("default"),
        .transport = IPC_TRANSPORT_PKCS1,
        .key_len = key_len,
        .encrypted_key = encrypted};
    program_tell(program->front, &ipc_open_envelope_spec, &ask, -1);
    program_expect(program, program->front, &ipc_envelope_key_spec, out);
    assert_int_equal(out->request_id, 8);
    assert_int_equal(out->key.len, key_len);
}

static void
envelope_is_opened_and_a_broken_one_looks_the_same(void **state)
{
    OWN_STRUCT(program) program = start_new(state, "ec:p384");
    OWN_STRUCT(signer_authority) seen = program_describe(program, program->front);
    static const uint8_t content_key[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const struct base_random random = base_random_system();
    struct ipc_envelope_key answer = {0};
    struct base_error err = {0};
    BUFFER_LOCAL(encrypted, 1024);
    assert_int_equal(pki_wrap_key(seen->ra.key, PKI_TRANSPORT_PKCS1, BYTES_ARRAY(content_key),
                         &random, &encrypted, &err),
        BASE_OK);
    open_envelope(program, buffer_bytes(&encrypted), 16, &answer);
    assert_memory_equal(answer.key.ptr, content_key, 16);
    open_envelope(program, buffer_bytes(&encrypted), 32, &answer); /* another length than inside */
    encrypted.ptr[100] ^= 1;
    open_envelope(program, buffer_bytes(&encrypted), 16, &answer);
    assert_memory_not_equal(answer.key.ptr, content_key, 16);
    open_envelope(program, BYTES_NONE, 24, &answer);
}

/* The attributes of a CertRep SUCCESS with a digest of @digest_len octets. */
static void
write_attributes(struct buffer *out, const char *message_type, size_t digest_len)
{
    static const uint8_t octets[64] = {9};
    static const struct {
        const char *oid;
        uint8_t tag;
        size_t len;
    } others[] = {{"1.2.840.113549.1.9.4", DER_OCTET_STRING, 0},
        {"2.16.840.1.113733.1.9.5", DER_OCTET_STRING, 16},
        {"2.16.840.1.113733.1.9.6", DER_OCTET_STRING, 16}};
    const char *const texts[][2] = {{"2.16.840.1.113733.1.9.2", message_type},
        {"2.16.840.1.113733.1.9.3", "0"}, {"2.16.840.1.113733.1.9.7", "4711"}};
    struct der_writer writer;
    struct base_error err = {0};
    der_writer_init(&writer, out);
    der_write_begin(&writer, DER_SET);
    der_write_begin(&writer, DER_SEQUENCE);
    der_write_oid_text(&writer, "1.2.840.113549.1.9.3");
    der_write_begin(&writer, DER_SET);
    der_write_oid_text(&writer, "1.2.840.113549.1.7.1");
    der_write_end(&writer);
    der_write_end(&writer);
    for (size_t i = 0; i < 6; i++) {
        der_write_begin(&writer, DER_SEQUENCE);
        der_write_oid_text(&writer, i < 3 ? others[i].oid : texts[i - 3][0]);
        der_write_begin(&writer, DER_SET);
        if (i < 3) {
            size_t len = others[i].len == 0 ? digest_len : others[i].len;
            der_write(&writer, others[i].tag, (struct bytes){octets, len});
        } else {
            der_write(&writer, DER_PRINTABLE_STRING, bytes_from_text(texts[i - 3][1]));
        }
        der_write_end(&writer);
        der_write_end(&writer);
    }
    der_write_end_set_of(&writer);
    assert_int_equal(der_writer_finish(&writer, &err), BASE_OK);
}

static void
cert_rep_is_signed_by_the_ra_and_nothing_else_is(void **state)
{
    OWN_STRUCT(program) program = start_new(state, "ec:p256");
    OWN_STRUCT(signer_authority) seen = program_describe(program, program->front);
    static const size_t lens[] = {0, 20, 32, 48, 64};
    struct base_error err = {0};
    for (uint8_t digest = IPC_SHA1; digest <= IPC_SHA512; digest++) {
        BUFFER_LOCAL(attributes, 8192);
        struct ipc_cert_rep_signature answer = {0};
        write_attributes(&attributes, "3", lens[digest]);
        const struct ipc_sign_cert_rep ask = {.request_id = 6,
            .ca = BYTES_LITERAL("default"),
            .digest = digest,
            .attributes = buffer_bytes(&attributes)};
        const struct pki_signature_algorithm algorithm = {
            PKI_RSA_PKCS1, (enum pki_digest)digest, 0};
        program_tell(program->front, &ipc_sign_cert_rep_spec, &ask, -1);
        program_expect(program, program->front, &ipc_cert_rep_signature_spec, &answer);
        assert_int_equal(answer.request_id, 6);
        assert_int_equal(answer.code, 0);
        assert_int_equal(
            pki_verify(seen->ra.key, &algorithm, buffer_bytes(&attributes), answer.signature, &err),
            BASE_OK);
    }
    BUFFER_LOCAL(request, 8192);
    struct ipc_cert_rep_signature answer = {0};
    write_attributes(&request, "9", 32);
    const struct ipc_sign_cert_rep ask = {.request_id = 6,
        .ca = BYTES_LITERAL("default"),
        .digest = IPC_SHA256,
        .attributes = buffer_bytes(&request)};
    program_tell(program->front, &ipc_sign_cert_rep_spec, &ask, -1);
    program_expect(program, program->front, &ipc_cert_rep_signature_spec, &answer);
    assert_int_equal(answer.code, E_SIGNER_ATTRIBUTES);
    assert_int_equal(answer.signature.len, 0);
}

static void
write_profile_attributes(struct buffer *out)
{
    static const uint8_t octets[32] = {7};
    const struct base_clock clock = base_clock_system();
    struct der_writer writer;
    struct base_error err = {0};
    der_writer_init(&writer, out);
    der_write_begin(&writer, DER_SET);
    for (int i = 0; i < 3; i++) {
        static const char *const oids[] = {
            "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4", "1.2.840.113549.1.9.5"};
        der_write_begin(&writer, DER_SEQUENCE);
        der_write_oid_text(&writer, oids[i]);
        der_write_begin(&writer, DER_SET);
        if (i == 0) {
            der_write_oid_text(&writer, "1.2.840.113549.1.7.1");
        } else if (i == 1) {
            der_write(&writer, DER_OCTET_STRING, BYTES_ARRAY(octets));
        } else {
            der_write_time(&writer, base_clock_now_s(&clock));
        }
        der_write_end(&writer);
        der_write_end(&writer);
    }
    der_write_end_set_of(&writer);
    assert_int_equal(der_writer_finish(&writer, &err), BASE_OK);
}

static struct ipc_profile_signature
sign_profile(struct program *program, struct bytes ca, struct bytes attributes, uint8_t digest)
{
    struct ipc_profile_signature answer = {0};
    const struct ipc_sign_profile ask = {
        .request_id = 8, .ca = ca, .digest = digest, .attributes = attributes};
    program_tell(program->ledger, &ipc_sign_profile_spec, &ask, -1);
    program_expect(program, program->ledger, &ipc_profile_signature_spec, &answer);
    assert_int_equal(answer.request_id, 8);
    assert_int_equal(answer.signature.len == 0, answer.code != 0);
    return answer;
}

static void
profile_is_signed_by_the_ra_and_journalled(void **state)
{
    OWN_STRUCT(program) program = start_new(state, "ec:p256");
    OWN_STRUCT(signer_authority) seen = program_describe(program, program->ledger);
    const struct pki_signature_algorithm algorithm = {PKI_RSA_PKCS1, PKI_SHA256, 0};
    const struct bytes ca = BYTES_LITERAL("default");
    const struct ipc_read_journal ask = {.request_id = 2, .from_seq = 2};
    struct ipc_journal_page page = {0};
    struct journal_record record;
    uint8_t sha256[JOURNAL_HASH_LEN];
    struct base_error err = {0};
    BUFFER_LOCAL(attributes, 1024);
    BUFFER_LOCAL(cert_rep, 8192);
    write_profile_attributes(&attributes);
    struct ipc_profile_signature answer =
        sign_profile(program, ca, buffer_bytes(&attributes), IPC_SHA256);
    assert_int_equal(answer.code, 0);
    assert_int_equal(
        pki_verify(seen->ra.key, &algorithm, buffer_bytes(&attributes), answer.signature, &err),
        BASE_OK);
    /* Neither a CertRep, nor another digest, nor a CA that is not there; none of it is written. */
    write_attributes(&cert_rep, "3", 32);
    assert_int_equal(
        sign_profile(program, ca, buffer_bytes(&cert_rep), IPC_SHA256).code, E_SIGNER_ATTRIBUTES);
    assert_int_equal(
        sign_profile(program, ca, buffer_bytes(&attributes), IPC_SHA1).code, E_SIGNER_ATTRIBUTES);
    assert_int_not_equal(
        sign_profile(program, BYTES_LITERAL("none"), buffer_bytes(&attributes), IPC_SHA256).code,
        0);
    program_tell(program->ledger, &ipc_read_journal_spec, &ask, -1);
    program_expect(program, program->ledger, &ipc_journal_page_spec, &page);
    assert_int_equal(page.records.len, JOURNAL_RECORD_LEN);
    assert_int_equal(journal_record_decode(page.records, &record, &err), BASE_OK);
    assert_int_equal(record.kind, JOURNAL_PROFILE_SIGNED);
    assert_true(
        bytes_equal((struct bytes){record.serial, record.serial_len}, seen->ra.read.serial));
    assert_int_equal(journal_sha256(buffer_bytes(&attributes), sha256, &err), BASE_OK);
    assert_memory_equal(record.sha256, sha256, sizeof(sha256));
}

static uint32_t
sign_crl(struct program *program, const struct signer_authority *seen, uint64_t number,
    struct buffer *out_crl)
{
    struct base_clock clock = base_clock_system();
    int64_t now_s = base_clock_now_s(&clock);
    struct base_error err = {0};
    struct ipc_crl_signed answer = {0};
    BUFFER_LOCAL(body, 65536);
    int fd = -1;
    const struct pki_crl_spec spec = {.signature = seen->ca.read.algorithm.kind,
        .digest = seen->ca.read.algorithm.digest,
        .issuer_der = seen->ca.read.subject,
        .this_update_s = now_s,
        .next_update_s = now_s + 7 * FIXTURE_DAY_S,
        .number = number,
        .authority_key_id = seen->ca.read.subject_key_id};
    const struct ipc_sign_crl ask = {.request_id = 12, .ca = BYTES_LITERAL("default")};
    assert_int_equal(pki_crl_body_build(&spec, &body, &err), BASE_OK);
    assert_int_equal(ipc_blob_new(buffer_bytes(&body), &fd, &err), BASE_OK);
    program_tell(program->ledger, &ipc_sign_crl_spec, &ask, fd);
    (void)close(fd);
    program_expect(program, program->ledger, &ipc_crl_signed_spec, &answer);
    assert_int_equal(answer.request_id, 12);
    assert_int_equal(program->frame.fd >= 0, answer.code == 0);
    if (answer.code == 0) {
        assert_int_equal(ipc_blob_read(program->frame.fd, out_crl, &err), BASE_OK);
        (void)close(program->frame.fd);
    }
    return answer.code;
}

static void
crl_is_signed_and_its_number_never_goes_back(void **state)
{
    BUFFER_LOCAL(crl, 65536);
    {
        OWN_STRUCT(program) program = start_new(state, "rsa:2048");
        OWN_STRUCT(signer_authority) seen = program_describe(program, program->ledger);
        assert_int_equal(sign_crl(program, seen, 1000, &crl), 0);
        assert_true(crl.len > 256);
        assert_int_equal(sign_crl(program, seen, 999, &crl), E_SIGNER_SERIAL_REUSED);
    }
    OWN_STRUCT(program) program = start_again(state);
    OWN_STRUCT(signer_authority) seen = program_describe(program, program->ledger);
    assert_int_equal(sign_crl(program, seen, 999, &crl), E_SIGNER_SERIAL_REUSED);
    assert_int_equal(sign_crl(program, seen, 1001, &crl), 0);
}

static void
journal_is_read_in_pages_that_verify(void **state)
{
    OWN_STRUCT(program) program = start_new(state, "rsa:2048");
    OWN_STRUCT(signer_authority) seen = program_describe(program, program->ledger);
    static const enum journal_kind kinds[] = {
        JOURNAL_CA_CREATED, JOURNAL_RA_MADE, JOURNAL_BODY_SIGNED};
    struct fixture_body body;
    struct journal_chain chain = {0};
    struct ipc_journal_page page = {0};
    const struct ipc_read_journal ask = {.request_id = 2, .from_seq = 0};
    make_body(&body, seen, 1);
    assert_int_equal(sign_body(program, buffer_bytes(&body.der), 0).code, 0);
    program_tell(program->ledger, &ipc_read_journal_spec, &ask, -1);
    program_expect(program, program->ledger, &ipc_journal_page_spec, &page);
    assert_int_equal(page.code, 0);
    assert_int_equal(page.is_end, 1);
    assert_int_equal(page.next_seq, 3);
    assert_int_equal(page.records.len, 3 * JOURNAL_RECORD_LEN);
    for (size_t i = 0; i < 3; i++) {
        struct journal_record record;
        struct bytes one = {page.records.ptr + i * JOURNAL_RECORD_LEN, JOURNAL_RECORD_LEN};
        struct base_error err = {0};
        assert_int_equal(journal_chain_take(&chain, one, &record, &err), BASE_OK);
        assert_int_equal(record.kind, kinds[i]);
    }
    fixture_body_clear(&body);
}

/* One question for a listener's certificate; the answer's code. */
static enum base_code
ask_tls(struct program *program, const char *ca, const char *names, struct buffer *out)
{
    static struct ipc_frame frame;
    struct ipc_tls_signed answer;
    const struct ipc_sign_tls ask = {.request_id = 77,
        .ca = bytes_from_text(ca),
        .names = bytes_from_text(names),
        .spki = pki_private_key_peek_spki(tls_key)};
    program_tell(program->front, &ipc_sign_tls_spec, &ask, -1);
    assert_int_equal(ipc_receive(program->front, &frame, NULL), BASE_OK);
    assert_int_equal(ipc_decode(&ipc_tls_signed_spec, &frame, &answer, NULL), BASE_OK);
    assert_int_equal(answer.request_id, 77);
    buffer_reset(out);
    assert_int_equal(buffer_append(out, answer.certificate, NULL), BASE_OK);
    return (enum base_code)answer.code;
}

static void
a_listeners_certificate_is_for_configured_names_and_in_the_journal(void **state)
{
    OWN_STRUCT(program) program = start_new(state, "ec:p256");
    OWN_STRUCT(signer_authority) seen = program_describe(program, program->front);
    struct pki_certificate read;
    BUFFER_LOCAL(der, IPC_CERTIFICATE_MAX);
    const char *names = "scep.example.org\n127.0.0.1";
    assert_int_equal(pki_private_key_generate(BYTES_LITERAL("ec:p256"), &tls_key, NULL), BASE_OK);
    assert_int_equal(ask_tls(program, "default", names, &der), BASE_OK);
    assert_int_equal(pki_certificate_read(buffer_bytes(&der), &read, NULL), BASE_OK);
    assert_int_equal(pki_certificate_check_issuer(&read, &seen->ca.read, NULL), BASE_OK);
    assert_true(program_has_logged(program, "event=tls_certificate_made"));
    /* Fewer, more, or others; and a CA that there is not. */
    assert_int_equal(ask_tls(program, "default", "scep.example.org", &der), E_SIGNER_PROFILE);
    assert_int_equal(ask_tls(program, "default", "", &der), E_SIGNER_PROFILE);
    assert_int_equal(ask_tls(program, "default", "scep.example.org\n127.0.0.1\nbank.example", &der),
        E_SIGNER_PROFILE);
    assert_int_equal(ask_tls(program, "other", names, &der), E_SIGNER_PROFILE);
    assert_int_equal(der.len, 0);
    /* A hijacked front does not get as many as it likes. */
    for (int i = 1; i < SIGNER_TLS_PER_HOUR; i++) {
        assert_int_equal(ask_tls(program, "default", names, &der), BASE_OK);
    }
    assert_int_equal(ask_tls(program, "default", names, &der), E_SIGNER_PROFILE);
    pki_private_key_free(tls_key);
}

/*
 * The socket of @peer ends without an answer, and the supervisor is told who misbehaved. It hears
 * so after the record is written, and for each socket once.
 */
static void
expect_closed(struct program *program, enum ipc_role peer, int socket_fd)
{
    struct ipc_peer_lost lost = {0};
    assert_int_equal(program_wait(program, socket_fd), E_PEER_CLOSED);
    program_expect(program, program->supervisor, &ipc_peer_lost_spec, &lost);
    assert_int_equal(lost.role, peer);
    assert_int_equal(lost.is_misbehaving, 1);
    assert_true(program_has_logged(program, "event=peer_lost"));
    assert_true(program_has_logged(
        program, peer == IPC_FRONT ? "role=signer peer=front" : "role=signer peer=ledger"));
}

static void
T25_foreign_verbs_end_the_connection(void **state)
{
    OWN_STRUCT(program) program = start_new(state, "ec:p256");
    const struct ipc_sign_body sign = {.ca = BYTES_LITERAL("default")};
    const struct ipc_check_body check = {.ca = BYTES_LITERAL("default")};
    const struct ipc_sign_crl crl = {.ca = BYTES_LITERAL("default")};
    const struct ipc_read_journal journal = {.from_seq = 0};
    const struct ipc_create_ca create = {.ca = BYTES_LITERAL("default")};
    const struct ipc_import_ca take = {.ca = BYTES_LITERAL("default")};
    const struct ipc_sign_tls tls = {.ca = BYTES_LITERAL("default")};
    const struct ipc_sign_cert_rep rep = {.ca = BYTES_LITERAL("default")};
    const struct ipc_sign_profile profile = {.ca = BYTES_LITERAL("default")};
    const struct ipc_ready ready = {.generation = 1};
    const struct {
        const struct ipc_spec *spec;
        const void *message;
    } front[] = {{&ipc_sign_body_spec, &sign}, {&ipc_check_body_spec, &check},
        {&ipc_sign_crl_spec, &crl}, {&ipc_read_journal_spec, &journal},
        {&ipc_create_ca_spec, &create}, {&ipc_import_ca_spec, &take},
        {&ipc_sign_profile_spec, &profile}, {&ipc_ready_spec, &ready}},
      ledger[] = {{&ipc_sign_tls_spec, &tls}, {&ipc_sign_cert_rep_spec, &rep},
          {&ipc_create_ca_spec, &create}, {&ipc_import_ca_spec, &take}};
    for (size_t i = 0; i < sizeof(front) / sizeof(front[0]); i++) {
        program_tell(program->front, front[i].spec, front[i].message, -1);
        expect_closed(program, IPC_FRONT, program->front);
        program_connect(program, IPC_FRONT, &program->front);
    }
    for (size_t i = 0; i < sizeof(ledger) / sizeof(ledger[0]); i++) {
        program_tell(program->ledger, ledger[i].spec, ledger[i].message, -1);
        expect_closed(program, IPC_LEDGER, program->ledger);
        program_connect(program, IPC_LEDGER, &program->ledger);
    }
    /* Both still work after all that. */
    signer_authority_free(program_describe(program, program->front));
    signer_authority_free(program_describe(program, program->ledger));
}

static void
malformed_messages_end_their_connection_alone(void **state)
{
    OWN_STRUCT(program) program = start_new(state, "ec:p256");
    struct base_error err = {0};
    static struct ipc_frame frame;
    frame.fd = -1;
    frame.len = 1;
    assert_int_equal(ipc_send_frame(program->front, &frame, &err), BASE_OK);
    expect_closed(program, IPC_FRONT, program->front);
    program_connect(program, IPC_FRONT, &program->front);
    const struct ipc_describe ask = {.request_id = 1};
    assert_int_equal(ipc_encode(&ipc_describe_spec, &ask, &frame, &err), BASE_OK);
    frame.fd = -1;
    frame.len++; /* a surplus octet */
    assert_int_equal(ipc_send_frame(program->front, &frame, &err), BASE_OK);
    expect_closed(program, IPC_FRONT, program->front);
    program_connect(program, IPC_FRONT, &program->front);
    const struct ipc_open_envelope envelope = {
        .ca = BYTES_LITERAL("default"), .transport = 9, .key_len = 16};
    program_tell(program->front, &ipc_open_envelope_spec, &envelope, -1);
    expect_closed(program, IPC_FRONT, program->front);
    signer_authority_free(program_describe(program, program->ledger));
}

#define AT_ONCE 48

/* All workers of both peers at the same time, and a reload in between. */
static void
questions_at_once_are_each_answered_once(void **state)
{
    const struct fixture_place *place = *state;
    const struct program_options options = {.home = place->home, .is_new_home = true};
    OWN_STRUCT(program) program = start_new(state, "rsa:2048");
    OWN_STRUCT(signer_authority) seen = program_describe(program, program->ledger);
    const struct ipc_config_profile profile = program_profile();
    bool is_signed[AT_ONCE] = {false};
    bool is_delivered[AT_ONCE] = {false};
    struct fixture_body body;
    struct ipc_ready ready = {0};
    make_body(&body, seen, 0);
    for (uint8_t i = 0; i < AT_ONCE; i++) {
        body.serial[17] = i;
        const struct ipc_sign_body ask = {.request_id = i,
            .ca = BYTES_LITERAL("default"),
            .profile = BYTES_LITERAL("device"),
            .body = fixture_build(&body),
            .front_request_id = i + 1U};
        const struct ipc_open_envelope envelope = {.request_id = 500,
            .ca = BYTES_LITERAL("default"),
            .transport = IPC_TRANSPORT_PKCS1,
            .key_len = 16};
        program_tell(program->ledger, &ipc_sign_body_spec, &ask, -1);
        program_tell(program->front, &ipc_open_envelope_spec, &envelope, -1);
        if (i == AT_ONCE / 2) {
            program_configure(program, &options, &profile, 2);
        }
    }
    for (int i = 0; i < AT_ONCE; i++) {
        struct ipc_body_signed answer = {0};
        program_expect(program, program->ledger, &ipc_body_signed_spec, &answer);
        assert_int_equal(answer.code, 0);
        assert_true(answer.request_id < AT_ONCE && !is_signed[answer.request_id]);
        is_signed[answer.request_id] = true;
    }
    for (int i = 0; i < 2 * AT_ONCE; i++) {
        struct base_error err = {0};
        struct ipc_certificate notice = {0};
        assert_int_equal(program_wait(program, program->front), BASE_OK);
        if (ipc_frame_type(&program->frame) == IPC_TYPE_CERTIFICATE) {
            assert_int_equal(
                ipc_decode(&ipc_certificate_spec, &program->frame, &notice, &err), BASE_OK);
            assert_true(notice.request_id - 1 < AT_ONCE && !is_delivered[notice.request_id - 1]);
            is_delivered[notice.request_id - 1] = true;
        }
    }
    program_expect(program, program->supervisor, &ipc_ready_spec, &ready);
    for (int i = 0; i < AT_ONCE; i++) {
        assert_true(is_signed[i] && is_delivered[i]);
    }
    fixture_body_clear(&body);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make_place, fixture_remove_place)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rsa_certificate_goes_to_the_front_and_to_the_ledger),
        TEST(ecdsa_certificate_goes_to_the_ledger_alone),
        TEST(T25_serial_is_never_signed_with_two_bodies),
        TEST(T25_body_beyond_the_profile_is_answered_with_its_limit),
        TEST(envelope_is_opened_and_a_broken_one_looks_the_same),
        TEST(cert_rep_is_signed_by_the_ra_and_nothing_else_is),
        TEST(profile_is_signed_by_the_ra_and_journalled),
        TEST(crl_is_signed_and_its_number_never_goes_back),
        TEST(journal_is_read_in_pages_that_verify),
        TEST(questions_at_once_are_each_answered_once),
        TEST(T25_foreign_verbs_end_the_connection),
        TEST(a_listeners_certificate_is_for_configured_names_and_in_the_journal),
        TEST(malformed_messages_end_their_connection_alone),
    };
    return cmocka_run_group_tests(tests, make_device_key, free_device_key);
}
