#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ipc/control.h"
#include "ipc/to_signer.h"
#include "ledger/audit.h"
#include "ledger/control.h"
#include "store/chain.h"

#include "base/banned.h"

/*
 * Three passes, each a page at a time: the ledger's journal (its chain, and for each certificate
 * and revocation that it recorded the row that says the same), the signer's journal (the same for
 * bodies), and the certificates themselves (that each is its body with the CA's signature, that
 * none is there which the ledger's journal did not record, and none signed that the signer's did
 * not).
 */
#define PAGE 200

struct page {
    struct ledger *ledger;
    struct ledger_audit *audit;
    int fd;
    struct ipc_audit_progress progress;
    uint64_t seen;
};

static enum base_code
find(const struct page *page, enum base_code code, const char *text, struct bytes serial,
    struct base_error *err)
{
    char detail[512] = "";
    char hex[2 * IPC_SERIAL_MAX + 1] = "";
    base_hex(
        (struct bytes){serial.ptr, serial.len < IPC_SERIAL_MAX ? serial.len : IPC_SERIAL_MAX}, hex);
    (void)snprintf(detail, sizeof(detail), "%s%s%s", text, hex[0] == '\0' ? "" : ": ", hex);
    const struct ipc_audit_finding row = {
        .code = (uint32_t)code, .detail = bytes_from_text(detail)};
    return ipc_send(page->fd, &ipc_audit_finding_spec, &row, -1, err);
}

/* Add a certificate to a sum over a set: the order does not matter. */
static enum base_code
add_to_sum(
    uint8_t sum[JOURNAL_HASH_LEN], struct bytes serial, struct bytes sha256, struct base_error *err)
{
    uint8_t octets[IPC_SERIAL_MAX + JOURNAL_HASH_LEN] = {0};
    uint8_t hash[JOURNAL_HASH_LEN];
    memcpy(octets, serial.ptr, serial.len < IPC_SERIAL_MAX ? serial.len : IPC_SERIAL_MAX);
    memcpy(octets + IPC_SERIAL_MAX, sha256.ptr,
        sha256.len < JOURNAL_HASH_LEN ? sha256.len : JOURNAL_HASH_LEN);
    TRY(journal_sha256(BYTES_ARRAY(octets), hash, err));
    for (size_t i = 0; i < JOURNAL_HASH_LEN; i++) {
        sum[i] ^= hash[i];
    }
    return BASE_OK;
}

static enum base_code
digest_body(
    const struct store_certificate *row, uint8_t out[JOURNAL_HASH_LEN], struct base_error *err)
{
    return journal_sha256(row->body, out, err);
}

/* Of a certificate that is not revoked: zeros, which no record has. */
static enum base_code
digest_revocation(
    const struct store_certificate *row, uint8_t out[JOURNAL_HASH_LEN], struct base_error *err)
{
    BUFFER_LOCAL(image, 64);
    memset(out, 0, JOURNAL_HASH_LEN);
    if (row->status != STORE_REVOKED) {
        return BASE_OK;
    }
    TRY(store_image_revocation(row, &image, err));
    return journal_sha256(buffer_bytes(&image), out, err);
}

typedef enum base_code (*digest_row)(
    const struct store_certificate *row, uint8_t out[JOURNAL_HASH_LEN], struct base_error *err);

/* What the row with this serial says has this digest. */
static enum base_code
compare_row(const struct page *page, struct bytes serial, struct bytes sha256, digest_row digest_it,
    const char *who, struct base_error *err)
{
    struct store_row row;
    struct store_certificate certificate;
    uint8_t digest[JOURNAL_HASH_LEN];
    char text[128] = "";
    bool is_found = false;
    store_row_init(&row);
    enum base_code code =
        store_find_certificate(page->ledger->store, serial, &row, &certificate, &is_found, err);
    if (code == BASE_OK && !is_found) {
        (void)snprintf(
            text, sizeof(text), "in the %s's journal, but not among the certificates", who);
        code = find(page, E_AUDIT_FINDING, text, serial, err);
    } else if (code == BASE_OK) {
        code = digest_it(&certificate, digest, err);
        if (code == BASE_OK && !bytes_equal(BYTES_ARRAY(digest), sha256)) {
            (void)snprintf(text, sizeof(text), "another %s than the %s's journal recorded",
                digest_it == digest_body ? "certificate" : "revocation", who);
            code = find(page, E_AUDIT_FINDING, text, serial, err);
        }
    }
    store_row_clear(&row);
    return code;
}

/* ---- the ledger's journal
 * --------------------------------------------------------------------------------------- */

static enum base_code
take_ledger_record(void *arg, uint64_t seq, struct bytes record, struct base_error *err)
{
    struct page *page = arg;
    struct store_journal_record it;
    TRY(store_journal_read(record, &it, err));
    page->audit->next_seq = seq + 1;
    page->seen++;
    page->progress.ledger_records++;
    if (it.kind == STORE_REVOKE) {
        page->audit->revocations++;
        return compare_row(page, it.key, it.sha256, digest_revocation, "ledger", err);
    }
    if (it.kind != STORE_RESERVE) {
        return BASE_OK;
    }
    page->audit->reserved++;
    TRY(add_to_sum(page->audit->reserved_sum, it.key, it.sha256, err));
    return compare_row(page, it.key, it.sha256, digest_body, "ledger", err);
}

static enum base_code
ledger_pass(struct page *page, bool *out_is_done, struct base_error *err)
{
    struct ledger_audit *audit = page->audit;
    enum base_code code = store_each_journal(
        page->ledger->store, audit->next_seq, audit->chain, PAGE, take_ledger_record, page, err);
    *out_is_done = page->seen < PAGE;
    if (code == E_JOURNAL_BROKEN) {
        *out_is_done = true; /* what follows a break proves nothing */
        return find(page, code, err->detail, BYTES_NONE, err);
    }
    return code;
}

/* ---- the signer's journal
 * --------------------------------------------------------------------------------------- */

static enum base_code
take_signer_records(struct page *page, struct bytes records, struct base_error *err)
{
    while (records.len >= JOURNAL_RECORD_LEN) {
        struct journal_record record;
        TRY(journal_chain_take(&page->audit->signer_chain,
            (struct bytes){records.ptr, JOURNAL_RECORD_LEN}, &record, err));
        records = bytes_skip(records, JOURNAL_RECORD_LEN);
        page->progress.signer_records++;
        /* CA, RA and CRL records have no row in the ledger. */
        if (record.kind == JOURNAL_BODY_SIGNED) {
            page->audit->journalled++;
            TRY(compare_row(page, (struct bytes){record.serial, record.serial_len},
                BYTES_ARRAY(record.sha256), digest_body, "signer", err));
        }
    }
    return BASE_OK;
}

static enum base_code
signer_pass(struct page *page, bool *out_is_done, struct base_error *err)
{
    struct ipc_frame frame = {.fd = -1};
    struct ipc_journal_page answer;
    const struct ipc_read_journal question = {.request_id = ledger_next_request_id(page->ledger),
        .from_seq = page->audit->signer_chain.next_seq};
    ledger_send(page->ledger, &page->ledger->signer_fd, &ipc_read_journal_spec, &question, -1);
    TRY(ledger_wait_signer(page->ledger, IPC_TYPE_JOURNAL_PAGE, &frame, err));
    TRY(ipc_decode(&ipc_journal_page_spec, &frame, &answer, err));
    *out_is_done = answer.is_end != 0 || answer.code != 0 || answer.records.len == 0;
    enum base_code code = take_signer_records(page, answer.records, err);
    if (code == E_JOURNAL_BROKEN || (code == BASE_OK && answer.code != 0)) {
        char detail[IPC_DETAIL_LEN + 1] = "";
        memcpy(detail, answer.detail.ptr, answer.detail.len);
        *out_is_done = true;
        page->audit->is_signer_broken = true;
        return find(
            page, E_JOURNAL_BROKEN, code == BASE_OK ? detail : err->detail, BYTES_NONE, err);
    }
    return code;
}

/* ---- the certificates
 * ------------------------------------------------------------------------------------------- */

/* A certificate is its body with the signature of its CA; and what was copied out of the body into
 * the row is still that. */
static bool
is_of(const struct pki_certificate *certificate, const struct pki_certificate *ca)
{
    return bytes_equal(certificate->authority_key_id, ca->subject_key_id);
}

static enum base_code
check_signature(
    const struct page *page, const struct store_certificate *row, struct base_error *err)
{
    const struct ledger_ca *ca = ledger_authorities_find(&page->ledger->authorities, row->ca);
    struct pki_certificate read;
    if (ca == NULL || row->certificate.len == 0) {
        return BASE_OK; /* of a CA that is no more; or a signature that is still to be made */
    }
    bool is_good = pki_certificate_read(row->certificate, &read, NULL) == BASE_OK &&
                   bytes_equal(read.body, row->body) && read.not_after_s == row->not_after_s &&
                   read.not_before_s == row->not_before_s;
    /* The body names its CA's key: an older one of this CA's is not known any more. */
    if (is_good && is_of(&read, &ca->certificate)) {
        is_good = pki_certificate_check_issuer(&read, &ca->certificate, NULL) == BASE_OK;
    }
    if (!is_good) {
        return find(page, E_AUDIT_FINDING, "not what its CA signed", row->serial, err);
    }
    return BASE_OK;
}

static enum base_code
take_certificate(void *arg, const struct store_certificate *row, struct base_error *err)
{
    struct page *page = arg;
    struct ledger_audit *audit = page->audit;
    uint8_t digest[JOURNAL_HASH_LEN];
    page->seen++;
    page->progress.certificates++;
    audit->certificates++;
    audit->signed_count += row->certificate.len > 0 ? 1 : 0;
    audit->last_serial_len =
        row->serial.len < sizeof(audit->last_serial) ? row->serial.len : sizeof(audit->last_serial);
    memcpy(audit->last_serial, row->serial.ptr, audit->last_serial_len);
    audit->revoked += row->status == STORE_REVOKED ? 1 : 0;
    TRY(check_signature(page, row, err));
    TRY(journal_sha256(row->body, digest, err));
    return add_to_sum(audit->certificate_sum, row->serial, BYTES_ARRAY(digest), err);
}

static enum base_code
certificate_pass(struct page *page, bool *out_is_done, struct base_error *err)
{
    struct ledger_audit *audit = page->audit;
    uint8_t after[sizeof(audit->last_serial)];
    size_t after_len = audit->last_serial_len;
    memcpy(after, audit->last_serial, sizeof(after));
    TRY(store_each_certificate(
        page->ledger->store, (struct bytes){after, after_len}, PAGE, take_certificate, page, err));
    *out_is_done = page->seen < PAGE;
    if (!*out_is_done) {
        return BASE_OK;
    }
    /* Certificates that were issued while the audit ran are in neither sum's beginning: compare
     * only a quiet end. */
    bool is_same =
        bytes_equal(BYTES_ARRAY(audit->reserved_sum), BYTES_ARRAY(audit->certificate_sum));
    if (audit->certificates == audit->reserved && !is_same) {
        TRY(find(page, E_AUDIT_FINDING,
            "the certificates are not those that the ledger's journal recorded", BYTES_NONE, err));
    }
    return BASE_OK;
}

/* ---- pages
 * ------------------------------------------------------------------------------------------------------
 */

static enum base_code
find_counts(const struct page *page, const char *what, uint64_t count, const char *who,
    uint64_t recorded, struct base_error *err)
{
    char text[160] = "";
    (void)snprintf(text, sizeof(text), "%llu %s, but the %s's journal recorded %llu",
        (unsigned long long)count, what, who, (unsigned long long)recorded);
    return find(page, E_AUDIT_FINDING, text, BYTES_NONE, err);
}

/* Records that came while the audit ran are taken now, so that the sums are of the same
 * certificates. */
static enum base_code
catch_up(struct page *page, struct base_error *err)
{
    bool is_done = false;
    while (!is_done) {
        page->seen = 0;
        TRY(ledger_pass(page, &is_done, err));
    }
    is_done = page->audit->is_signer_broken;
    while (!is_done) {
        TRY(signer_pass(page, &is_done, err));
    }
    struct ledger_audit *audit = page->audit;
    if (audit->signed_count > audit->journalled) {
        TRY(find_counts(page, "certificates are signed", audit->signed_count, "signer",
            audit->journalled, err));
    }
    if (audit->revoked > audit->revocations) {
        TRY(find_counts(
            page, "certificates are revoked", audit->revoked, "ledger", audit->revocations, err));
    }
    if (audit->certificates != audit->reserved) {
        return find_counts(
            page, "certificates", audit->certificates, "ledger", audit->reserved, err);
    }
    return BASE_OK;
}

static enum base_code
run_pass(struct page *page, bool *out_is_over, struct base_error *err)
{
    bool is_done = false;
    *out_is_over = false;
    switch (page->audit->pass) {
    case LEDGER_AUDIT_LEDGER:
        TRY(ledger_pass(page, &is_done, err));
        page->audit->pass = is_done ? LEDGER_AUDIT_SIGNER : LEDGER_AUDIT_LEDGER;
        return BASE_OK;
    case LEDGER_AUDIT_SIGNER:
        TRY(signer_pass(page, &is_done, err));
        page->audit->pass = is_done ? LEDGER_AUDIT_CERTIFICATES : LEDGER_AUDIT_SIGNER;
        return BASE_OK;
    case LEDGER_AUDIT_CERTIFICATES:
    default:
        TRY(certificate_pass(page, out_is_over, err));
        return *out_is_over ? catch_up(page, err) : BASE_OK;
    }
}

enum base_code
ledger_audit_page(struct ledger *ledger, int fd, struct bytes cursor, bool *out_is_more,
    char out_cursor[65], struct base_error *err)
{
    struct ledger_audit *audit = &ledger->audit;
    struct page page = {.ledger = ledger, .audit = audit, .fd = fd};
    uint64_t token = 0;
    bool is_over = false;
    if (cursor.len == 0) {
        *audit = (struct ledger_audit){
            .token = ledger_next_request_id(ledger), .pass = LEDGER_AUDIT_LEDGER, .next_seq = 1};
    } else if (base_parse_number(cursor, UINT64_MAX, &token, err) != BASE_OK ||
               token != audit->token) {
        return base_fail(err, E_USAGE, "another audit has begun meanwhile");
    }
    TRY(run_pass(&page, &is_over, err));
    TRY(ipc_send(fd, &ipc_audit_progress_spec, &page.progress, -1, err));
    *out_is_more = !is_over;
    (void)snprintf(out_cursor, 65, "%llu", (unsigned long long)audit->token);
    return BASE_OK;
}
