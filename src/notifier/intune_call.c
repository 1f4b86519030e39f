#include "notifier/intune_call.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

#define BEARER_LEN (NOTIFIER_TOKEN_MAX + 32)
#define SERVICE_NAME "Intune"

static void go_on(struct notifier_intune_call *call);

static void
done(struct notifier_intune_call *call, const struct notifier_verdict *why, struct bytes body)
{
    call->on_done(call->arg, why, body);
}

static void
done_with(struct notifier_intune_call *call, const struct base_error *err)
{
    struct notifier_verdict why;
    notifier_verdict_of_error(&why, err);
    done(call, &why, BYTES_NONE);
}

static void
drop(const struct notifier_intune_call *call, enum notifier_access_kind kind)
{
    notifier_access_drop(call->intune, kind, call->generations[kind]);
}

/* The call again with a new token or a new address; false: neither would help. */
static bool
is_to_be_repeated(struct notifier_intune_call *call, const struct notifier_answer *answer)
{
    bool is_answered = answer->failure == NOTIFIER_ANSWERED;
    if (is_answered && answer->status == 401 && !call->is_token_renewed) {
        call->is_token_renewed = true;
        drop(call, NOTIFIER_TOKEN_INTUNE);
        return true;
    }
    bool has_moved = is_answered ? answer->status == 404 : answer->failure == NOTIFIER_NO_NAME;
    /* An address that does not answer may be an old one: who comes next asks for it again. */
    if (!is_answered || answer->status == 404 || (answer->status >= 500 && answer->status != 503)) {
        drop(call, NOTIFIER_DISCOVERY);
    }
    if (has_moved && !call->is_discovery_renewed) {
        call->is_discovery_renewed = true;
        return true;
    }
    return false;
}

static void
fail(struct notifier_intune_call *call, const struct notifier_answer *answer)
{
    struct notifier_verdict why;
    char words[200] = "";
    notifier_access_judge(&why, SERVICE_NAME, answer);
    if (answer->failure == NOTIFIER_ANSWERED &&
        notifier_service_error(answer->body, words, sizeof(words))) {
        uint32_t retry_after_s = why.retry_after_s;
        enum base_code code = why.code;
        char reason[sizeof(why.reason)] = "";
        (void)snprintf(reason, sizeof(reason), "%s", why.reason);
        notifier_verdict_later(&why, code, reason, "%s: status %ld: %s (ActivityId %s)",
            SERVICE_NAME, answer->status, words, call->activity);
        why.retry_after_s = retry_after_s;
    }
    if (answer->failure == NOTIFIER_ANSWERED && answer->status == 429) {
        call->intune->hold_until_mono_ms =
            notifier_access_hold_until(call->intune->notifier, answer->retry_after_s);
    }
    done(call, &why, BYTES_NONE);
}

static void
on_answer(void *arg, const struct notifier_answer *answer)
{
    struct notifier_intune_call *call = arg;
    call->call = NULL;
    if (answer->failure == NOTIFIER_ANSWERED && answer->status == 200) {
        done(call, NULL, answer->body);
    } else if (is_to_be_repeated(call, answer)) {
        go_on(call);
    } else {
        fail(call, answer);
    }
}

/* Besides User-Agent, and no misprint for it. */
static const char user_agent[] = "UserAgent: " NOTIFIER_CALLER;

MUST_CHECK static enum base_code
post(struct notifier_intune_call *call, struct base_error *err)
{
    struct notifier_intune *intune = call->intune;
    struct notifier *notifier = intune->notifier;
    const struct notifier_policy *policy = intune->policy;
    const char *uri = intune->accesses[NOTIFIER_DISCOVERY].uris.uri[call->service];
    int64_t left_ms = call->deadline_mono_ms - notifier_now_ms(notifier);
    char url[NOTIFIER_URL_MAX + 128] = "";
    char id_header[80] = "";
    BUFFER_LOCAL(bearer, BEARER_LEN);
    if (uri[0] == '\0') {
        return base_fail(err, E_SERVICE_PERMISSION, "discovery does not list %s",
            notifier_intune_service_name(call->service));
    }
    for (int i = 0; i < NOTIFIER_ACCESSES; i++) {
        call->generations[i] = intune->accesses[i].generation;
    }
    TRY(notifier_make_guid(&notifier->random, call->activity, err));
    TRY(buffer_append_text(&bearer, "Authorization: Bearer ", err));
    TRY(buffer_append(&bearer, secret_peek(&intune->accesses[NOTIFIER_TOKEN_INTUNE].token), err));
    TRY(buffer_append_octet(&bearer, 0, err));
    (void)snprintf(url, sizeof(url), "%s/%s", uri, call->suffix);
    (void)snprintf(id_header, sizeof(id_header), "client-request-id: %s", call->activity);
    /* Versions are a header, not part of the URL. */
    const char *const headers[] = {(const char *)bearer.ptr, "Content-Type: application/json",
        "Accept: application/json", id_header,
        call->service == NOTIFIER_REVOCATION ? "api-version: 5019-05-05"
                                             : "api-version: 2018-02-20",
        user_agent, NULL};
    const struct notifier_request request = {.url = url,
        .headers = headers,
        .body = buffer_bytes(&call->body),
        .is_post = true,
        .ca_file = policy->ca_file,
        .proxy = policy->proxy,
        .timeout_ms = left_ms < policy->timeout_ms ? left_ms : policy->timeout_ms};
    return notifier_http_start(notifier->http, &request, on_answer, call, &call->call, err);
}

/* One of the things that it waited for is there, or cannot be had. */
static void
on_ready(void *arg, const struct notifier_verdict *why)
{
    struct notifier_intune_call *call = arg;
    if (why != NULL) {
        done(call, why, BYTES_NONE);
    } else {
        go_on(call);
    }
}

static void
go_on(struct notifier_intune_call *call)
{
    struct base_error err = {0};
    call->waiter = (struct notifier_waiter){.on_ready = on_ready, .arg = call};
    if (notifier_access_need(call->intune, NOTIFIER_DISCOVERY, &call->waiter) &&
        notifier_access_need(call->intune, NOTIFIER_TOKEN_INTUNE, &call->waiter) &&
        post(call, &err) != BASE_OK) {
        done_with(call, &err);
    }
}

struct notifier_intune_call *
notifier_intune_call_new(struct notifier_intune *intune, enum notifier_intune_service service,
    int64_t deadline_mono_ms, notifier_on_intune on_done, void *arg)
{
    struct notifier_intune_call *call = calloc(1, sizeof(*call));
    if (call != NULL) {
        call->intune = intune;
        call->service = service;
        call->deadline_mono_ms = deadline_mono_ms;
        call->on_done = on_done;
        call->arg = arg;
        buffer_init(&call->body, NOTIFIER_BODY_MAX);
    }
    return call;
}

void
notifier_intune_call_begin(struct notifier_intune_call *call, const char *suffix)
{
    int64_t hold_ms = call->intune->hold_until_mono_ms - notifier_now_ms(call->intune->notifier);
    call->suffix = suffix;
    if (hold_ms > 0) {
        struct notifier_verdict why;
        notifier_verdict_later(
            &why, E_SERVICE_BUSY, "hold", "%s: not before its Retry-After", SERVICE_NAME);
        why.retry_after_s = (uint32_t)((hold_ms + 999) / 1000);
        done(call, &why, BYTES_NONE);
        return;
    }
    go_on(call);
}

void
notifier_intune_call_free(struct notifier_intune_call *call)
{
    if (call == NULL) {
        return;
    }
    notifier_access_leave(&call->waiter);
    if (call->call != NULL) {
        notifier_http_cancel(call->intune->notifier->http, call->call);
    }
    buffer_clear(&call->body);
    free(call);
}
