#include "ledger/crl.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/own.h"
#include "ipc/to_signer.h"
#include "ledger/batch.h"

#include "base/banned.h"

#define REVOKED_MAX ((size_t)1000000)

struct revoked_list {
    struct arena memory;
    struct pki_revoked *rows;
    size_t count;
    size_t capacity;
};

static enum base_code
add_revoked(void *arg, const struct store_certificate *row, struct base_error *err)
{
    struct revoked_list *list = arg;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        struct pki_revoked *rows =
            capacity > REVOKED_MAX ? NULL : realloc(list->rows, capacity * sizeof(*rows));
        if (rows == NULL) {
            return base_fail(err, E_TOO_LARGE, "%zu revoked certificates", list->count);
        }
        list->rows = rows;
        list->capacity = capacity;
    }
    struct pki_revoked *to = &list->rows[list->count++];
    *to = (struct pki_revoked){.at_s = row->revoked_ms / 1000, .reason = row->reason};
    return arena_copy(&list->memory, row->serial, &to->serial, err);
}

static enum base_code
build(struct ledger *ledger, const struct ledger_ca *ca, struct store_crl *facts,
    struct buffer *out, struct base_error *err)
{
    struct store_row row;
    struct store_crl old = {.number = 0};
    struct revoked_list list = {.count = 0};
    bool is_found = false;
    int64_t now_s = base_clock_now_s(&ledger->clock);
    store_row_init(&row);
    arena_init(&list.memory, LEDGER_CRL_MAX);
    enum base_code code = store_find_crl(ledger->store, facts->ca, &row, &old, &is_found, err);
    facts->number = is_found ? old.number + 1 : 1;
    facts->this_update_s = now_s;
    facts->next_update_s = now_s + ledger->settings->crl_valid_s;
    store_row_clear(&row);
    if (code == BASE_OK) {
        code = store_each_revoked(ledger->store, facts->ca, now_s, add_revoked, &list, err);
    }
    if (code == BASE_OK) {
        const struct pki_crl_spec spec = {.signature = ca->signature,
            .digest = ca->digest,
            .issuer_der = ca->certificate.subject,
            .this_update_s = facts->this_update_s,
            .next_update_s = facts->next_update_s,
            .number = facts->number,
            .authority_key_id = ca->certificate.subject_key_id,
            .revoked = list.rows,
            .revoked_count = list.count};
        code = pki_crl_body_build(&spec, out, err);
    }
    free(list.rows);
    arena_clear(&list.memory);
    return code;
}

static enum base_code
have_signed(struct ledger *ledger, struct bytes ca, struct bytes body, struct buffer *out_crl,
    struct base_error *err)
{
    struct ipc_frame frame = {.fd = -1};
    struct ipc_crl_signed answer;
    OWN_FD int body_fd = -1;
    TRY(ipc_blob_new(body, &body_fd, err));
    const struct ipc_sign_crl question = {.request_id = ledger_next_request_id(ledger), .ca = ca};
    ledger_send(ledger, &ledger->signer_fd, &ipc_sign_crl_spec, &question, body_fd);
    TRY(ledger_wait_signer(ledger, IPC_TYPE_CRL_SIGNED, &frame, err));
    OWN_FD int crl_fd = frame.fd;
    TRY(ipc_decode(&ipc_crl_signed_spec, &frame, &answer, err));
    if (answer.code != 0) {
        return base_fail(err, (enum base_code)answer.code, "%.*s", (int)answer.detail.len,
            (const char *)answer.detail.ptr);
    }
    return ipc_blob_read(crl_fd, out_crl, err);
}

static enum base_code
push(struct ledger *ledger, struct bytes ca, uint64_t number, struct bytes crl,
    struct base_error *err)
{
    OWN_FD int fd = -1;
    const struct ipc_crl message = {.ca = ca, .number = number};
    TRY(ipc_blob_new(crl, &fd, err));
    ledger_send(ledger, &ledger->front_fd, &ipc_crl_spec, &message, fd);
    return BASE_OK;
}

enum base_code
ledger_crl_rebuild(struct ledger *ledger, const struct ledger_ca *ca, struct base_error *err)
{
    BUFFER_LOCAL(body, LEDGER_CRL_MAX);
    BUFFER_LOCAL(crl, LEDGER_CRL_MAX);
    struct store_op *op = NULL;
    struct store_crl facts = {.ca = {ca->name, ca->name_len}};
    TRY(build(ledger, ca, &facts, &body, err));
    TRY(have_signed(ledger, facts.ca, buffer_bytes(&body), &crl, err));
    facts.crl = buffer_bytes(&crl);
    TRY(ledger_batch_op(ledger, STORE_PUT_CRL, &op, NULL, err));
    op->crl = &facts;
    TRY(ledger_batch_commit(ledger, err));
    struct base_log_record record;
    base_log_begin(&record, ledger->log, BASE_LOG_INFO, "crl_made", BYTES_NONE);
    base_log_text(&record, "ca", facts.ca);
    base_log_number(&record, "number", (int64_t)facts.number);
    base_log_end(&record);
    return push(ledger, facts.ca, facts.number, facts.crl, err);
}

/* *out_is_due: there is none, or it ends soon. With @is_pushed the front gets what there is. */
static enum base_code
look(struct ledger *ledger, struct bytes ca, bool is_pushed, bool *out_is_due,
    struct base_error *err)
{
    struct store_row row;
    struct store_crl crl;
    bool is_found = false;
    store_row_init(&row);
    enum base_code code = store_find_crl(ledger->store, ca, &row, &crl, &is_found, err);
    *out_is_due =
        code == BASE_OK && (!is_found || crl.next_update_s - ledger->settings->crl_renew_before_s <=
                                             base_clock_now_s(&ledger->clock));
    if (code == BASE_OK && is_found && is_pushed) {
        code = push(ledger, ca, crl.number, crl.crl, err);
    }
    store_row_clear(&row);
    return code;
}

static void
each_ca(struct ledger *ledger, bool is_pushed, bool is_rebuilt)
{
    for (size_t i = 0; ledger->authorities.is_complete && i < ledger->authorities.ca_count; i++) {
        const struct ledger_ca *ca = &ledger->authorities.cas[i];
        struct base_error err;
        bool is_due = false;
        enum base_code code =
            look(ledger, (struct bytes){ca->name, ca->name_len}, is_pushed, &is_due, &err);
        if (code == BASE_OK && is_due && is_rebuilt) {
            code = ledger_crl_rebuild(ledger, ca, &err);
        }
        if (code != BASE_OK) {
            base_log_error(ledger->log, BASE_LOG_ERROR, "crl_failed", &err);
        }
    }
}

void
ledger_crl_rebuild_all(struct ledger *ledger)
{
    for (size_t i = 0; i < ledger->authorities.ca_count; i++) {
        struct base_error err;
        if (ledger_crl_rebuild(ledger, &ledger->authorities.cas[i], &err) != BASE_OK) {
            base_log_error(ledger->log, BASE_LOG_ERROR, "crl_failed", &err);
        }
    }
}

void
ledger_crl_refresh(struct ledger *ledger)
{
    each_ca(ledger, false, true);
}

void
ledger_crl_push(struct ledger *ledger)
{
    each_ca(ledger, true, false);
}
