#include "device/enroll.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "base/text.h"
#include "device/confirm.h"
#include "device/install.h"
#include "device/store.h"
#include "device/transport.h"
#include "pki/csr.h"
#include "pki/name.h"
#include "scep/capabilities.h"
#include "scep/client.h"

#include "base/banned.h"

#define CAPABILITIES_NAME "capabilities"
#define BUSY_TRIES 5

/* One enrolment under way. */
struct session {
    const struct device_enroll_options *options;
    int folder_fd;
    struct scep_capabilities capabilities;
    enum pki_cipher cipher;
    enum pki_digest digest;
    bool is_post;
    struct device_authority authority;
    struct pki_private_key *key;     /* to be certified; owned */
    struct pki_private_key *old_key; /* signs a renewal; owned; NULL: the same key signs */
    struct buffer signer;            /* the certificate that signs, DER */
    char transaction_id[65];
    char confirm[128]; /* Kurier-Confirm of the last answer */
};

static void
say(const struct session *session, const char *format, const char *value)
{
    char text[512] = "";
    if (session->options->progress != NULL) {
        (void)snprintf(text, sizeof(text), "%s%s", format, value);
        session->options->progress(session->options->progress_arg, text);
    }
}

/* ---- capabilities
 * -----------------------------------------------------------------------------------------------
 */

static enum base_code
choose_algorithms(struct session *session, struct base_error *err)
{
    const struct scep_capabilities *found = &session->capabilities;
    if (found->has_aes || found->has_standard) {
        session->cipher = PKI_AES_128_CBC;
    } else if (found->has_des3) {
        session->cipher = PKI_DES_EDE3_CBC;
        say(session, "warning: ", "the server offers no AES; the request is encrypted with 3DES");
    } else {
        return base_fail(err, E_CAPABILITY,
            "neither AES nor DES3 in GetCACaps: single DES is all that is left, and refused");
    }
    if (found->has_sha256 || found->has_standard) {
        session->digest = PKI_SHA256;
    } else if (found->has_sha1) {
        session->digest = PKI_SHA1;
        say(session, "warning: ", "the server offers no SHA-256; the request is signed with SHA-1");
    } else {
        return base_fail(err, E_CAPABILITY, "neither SHA-256 nor SHA-1 in GetCACaps");
    }
    session->is_post = (found->has_post || found->has_standard) && !session->options->is_get_forced;
    return BASE_OK;
}

/* SCEPStandard that was there and is gone may have been taken away on the way (RFC 8894,
 * section 7.5). */
static enum base_code
check_downgrade(const struct session *session, struct base_error *err)
{
    if (session->capabilities.has_standard) {
        return device_store_write(
            session->folder_fd, CAPABILITIES_NAME, BYTES_LITERAL("SCEPStandard\n"), 0644, err);
    }
    if (!device_store_has(session->folder_fd, CAPABILITIES_NAME)) {
        return BASE_OK;
    }
    return base_fail(err, E_DEVICE_DOWNGRADE, "%s", session->options->url);
}

static enum base_code
get_capabilities(struct session *session, struct base_error *err)
{
    struct device_http http;
    device_http_init(&http);
    http.ca_file = session->options->tls_ca_file;
    enum base_code code =
        device_http_get(session->options->url, "GetCACaps", BYTES_NONE, &http, err);
    if (code == BASE_OK && http.status == 200) {
        session->capabilities = scep_capabilities_parse(buffer_bytes(&http.body));
    }
    device_http_clear(&http);
    TRY(code); /* no answer at all: there is nothing to talk to. Another status means: no capability
                  (section 3.5.2) */
    TRY(check_downgrade(session, err));
    return choose_algorithms(session, err);
}

/* ---- the CA
 * -----------------------------------------------------------------------------------------------------
 */

static enum base_code
get_authority(struct session *session, struct base_error *err)
{
    struct device_http http;
    struct device_trust trust = session->options->trust;
    BUFFER_LOCAL(root_pem, DEVICE_FILE_MAX);
    BUFFER_LOCAL(root, DEVICE_FILE_MAX);
    if (device_store_has(session->folder_fd, "root.pem")) {
        TRY(device_store_read(session->folder_fd, "root.pem", &root_pem, err));
        TRY(pki_pem_to_ders(buffer_bytes(&root_pem), &root, err));
        trust.pinned_root = buffer_bytes(&root);
    }
    device_http_init(&http);
    http.ca_file = session->options->tls_ca_file;
    enum base_code code = device_http_get(
        session->options->url, "GetCACert", session->options->ca_identifier, &http, err);
    if (code == BASE_OK && http.status != 200) {
        code = base_fail(
            err, E_DEVICE_STATUS, "GetCACert: HTTP %ld, %s", http.status, http.content_type);
    }
    if (code == BASE_OK) {
        buffer_reset(&session->authority.message);
        code = buffer_append(&session->authority.message, buffer_bytes(&http.body), err);
    }
    device_http_clear(&http);
    TRY(code);
    return device_authority_authenticate(
        &session->authority, &trust, base_clock_now_s(&session->options->clock), err);
}

/* ---- the key
 * ----------------------------------------------------------------------------------------------------
 */

static enum base_code
load_key(int folder_fd, const char *name, struct pki_private_key **out, struct base_error *err)
{
    BUFFER_LOCAL(pem, DEVICE_FILE_MAX);
    TRY(device_store_read(folder_fd, name, &pem, err));
    return pki_private_key_load(buffer_bytes(&pem), BYTES_NONE, out, err);
}

/* The key of an earlier run, which may have been answered already; or a new one, durable before it
 * is used. */
static enum base_code
take_key(struct session *session, const char *name, struct base_error *err)
{
    BUFFER_LOCAL(pem, DEVICE_FILE_MAX);
    if (device_store_has(session->folder_fd, name)) {
        return load_key(session->folder_fd, name, &session->key, err);
    }
    TRY(pki_private_key_generate(session->options->key_spec, &session->key, err));
    TRY(pki_private_key_store(session->key, BYTES_NONE, &pem, err));
    return device_store_write(session->folder_fd, name, buffer_bytes(&pem), 0600, err);
}

static enum base_code
prepare_keys(struct session *session, struct base_error *err)
{
    uint8_t digest[PKI_DIGEST_MAX];
    BUFFER_LOCAL(pem, DEVICE_FILE_MAX);
    TRY(take_key(session, session->options->is_renewal ? "next-key.pem" : "key.pem", err));
    TRY(pki_digest(PKI_SHA256, pki_private_key_peek_spki(session->key), digest, err));
    base_hex((struct bytes){digest, 32}, session->transaction_id);
    if (!session->options->is_renewal) {
        return scep_client_self_signed(session->key, session->options->subject_der,
            base_clock_now_s(&session->options->clock), &session->options->random, &session->signer,
            err);
    }
    TRY(load_key(session->folder_fd, "key.pem", &session->old_key, err));
    TRY(device_store_read(session->folder_fd, "cert.pem", &pem, err));
    return pki_pem_to_ders(buffer_bytes(&pem), &session->signer, err);
}

/* ---- asking
 * -----------------------------------------------------------------------------------------------------
 */

static enum base_code
exchange(
    struct session *session, struct bytes message, struct device_http *http, struct base_error *err)
{
    BUFFER_LOCAL(base64, (size_t)512 * 1024);
    for (int attempt = 0;; attempt++) {
        if (session->is_post) {
            TRY(device_http_post(session->options->url, message, http, err));
        } else {
            buffer_reset(&base64);
            TRY(base_base64(message, &base64, err));
            TRY(device_http_get(
                session->options->url, "PKIOperation", buffer_bytes(&base64), http, err));
        }
        if (http->status == 200) {
            return BASE_OK;
        }
        if (http->status != 503 || attempt == BUSY_TRIES) {
            return base_fail(err, E_DEVICE_STATUS, "PKIOperation: HTTP %ld, %s%s", http->status,
                http->content_type,
                http->status == 414
                    ? " (the request is too long for GET; have the server offer POST)"
                    : "");
        }
        say(session, "the server is busy; ", "trying again");
        (void)sleep(http->retry_after_s > 0 ? (unsigned)http->retry_after_s : 2U);
    }
}

/* One message and its verified answer. */
static enum base_code
ask(struct session *session, enum scep_message_type type, struct bytes payload,
    struct scep_client_answer *answer, struct base_error *err)
{
    uint8_t nonce[SCEP_NONCE_LEN];
    struct device_http http;
    BUFFER_LOCAL(message, SCEP_MESSAGE_MAX);
    const struct pki_private_key *signer_key =
        session->old_key != NULL ? session->old_key : session->key;
    TRY(base_random_fill(&session->options->random, nonce, sizeof(nonce), err));
    const struct scep_client_request request = {.type = type,
        .signer_key = signer_key,
        .signer_certificate = buffer_bytes(&session->signer),
        .payload = payload,
        .transaction_id = bytes_from_text(session->transaction_id),
        .sender_nonce = BYTES_ARRAY(nonce),
        .recipient = &session->authority.trusted[session->authority.recipient],
        .cipher = session->cipher,
        .digest = session->digest,
        .random = &session->options->random};
    TRY(scep_client_request_build(&request, &message, err));
    device_http_init(&http);
    http.ca_file = session->options->tls_ca_file;
    enum base_code code = exchange(session, buffer_bytes(&message), &http, err);
    memcpy(session->confirm, http.confirm, sizeof(session->confirm));
    const struct scep_client_expectation expected = {.trusted = session->authority.trusted,
        .trusted_count = session->authority.trusted_count,
        .transaction_id = bytes_from_text(session->transaction_id),
        .sender_nonce = BYTES_ARRAY(nonce),
        .recipient_key = signer_key,
        .requested_spki = pki_private_key_peek_spki(session->key)};
    code = code == BASE_OK
               ? scep_client_answer_read(answer, buffer_bytes(&http.body), &expected, err)
               : code;
    device_http_clear(&http);
    return code;
}

static enum base_code
poll_until_decided(
    struct session *session, struct scep_client_answer *answer, struct base_error *err)
{
    BUFFER_LOCAL(payload, 16384);
    const struct pki_certificate *ca = &session->authority.trusted[session->authority.ca];
    int64_t until_ms =
        base_clock_mono_ms(&session->options->clock) + 1000 * session->options->poll_max_s;
    TRY(scep_client_poll_payload(ca->subject, session->options->subject_der, &payload, err));
    for (unsigned asked = 0; answer->status == SCEP_PENDING; asked++) {
        bool is_counted = session->options->is_poll_counted;
        if (is_counted ? asked >= session->options->poll_count
                       : base_clock_mono_ms(&session->options->clock) >= until_ms) {
            return base_fail(err, E_DEVICE_PENDING, "transaction %s", session->transaction_id);
        }
        say(session, "pending: ", "asking again later");
        if (!is_counted || asked > 0) {
            (void)sleep((unsigned)session->options->poll_interval_s);
        }
        scep_client_answer_clear(answer);
        scep_client_answer_init(answer);
        TRY(ask(session, SCEP_CERT_POLL, buffer_bytes(&payload), answer, err));
    }
    return BASE_OK;
}

static enum base_code
take_refusal(
    const struct scep_client_answer *answer, struct device_refusal *out, struct base_error *err)
{
    static const char *const names[] = {
        "badAlg", "badMessageCheck", "badRequest", "badTime", "badCertId"};
    out->fail_info = answer->fail_info;
    /* For people: as it is when it is clean text, else escaped. */
    if (base_is_clean_utf8(answer->fail_info_text) &&
        answer->fail_info_text.len < sizeof(out->text)) {
        (void)snprintf(out->text, sizeof(out->text), "%.*s",
            base_size_to_int(answer->fail_info_text.len), (const char *)answer->fail_info_text.ptr);
    } else {
        (void)base_escape(answer->fail_info_text, out->text, sizeof(out->text));
    }
    (void)base_escape(answer->hresult, out->hresult, sizeof(out->hresult));
    return base_fail(err, E_DEVICE_REFUSED, "%s%s%s", names[answer->fail_info],
        out->text[0] == '\0' ? "" : ": ", out->text);
}

/* The certificate is one of the authenticated CA's, for our names; then it and its chain become
 * durable. */
static enum base_code
keep_certificate(struct session *session, const struct scep_client_answer *answer,
    struct device_install *install, struct base_error *err)
{
    struct pki_certificate certificate;
    BUFFER_LOCAL(pem, DEVICE_FILE_MAX);
    TRY(pki_certificate_read(answer->certificate, &certificate, err));
    TRY(pki_certificate_check_issuer(
        &certificate, &session->authority.trusted[session->authority.ca], err));
    if (!pki_name_equal(certificate.subject, session->options->subject_der)) {
        say(session, "note: ", "the server changed the subject");
    }
    TRY(pki_der_to_pem(answer->certificate, "CERTIFICATE", &pem, err));
    TRY(device_authority_chain_pem(&session->authority, &pem, err));
    if (session->confirm[0] != '\0' && !session->options->is_without_confirmation) {
        (void)device_confirm_keep(session->folder_fd, session->options->url, session->confirm);
    }
    return device_install_enrolled(install, buffer_bytes(&pem), err);
}

static enum base_code
request_certificate(struct session *session, struct device_install *install,
    struct device_refusal *out_refusal, struct base_error *err)
{
    struct scep_client_answer answer;
    BUFFER_LOCAL(csr, (size_t)64 * 1024);
    TRY(pki_csr_build(session->key, session->options->subject_der, session->options->sans_der,
        session->options->challenge, session->digest, &csr, err));
    scep_client_answer_init(&answer);
    say(session, session->options->is_renewal ? "RenewalReq by " : "PKCSReq by ",
        session->is_post ? "POST" : "GET");
    enum base_code code =
        ask(session, session->options->is_renewal ? SCEP_RENEWAL_REQ : SCEP_PKCS_REQ,
            buffer_bytes(&csr), &answer, err);
    code = code == BASE_OK ? poll_until_decided(session, &answer, err) : code;
    if (code == BASE_OK && answer.status == SCEP_FAILURE) {
        code = take_refusal(&answer, out_refusal, err);
    }
    code = code == BASE_OK ? keep_certificate(session, &answer, install, err) : code;
    scep_client_answer_clear(&answer);
    return code;
}

/* The server may want to know. Whatever comes of it, the certificate is installed. */
static void
confirm(struct session *session)
{
    struct base_error why = {0};
    bool is_sent = false;
    if (device_confirm_send(session->folder_fd, session->options->tls_ca_file,
            &session->options->clock, &is_sent, &why) != BASE_OK) {
        say(session, "the arrival could not be confirmed: ", why.detail);
    } else if (is_sent) {
        say(session, "confirmed: ", "the server knows that the certificate is installed");
    }
}

/* ---- the whole
 * --------------------------------------------------------------------------------------------------
 */

static enum base_code
run(struct session *session, struct device_refusal *out_refusal, struct base_error *err)
{
    struct device_install install = {
        .folder_fd = session->folder_fd, .clock = session->options->clock};
    BUFFER_LOCAL(name, 65536);
    TRY(pki_name_text(session->options->subject_der, &name, err));
    (void)base_escape(buffer_bytes(&name), install.name, sizeof(install.name));
    if (!device_store_has(session->folder_fd, DEVICE_ENROLLED)) {
        if (device_store_has(session->folder_fd, "cert.pem") && !session->options->is_renewal) {
            TRY(device_install_verify(session->folder_fd, err));
            say(session, "already enrolled: ", "key, certificate and chain belong together");
            confirm(session);
            return BASE_OK;
        }
        TRY(get_capabilities(session, err));
        TRY(get_authority(session, err));
        if (session->authority.is_recipient_unfit) {
            say(session, "warning: ",
                "the server's only certificate has no keyEncipherment; it is used all the same");
        }
        say(session, "CA authenticated; ", session->is_post ? "POST is offered" : "GET is used");
        TRY(device_install_root(&install, device_authority_root(&session->authority)->whole, err));
        TRY(prepare_keys(session, err));
        TRY(request_certificate(session, &install, out_refusal, err));
    }
    TRY(device_install_certificate(&install, err));
    say(session, "installed: ", "CERT_ACCESS_GRANTED");
    confirm(session);
    return BASE_OK;
}

enum base_code
device_enroll(const struct device_enroll_options *options, struct device_refusal *out_refusal,
    struct base_error *err)
{
    struct session session = {.options = options, .folder_fd = -1};
    *out_refusal = (struct device_refusal){.fail_info = 0};
    buffer_init(&session.signer, DEVICE_FILE_MAX);
    device_authority_init(&session.authority);
    enum base_code code = device_store_open(options->folder, &session.folder_fd, err);
    code = code == BASE_OK ? run(&session, out_refusal, err) : code;
    device_authority_clear(&session.authority);
    buffer_clear(&session.signer);
    pki_private_key_free(session.key);
    pki_private_key_free(session.old_key);
    if (session.folder_fd >= 0) {
        (void)close(session.folder_fd);
    }
    return code;
}
