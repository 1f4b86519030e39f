#include "notifier/intune_access.h"

#include <stdio.h>
#include <string.h>

#include "notifier/intune.h"

#include "base/banned.h"

#define DISCOVERY_LIFE_MS ((int64_t)24 * 3600 * 1000)
#define HOLD_MAX_S 300 /* of all calls, by one answer */
#define BEARER_LEN (NOTIFIER_TOKEN_MAX + 32)

static const char *
access_name(enum notifier_access_kind kind)
{
    static const char *const names[] = {"token for Graph", "token for Intune", "discovery"};
    return names[kind];
}

void
notifier_access_init(struct notifier_intune *intune)
{
    for (int i = 0; i < NOTIFIER_ACCESSES; i++) {
        struct notifier_access *access = &intune->accesses[i];
        access->intune = intune;
        access->kind = (enum notifier_access_kind)i;
        secret_init(&access->token, NOTIFIER_TOKEN_MAX);
    }
}

void
notifier_access_clear(struct notifier_intune *intune)
{
    for (int i = 0; i < NOTIFIER_ACCESSES; i++) {
        struct notifier_access *access = &intune->accesses[i];
        if (access->call != NULL) {
            notifier_http_cancel(intune->notifier->http, access->call);
        }
        secret_clear(&access->token);
    }
}

int64_t
notifier_access_hold_until(const struct notifier *notifier, uint32_t retry_after_s)
{
    uint32_t hold_s = retry_after_s < HOLD_MAX_S ? retry_after_s : HOLD_MAX_S;
    return notifier_now_ms(notifier) + 1000 * (int64_t)hold_s;
}

void
notifier_access_judge(
    struct notifier_verdict *verdict, const char *service, const struct notifier_answer *answer)
{
    notifier_verdict_of_answer(verdict, service, answer);
    if (answer->failure == NOTIFIER_ANSWERED && answer->status == 401) {
        verdict->code = E_SERVICE_LOGIN;
    } else if (answer->failure == NOTIFIER_ANSWERED && answer->status == 403) {
        verdict->code = E_SERVICE_PERMISSION;
    }
}

void
notifier_access_leave(struct notifier_waiter *waiter)
{
    struct notifier_waiter **at = waiter->at == NULL ? NULL : &waiter->at->waiting;
    while (at != NULL && *at != NULL && *at != waiter) {
        at = &(*at)->next;
    }
    if (at != NULL && *at == waiter) {
        *at = waiter->next;
    }
    waiter->at = NULL;
    waiter->next = NULL;
}

void
notifier_access_drop(
    struct notifier_intune *intune, enum notifier_access_kind kind, unsigned generation)
{
    if (intune->accesses[kind].generation == generation) {
        intune->accesses[kind].fresh_until_mono_ms = 0;
    }
}

/* Everybody who waits is told; who begins to wait meanwhile is not. */
static void
tell_waiting(struct notifier_access *access, const struct notifier_verdict *why)
{
    struct notifier_waiter *last = access->waiting;
    for (struct notifier_waiter *at = access->waiting; at != NULL; at = at->next) {
        last = at;
    }
    bool is_last = last == NULL;
    while (!is_last && access->waiting != NULL) {
        struct notifier_waiter *waiter = access->waiting;
        is_last = waiter == last;
        notifier_access_leave(waiter);
        waiter->on_ready(waiter->arg, why);
    }
}

static void
fail(struct notifier_access *access, const struct notifier_verdict *why)
{
    struct notifier_verdict told = *why; /* it may be part of what ends now */
    struct base_error err = {.code = why->code};
    struct base_log_record record;
    access->fresh_until_mono_ms = 0;
    if (why->retry_after_s > 0) {
        access->hold_until_mono_ms =
            notifier_access_hold_until(access->intune->notifier, why->retry_after_s);
    }
    (void)snprintf(err.detail, sizeof(err.detail), "%s", why->detail);
    base_log_begin(
        &record, access->intune->notifier->log, BASE_LOG_WARN, "intune_access_failed", BYTES_NONE);
    base_log_word(&record, "policy", access->intune->policy->name);
    base_log_word(&record, "wanted", access_name(access->kind));
    base_log_word(&record, "reason", why->reason);
    base_log_code(&record, &err);
    base_log_end(&record);
    tell_waiting(access, &told);
}

static void
fail_with(struct notifier_access *access, const struct base_error *err)
{
    struct notifier_verdict why;
    notifier_verdict_of_error(&why, err);
    fail(access, &why);
}

static void
succeed(struct notifier_access *access, int64_t life_ms)
{
    struct base_log_record record;
    access->fresh_until_mono_ms = notifier_now_ms(access->intune->notifier) + life_ms;
    access->hold_until_mono_ms = 0;
    access->generation++;
    base_log_begin(
        &record, access->intune->notifier->log, BASE_LOG_DEBUG, "intune_access", BYTES_NONE);
    base_log_word(&record, "policy", access->intune->policy->name);
    base_log_word(&record, "got", access_name(access->kind));
    base_log_number(&record, "seconds", life_ms / 1000);
    base_log_end(&record);
    tell_waiting(access, NULL);
}

/* ---- tokens ---- */

/* A refusal of Entra's has its own words: AADSTS7000215 and the like. */
static void
fail_token(struct notifier_access *access, const struct notifier_answer *answer)
{
    struct notifier_verdict why;
    char word[48] = "";
    char story[240] = "";
    notifier_access_judge(&why, access_name(access->kind), answer);
    if (answer->failure == NOTIFIER_ANSWERED && (answer->status == 400 || answer->status == 401) &&
        notifier_token_error(answer->body, word, sizeof(word), story, sizeof(story))) {
        uint32_t retry_after_s = why.retry_after_s;
        notifier_verdict_later(&why, E_SERVICE_LOGIN, word, "%s", story);
        why.retry_after_s = retry_after_s;
    }
    fail(access, &why);
}

static void
on_token(void *arg, const struct notifier_answer *answer)
{
    struct notifier_access *access = arg;
    struct base_error err = {0};
    int64_t expires_s = 0;
    access->call = NULL;
    if (answer->failure != NOTIFIER_ANSWERED || answer->status != 200) {
        fail_token(access, answer);
    } else if (notifier_token_parse(answer->body, &access->token, &expires_s, &err) != BASE_OK) {
        fail_with(access, &err);
    } else {
        /* Until shortly before its end: five minutes, or a quarter of a short life. */
        int64_t margin_s = expires_s / 4 < 300 ? expires_s / 4 : 300;
        succeed(access, 1000 * (expires_s - margin_s));
    }
}

MUST_CHECK static enum base_code
fetch_token(struct notifier_access *access, struct base_error *err)
{
    static const char *const headers[] = {
        "Content-Type: application/x-www-form-urlencoded", "Accept: application/json", NULL};
    const struct notifier_policy *policy = access->intune->policy;
    struct notifier *notifier = access->intune->notifier;
    char url[NOTIFIER_URL_MAX] = "";
    BUFFER_LOCAL(form, NOTIFIER_BODY_MAX);
    TRY(notifier_token_url(policy, url, sizeof(url), err));
    TRY(notifier_token_form(policy, url, access->kind == NOTIFIER_TOKEN_GRAPH,
        base_clock_now_s(&notifier->clock), &notifier->random, &form, err));
    const struct notifier_request request = {.url = url,
        .headers = headers,
        .body = buffer_bytes(&form),
        .is_post = true,
        .ca_file = policy->ca_file,
        .proxy = policy->proxy,
        .timeout_ms = policy->timeout_ms};
    return notifier_http_start(notifier->http, &request, on_token, access, &access->call, err);
}

/* ---- discovery ---- */

static void start_discovery(struct notifier_access *access);

static void
on_discovery(void *arg, const struct notifier_answer *answer)
{
    struct notifier_access *access = arg;
    const struct notifier_policy *policy = access->intune->policy;
    struct notifier_verdict why;
    struct base_error err = {0};
    access->call = NULL;
    if (answer->failure == NOTIFIER_ANSWERED && answer->status == 401 && !access->is_renewed) {
        access->is_renewed = true;
        notifier_access_drop(access->intune, NOTIFIER_TOKEN_GRAPH, access->graph_generation);
        start_discovery(access);
    } else if (answer->failure != NOTIFIER_ANSWERED || answer->status != 200) {
        notifier_access_judge(&why, access_name(access->kind), answer);
        fail(access, &why);
    } else if (notifier_discovery_parse(answer->body, strncmp(policy->graph_url, "http://", 7) == 0,
                   &access->uris, &err) != BASE_OK) {
        fail_with(access, &err);
    } else {
        succeed(access, DISCOVERY_LIFE_MS);
    }
}

MUST_CHECK static enum base_code
fetch_discovery(struct notifier_access *access, struct base_error *err)
{
    const struct notifier_policy *policy = access->intune->policy;
    struct notifier *notifier = access->intune->notifier;
    char url[NOTIFIER_URL_MAX] = "";
    char guid[NOTIFIER_GUID_LEN] = "";
    char id_header[80] = "";
    BUFFER_LOCAL(bearer, BEARER_LEN);
    TRY(notifier_discovery_url(policy, url, sizeof(url), err));
    TRY(notifier_make_guid(&notifier->random, guid, err));
    TRY(buffer_append_text(&bearer, "Authorization: Bearer ", err));
    const struct notifier_access *graph = &access->intune->accesses[NOTIFIER_TOKEN_GRAPH];
    TRY(buffer_append(&bearer, secret_peek(&graph->token), err));
    access->graph_generation = graph->generation;
    TRY(buffer_append_octet(&bearer, 0, err));
    (void)snprintf(id_header, sizeof(id_header), "client-request-id: %s", guid);
    const char *const headers[] = {
        (const char *)bearer.ptr, id_header, "Accept: application/json", NULL};
    const struct notifier_request request = {.url = url,
        .headers = headers,
        .ca_file = policy->ca_file,
        .proxy = policy->proxy,
        .timeout_ms = policy->timeout_ms};
    return notifier_http_start(notifier->http, &request, on_discovery, access, &access->call, err);
}

static void
on_graph_token(void *arg, const struct notifier_verdict *why)
{
    struct notifier_access *access = arg;
    if (why != NULL) {
        fail(access, why);
    } else {
        start_discovery(access);
    }
}

static void
start_discovery(struct notifier_access *access)
{
    struct base_error err = {0};
    access->on_graph = (struct notifier_waiter){.on_ready = on_graph_token, .arg = access};
    if (notifier_access_need(access->intune, NOTIFIER_TOKEN_GRAPH, &access->on_graph) &&
        fetch_discovery(access, &err) != BASE_OK) {
        fail_with(access, &err);
    }
}

/* ---- for everybody ---- */

static void
start(struct notifier_access *access)
{
    struct base_error err = {0};
    int64_t hold_ms = access->hold_until_mono_ms - notifier_now_ms(access->intune->notifier);
    if (hold_ms > 0) {
        struct notifier_verdict why;
        notifier_verdict_later(&why, E_SERVICE_BUSY, "hold", "%s: not before its Retry-After",
            access_name(access->kind));
        why.retry_after_s = (uint32_t)((hold_ms + 999) / 1000);
        tell_waiting(access, &why);
    } else if (access->kind == NOTIFIER_DISCOVERY) {
        access->is_renewed = false;
        start_discovery(access);
    } else if (fetch_token(access, &err) != BASE_OK) {
        fail_with(access, &err);
    }
}

bool
notifier_access_need(
    struct notifier_intune *intune, enum notifier_access_kind kind, struct notifier_waiter *waiter)
{
    struct notifier_access *access = &intune->accesses[kind];
    bool is_under_way = access->call != NULL || access->on_graph.at != NULL;
    if (access->fresh_until_mono_ms > notifier_now_ms(intune->notifier)) {
        return true;
    }
    struct notifier_waiter **end = &access->waiting;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    waiter->at = access;
    waiter->next = NULL;
    *end = waiter;
    if (!is_under_way) {
        start(access);
    }
    return false;
}
