#include "ledger/control.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/text.h"
#include "ipc/control.h"
#include "ledger/approval.h"
#include "ledger/batch.h"
#include "ledger/challenge_order.h"
#include "ledger/control_bound.h"
#include "ledger/control_outbox.h"
#include "ledger/control_profile.h"
#include "ledger/control_rows.h"
#include "ledger/crl.h"
#include "ledger/lookup.h"
#include "ledger/revoke.h"
#include "ledger/state.h"
#include "pki/name.h"

#include "base/banned.h"

#define CONTACT_BEFORE_MS 600000 /* ten minutes */
#define EVENTS_MAX 500

/* The end that is being prepared: what each question's function may say in it. */
struct answer {
    struct ledger *ledger;
    int fd;
    bool is_more;
    char cursor[65];
};

/* ---- challenges
 * -------------------------------------------------------------------------------------------------
 */

static enum base_code
take_challenge_new(struct answer *answer, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_challenge_new question;
    struct ledger_challenge_made made[IPC_PAGE_MAX];
    TRY(ipc_decode(&ipc_challenge_new_spec, frame, &question, err));
    const struct ledger_challenge_order order = {.profile = question.profile,
        .device = question.device,
        .subject = question.subject,
        .sans = question.sans,
        .is_san_bound = question.is_san_bound != 0,
        .ttl_s = question.ttl_s,
        .uses = question.uses,
        .count = question.count};
    if (question.is_bound != 0) {
        const struct ledger_profile *profile = NULL;
        TRY(ledger_challenge_order_check(answer->ledger, &order, &profile, err));
        return ledger_control_bound_new(answer->ledger, answer->fd, &question, profile, err);
    }
    TRY(ledger_challenge_order(answer->ledger, &order, made, err));
    enum base_code code = BASE_OK;
    for (uint32_t i = 0; code == BASE_OK && i < question.count; i++) {
        const struct ipc_challenge row = {.challenge = bytes_from_text(made[i].text),
            .challenge_id = bytes_from_text(made[i].id_text),
            .expires_ms = made[i].expires_ms,
            .delivery_id = made[i].delivery_id};
        code = ipc_send(answer->fd, &ipc_challenge_spec, &row, -1, err);
    }
    explicit_bzero(made, sizeof(made));
    return code;
}

/* ---- deliveries
 * -------------------------------------------------------------------------------------------------
 */

struct delivery_page {
    struct answer *answer;
    size_t count;
};

static enum base_code
page_delivery(void *arg, const struct store_delivery *row, struct base_error *err)
{
    struct delivery_page *page = arg;
    (void)snprintf(
        page->answer->cursor, sizeof(page->answer->cursor), "%llu", (unsigned long long)row->id);
    page->count++;
    return ledger_send_delivery(page->answer->fd, row, err);
}

static enum base_code
list_deliveries(
    struct answer *answer, struct bytes cursor, struct bytes state, struct base_error *err)
{
    struct delivery_page page = {answer, 0};
    uint64_t before = 0;
    if (cursor.len > 0) {
        TRY(base_parse_number(cursor, INT64_MAX, &before, err));
    }
    TRY(store_each_delivery(
        answer->ledger->store, before, state, IPC_PAGE_MAX, page_delivery, &page, err));
    answer->is_more = page.count == IPC_PAGE_MAX;
    return BASE_OK;
}

static enum base_code
take_delivery_list(struct answer *answer, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_delivery_list question;
    TRY(ipc_decode(&ipc_delivery_list_spec, frame, &question, err));
    return list_deliveries(answer, question.cursor, question.state, err);
}

static enum base_code
take_request_list(struct answer *answer, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_request_list question;
    TRY(ipc_decode(&ipc_request_list_spec, frame, &question, err));
    return list_deliveries(
        answer, question.cursor, bytes_from_text(ledger_state_name(LEDGER_WAITING)), err);
}

/* Events, with the contacts before the first request where they belong in time. */
struct trace {
    struct answer *answer;
    const struct store_delivery *delivery;
    bool is_contacts_sent;
};

static enum base_code
trace_contact(void *arg, const struct store_contact *row, struct base_error *err)
{
    const struct trace *trace = arg;
    const struct ipc_contact_row message = {.delivery_id = trace->delivery->id,
        .at_ms = row->at_ms,
        .operation = row->operation,
        .source = row->source,
        .count = row->count};
    return ipc_send(trace->answer->fd, &ipc_contact_row_spec, &message, -1, err);
}

static enum base_code
trace_event(void *arg, const struct store_event *row, struct base_error *err)
{
    struct trace *trace = arg;
    if (!trace->is_contacts_sent && row->step >= 2 && trace->delivery->source.len > 0) {
        trace->is_contacts_sent = true;
        TRY(store_each_contact(trace->answer->ledger->store, trace->delivery->endpoint,
            trace->delivery->source, row->at_ms - CONTACT_BEFORE_MS, row->at_ms + 1000,
            IPC_PAGE_MAX, trace_contact, trace, err));
    }
    const struct ipc_event message = {.delivery_id = row->delivery_id,
        .at_ms = row->at_ms,
        .step = row->step,
        .event = row->event,
        .code = row->code,
        .detail = row->detail};
    return ipc_send(trace->answer->fd, &ipc_event_spec, &message, -1, err);
}

static enum base_code
trace_certificate(struct answer *answer, struct bytes serial, struct base_error *err)
{
    struct store_row row;
    struct store_certificate certificate;
    bool is_found = false;
    store_row_init(&row);
    enum base_code code =
        store_find_certificate(answer->ledger->store, serial, &row, &certificate, &is_found, err);
    if (code == BASE_OK && is_found) {
        code = ledger_send_certificate(
            answer->fd, &certificate, base_clock_now_s(&answer->ledger->clock), false, err);
    }
    store_row_clear(&row);
    return code;
}

static enum base_code
trace_delivery(struct answer *answer, uint64_t id, struct base_error *err)
{
    struct store_row row;
    struct store_delivery delivery;
    bool is_found = false;
    store_row_init(&row);
    enum base_code code =
        store_find_delivery(answer->ledger->store, id, &row, &delivery, &is_found, err);
    if (code == BASE_OK && is_found) {
        struct trace trace = {answer, &delivery, false};
        code = ledger_send_delivery(answer->fd, &delivery, err);
        code = code == BASE_OK ? store_each_event(answer->ledger->store, id, EVENTS_MAX,
                                     trace_event, &trace, err)
                               : code;
        code = code == BASE_OK ? ledger_outbox_trace(answer->ledger, answer->fd, id, err) : code;
        if (code == BASE_OK && delivery.serial.len > 0) {
            code = trace_certificate(answer, delivery.serial, err);
        }
    }
    store_row_clear(&row);
    return code;
}

static enum base_code
take_trace(struct answer *answer, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_trace question;
    uint64_t ids[LEDGER_FOUND_MAX];
    size_t count = 0;
    TRY(ipc_decode(&ipc_trace_spec, frame, &question, err));
    TRY(ledger_lookup_find(answer->ledger, question.what, ids, &count, err));
    for (size_t i = 0; i < count; i++) {
        TRY(trace_delivery(answer, ids[i], err));
    }
    return BASE_OK;
}

static enum base_code
take_request_decide(struct answer *answer, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_request_decide question;
    TRY(ipc_decode(&ipc_request_decide_spec, frame, &question, err));
    return ledger_approval_decide(
        answer->ledger, question.what, question.is_approved != 0, question.reason, err);
}

/* ---- certificates
 * -----------------------------------------------------------------------------------------------
 */

static enum base_code
page_certificate(void *arg, const struct store_certificate *row, struct base_error *err)
{
    struct delivery_page *page = arg;
    base_hex(row->serial, page->answer->cursor);
    page->count++;
    return ledger_send_certificate(
        page->answer->fd, row, base_clock_now_s(&page->answer->ledger->clock), false, err);
}

static enum base_code
take_cert_list(struct answer *answer, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_cert_list question;
    struct delivery_page page = {answer, 0};
    BUFFER_LOCAL(after, IPC_SERIAL_MAX);
    TRY(ipc_decode(&ipc_cert_list_spec, frame, &question, err));
    TRY(base_hex_decode(question.cursor, &after, err));
    TRY(store_each_certificate(
        answer->ledger->store, buffer_bytes(&after), IPC_PAGE_MAX, page_certificate, &page, err));
    answer->is_more = page.count == IPC_PAGE_MAX;
    return BASE_OK;
}

static enum base_code
show_delivery_certificate(
    struct answer *answer, uint64_t delivery_id, bool *out_is_shown, struct base_error *err)
{
    struct store_row row;
    struct store_row certificate_row;
    struct store_delivery delivery;
    struct store_certificate certificate;
    bool is_found = false;
    store_row_init(&row);
    store_row_init(&certificate_row);
    enum base_code code =
        store_find_delivery(answer->ledger->store, delivery_id, &row, &delivery, &is_found, err);
    if (code == BASE_OK && is_found && delivery.serial.len > 0) {
        code = store_find_certificate(
            answer->ledger->store, delivery.serial, &certificate_row, &certificate, &is_found, err);
        if (code == BASE_OK && is_found) {
            *out_is_shown = true;
            code = ledger_send_certificate(
                answer->fd, &certificate, base_clock_now_s(&answer->ledger->clock), true, err);
        }
    }
    store_row_clear(&certificate_row);
    store_row_clear(&row);
    return code;
}

static enum base_code
take_cert_show(struct answer *answer, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_cert_show question;
    uint64_t ids[LEDGER_FOUND_MAX];
    size_t count = 0;
    bool is_shown = false;
    TRY(ipc_decode(&ipc_cert_show_spec, frame, &question, err));
    TRY(ledger_lookup_find(answer->ledger, question.what, ids, &count, err));
    for (size_t i = 0; i < count; i++) {
        TRY(show_delivery_certificate(answer, ids[i], &is_shown, err));
    }
    return is_shown ? BASE_OK : base_fail(err, E_NOT_FOUND, "a delivery without a certificate");
}

static enum base_code
revoke_found(struct answer *answer, const struct store_certificate *found,
    const struct ipc_cert_revoke *question, struct base_error *err)
{
    struct ledger *ledger = answer->ledger;
    TRY(ledger_revoke(ledger, found, question->reason, BASE_OK, BYTES_NONE, err));
    TRY(ledger_batch_commit(ledger, err));
    ledger->is_crl_wanted = false; /* at once, here */
    const struct ledger_ca *ca = ledger_authorities_find(&ledger->authorities, found->ca);
    return ca == NULL ? base_fail(err, E_SIGNER_GONE, "revoked, but the CRL could not be made yet")
                      : ledger_crl_rebuild(ledger, ca, err);
}

static enum base_code
take_cert_revoke(struct answer *answer, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_cert_revoke question;
    struct store_row row;
    struct store_certificate certificate;
    bool is_found = false;
    TRY(ipc_decode(&ipc_cert_revoke_spec, frame, &question, err));
    if (question.reason > 10 || question.reason == 7 || question.reason == 8) {
        return base_fail(err, E_USAGE, "reason %u", (unsigned)question.reason);
    }
    store_row_init(&row);
    enum base_code code = store_find_certificate(
        answer->ledger->store, question.serial, &row, &certificate, &is_found, err);
    if (code == BASE_OK) {
        code = is_found ? revoke_found(answer, &certificate, &question, err)
                        : base_fail(err, E_NOT_FOUND, "no certificate has this serial");
    }
    store_row_clear(&row);
    return code;
}

/* ---- the rest
 * ---------------------------------------------------------------------------------------------------
 */

static enum base_code
take_crl_show(struct answer *answer, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_crl_show question;
    struct ledger *ledger = answer->ledger;
    struct store_row row;
    struct store_crl crl;
    bool is_found = false;
    TRY(ipc_decode(&ipc_crl_show_spec, frame, &question, err));
    if (question.ca.len == 0 && ledger->authorities.ca_count > 0) {
        question.ca =
            (struct bytes){ledger->authorities.cas[0].name, ledger->authorities.cas[0].name_len};
    }
    const struct ledger_ca *ca = ledger_authorities_find(&ledger->authorities, question.ca);
    if (ca == NULL) {
        return base_fail(err, E_NOT_FOUND, "no such CA");
    }
    if (question.is_rebuilt != 0) {
        TRY(ledger_crl_rebuild(ledger, ca, err));
    }
    store_row_init(&row);
    enum base_code code = store_find_crl(ledger->store, question.ca, &row, &crl, &is_found, err);
    if (code == BASE_OK && !is_found) {
        code = base_fail(err, E_NOT_FOUND, "no CRL yet");
    }
    if (code == BASE_OK) {
        OWN_FD int fd = -1;
        const struct ipc_crl_row message = {.ca = question.ca,
            .number = crl.number,
            .this_update_s = crl.this_update_s,
            .next_update_s = crl.next_update_s};
        code = ipc_blob_new(crl.crl, &fd, err);
        code = code == BASE_OK ? ipc_send(answer->fd, &ipc_crl_row_spec, &message, fd, err) : code;
    }
    store_row_clear(&row);
    return code;
}

static enum base_code
take_authority_list(struct answer *answer, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_authority_list question;
    const struct ledger_authorities *authorities = &answer->ledger->authorities;
    TRY(ipc_decode(&ipc_authority_list_spec, frame, &question, err));
    for (size_t i = 0; i < authorities->row_count; i++) {
        const struct ledger_authority *from = &authorities->rows[i];
        const struct ipc_authority_row row = {.ca = {from->ca, from->ca_len},
            .kind = from->kind,
            .index = from->index,
            .certificate = {from->der, from->der_len}};
        TRY(ipc_send(answer->fd, &ipc_authority_row_spec, &row, -1, err));
    }
    return BASE_OK;
}

/* For kurier inspect: the administrator could read HOME/signer as well. */
static enum base_code
take_envelope_open(struct answer *answer, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_envelope_open question;
    struct ipc_envelope_key opened;
    struct ipc_frame from_signer = {.fd = -1};
    struct ledger *ledger = answer->ledger;
    TRY(ipc_decode(&ipc_envelope_open_spec, frame, &question, err));
    if (!ledger_authorities_has_ra(&ledger->authorities, question.ca, question.ra) ||
        question.key_len == 0 || question.key_len > 32 ||
        question.transport < IPC_TRANSPORT_PKCS1 ||
        question.transport > IPC_TRANSPORT_OAEP_SHA256) {
        return base_fail(err, E_USAGE, "no such key here, or no such way to wrap one");
    }
    const struct ipc_open_envelope ask = {.request_id = ledger_next_request_id(ledger),
        .ca = question.ca,
        .ra = question.ra,
        .transport = question.transport,
        .key_len = question.key_len,
        .encrypted_key = question.encrypted_key};
    ledger_send(ledger, &ledger->signer_fd, &ipc_open_envelope_spec, &ask, -1);
    TRY(ledger_wait_signer(ledger, IPC_TYPE_ENVELOPE_KEY, &from_signer, err));
    TRY(ipc_decode(&ipc_envelope_key_spec, &from_signer, &opened, err));
    const struct ipc_envelope_opened row = {.key = opened.key};
    return ipc_send(answer->fd, &ipc_envelope_opened_spec, &row, -1, err);
}

static enum base_code
take_audit(struct answer *answer, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_audit question;
    TRY(ipc_decode(&ipc_audit_spec, frame, &question, err));
    return ledger_audit_page(
        answer->ledger, answer->fd, question.cursor, &answer->is_more, answer->cursor, err);
}

static enum base_code
take_outbox_list(struct answer *answer, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_outbox_list question;
    TRY(ipc_decode(&ipc_outbox_list_spec, frame, &question, err));
    return ledger_outbox_list(
        answer->ledger, answer->fd, &question, &answer->is_more, answer->cursor, err);
}

static enum base_code
take_outbox_send(struct answer *answer, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_outbox_send question;
    TRY(ipc_decode(&ipc_outbox_send_spec, frame, &question, err));
    return ledger_outbox_send(answer->ledger, answer->fd, question.notice_id, err);
}

static enum base_code
take_outbox_status(struct answer *answer, const struct ipc_frame *frame, struct base_error *err)
{
    (void)frame;
    return ledger_outbox_status(answer->ledger, answer->fd, err);
}

static enum base_code
take_profile_list(struct answer *answer, const struct ipc_frame *frame, struct base_error *err)
{
    return ledger_profile_list(
        answer->ledger, answer->fd, frame, &answer->is_more, answer->cursor, err);
}

static enum base_code
take_profile_sign(struct answer *answer, const struct ipc_frame *frame, struct base_error *err)
{
    return ledger_profile_sign(answer->ledger, answer->fd, frame, err);
}

static enum base_code
take_bound_key_new(struct answer *answer, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_bound_key_new question;
    TRY(ipc_decode(&ipc_bound_key_new_spec, frame, &question, err));
    return ledger_control_bound_key_new(answer->ledger, answer->fd, &question, err);
}

static enum base_code
take_bound_key_list(struct answer *answer, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_bound_key_list question;
    size_t count = 0;
    _Static_assert(sizeof(answer->cursor) == IPC_NAME_MAX + 1, "a name is a cursor");
    TRY(ipc_decode(&ipc_bound_key_list_spec, frame, &question, err));
    TRY(ledger_control_bound_key_list(
        answer->ledger, answer->fd, question.cursor, &count, answer->cursor, err));
    answer->is_more = count == IPC_PAGE_MAX;
    return BASE_OK;
}

static enum base_code
take_bound_key_remove(struct answer *answer, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_bound_key_remove question;
    TRY(ipc_decode(&ipc_bound_key_remove_spec, frame, &question, err));
    return ledger_control_bound_key_remove(answer->ledger, question.name, err);
}

static const struct {
    const struct ipc_spec *spec;
    enum base_code (*take)(
        struct answer *answer, const struct ipc_frame *frame, struct base_error *err);
} verbs[] = {
    {&ipc_challenge_new_spec, take_challenge_new},
    {&ipc_delivery_list_spec, take_delivery_list},
    {&ipc_trace_spec, take_trace},
    {&ipc_cert_list_spec, take_cert_list},
    {&ipc_cert_show_spec, take_cert_show},
    {&ipc_cert_revoke_spec, take_cert_revoke},
    {&ipc_request_list_spec, take_request_list},
    {&ipc_request_decide_spec, take_request_decide},
    {&ipc_crl_show_spec, take_crl_show},
    {&ipc_authority_list_spec, take_authority_list},
    {&ipc_envelope_open_spec, take_envelope_open},
    {&ipc_audit_spec, take_audit},
    {&ipc_outbox_list_spec, take_outbox_list},
    {&ipc_outbox_send_spec, take_outbox_send},
    {&ipc_outbox_status_spec, take_outbox_status},
    {&ipc_profile_list_spec, take_profile_list},
    {&ipc_profile_sign_spec, take_profile_sign},
    {&ipc_bound_key_new_spec, take_bound_key_new},
    {&ipc_bound_key_list_spec, take_bound_key_list},
    {&ipc_bound_key_remove_spec, take_bound_key_remove},
};

const char *
ledger_control_question_name(uint16_t type)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (type == (uint16_t)verbs[i].spec->type) {
            return verbs[i].spec->name;
        }
    }
    return "unknown";
}

enum base_code
ledger_control_take(
    struct ledger *ledger, int fd, const struct ipc_frame *frame, struct base_error *err)
{
    struct answer answer = {.ledger = ledger, .fd = fd};
    struct base_error why = {BASE_OK, ""};
    enum base_code code = E_IPC_UNEXPECTED;
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (ipc_frame_type(frame) == (uint16_t)verbs[i].spec->type) {
            code = verbs[i].take(&answer, frame, &why);
            break;
        }
    }
    if (code == E_IPC_UNEXPECTED || code == E_PEER_CLOSED || code == E_IPC_FIELD) {
        return base_fail(
            err, code, "control message %u: %s", (unsigned)ipc_frame_type(frame), why.detail);
    }
    const struct ipc_control_end end = {.code = (uint32_t)code,
        .detail = bytes_from_text(why.detail),
        .is_more = answer.is_more,
        .cursor = bytes_from_text(answer.is_more ? answer.cursor : "")};
    return ipc_send(fd, &ipc_control_end_spec, &end, -1, err);
}
