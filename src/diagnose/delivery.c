#include "diagnose/delivery.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define NONE SIZE_MAX

struct diag_deliveries {
    struct diag_delivery **all; /* owned */
    size_t count;
    size_t capacity;
    size_t current;    /* of the present file; NONE: none yet */
    size_t file_begin; /* deliveries from here on began in the present file */
    uint64_t order;
    size_t left_out;
};

struct diag_deliveries *
diag_deliveries_new(void)
{
    struct diag_deliveries *deliveries = calloc(1, sizeof(*deliveries));
    if (deliveries != NULL) {
        deliveries->current = NONE;
    }
    return deliveries;
}

void
diag_deliveries_free(struct diag_deliveries *deliveries)
{
    if (deliveries != NULL) {
        for (size_t i = 0; i < deliveries->count; i++) {
            free(deliveries->all[i]);
        }
        free(deliveries->all);
        free(deliveries);
    }
}

void
diag_deliveries_begin_file(struct diag_deliveries *deliveries)
{
    deliveries->current = NONE;
    deliveries->file_begin = deliveries->count;
}

size_t
diag_deliveries_left_out(const struct diag_deliveries *deliveries)
{
    return deliveries->left_out;
}

void
diag_deliveries_each(struct diag_deliveries *deliveries,
    void (*take)(void *arg, struct diag_delivery *delivery), void *arg)
{
    for (size_t i = 0; i < deliveries->count; i++) {
        take(arg, deliveries->all[i]);
    }
}

static size_t
add(struct diag_deliveries *deliveries)
{
    if (deliveries->count == DIAG_DELIVERIES_MAX) {
        deliveries->left_out++;
        return NONE;
    }
    if (deliveries->count == deliveries->capacity) {
        size_t capacity = deliveries->capacity == 0 ? 16 : 2 * deliveries->capacity;
        struct diag_delivery **all =
            realloc(deliveries->all, capacity * sizeof(struct diag_delivery *));
        if (all == NULL) {
            deliveries->left_out++;
            return NONE;
        }
        deliveries->all = all;
        deliveries->capacity = capacity;
    }
    struct diag_delivery *delivery = calloc(1, sizeof(*delivery));
    if (delivery == NULL) {
        deliveries->left_out++;
        return NONE;
    }
    deliveries->all[deliveries->count] = delivery;
    return deliveries->count++;
}

static bool
is_same(const char *a, const char *b)
{
    return a[0] != '\0' && strcmp(a, b) == 0;
}

/* By what it says of itself; the strongest id first. */
static size_t
find_by_ids(const struct diag_deliveries *deliveries, const struct diag_ids *ids)
{
    for (size_t i = deliveries->count; i-- > 0;) {
        const struct diag_ids *known = &deliveries->all[i]->ids;
        if (is_same(ids->transaction, known->transaction) || is_same(ids->model, known->model) ||
            is_same(ids->serial, known->serial)) {
            return i;
        }
    }
    for (size_t i = deliveries->count; i-- > deliveries->file_begin;) {
        if (is_same(ids->client, deliveries->all[i]->ids.client)) {
            return i;
        }
    }
    return NONE;
}

/* May an observation with these ids belong to this delivery? */
static bool
agrees(const struct diag_ids *ids, const struct diag_ids *known)
{
    return (ids->model[0] == '\0' || known->model[0] == '\0' ||
               strcmp(ids->model, known->model) == 0) &&
           (ids->transaction[0] == '\0' || known->transaction[0] == '\0' ||
               strcmp(ids->transaction, known->transaction) == 0) &&
           (ids->client[0] == '\0' || known->client[0] == '\0' ||
               strcmp(ids->client, known->client) == 0);
}

static bool
begins_anew(const struct diag_delivery *delivery, const struct diag_observation *observation)
{
    bool is_over = delivery->reached[DIAG_INSTALLED] != 0 || delivery->reached[DIAG_REPORTED] != 0;
    bool is_first_step = observation->mark == DIAG_PROFILE || observation->mark == DIAG_CONTACT ||
                         observation->mark == DIAG_REQUEST_MADE || observation->is_beginning;
    return is_over && is_first_step && observation->source != DIAG_IIS;
}

static size_t
choose(struct diag_deliveries *deliveries, const struct diag_observation *observation)
{
    size_t found = find_by_ids(deliveries, &observation->ids);
    if (found != NONE) {
        return found;
    }
    size_t current = deliveries->current;
    if (current != NONE && agrees(&observation->ids, &deliveries->all[current]->ids) &&
        !begins_anew(deliveries->all[current], observation)) {
        return current;
    }
    return add(deliveries);
}

static void
keep_id(char *known, const char *id)
{
    if (known[0] == '\0' && id[0] != '\0') {
        memcpy(known, id, DIAG_ID_MAX);
    }
}

static void
keep_ids(struct diag_delivery *delivery, const struct diag_ids *ids)
{
    keep_id(delivery->ids.model, ids->model);
    keep_id(delivery->ids.transaction, ids->transaction);
    keep_id(delivery->ids.client, ids->client);
    keep_id(delivery->ids.subject, ids->subject);
    keep_id(delivery->ids.serial, ids->serial);
    delivery->has_id = delivery->ids.model[0] != '\0' || delivery->ids.transaction[0] != '\0' ||
                       delivery->ids.serial[0] != '\0';
}

/* The first half stays, the second is a ring of the newest. */
static void
keep_evidence(struct diag_delivery *delivery, const struct diag_evidence *evidence)
{
    size_t at = delivery->evidence_count;
    if (at == DIAG_EVIDENCE_MAX) {
        size_t half = DIAG_EVIDENCE_MAX / 2;
        memmove(&delivery->evidence[half], &delivery->evidence[half + 1],
            (DIAG_EVIDENCE_MAX - half - 1) * sizeof(*evidence));
        at = DIAG_EVIDENCE_MAX - 1;
    } else {
        delivery->evidence_count++;
    }
    delivery->evidence[at] = *evidence;
}

static void
note_failure(
    struct diag_delivery *delivery, const struct diag_observation *observation, uint64_t order)
{
    size_t max = sizeof(delivery->failures) / sizeof(delivery->failures[0]);
    size_t at = delivery->failure_count;
    for (size_t i = 0; i < delivery->failure_count; i++) {
        if (delivery->failures[i].cause == observation->cause) {
            at = i;
        }
    }
    at = at == max ? max - 1 : at;
    delivery->failures[at].cause = observation->cause;
    delivery->failures[at].step = observation->step;
    delivery->failures[at].order = order;
    delivery->failures[at].source = observation->source;
    delivery->failures[at].file = observation->file;
    delivery->failure_count = at == delivery->failure_count ? at + 1 : delivery->failure_count;
}

/* Progress behind a failure, in the same log and at or behind its step: that one was overcome. */
static void
forget_overcome(struct diag_delivery *delivery, const struct diag_observation *observation)
{
    size_t kept = 0;
    for (size_t i = 0; i < delivery->failure_count; i++) {
        bool is_overcome = observation->step >= delivery->failures[i].step &&
                           (delivery->failures[i].file == observation->file ||
                               observation->mark == DIAG_INSTALLED);
        if (!is_overcome) {
            delivery->failures[kept++] = delivery->failures[i];
        }
    }
    delivery->failure_count = kept;
}

static bool
is_progress(enum diag_mark mark)
{
    return mark != DIAG_NOTHING && mark != DIAG_CAUSE && mark != DIAG_CONTEXT &&
           mark != DIAG_ROOT_STATE;
}

static void
note(struct diag_delivery *delivery, const struct diag_observation *observation, uint64_t order)
{
    bool is_failure = observation->mark == DIAG_CAUSE && observation->cause != NULL &&
                      observation->cause->verdict == DIAG_STOPPED;
    delivery->sources |= 1U << observation->source;
    delivery->reached[observation->mark] = order;
    if (observation->mark == DIAG_ROOT_STATE) {
        memcpy(delivery->root_state, observation->state, sizeof(delivery->root_state));
    } else if (observation->state[0] != '\0') {
        memcpy(delivery->scep_state, observation->state, sizeof(delivery->scep_state));
    }
    if (is_failure) {
        note_failure(delivery, observation, order);
        return;
    }
    bool has_pending_cause = observation->cause != NULL;
    if (is_progress(observation->mark)) {
        forget_overcome(delivery, observation);
    }
    if (is_progress(observation->mark) || has_pending_cause) {
        delivery->last_order = order;
        delivery->last_mark = observation->mark;
        delivery->last_cause = observation->cause;
        delivery->last_step = observation->step;
        delivery->last_file = observation->file;
    }
}

void
diag_deliveries_take(struct diag_deliveries *deliveries, const struct diag_observation *observation)
{
    size_t at = choose(deliveries, observation);
    if (at == NONE) {
        return;
    }
    struct diag_delivery *delivery = deliveries->all[at];
    uint64_t order = ++deliveries->order;
    deliveries->current = at;
    keep_ids(delivery, &observation->ids);
    delivery->is_told = delivery->is_told || observation->is_told;
    note(delivery, observation, order);
    struct diag_evidence evidence = {.source = observation->source,
        .mark = observation->mark,
        .step = observation->step,
        .cause = observation->cause,
        .file = observation->file,
        .line = observation->line,
        .at_ms = observation->at_ms,
        .has_date = observation->has_date,
        .order = order};
    memcpy(evidence.text, observation->text, sizeof(evidence.text));
    keep_evidence(delivery, &evidence);
}

/* ---- joining
 * ------------------------------------------------------------------------------------------ */

static bool
share_a_file(const struct diag_delivery *a, const struct diag_delivery *b)
{
    for (size_t i = 0; i < a->evidence_count; i++) {
        for (size_t k = 0; k < b->evidence_count; k++) {
            if (a->evidence[i].file == b->evidence[k].file) {
                return true;
            }
        }
    }
    return false;
}

/* Instants with dates that lie more than a day apart cannot be one delivery, whatever the clocks.
 */
static bool
is_far_away(const struct diag_delivery *a, const struct diag_delivery *b)
{
    const struct diag_evidence *x = NULL;
    const struct diag_evidence *y = NULL;
    for (size_t i = 0; i < a->evidence_count; i++) {
        x = a->evidence[i].has_date ? &a->evidence[i] : x;
    }
    for (size_t i = 0; i < b->evidence_count; i++) {
        y = b->evidence[i].has_date ? &b->evidence[i] : y;
    }
    if (x == NULL || y == NULL) {
        return false;
    }
    int64_t apart = x->at_ms > y->at_ms ? x->at_ms - y->at_ms : y->at_ms - x->at_ms;
    return apart > 86400000;
}

static bool
is_of_device(const struct diag_delivery *delivery)
{
    const unsigned devices =
        1U << DIAG_ANDROID | 1U << DIAG_APPLE | 1U << DIAG_WINDOWS | 1U << DIAG_CLIENT;
    return (delivery->sources & devices) != 0;
}

/* What a server says may be about a device's delivery, or about another server's part of it. A
 * device that has its certificate has nothing to do with a failure that nothing ties to it. */
static bool
may_join(const struct diag_delivery *into, const struct diag_delivery *from)
{
    bool is_done = into->reached[DIAG_INSTALLED] != 0 && from->failure_count > 0;
    return !is_of_device(from) && !is_done && !into->is_joined && into != from &&
           !share_a_file(into, from) && agrees(&from->ids, &into->ids) && !is_far_away(into, from);
}

/* Both tell of the request: the device when it was sent, the server when it came. */
static void
note_skew(struct diag_delivery *device, const struct diag_delivery *server)
{
    const struct diag_evidence *sent = NULL;
    const struct diag_evidence *came = NULL;
    for (size_t i = 0; i < device->evidence_count; i++) {
        const struct diag_evidence *it = &device->evidence[i];
        bool is_sending = it->mark == DIAG_REQUEST_SENT || it->mark == DIAG_REQUEST_MADE;
        sent = is_sending && it->has_date ? it : sent;
    }
    for (size_t i = server->evidence_count; i-- > 0;) {
        const struct diag_evidence *it = &server->evidence[i];
        came = it->step >= 2 && it->mark != DIAG_CONTACT && it->has_date ? it : came;
    }
    if (sent != NULL && came != NULL) {
        device->has_skew = true;
        device->skew_ms = came->at_ms - sent->at_ms;
    }
}

static void
join(struct diag_delivery *into, struct diag_delivery *from)
{
    from->is_joined = true;
    into->is_told = into->is_told || from->is_told;
    if (is_of_device(into)) {
        note_skew(into, from);
    }
    keep_ids(into, &from->ids);
    into->sources |= from->sources;
    for (size_t i = 0; i <= DIAG_SETUP_DONE; i++) {
        into->reached[i] =
            from->reached[i] > into->reached[i] ? from->reached[i] : into->reached[i];
    }
    for (size_t i = 0; i < from->failure_count; i++) {
        const struct diag_observation failure = {.cause = from->failures[i].cause,
            .step = from->failures[i].step,
            .source = from->failures[i].source,
            .file = from->failures[i].file};
        note_failure(into, &failure, from->failures[i].order);
    }
    if (from->last_step > into->last_step) {
        into->last_order = from->last_order;
        into->last_mark = from->last_mark;
        into->last_cause = from->last_cause;
        into->last_step = from->last_step;
        into->last_file = from->last_file;
    }
    if (into->root_state[0] == '\0') {
        memcpy(into->root_state, from->root_state, sizeof(into->root_state));
    }
    if (into->scep_state[0] == '\0') {
        memcpy(into->scep_state, from->scep_state, sizeof(into->scep_state));
    }
    for (size_t i = 0; i < from->evidence_count; i++) {
        keep_evidence(into, &from->evidence[i]);
    }
}

/* The one that @from can be a part of; NULL when there are several, or none. */
static struct diag_delivery *
find_only(const struct diag_deliveries *deliveries, const struct diag_delivery *from)
{
    struct diag_delivery *only = NULL;
    for (size_t i = 0; i < deliveries->count; i++) {
        if (may_join(deliveries->all[i], from)) {
            if (only != NULL) {
                return NULL;
            }
            only = deliveries->all[i];
        }
    }
    return only;
}

/* Could another one with an id of its own be a part of it as well? */
static bool
has_rival(const struct diag_deliveries *deliveries, const struct diag_delivery *into,
    const struct diag_delivery *from)
{
    for (size_t i = 0; i < deliveries->count; i++) {
        const struct diag_delivery *other = deliveries->all[i];
        if (other != from && other->has_id && !other->is_joined && may_join(into, other)) {
            return true;
        }
    }
    return false;
}

/* What was told first: it takes the place that a guess could take. */
void
diag_deliveries_join(struct diag_deliveries *deliveries)
{
    for (unsigned pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < deliveries->count; i++) {
            struct diag_delivery *from = deliveries->all[i];
            struct diag_delivery *only = from->is_joined || from->is_told != (pass == 0)
                                             ? NULL
                                             : find_only(deliveries, from);
            if (only != NULL &&
                (from->is_told || !from->has_id || !has_rival(deliveries, only, from))) {
                join(only, from);
            }
        }
    }
}

const struct diag_delivery *
diag_deliveries_at(const struct diag_deliveries *deliveries, size_t index)
{
    for (size_t i = 0; i < deliveries->count; i++) {
        if (!deliveries->all[i]->is_joined && index-- == 0) {
            return deliveries->all[i];
        }
    }
    return NULL;
}
