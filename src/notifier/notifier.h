/*
 * notifier.h - the role that talks outward: jobs of the ledger, each one question or one notice.
 *
 * A job lives from the ledger's message to its answer. It has copied what it needs of the message,
 * keeps the settings it began with, and ends in notifier_finish(), which answers the ledger, or in
 * notifier_forget_jobs(), when the ledger that asked is gone. Nothing is kept between jobs but
 * tokens and addresses of Intune.
 */
#ifndef NOTIFIER_NOTIFIER_H
#define NOTIFIER_NOTIFIER_H

#include "base/arena.h"
#include "base/log.h"
#include "base/random.h"
#include "ipc/role.h"
#include "notifier/http.h"
#include "notifier/settings.h"
#include "notifier/verdict.h"

struct notifier;
struct notifier_intune_call;

enum notifier_job_kind { NOTIFIER_VERIFY, NOTIFIER_NOTIFY };

struct notifier_job {
    struct notifier_job *next;
    struct notifier_job *previous;
    struct notifier *notifier;
    struct notifier_settings *settings; /* a share */
    struct notifier_policy *policy;     /* of settings */
    enum notifier_job_kind kind;
    int64_t begun_mono_ms;
    int64_t deadline_mono_ms;
    struct arena texts; /* what the message's slices point into */
    struct ipc_verify verify;
    struct ipc_notify notify;
    struct notifier_call *call;               /* a webhook's; NULL: none under way */
    struct notifier_intune_call *intune_call; /* NULL: none under way */
};

struct notifier {
    struct ipc_role_link *link;
    const struct base_log *log; /* the link's */
    struct base_clock clock;
    struct base_random random;
    struct notifier_http *http;         /* owned */
    struct notifier_settings *settings; /* what new jobs begin with; NULL: not configured yet */
    int ledger_fd;                      /* -1: there is no ledger now */
    struct notifier_job *jobs;
    struct notifier_job *ended; /* out of jobs, freed by notifier_bury_jobs() */
    size_t counts[2];           /* of jobs, by kind */
    uint64_t last_order_id;
};

int64_t notifier_now_ms(const struct notifier *notifier); /* monotonic */

/* One message of the ledger. Errors: E_IPC_FIELD, E_IPC_UNEXPECTED: whoever sends this is not our
 * ledger. */
MUST_CHECK enum base_code notifier_take_frame(
    struct notifier *notifier, const struct ipc_frame *frame, struct base_error *err);
/* Answer the ledger, log it, and end the job: its memory lives until notifier_bury_jobs(), because
 * its settings may be what the caller runs in. */
void notifier_finish(struct notifier_job *job, const struct notifier_verdict *verdict);
/* Jobs whose time is over are finished. Returns the milliseconds until the next one's is; at most
 * @most_ms. */
int64_t notifier_end_late_jobs(struct notifier *notifier, int64_t most_ms);
/* The ledger that asked is gone. */
void notifier_forget_jobs(struct notifier *notifier);
void notifier_bury_jobs(struct notifier *notifier);
/* Send to the ledger; one that is gone is forgotten, with its jobs at the next turn of the loop. */
void notifier_tell_ledger(
    struct notifier *notifier, const struct ipc_spec *spec, const void *message);

/* "3f2504e0-4f89-41d3-9a0c-0305e82c3301", random. Errors: E_SYSTEM. */
#define NOTIFIER_GUID_LEN 37
MUST_CHECK enum base_code notifier_make_guid(
    const struct base_random *random, char out[NOTIFIER_GUID_LEN], struct base_error *err);

#endif
