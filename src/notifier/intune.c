#include "notifier/intune.h"

#include <stdio.h>
#include <string.h>

#include "notifier/intune_call.h"
#include "notifier/intune_codes.h"
#include "notifier/intune_revocations.h"

#include "base/banned.h"

enum base_code
notifier_intune_prepare(
    struct notifier *notifier, struct notifier_settings *settings, struct base_error *err)
{
    for (size_t i = 0; i < settings->count; i++) {
        struct notifier_policy *policy = &settings->policies[i];
        if (policy->kind != IPC_POLICY_INTUNE) {
            continue;
        }
        struct notifier_intune *intune = calloc(1, sizeof(*intune));
        if (intune == NULL) {
            return base_fail(err, E_NO_MEMORY, "policy %s", policy->name);
        }
        intune->notifier = notifier;
        intune->policy = policy;
        notifier_access_init(intune);
        policy->intune = intune;
        if (policy->revocations_s > 0) {
            intune->revocations = notifier_revocations_new(intune);
            if (intune->revocations == NULL) {
                return base_fail(err, E_NO_MEMORY, "policy %s", policy->name);
            }
        }
    }
    return BASE_OK;
}

void
notifier_intune_free(struct notifier_intune *intune)
{
    if (intune != NULL) {
        notifier_revocations_free(intune->revocations);
        notifier_access_clear(intune);
        free(intune);
    }
}

void
notifier_intune_judge(enum notifier_job_kind kind, struct bytes body, const char *activity,
    struct notifier_verdict *out)
{
    struct notifier_action action = {"", ""};
    struct base_error err = {0};
    if (notifier_action_parse(body, &action, &err) != BASE_OK) {
        notifier_verdict_later(out, err.code, "no-verdict", "Intune: %s", err.detail);
        return;
    }
    *out = (struct notifier_verdict){.outcome = NOTIFIER_YES};
    if (strcmp(action.code, "Success") == 0) {
        return;
    }
    const struct notifier_intune_code *row =
        notifier_intune_code_find(bytes_from_text(action.code));
    notifier_verdict_later(out, row->code, "", "%s%s(ActivityId %s)", action.description,
        action.description[0] == '\0' ? "" : " ", activity);
    (void)notifier_clean(bytes_from_text(action.code), out->reason, sizeof(out->reason));
    out->outcome = kind == NOTIFIER_VERIFY || row->is_final ? NOTIFIER_NO : NOTIFIER_LATER;
    out->hresult = row->hresult;
}

/* A notice that can never be understood is not worth seven days of trying. */
static bool
is_final_status(const char *reason)
{
    static const char *const final[] = {"http-400", "http-413", "http-422"};
    for (size_t i = 0; i < sizeof(final) / sizeof(final[0]); i++) {
        if (strcmp(reason, final[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void
on_done(void *arg, const struct notifier_verdict *why, struct bytes body)
{
    struct notifier_job *job = arg;
    struct notifier_verdict verdict;
    if (why == NULL) {
        notifier_intune_judge(job->kind, body, job->intune_call->activity, &verdict);
    } else {
        verdict = *why;
        if (job->kind == NOTIFIER_NOTIFY && is_final_status(verdict.reason)) {
            verdict.outcome = NOTIFIER_NO;
            verdict.code = E_NOTICE_REFUSED;
        }
    }
    notifier_finish(job, &verdict);
}

/* Errors of our own are told as such; a notice that lacks something is a dead letter. */
static void
finish_with(struct notifier_job *job, const struct base_error *err)
{
    struct notifier_verdict verdict;
    notifier_verdict_of_error(&verdict, err);
    if (err->code == E_NOTICE_FORMAT) {
        verdict.outcome = NOTIFIER_NO;
    }
    notifier_finish(job, &verdict);
}

void
notifier_intune_begin(struct notifier_job *job)
{
    struct base_error err = {0};
    const char *suffix = "ScepActions/validateRequest";
    struct notifier_intune_call *call = notifier_intune_call_new(
        job->policy->intune, NOTIFIER_VALIDATION, job->deadline_mono_ms, on_done, job);
    enum base_code code = BASE_OK;
    if (call == NULL) {
        code = base_fail(&err, E_NO_MEMORY, "a call");
    } else {
        job->intune_call = call;
        code = job->kind == NOTIFIER_VERIFY
                   ? notifier_validate_body(&job->verify, &call->body, &err)
                   : notifier_notice_body(&job->notify, job->policy->is_hresult_unsigned, &suffix,
                         &call->body, &err);
    }
    if (code != BASE_OK) {
        finish_with(job, &err);
        return;
    }
    notifier_intune_call_begin(call, suffix);
}

/* Not freed here: it may be what is calling us. */
void
notifier_intune_cancel(struct notifier_job *job)
{
    struct notifier_intune_call *call = job->intune_call;
    if (call == NULL) {
        return;
    }
    notifier_access_leave(&call->waiter);
    if (call->call != NULL) {
        notifier_http_cancel(job->notifier->http, call->call);
        call->call = NULL;
    }
}
