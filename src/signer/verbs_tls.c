/* The front's verb for its own TLS: a certificate for names that the configuration gave us. */
#include "signer/tls_certificate.h"
#include "signer/verbs_internal.h"

#include "base/banned.h"

/* Journal, then sign. */
MUST_CHECK static enum base_code
make(struct signer *signer, const struct ipc_sign_tls *ask, struct buffer *out_certificate,
    struct base_error *err)
{
    const struct signer_maker maker = {signer->clock, signer->random};
    const struct signer_authority *authority = NULL;
    struct pki_certificate read;
    uint8_t sha256[JOURNAL_HASH_LEN];
    int64_t now_ms = base_clock_now_ms(&signer->clock);
    BUFFER_LOCAL(body, IPC_BODY_MAX);
    TRY(signer_find_authority(signer, ask->ca, &authority, err));
    TRY(signer_admit_tls(signer, ask->ca, ask->names, err));
    TRY(signer_book_check_clock(signer->book, now_ms, err));
    TRY(signer_tls_body(&maker, authority, ask->names, ask->spki, &body, err));
    TRY(pki_certificate_read_body(buffer_bytes(&body), &read, err));
    TRY(journal_sha256(buffer_bytes(&body), sha256, err));
    const struct signer_entry entry = {authority->id, read.serial, sha256};
    TRY(signer_book_add_authority(signer->book, JOURNAL_TLS_MADE, &entry, now_ms, err));
    return pki_certificate_sign(
        authority->key, authority->digest, buffer_bytes(&body), out_certificate, err);
}

static void
log_made(struct signer *signer, const struct ipc_sign_tls *ask, const struct base_error *why)
{
    struct base_log log = signer_log(signer);
    struct base_log_record record;
    base_log_begin(&record, &log, why == NULL ? BASE_LOG_INFO : BASE_LOG_WARN,
        why == NULL ? "tls_certificate_made" : "tls_certificate_refused", BYTES_NONE);
    base_log_text(&record, "ca", ask->ca);
    base_log_text(&record, "names", ask->names);
    if (why != NULL) {
        base_log_code(&record, why);
    }
    base_log_end(&record);
}

enum base_code
signer_sign_tls(const struct signer_call *call, struct base_error *err)
{
    struct ipc_sign_tls ask = {0};
    struct base_error why = {0};
    BUFFER_LOCAL(certificate, IPC_CERTIFICATE_MAX);
    TRY(ipc_decode(&ipc_sign_tls_spec, call->frame, &ask, err));
    enum base_code code = make(call->signer, &ask, &certificate, &why);
    log_made(call->signer, &ask, code == BASE_OK ? NULL : &why);
    const struct ipc_tls_signed answer = {.request_id = ask.request_id,
        .code = (uint32_t)code,
        .detail = bytes_from_text(why.detail),
        .certificate = code == BASE_OK ? buffer_bytes(&certificate) : BYTES_NONE};
    return ipc_send(call->socket_fd, &ipc_tls_signed_spec, &answer, -1, err);
}
