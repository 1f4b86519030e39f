/* The supervisor's verbs: a CA comes to be. Only in a home that has none. */
#include "signer/make_authority.h"
#include "signer/verbs_internal.h"

#include "base/banned.h"

MUST_CHECK static enum base_code
journal_certificate(struct signer *signer, enum journal_kind kind,
    const struct signer_authority *authority, const struct signer_certificate *certificate,
    struct base_error *err)
{
    uint8_t sha256[JOURNAL_HASH_LEN];
    TRY(journal_sha256(certificate->read.body, sha256, err));
    const struct signer_entry entry = {authority->id, certificate->read.serial, sha256};
    return signer_book_add_authority(
        signer->book, kind, &entry, base_clock_now_ms(&signer->clock), err);
}

static void
log_made(struct signer *signer, const char *event, const struct signer_authority *authority)
{
    uint8_t sha256[JOURNAL_HASH_LEN];
    char end[BASE_TIME_TEXT_LEN] = "";
    struct base_log log = signer_log(signer);
    struct base_log_record record;
    base_time_text(authority->ca.read.not_after_s, end);
    base_log_begin(&record, &log, BASE_LOG_INFO, event, BYTES_NONE);
    base_log_word(&record, "ca", authority->name);
    base_log_number(&record, "bits", (int64_t)pki_private_key_bits(authority->key));
    base_log_number(&record, "chain", (int64_t)authority->chain_count);
    base_log_word(&record, "not_after", end);
    if (journal_sha256(authority->ca.read.whole, sha256, NULL) == BASE_OK) {
        base_log_hex(&record, "sha256", BYTES_ARRAY(sha256));
    }
    base_log_end(&record);
}

/* Journal, save, then use: a crash between two leaves records of a CA that never was, or files that
 * the next attempt replaces. */
MUST_CHECK static enum base_code
take_authority(struct signer *signer, enum journal_kind kind, const char *key_file,
    struct signer_authority *take, struct base_error *err)
{
    OWN_STRUCT(signer_authority) authority = take;
    const struct signer_authority *kept = take;
    struct bytes passphrase = secret_peek(&signer->passphrase);
    TRY(journal_certificate(signer, kind, authority, &authority->ca, err));
    TRY(journal_certificate(signer, JOURNAL_RA_MADE, authority, &authority->ra, err));
    TRY(signer_authority_save(signer->folder_fd, authority, key_file, passphrase, err));
    TRY(signer_add_authority(signer, MOVE(authority), err));
    log_made(signer, kind == JOURNAL_CA_CREATED ? "ca_created" : "ca_imported", kept);
    return BASE_OK;
}

MUST_CHECK static enum base_code
answer_made(const struct signer_call *call, uint64_t request_id, enum base_code code,
    const struct base_error *why, struct base_error *err)
{
    if (code != BASE_OK) {
        struct base_log log = signer_log(call->signer);
        base_log_error(&log, BASE_LOG_ERROR, "ca_refused", why);
    }
    const struct ipc_ca_created answer = {
        .request_id = request_id, .code = (uint32_t)code, .detail = bytes_from_text(why->detail)};
    return ipc_send(call->socket_fd, &ipc_ca_created_spec, &answer, -1, err);
}

MUST_CHECK static enum base_code
create(struct signer *signer, const struct ipc_create_ca *ask, struct base_error *err)
{
    const struct signer_maker maker = {signer->clock, signer->random};
    struct signer_ca_setting setting;
    struct signer_authority *authority = NULL;
    TRY(signer_find_new_ca(signer, ask->ca, &setting, err));
    TRY(signer_authority_create(&maker, ask, &authority, err));
    return take_authority(signer, JOURNAL_CA_CREATED, setting.key_file, MOVE(authority), err);
}

enum base_code
signer_create_ca(const struct signer_call *call, struct base_error *err)
{
    struct ipc_create_ca ask = {0};
    struct base_error why = {0};
    TRY(ipc_decode(&ipc_create_ca_spec, call->frame, &ask, err));
    enum base_code code = create(call->signer, &ask, &why);
    return answer_made(call, ask.request_id, code, &why, err);
}

MUST_CHECK static enum base_code
import(struct signer *signer, const struct ipc_import_ca *ask, struct base_error *err)
{
    const struct signer_maker maker = {signer->clock, signer->random};
    struct signer_ca_setting setting;
    struct signer_authority *authority = NULL;
    TRY(signer_find_new_ca(signer, ask->ca, &setting, err));
    TRY(signer_authority_import(&maker, ask, secret_peek(&signer->passphrase), &authority, err));
    return take_authority(signer, JOURNAL_CA_IMPORTED, setting.key_file, MOVE(authority), err);
}

enum base_code
signer_import_ca(const struct signer_call *call, struct base_error *err)
{
    struct ipc_import_ca ask = {0};
    struct base_error why = {0};
    TRY(ipc_decode(&ipc_import_ca_spec, call->frame, &ask, err));
    enum base_code code = import(call->signer, &ask, &why);
    return answer_made(call, ask.request_id, code, &why, err);
}
