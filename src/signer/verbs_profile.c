/* The verb for configuration profiles: the RA's signature that a device shows to its owner. */
#include "signer/attributes_check.h"
#include "signer/verbs_internal.h"

#include "base/banned.h"

/* Checked, journalled, then signed. */
MUST_CHECK static enum base_code
sign_attributes(struct signer *signer, const struct ipc_sign_profile *ask, struct buffer *out,
    struct base_error *err)
{
    const struct signer_authority *authority = NULL;
    uint8_t sha256[JOURNAL_HASH_LEN];
    int64_t now_ms = base_clock_now_ms(&signer->clock);
    if (ask->ra != 0 || ask->digest != IPC_SHA256) {
        return base_fail(err, E_SIGNER_ATTRIBUTES, "RA number %d, digest number %d", (int)ask->ra,
            (int)ask->digest);
    }
    TRY(signer_find_authority(signer, ask->ca, &authority, err));
    TRY(signer_book_check_clock(signer->book, now_ms, err));
    TRY(signer_attributes_check_profile(ask->attributes, PKI_SHA256, now_ms / 1000, err));
    TRY(journal_sha256(ask->attributes, sha256, err));
    const struct signer_entry entry = {authority->id, authority->ra.read.serial, sha256};
    TRY(signer_book_add_profile(signer->book, &entry, now_ms, err));
    return pki_sign(authority->ra_key, PKI_SHA256, ask->attributes, out, err);
}

enum base_code
signer_sign_profile(const struct signer_call *call, struct base_error *err)
{
    struct ipc_sign_profile ask = {0};
    struct base_error why = {0};
    BUFFER_LOCAL(signature, IPC_SIGNATURE_MAX);
    TRY(ipc_decode(&ipc_sign_profile_spec, call->frame, &ask, err));
    enum base_code code = sign_attributes(call->signer, &ask, &signature, &why);
    struct base_log log = signer_log(call->signer);
    struct base_log_record record;
    base_log_begin(&record, &log, code == BASE_OK ? BASE_LOG_INFO : BASE_LOG_WARN,
        code == BASE_OK ? "profile_signed" : "profile_refused", BYTES_NONE);
    base_log_text(&record, "ca", ask.ca);
    if (code != BASE_OK) {
        base_log_code(&record, &why);
        buffer_reset(&signature);
    }
    base_log_end(&record);
    const struct ipc_profile_signature answer = {.request_id = ask.request_id,
        .code = (uint32_t)code,
        .detail = bytes_from_text(why.detail),
        .signature = buffer_bytes(&signature)};
    return ipc_send(call->socket_fd, &ipc_profile_signature_spec, &answer, -1, err);
}
