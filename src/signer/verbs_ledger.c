/* The ledger's verbs: certificate bodies, revocation lists, the journal. */
#include "signer/body_check.h"
#include "signer/crl_check.h"
#include "signer/verbs_internal.h"

#include "base/banned.h"

#define PAGE_OCTETS ((size_t)49152) /* of IPC_JOURNAL_PAGE_FIELDS */
_Static_assert(PAGE_OCTETS % JOURNAL_RECORD_LEN == 0, "whole records");

/* A body on its way to a signature. */
struct body_task {
    struct bytes ca;
    struct bytes profile;
    struct bytes der;
    const struct signer_authority *authority;
    struct pki_certificate read;
    uint8_t sha256[JOURNAL_HASH_LEN];
    bool is_known; /* it is in the journal: signing it again makes nothing new */
};

static struct signer_entry
entry_of(const struct body_task *task)
{
    return (struct signer_entry){task->authority->id, task->read.serial, task->sha256};
}

/* Limits of profile, CAs and time, for a body that was never signed. */
MUST_CHECK static enum base_code
check_new_body(struct signer *signer, const struct body_task *task, struct base_error *err)
{
    struct signer_profile profile;
    const struct signer_authority *all[SIGNER_CA_MAX];
    int64_t now_ms = base_clock_now_ms(&signer->clock);
    TRY(signer_book_check_clock(signer->book, now_ms, err));
    TRY(signer_find_profile(signer, task->profile, &profile, err));
    TRY(signer_body_check_time(&task->read, task->authority, &profile, now_ms / 1000, err));
    if (signer_checked_has(signer->checked, task->authority, task->profile, task->sha256)) {
        return BASE_OK;
    }
    TRY(signer_body_check(&task->read, task->der, task->authority, &profile, err));
    size_t count = signer_list_authorities(signer, all);
    for (size_t i = 0; i < count; i++) {
        if (all[i] != task->authority) {
            TRY(signer_body_check_foreign(&task->read, all[i], err));
        }
    }
    signer_checked_add(signer->checked, task->authority, task->profile, task->sha256);
    return BASE_OK;
}

/*
 * A body that is in the journal was within all limits when it was written there; it may be signed
 * again whatever time it is and whatever its profile has become, because a retry must get the
 * certificate that was promised.
 */
MUST_CHECK static enum base_code
check_body(struct signer *signer, struct body_task *task, struct base_error *err)
{
    TRY(signer_find_authority(signer, task->ca, &task->authority, err));
    TRY(signer_body_read(task->der, task->authority, &task->read, err));
    TRY(journal_sha256(task->der, task->sha256, err));
    struct signer_entry entry = entry_of(task);
    TRY(signer_book_find_body(signer->book, &entry, &task->is_known, err));
    return task->is_known ? BASE_OK : check_new_body(signer, task, err);
}

static void
log_refused(struct signer *signer, const char *event, struct bytes ca, struct bytes profile,
    struct bytes serial, const struct base_error *why)
{
    struct base_log log = signer_log(signer);
    struct base_log_record record;
    base_log_begin(&record, &log, BASE_LOG_WARN, event, BYTES_NONE);
    base_log_text(&record, "ca", ca);
    base_log_text(&record, "profile", profile);
    base_log_hex(&record, "serial", serial);
    base_log_code(&record, why);
    base_log_end(&record);
}

enum base_code
signer_check_body(const struct signer_call *call, struct base_error *err)
{
    struct ipc_check_body ask = {0};
    struct base_error why = {0};
    TRY(ipc_decode(&ipc_check_body_spec, call->frame, &ask, err));
    struct body_task task = {.ca = ask.ca, .profile = ask.profile, .der = ask.body};
    enum base_code code = check_body(call->signer, &task, &why);
    if (code != BASE_OK) {
        log_refused(call->signer, "body_refused", ask.ca, ask.profile, task.read.serial, &why);
    }
    const struct ipc_body_checked answer = {.request_id = ask.request_id,
        .code = (uint32_t)code,
        .detail = bytes_from_text(why.detail)};
    return ipc_send(call->socket_fd, &ipc_body_checked_spec, &answer, -1, err);
}

/* Journal, then sign. */
MUST_CHECK static enum base_code
sign_body(struct signer *signer, struct body_task *task, struct buffer *out_certificate,
    struct base_error *err)
{
    TRY(check_body(signer, task, err));
    base_fault_point("signer_before_journal");
    if (!task->is_known) {
        struct signer_entry entry = entry_of(task);
        TRY(signer_book_add_body(signer->book, &entry, base_clock_now_ms(&signer->clock), err));
    }
    base_fault_point("signer_before_signature");
    return pki_certificate_sign(
        task->authority->key, task->authority->digest, task->der, out_certificate, err);
}

/*
 * With RSA the certificate is a function of body and key, so the front may have it before the
 * ledger has stored it: after a crash the same octets are made again. An ECDSA signature must be
 * stored first. A front that died is no fault: its request died with it.
 */
static bool
may_hand_over(const struct ipc_sign_body *ask, const struct body_task *task)
{
    return ask->front_request_id != 0 && task->authority->signature == PKI_RSA_PKCS1;
}

static void
hand_over(const struct signer_call *call, const struct ipc_sign_body *ask, struct bytes certificate)
{
    const struct ipc_certificate notice = {.request_id = ask->front_request_id,
        .delivery_id = ask->delivery_id,
        .certificate = certificate};
    struct base_error ignored = {0};
    (void)(signer_peers_send(call->signer->peers, IPC_FRONT, &ipc_certificate_spec, &notice,
               &ignored) == BASE_OK);
}

enum base_code
signer_sign_body(const struct signer_call *call, struct base_error *err)
{
    struct ipc_sign_body ask = {0};
    struct base_error why = {0};
    BUFFER_LOCAL(certificate, IPC_CERTIFICATE_MAX);
    TRY(ipc_decode(&ipc_sign_body_spec, call->frame, &ask, err));
    struct body_task task = {.ca = ask.ca, .profile = ask.profile, .der = ask.body};
    struct ipc_body_signed answer = {.request_id = ask.request_id};
    enum base_code code = sign_body(call->signer, &task, &certificate, &why);
    if (code == BASE_OK) {
        answer.certificate = buffer_bytes(&certificate);
        answer.is_handed_over = may_hand_over(&ask, &task) ? 1 : 0;
    } else {
        log_refused(call->signer, "body_refused", ask.ca, ask.profile, task.read.serial, &why);
    }
    answer.code = (uint32_t)code;
    answer.detail = bytes_from_text(why.detail);
    base_fault_point("signer_after_signature");
    /* The ledger first: it hears of the signature before the front can say that it was answered. */
    TRY(ipc_send(call->socket_fd, &ipc_body_signed_spec, &answer, -1, err));
    if (answer.is_handed_over != 0) {
        hand_over(call, &ask, answer.certificate);
    }
    return BASE_OK;
}

static void
log_crl(struct signer *signer, struct bytes ca, const struct pki_crl *crl)
{
    char next[BASE_TIME_TEXT_LEN] = "";
    base_time_text(crl->next_update_s, next);
    struct base_log log = signer_log(signer);
    struct base_log_record record;
    base_log_begin(&record, &log, BASE_LOG_INFO, "crl_signed", BYTES_NONE);
    base_log_text(&record, "ca", ca);
    base_log_hex(&record, "number", crl->number);
    base_log_word(&record, "next_update", next);
    base_log_end(&record);
}

/* *out_fd: the CRL as a memory file. */
MUST_CHECK static enum base_code
sign_crl(struct signer *signer, struct bytes ca, int body_fd, int *out_fd, struct base_error *err)
{
    const struct signer_authority *authority = NULL;
    struct pki_crl crl;
    uint8_t sha256[JOURNAL_HASH_LEN];
    BUFFER_LOCAL(body, SIGNER_CRL_MAX);
    BUFFER_LOCAL(der, SIGNER_CRL_MAX + IPC_SIGNATURE_MAX + 64);
    int64_t now_ms = base_clock_now_ms(&signer->clock);
    TRY(signer_find_authority(signer, ca, &authority, err));
    TRY(ipc_blob_read(body_fd, &body, err));
    TRY(signer_book_check_clock(signer->book, now_ms, err));
    TRY(signer_crl_check(
        buffer_bytes(&body), authority, now_ms / 1000, signer_crl_valid_s(signer), &crl, err));
    TRY(journal_sha256(buffer_bytes(&body), sha256, err));
    const struct signer_entry entry = {authority->id, crl.number, sha256};
    TRY(signer_book_add_crl(signer->book, &entry, now_ms, err));
    TRY(pki_certificate_sign(authority->key, authority->digest, buffer_bytes(&body), &der, err));
    TRY(ipc_blob_new(buffer_bytes(&der), out_fd, err));
    log_crl(signer, ca, &crl);
    return BASE_OK;
}

enum base_code
signer_sign_crl(const struct signer_call *call, struct base_error *err)
{
    struct ipc_sign_crl ask = {0};
    struct base_error why = {0};
    OWN_FD int crl_fd = -1;
    TRY(ipc_decode(&ipc_sign_crl_spec, call->frame, &ask, err));
    if (call->frame->fd < 0) {
        return base_fail(err, E_IPC_FIELD, "SIGN_CRL without its descriptor");
    }
    enum base_code code = sign_crl(call->signer, ask.ca, call->frame->fd, &crl_fd, &why);
    if (code != BASE_OK) {
        log_refused(call->signer, "crl_refused", ask.ca, BYTES_NONE, BYTES_NONE, &why);
    }
    const struct ipc_crl_signed answer = {.request_id = ask.request_id,
        .code = (uint32_t)code,
        .detail = bytes_from_text(why.detail)};
    return ipc_send(call->socket_fd, &ipc_crl_signed_spec, &answer, crl_fd, err);
}

enum base_code
signer_read_journal(const struct signer_call *call, struct base_error *err)
{
    struct ipc_read_journal ask = {0};
    struct base_error why = {0};
    bool is_end = false;
    BUFFER_LOCAL(records, PAGE_OCTETS);
    TRY(ipc_decode(&ipc_read_journal_spec, call->frame, &ask, err));
    struct ipc_journal_page answer = {.request_id = ask.request_id};
    answer.code = (uint32_t)signer_book_read_page(call->signer->book, ask.from_seq,
        PAGE_OCTETS / JOURNAL_RECORD_LEN, &records, &answer.next_seq, &is_end, &why);
    answer.is_end = is_end ? 1 : 0;
    answer.detail = bytes_from_text(why.detail);
    answer.records = buffer_bytes(&records);
    return ipc_send(call->socket_fd, &ipc_journal_page_spec, &answer, -1, err);
}
