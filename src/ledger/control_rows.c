#include "ledger/control_rows.h"

#include "ipc/channel.h"
#include "ipc/control.h"
#include "ledger/challenge.h"
#include "ledger/warrant.h"
#include "pki/certificate.h"
#include "pki/name.h"

#include "base/banned.h"

/* A text that fits its field: a longer one is cut at a character. */
static struct bytes
cut(struct bytes text, size_t max)
{
    while (text.len > max ||
           (text.len == max && text.len > 0 && (text.ptr[text.len - 1] & 0x80) != 0)) {
        text.len--;
    }
    return text;
}

enum base_code
ledger_send_delivery(int fd, const struct store_delivery *row, struct base_error *err)
{
    BUFFER_LOCAL(subject, 65536);
    char challenge_id[LEDGER_BOUND_ID_MAX + 1] = "";
    if (row->subject.len > 0) {
        TRY(pki_name_text(row->subject, &subject, err));
    }
    if (row->challenge_id != 0) {
        ledger_challenge_id_text(row->challenge_id, challenge_id);
    } else {
        TRY(ledger_warrant_bound_id(row->authority, challenge_id, err));
    }
    const struct ipc_delivery message = {.delivery_id = row->id,
        .endpoint = row->endpoint,
        .profile = row->profile,
        .ca = row->ca,
        .device = cut(row->device, IPC_TEXT_MAX),
        .subject = cut(buffer_bytes(&subject), IPC_TEXT_MAX),
        .transaction_id = row->transaction_id,
        .challenge_id = bytes_from_text(challenge_id),
        .serial = row->serial,
        .key_sha256 = row->key_sha256,
        .source = row->source,
        .state = row->state,
        .step = row->step,
        .code = row->code,
        .detail = cut(row->detail, IPC_DETAIL_LEN),
        .created_ms = row->created_ms,
        .updated_ms = row->updated_ms};
    return ipc_send(fd, &ipc_delivery_spec, &message, -1, err);
}

static const char *
status_of(const struct store_certificate *row, int64_t now_s)
{
    if (row->status == STORE_REVOKED) {
        return "revoked";
    }
    if (row->certificate.len == 0) {
        return "signing";
    }
    return row->not_after_s < now_s ? "expired" : "good";
}

enum base_code
ledger_send_certificate(int fd, const struct store_certificate *row, int64_t now_s, bool with_der,
    struct base_error *err)
{
    uint8_t sha256[PKI_DIGEST_MAX];
    uint8_t sha1[PKI_DIGEST_MAX];
    struct pki_certificate body;
    BUFFER_LOCAL(subject, 65536);
    BUFFER_LOCAL(sans, 65536);
    bool is_signed = row->certificate.len > 0;
    TRY(pki_certificate_read_body(row->body, &body, err));
    TRY(pki_name_text(body.subject, &subject, err));
    TRY(pki_sans_text(body.sans, &sans, err));
    if (is_signed) {
        TRY(pki_digest(PKI_SHA256, row->certificate, sha256, err));
        TRY(pki_digest(PKI_SHA1, row->certificate, sha1, err));
    }
    const struct ipc_cert_row message = {.serial = row->serial,
        .sha256 = {sha256, is_signed ? 32 : 0},
        .sha1 = {sha1, is_signed ? 20 : 0},
        .subject = cut(buffer_bytes(&subject), IPC_TEXT_MAX),
        .sans = cut(buffer_bytes(&sans), IPC_SANS_MAX),
        .not_before_s = row->not_before_s,
        .not_after_s = row->not_after_s,
        .status = bytes_from_text(status_of(row, now_s)),
        .revoked_ms = row->revoked_ms,
        .reason = row->reason,
        .transaction_id = row->transaction_id,
        .endpoint = row->endpoint,
        .profile = row->profile,
        .ca = row->ca,
        .delivery_id = row->delivery_id,
        .certificate = with_der ? row->certificate : BYTES_NONE};
    return ipc_send(fd, &ipc_cert_row_spec, &message, -1, err);
}
