#include "notifier/notifier.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ipc/channel.h"
#include "notifier/intune.h"
#include "notifier/intune_call.h"
#include "notifier/webhook.h"

#include "base/banned.h"

/* All octet strings of one message. */
#define TEXTS_MAX ((size_t)128 * 1024)

int64_t
notifier_now_ms(const struct notifier *notifier)
{
    return base_clock_mono_ms(&notifier->clock);
}

void
notifier_tell_ledger(struct notifier *notifier, const struct ipc_spec *spec, const void *message)
{
    struct base_error err = {0};
    if (notifier->ledger_fd >= 0 &&
        ipc_send(notifier->ledger_fd, spec, message, -1, &err) != BASE_OK) {
        (void)close(notifier->ledger_fd);
        notifier->ledger_fd = -1;
        ipc_role_lost_peer(notifier->link, IPC_LEDGER, &err);
    }
}

enum base_code
notifier_make_guid(
    const struct base_random *random, char out[NOTIFIER_GUID_LEN], struct base_error *err)
{
    uint8_t o[16] = {0};
    TRY(base_random_fill(random, o, sizeof(o), err));
    o[6] = (uint8_t)((o[6] & 0x0f) | 0x40); /* RFC 4122, section 4.4 */
    o[8] = (uint8_t)((o[8] & 0x3f) | 0x80);
    (void)snprintf(out, NOTIFIER_GUID_LEN,
        "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", o[0], o[1], o[2],
        o[3], o[4], o[5], o[6], o[7], o[8], o[9], o[10], o[11], o[12], o[13], o[14], o[15]);
    return BASE_OK;
}

/* ---- answers ---- */

static void
answer_verify(
    struct notifier *notifier, uint64_t request_id, const struct notifier_verdict *verdict)
{
    static const uint8_t outcomes[] = {[NOTIFIER_YES] = IPC_VERIFY_ALLOWED,
        [NOTIFIER_NO] = IPC_VERIFY_REFUSED,
        [NOTIFIER_LATER] = IPC_VERIFY_UNAVAILABLE};
    struct ipc_verified message = {.request_id = request_id,
        .outcome = outcomes[verdict->outcome],
        .code = (uint32_t)verdict->code,
        .reason = bytes_from_text(verdict->reason),
        .detail = bytes_from_text(verdict->detail),
        .hresult = verdict->hresult,
        .retry_after_s = verdict->retry_after_s};
    notifier_tell_ledger(notifier, &ipc_verified_spec, &message);
}

static void
answer_notify(struct notifier *notifier, uint64_t outbox_id, const struct notifier_verdict *verdict)
{
    static const uint8_t outcomes[] = {[NOTIFIER_YES] = IPC_NOTIFY_TAKEN,
        [NOTIFIER_NO] = IPC_NOTIFY_REFUSED,
        [NOTIFIER_LATER] = IPC_NOTIFY_AGAIN};
    struct ipc_notified message = {.outbox_id = outbox_id,
        .outcome = outcomes[verdict->outcome],
        .code = (uint32_t)verdict->code,
        .reason = bytes_from_text(verdict->reason),
        .detail = bytes_from_text(verdict->detail),
        .retry_after_s = verdict->retry_after_s};
    notifier_tell_ledger(notifier, &ipc_notified_spec, &message);
}

static void
log_outcome(const struct notifier_job *job, const struct notifier_verdict *verdict)
{
    static const char *const verify_words[] = {"", "allowed", "refused", "unavailable"};
    static const char *const notify_words[] = {"", "taken", "refused", "again"};
    bool is_verify = job->kind == NOTIFIER_VERIFY;
    enum base_log_level level = verdict->outcome == NOTIFIER_LATER ? BASE_LOG_WARN : BASE_LOG_INFO;
    struct base_error why = {.code = verdict->code};
    struct base_log_record record;
    base_log_begin(&record, job->notifier->log, level, is_verify ? "verified" : "notified",
        is_verify ? job->verify.transaction_id : BYTES_NONE);
    base_log_word(&record, "policy", job->policy->name);
    if (!is_verify) {
        base_log_number(&record, "outbox_id", (int64_t)job->notify.outbox_id);
        base_log_text(&record, "notice", job->notify.event);
    }
    base_log_word(&record, "outcome", (is_verify ? verify_words : notify_words)[verdict->outcome]);
    base_log_number(&record, "ms", notifier_now_ms(job->notifier) - job->begun_mono_ms);
    if (verdict->outcome != NOTIFIER_YES) {
        base_log_word(&record, "reason", verdict->reason);
        (void)snprintf(why.detail, sizeof(why.detail), "%s", verdict->detail);
        base_log_code(&record, &why);
    }
    base_log_end(&record);
}

/* ---- jobs ---- */

static void
end_job(struct notifier_job *job)
{
    struct notifier *notifier = job->notifier;
    if (job->call != NULL) {
        notifier_http_cancel(notifier->http, job->call);
        job->call = NULL;
    }
    notifier_intune_cancel(job);
    if (job->previous != NULL) {
        job->previous->next = job->next;
    } else {
        notifier->jobs = job->next;
    }
    if (job->next != NULL) {
        job->next->previous = job->previous;
    }
    notifier->counts[job->kind]--;
    job->previous = NULL;
    job->next = notifier->ended;
    notifier->ended = job;
}

void
notifier_bury_jobs(struct notifier *notifier)
{
    while (notifier->ended != NULL) {
        struct notifier_job *job = notifier->ended;
        notifier->ended = job->next;
        notifier_intune_call_free(job->intune_call);
        arena_clear(&job->texts);
        notifier_settings_free(job->settings);
        free(job);
    }
}

void
notifier_finish(struct notifier_job *job, const struct notifier_verdict *verdict)
{
    log_outcome(job, verdict);
    if (job->kind == NOTIFIER_VERIFY) {
        answer_verify(job->notifier, job->verify.request_id, verdict);
    } else {
        answer_notify(job->notifier, job->notify.outbox_id, verdict);
    }
    end_job(job);
}

void
notifier_forget_jobs(struct notifier *notifier)
{
    while (notifier->jobs != NULL) {
        end_job(notifier->jobs);
    }
}

int64_t
notifier_end_late_jobs(struct notifier *notifier, int64_t most_ms)
{
    int64_t now_ms = notifier_now_ms(notifier);
    struct notifier_job *next = NULL;
    for (struct notifier_job *job = notifier->jobs; job != NULL; job = next) {
        int64_t left_ms = job->deadline_mono_ms - now_ms;
        next = job->next;
        if (left_ms <= 0) {
            struct notifier_verdict late;
            notifier_verdict_later(&late, E_SERVICE_LATE, "late", "%s: no answer within %lld ms",
                job->policy->name, (long long)(now_ms - job->begun_mono_ms));
            notifier_finish(job, &late);
        } else if (left_ms < most_ms) {
            most_ms = left_ms;
        }
    }
    return most_ms;
}

/* Copy what the message's slices point to. */
MUST_CHECK static enum base_code
keep_texts(struct notifier_job *job, struct base_error *err)
{
    struct ipc_verify *v = &job->verify;
    struct ipc_notify *n = &job->notify;
    struct bytes *const slices[] = {&v->policy, &v->endpoint, &v->profile, &v->device,
        &v->transaction_id, &v->source, &v->subject, &v->sans, &v->challenge, &v->csr, &v->renews,
        &n->policy, &n->event, &n->body};
    for (size_t i = 0; i < sizeof(slices) / sizeof(slices[0]); i++) {
        TRY(arena_copy(&job->texts, *slices[i], slices[i], err));
    }
    return BASE_OK;
}

/* NULL: the verdict says why. */
static struct notifier_job *
new_job(struct notifier *notifier, enum notifier_job_kind kind, struct bytes policy_name,
    uint32_t deadline_ms, struct notifier_verdict *why)
{
    static const size_t most[] = {NOTIFIER_VERIFY_MAX, NOTIFIER_NOTIFY_MAX};
    struct notifier_policy *policy = notifier_settings_find(notifier->settings, policy_name);
    if (policy == NULL) {
        char name[IPC_NAME_MAX + 1] = "";
        notifier_verdict_later(why, E_POLICY_UNKNOWN, "no-such-policy", "%s",
            notifier_clean(policy_name, name, sizeof(name)));
        return NULL;
    }
    if (notifier->counts[kind] >= most[kind]) {
        notifier_verdict_later(
            why, E_NOTIFIER_FULL, "full", "%zu calls are under way", notifier->counts[kind]);
        why->retry_after_s = 1;
        return NULL;
    }
    struct notifier_job *job = calloc(1, sizeof(*job));
    if (job == NULL) {
        notifier_verdict_later(why, E_NO_MEMORY, "fault", "a job");
        return NULL;
    }
    job->notifier = notifier;
    job->settings = notifier_settings_share(notifier->settings);
    job->policy = policy;
    job->kind = kind;
    job->begun_mono_ms = notifier_now_ms(notifier);
    job->deadline_mono_ms =
        job->begun_mono_ms +
        (deadline_ms > 0 && deadline_ms < NOTIFIER_JOB_MS ? deadline_ms : NOTIFIER_JOB_MS);
    arena_init(&job->texts, TEXTS_MAX);
    job->next = notifier->jobs;
    if (job->next != NULL) {
        job->next->previous = job;
    }
    notifier->jobs = job;
    notifier->counts[kind]++;
    return job;
}

static void
begin(struct notifier_job *job)
{
    struct base_error err = {0};
    if (keep_texts(job, &err) != BASE_OK) {
        struct notifier_verdict verdict;
        notifier_verdict_of_error(&verdict, &err);
        notifier_finish(job, &verdict);
    } else if (job->policy->kind == IPC_POLICY_INTUNE) {
        notifier_intune_begin(job);
    } else {
        notifier_webhook_begin(job);
    }
}

MUST_CHECK static enum base_code
take_verify(struct notifier *notifier, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_verify message = {0};
    struct notifier_verdict why;
    TRY(ipc_decode(&ipc_verify_spec, frame, &message, err));
    struct notifier_job *job =
        new_job(notifier, NOTIFIER_VERIFY, message.policy, message.deadline_ms, &why);
    if (job == NULL) {
        answer_verify(notifier, message.request_id, &why);
        return BASE_OK;
    }
    job->verify = message;
    begin(job);
    return BASE_OK;
}

MUST_CHECK static enum base_code
take_notify(struct notifier *notifier, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_notify message = {0};
    struct notifier_verdict why;
    TRY(ipc_decode(&ipc_notify_spec, frame, &message, err));
    struct notifier_job *job =
        new_job(notifier, NOTIFIER_NOTIFY, message.policy, message.deadline_ms, &why);
    if (job == NULL) {
        answer_notify(notifier, message.outbox_id, &why);
        return BASE_OK;
    }
    job->notify = message;
    begin(job);
    return BASE_OK;
}

MUST_CHECK static enum base_code
take_revoke_result(struct notifier *notifier, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_revoke_result message = {0};
    TRY(ipc_decode(&ipc_revoke_result_spec, frame, &message, err));
    notifier_intune_revoked(notifier, message.request_id, message.outcome);
    return BASE_OK;
}

enum base_code
notifier_take_frame(
    struct notifier *notifier, const struct ipc_frame *frame, struct base_error *err)
{
    switch (ipc_frame_type(frame)) {
    case IPC_TYPE_VERIFY:
        return take_verify(notifier, frame, err);
    case IPC_TYPE_NOTIFY:
        return take_notify(notifier, frame, err);
    case IPC_TYPE_REVOKE_RESULT:
        return take_revoke_result(notifier, frame, err);
    default:
        return base_fail(
            err, E_IPC_UNEXPECTED, "message %u from the ledger", (unsigned)ipc_frame_type(frame));
    }
}
