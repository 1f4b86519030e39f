#include "diagnose/verdict.h"

#include <string.h>

#include "base/banned.h"

static struct diag_judgement
judgement(enum diag_verdict verdict, unsigned stage, const struct diag_cause *cause, uint64_t order)
{
    return (struct diag_judgement){
        .verdict = verdict, .stage = stage, .cause = cause, .order = order};
}

static struct diag_judgement
by_cause(const char *slug, unsigned stage, uint64_t order)
{
    const struct diag_cause *cause = diag_cause_find(slug);
    return judgement(cause == NULL ? DIAG_INCONCLUSIVE : cause->verdict, stage, cause, order);
}

/* A hint gives way to any cause of its weight. */
static int
weight_of(const struct diag_delivery *delivery, size_t at)
{
    return 2 * diag_cause_weight(delivery->failures[at].cause) -
           (delivery->failures[at].is_hint ? 3 : 0);
}

/* The heaviest; of equals the latest. */
static size_t
main_failure(const struct diag_delivery *delivery)
{
    size_t best = 0;
    for (size_t i = 1; i < delivery->failure_count; i++) {
        int a = weight_of(delivery, i);
        int b = weight_of(delivery, best);
        if (a > b || (a == b && delivery->failures[i].order > delivery->failures[best].order)) {
            best = i;
        }
    }
    return best;
}

/* Several refusals of the CA in one log of NDES that nothing ties to single requests. */
static bool
are_several_submissions(const struct diag_delivery *delivery)
{
    size_t count = 0;
    for (size_t i = 0; i < delivery->failure_count; i++) {
        count += delivery->failures[i].source == DIAG_NDES &&
                         delivery->failures[i].cause->stages[0] != '\0' &&
                         strcmp(delivery->failures[i].cause->slug, "ndes-ra-cert-unusable") != 0 &&
                         strchr(delivery->failures[i].cause->stages, '4') != NULL
                     ? 1
                     : 0;
    }
    return !delivery->has_id && count > 1;
}

static struct diag_judgement
judge_failures(const struct diag_delivery *delivery)
{
    size_t at = main_failure(delivery);
    uint64_t order = delivery->failures[at].order;
    if (are_several_submissions(delivery)) {
        return by_cause("ca-submit-failed-several", 4, order);
    }
    const struct diag_cause *cause = delivery->failures[at].cause;
    unsigned stage = diag_cause_first_stage(cause);
    /* Where a row may stand at several steps, what was reached decides. */
    for (const char *p = cause->stages; *p != '\0'; p++) {
        if (*p >= '0' && *p <= '6' && (unsigned)(*p - '0') == delivery->failures[at].step) {
            stage = delivery->failures[at].step;
        }
    }
    return judgement(DIAG_STOPPED, stage, cause, order);
}

static struct diag_judgement
judge_android_states(const struct diag_delivery *delivery)
{
    const char *state = delivery->scep_state;
    uint64_t order = delivery->reached[DIAG_SCEP_STATE];
    if (strcmp(state, "CERT_INSTALL_REQUESTED") == 0) {
        return by_cause("android-waiting-user-install", 5, order);
    }
    if (strcmp(state, "CERT_ACCESS_REQUESTED") == 0) {
        return by_cause("android-waiting-access-grant", 5, order);
    }
    return by_cause("android-installing", 5, order);
}

static bool
is_root_waiting(const struct diag_delivery *delivery)
{
    return delivery->root_state[0] != '\0' &&
           strcmp(delivery->root_state, "CERT_INSTALL_SUCCESS") != 0;
}

/* Marks that mean something by themselves when nothing follows. */
static const struct {
    enum diag_mark mark;
    unsigned stage;
    const char *slug;
} ends[] = {
    {DIAG_ANSWERED, 5, "certrep-received"},
    {DIAG_ASKED, 3, "policy-asked"},
    {DIAG_VERIFIED, 3, "policy-verified"},
    {DIAG_ISSUED, 4, "ca-issued"},
    {DIAG_REPORTED, 6, "reported-event"},
    {DIAG_SERVED, 5, "served-unconfirmed"},
};

/* A failure that shows in what does not follow. */
static bool
is_absence(const struct diag_cause *cause)
{
    return cause != NULL && strcmp(cause->slug, "policy-module-client-cert-expired") == 0;
}

/* What the furthest line means when nothing follows it. */
static struct diag_judgement
judge_progress(const struct diag_delivery *delivery)
{
    if (delivery->last_mark == DIAG_SCEP_STATE) {
        return judge_android_states(delivery);
    }
    if (delivery->last_mark == DIAG_SERVED && delivery->reached[DIAG_VERIFIED] != 0) {
        /* The policy module was asked, and the management system was not told. */
        return by_cause("reporting-missing", 6, delivery->last_order);
    }
    if (is_absence(delivery->last_cause) && !delivery->is_outlived) {
        /* That nothing follows says something only where the log goes on. */
        return judgement(
            DIAG_INCONCLUSIVE, delivery->last_step, delivery->last_cause, delivery->last_order);
    }
    if (delivery->last_cause != NULL) {
        return judgement(delivery->last_cause->verdict, delivery->last_step, delivery->last_cause,
            delivery->last_order);
    }
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (ends[i].mark == delivery->last_mark) {
            return by_cause(ends[i].slug, ends[i].stage, delivery->last_order);
        }
    }
    return judgement(DIAG_INCONCLUSIVE, delivery->last_step, NULL, delivery->last_order);
}

static struct diag_judgement
judge_end(
    const struct diag_delivery *delivery, enum diag_mark mark, unsigned stage, const char *slug)
{
    const struct diag_cause *cause = diag_cause_find(slug);
    for (size_t i = 0; i < delivery->evidence_count; i++) {
        const struct diag_evidence *evidence = &delivery->evidence[i];
        cause = evidence->mark == mark && evidence->cause != NULL ? evidence->cause : cause;
    }
    return judgement(DIAG_DELIVERED, stage, cause, delivery->reached[mark]);
}

static struct diag_judgement
judge(const struct diag_delivery *delivery)
{
    if (delivery->failure_count > 0) {
        return judge_failures(delivery);
    }
    if (delivery->reached[DIAG_REPORTED] != 0) {
        return judge_end(delivery, DIAG_REPORTED, 6, "reported-event");
    }
    if (delivery->reached[DIAG_INSTALLED] != 0 && delivery->reached[DIAG_DROPPED] == 0) {
        return judge_end(delivery, DIAG_INSTALLED, 5, "client-certificate-written");
    }
    if (delivery->last_order == 0 && is_root_waiting(delivery)) {
        return by_cause("android-root-installing", 5, delivery->reached[DIAG_ROOT_STATE]);
    }
    return judge_progress(delivery);
}

struct diag_judgement
diag_judge(const struct diag_delivery *delivery)
{
    struct diag_judgement it = judge(delivery);
    for (size_t i = 0; i < delivery->evidence_count; i++) {
        if (delivery->evidence[i].order == it.order) {
            it.has_date = delivery->evidence[i].has_date;
            it.at_ms = delivery->evidence[i].at_ms;
        }
    }
    return it;
}

static int
distance(enum diag_verdict verdict)
{
    return verdict == DIAG_STOPPED        ? 4
           : verdict == DIAG_IN_PROGRESS  ? 3
           : verdict == DIAG_INCONCLUSIVE ? 2
                                          : 1;
}

/* The unfinished one furthest from success; of several that stopped, the latest in time. */
static bool
comes_before(const struct diag_judgement *a, const struct diag_judgement *b)
{
    if (a->verdict != b->verdict) {
        return distance(a->verdict) > distance(b->verdict);
    }
    if (a->verdict == DIAG_IN_PROGRESS && a->stage != b->stage) {
        return a->stage < b->stage;
    }
    return a->has_date && b->has_date && a->at_ms != b->at_ms ? a->at_ms > b->at_ms
                                                              : a->order > b->order;
}

bool
diag_judge_all(
    const struct diag_deliveries *deliveries, struct diag_judgement *out, size_t *out_index)
{
    const struct diag_delivery *delivery = NULL;
    bool is_found = false;
    for (size_t i = 0; (delivery = diag_deliveries_at(deliveries, i)) != NULL; i++) {
        struct diag_judgement it = diag_judge(delivery);
        if (it.cause == NULL && is_found) {
            continue; /* lines that said nothing */
        }
        if (!is_found || out->cause == NULL || comes_before(&it, out)) {
            *out = it;
            *out_index = i;
            is_found = true;
        }
    }
    return is_found;
}
