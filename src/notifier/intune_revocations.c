#include "notifier/intune_revocations.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ipc/channel.h"
#include "notifier/intune.h"

#include "base/banned.h"

#define CALL_MS 25000
#define ORDERS_AT_ONCE 16 /* of the ledger's IPC_IN_FLIGHT_MAX */
#define ORDERS_MS 60000   /* for the ledger to answer one page */
#define RETRY_FIRST_MS 5000
#define PAGES_MAX 100 /* of one look; more wait for the next */

enum phase { IDLE, DOWNLOADING, ORDERING, UPLOADING };

struct notifier_revocations {
    struct notifier_intune *intune;
    enum phase phase;
    int64_t next_mono_ms;              /* while idle, or results wait to be uploaded again */
    int64_t orders_until_mono_ms;      /* while ordering */
    int64_t retry_ms;                  /* of the upload */
    struct notifier_intune_call *call; /* owned; under way, or done and not freed yet */
    json_t *page;                      /* owned */
    struct notifier_revocation list[NOTIFIER_REVOCATIONS_PAGE];
    size_t count; /* 0: no results to upload */
    size_t outstanding;
    unsigned pages;
};

struct notifier_revocations *
notifier_revocations_new(struct notifier_intune *intune)
{
    struct notifier_revocations *revocations = calloc(1, sizeof(*revocations));
    if (revocations != NULL) {
        revocations->intune = intune;
        revocations->retry_ms = RETRY_FIRST_MS;
        revocations->next_mono_ms = notifier_now_ms(intune->notifier);
    }
    return revocations;
}

void
notifier_revocations_free(struct notifier_revocations *revocations)
{
    if (revocations != NULL) {
        notifier_intune_call_free(revocations->call);
        json_decref(revocations->page);
        free(revocations);
    }
}

/* ---- messages ---- */

/* "0A1B", "0x0a1b", "0A:1B": octets without leading zeros; an odd digit first is half an octet. */
static void
take_serial(struct bytes text, struct notifier_revocation *out)
{
    char padded[2 * IPC_SERIAL_MAX + 8] = "0";
    BUFFER_LOCAL(octets, 2 * IPC_SERIAL_MAX);
    if (text.len > 2 && text.ptr[0] == '0' && (text.ptr[1] == 'x' || text.ptr[1] == 'X')) {
        text = bytes_skip(text, 2);
    }
    if (text.len % 2 == 1 && text.len < sizeof(padded) - 2 &&
        memchr(text.ptr, ':', text.len) == NULL) {
        memcpy(padded + 1, text.ptr, text.len);
        text = (struct bytes){(const uint8_t *)padded, text.len + 1};
    }
    if (base_hex_decode(text, &octets, NULL) != BASE_OK) {
        return;
    }
    struct bytes serial = buffer_bytes(&octets);
    while (serial.len > 1 && serial.ptr[0] == 0) {
        serial = bytes_skip(serial, 1);
    }
    if (serial.len > 0 && serial.len <= IPC_SERIAL_MAX) {
        memcpy(out->serial, serial.ptr, serial.len);
        out->serial_len = serial.len;
    }
}

enum base_code
notifier_revocations_parse(struct bytes body, json_t **out_page,
    struct notifier_revocation *out_list, size_t *out_count, struct base_error *err)
{
    OWN(json_t) page = NULL;
    TRY(notifier_json_parse(body, &page, err));
    const json_t *list = json_object_get(page, "value");
    if (!json_is_array(list)) {
        return base_fail(err, E_SERVICE_ANSWER, "revocation requests without a list 'value'");
    }
    if (json_array_size(list) > NOTIFIER_REVOCATIONS_PAGE) {
        return base_fail(err, E_SERVICE_ANSWER, "%zu revocation requests, asked for %d",
            json_array_size(list), NOTIFIER_REVOCATIONS_PAGE);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        struct bytes serial = BYTES_NONE;
        out_list[i] = (struct notifier_revocation){.order_id = 0};
        if (!notifier_json_text(entry, "requestContext", &out_list[i].context)) {
            return base_fail(err, E_SERVICE_ANSWER, "a revocation request without requestContext");
        }
        if (notifier_json_text(entry, "serialNumber", &serial)) {
            take_serial(serial, &out_list[i]);
        }
    }
    *out_count = json_array_size(list);
    *out_page = MOVE(page);
    return BASE_OK;
}

/* Intune's names for what became of one. A certificate that was revoked before is what Intune
 * wants: it is told so, and not of a conflict. */
static json_t *
result_of(const struct notifier_revocation *one)
{
    const char *code = "RetryableServiceException";
    const char *message = "the certificate could not be revoked now";
    bool is_done = one->outcome == IPC_REVOKE_DONE || one->outcome == IPC_REVOKE_ALREADY;
    if (is_done) {
        code = "None";
        message = "";
    } else if (one->serial_len == 0) {
        code = "ParameterDataInvalidError";
        message = "the serial number is not one";
    } else if (one->outcome == IPC_REVOKE_UNKNOWN) {
        code = "CertificateNotFoundError";
        message = "no certificate with this serial number was issued under this policy";
    }
    OWN(json_t) result = json_object();
    bool is_set = json_object_set_new(result, "requestContext",
                      json_stringn((const char *)one->context.ptr, one->context.len)) == 0 &&
                  json_object_set_new(result, "succeeded", json_boolean(is_done)) == 0 &&
                  notifier_json_set(result, "errorCode", bytes_from_text(code)) &&
                  notifier_json_set(result, "errorMessage", bytes_from_text(message));
    return is_set ? MOVE(result) : NULL;
}

enum base_code
notifier_revocations_results(const struct notifier_revocation *list, size_t count,
    struct buffer *out, struct base_error *err)
{
    OWN(json_t) whole = json_object();
    OWN(json_t) results = json_array();
    for (size_t i = 0; i < count; i++) {
        if (json_array_append_new(results, result_of(&list[i])) != 0) {
            return base_fail(err, E_NO_MEMORY, "JSON");
        }
    }
    if (json_object_set(whole, "results", results) != 0) {
        return base_fail(err, E_NO_MEMORY, "JSON");
    }
    return notifier_json_write(whole, out, err);
}

bool
notifier_revocations_is_taken(struct bytes body)
{
    OWN(json_t) object = NULL;
    return notifier_json_parse(body, &object, NULL) == BASE_OK &&
           json_is_true(json_object_get(object, "value"));
}

/* ---- the round ---- */

static void
rest_until(struct notifier_revocations *r, int64_t delay_ms)
{
    r->next_mono_ms = notifier_now_ms(r->intune->notifier) + delay_ms;
}

/* This look is over; the next one comes in its time. */
static void
finish_look(struct notifier_revocations *r)
{
    r->phase = IDLE;
    r->count = 0;
    r->pages = 0;
    json_decref(r->page);
    r->page = NULL;
    rest_until(r, 1000 * r->intune->policy->revocations_s);
}

static void
log_failure(const struct notifier_revocations *r, const struct notifier_verdict *why)
{
    struct base_error err = {.code = why->code};
    struct base_log_record record;
    (void)snprintf(err.detail, sizeof(err.detail), "%s", why->detail);
    base_log_begin(
        &record, r->intune->notifier->log, BASE_LOG_WARN, "revocations_failed", BYTES_NONE);
    base_log_word(&record, "policy", r->intune->policy->name);
    base_log_word(&record, "call", r->phase == UPLOADING ? "upload" : "download");
    base_log_word(&record, "reason", why->reason);
    base_log_code(&record, &err);
    base_log_end(&record);
}

static void
log_uploaded(const struct notifier_revocations *r)
{
    struct base_log_record record;
    size_t done = 0;
    for (size_t i = 0; i < r->count; i++) {
        done += r->list[i].outcome == IPC_REVOKE_DONE || r->list[i].outcome == IPC_REVOKE_ALREADY;
    }
    base_log_begin(
        &record, r->intune->notifier->log, BASE_LOG_INFO, "revocations_done", BYTES_NONE);
    base_log_word(&record, "policy", r->intune->policy->name);
    base_log_number(&record, "requests", (int64_t)r->count);
    base_log_number(&record, "revoked", (int64_t)done);
    base_log_end(&record);
}

/* A call of ours; the earlier one is over. NULL without memory. */
static struct notifier_intune_call *
new_call(struct notifier_revocations *r, notifier_on_intune on_done)
{
    notifier_intune_call_free(r->call);
    r->call = notifier_intune_call_new(
        r->intune, NOTIFIER_REVOCATION, notifier_now_ms(r->intune->notifier) + CALL_MS, on_done, r);
    return r->call;
}

static void
on_downloaded(void *arg, const struct notifier_verdict *why, struct bytes body)
{
    struct notifier_revocations *r = arg;
    struct notifier_verdict failure;
    struct base_error err = {0};
    size_t count = 0;
    json_t *page = NULL;
    if (why == NULL && notifier_revocations_parse(body, &page, r->list, &count, &err) != BASE_OK) {
        notifier_verdict_of_error(&failure, &err);
        why = &failure;
    }
    if (why != NULL) {
        log_failure(r, why);
        finish_look(r);
        return;
    }
    if (count == 0) {
        json_decref(page);
        finish_look(r);
        return;
    }
    json_decref(r->page);
    r->page = page;
    r->count = count;
    r->outstanding = 0;
    r->phase = ORDERING;
    r->orders_until_mono_ms = notifier_now_ms(r->intune->notifier) + ORDERS_MS;
    r->next_mono_ms = 0;
}

static void
download(struct notifier_revocations *r)
{
    static const char body[] = "{\"downloadParameters\":{\"maxRequests\":500,\"issuerName\":null}}";
    struct notifier_intune_call *call = new_call(r, on_downloaded);
    if (call == NULL || buffer_append_text(&call->body, body, NULL) != BASE_OK) {
        finish_look(r);
        return;
    }
    r->phase = DOWNLOADING;
    notifier_intune_call_begin(call, "CertificateAuthorityRequests/downloadRevocationRequests");
}

static void
upload_again_later(struct notifier_revocations *r)
{
    rest_until(r, r->retry_ms);
    r->retry_ms = 2 * r->retry_ms < 1000 * r->intune->policy->revocations_s
                      ? 2 * r->retry_ms
                      : 1000 * r->intune->policy->revocations_s;
}

static void
on_uploaded(void *arg, const struct notifier_verdict *why, struct bytes body)
{
    struct notifier_revocations *r = arg;
    struct notifier_verdict failure;
    if (why == NULL && !notifier_revocations_is_taken(body)) {
        char start[80] = "";
        notifier_verdict_later(&failure, E_SERVICE_ANSWER, "not-taken",
            "uploadRevocationResults: want value true, found '%s'",
            base_escape(body, start, sizeof(start)));
        why = &failure;
    }
    if (why != NULL) {
        log_failure(r, why);
        upload_again_later(r);
        return;
    }
    log_uploaded(r);
    r->retry_ms = RETRY_FIRST_MS;
    r->count = 0;
    if (++r->pages >= PAGES_MAX) {
        finish_look(r);
        return;
    }
    r->phase = IDLE;
    r->next_mono_ms = 0; /* the next page, at once */
}

static void
upload(struct notifier_revocations *r)
{
    struct notifier_intune_call *call = new_call(r, on_uploaded);
    r->phase = UPLOADING;
    r->next_mono_ms = INT64_MAX; /* until it has come back */
    if (call == NULL ||
        notifier_revocations_results(r->list, r->count, &call->body, NULL) != BASE_OK) {
        upload_again_later(r);
        return;
    }
    notifier_intune_call_begin(call, "CertificateAuthorityRequests/uploadRevocationResults");
}

/* Orders to the ledger, a few at a time; when all have their outcome, the results go up. */
static void
order(struct notifier_revocations *r)
{
    struct notifier *notifier = r->intune->notifier;
    bool is_late = notifier_now_ms(notifier) >= r->orders_until_mono_ms;
    bool is_open = false;
    for (size_t i = 0; i < r->count; i++) {
        struct notifier_revocation *one = &r->list[i];
        if (one->outcome != 0) {
            continue;
        }
        if (is_late || one->serial_len == 0) {
            one->outcome = IPC_REVOKE_FAULT;
            continue;
        }
        is_open = true;
        if (one->order_id == 0 && r->outstanding < ORDERS_AT_ONCE && notifier->ledger_fd >= 0) {
            one->order_id = ++notifier->last_order_id;
            r->outstanding++;
            struct ipc_revoke_order message = {.request_id = one->order_id,
                .policy = bytes_from_text(r->intune->policy->name),
                .serial = {one->serial, one->serial_len}};
            notifier_tell_ledger(notifier, &ipc_revoke_order_spec, &message);
        }
    }
    if (!is_open) {
        upload(r);
    }
}

bool
notifier_revocations_take(
    struct notifier_revocations *revocations, uint64_t order_id, uint8_t outcome)
{
    for (size_t i = 0; i < revocations->count; i++) {
        struct notifier_revocation *one = &revocations->list[i];
        if (one->order_id == order_id && one->outcome == 0) {
            one->outcome = outcome >= IPC_REVOKE_DONE && outcome <= IPC_REVOKE_FAULT
                               ? outcome
                               : (uint8_t)IPC_REVOKE_FAULT;
            revocations->outstanding -= revocations->outstanding > 0 ? 1 : 0;
            return true;
        }
    }
    return false;
}

void
notifier_revocations_forget_orders(struct notifier_revocations *revocations)
{
    for (size_t i = 0; i < revocations->count; i++) {
        if (revocations->list[i].outcome == 0) {
            revocations->list[i].order_id = 0;
        }
    }
    revocations->outstanding = 0;
}

int64_t
notifier_revocations_poll(struct notifier_revocations *revocations, int64_t most_ms)
{
    struct notifier_revocations *r = revocations;
    int64_t now_ms = notifier_now_ms(r->intune->notifier);
    if (r->phase == ORDERING) {
        order(r);
    } else if (r->phase == IDLE && now_ms >= r->next_mono_ms) {
        download(r);
    } else if (r->phase == UPLOADING && now_ms >= r->next_mono_ms) {
        upload(r);
    }
    int64_t due_ms = r->phase == ORDERING      ? r->orders_until_mono_ms
                     : r->phase == DOWNLOADING ? INT64_MAX
                                               : r->next_mono_ms;
    int64_t left_ms = due_ms == INT64_MAX ? most_ms : due_ms - now_ms;
    return left_ms < 0 ? 0 : left_ms < most_ms ? left_ms : most_ms;
}

/* ---- all policies ---- */

int64_t
notifier_intune_poll(struct notifier *notifier, int64_t most_ms)
{
    for (size_t i = 0; i < notifier->settings->count; i++) {
        struct notifier_intune *intune = notifier->settings->policies[i].intune;
        if (intune != NULL && intune->revocations != NULL) {
            most_ms = notifier_revocations_poll(intune->revocations, most_ms);
        }
    }
    return most_ms;
}

void
notifier_intune_revoked(struct notifier *notifier, uint64_t request_id, uint8_t outcome)
{
    for (size_t i = 0; notifier->settings != NULL && i < notifier->settings->count; i++) {
        struct notifier_intune *intune = notifier->settings->policies[i].intune;
        if (intune != NULL && intune->revocations != NULL &&
            notifier_revocations_take(intune->revocations, request_id, outcome)) {
            return;
        }
    }
}

void
notifier_intune_forget_orders(struct notifier *notifier)
{
    for (size_t i = 0; notifier->settings != NULL && i < notifier->settings->count; i++) {
        struct notifier_intune *intune = notifier->settings->policies[i].intune;
        if (intune != NULL && intune->revocations != NULL) {
            notifier_revocations_forget_orders(intune->revocations);
        }
    }
}
