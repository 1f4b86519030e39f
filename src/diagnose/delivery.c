#include "diagnose/delivery_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

struct diag_deliveries *
diag_deliveries_new(void)
{
    struct diag_deliveries *deliveries = calloc(1, sizeof(*deliveries));
    if (deliveries != NULL) {
        deliveries->current = DIAG_NONE;
        deliveries->index = diag_id_index_new();
    }
    if (deliveries != NULL && deliveries->index == NULL) {
        diag_deliveries_free(deliveries);
        return NULL;
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
        diag_id_index_free(deliveries->index);
        free(deliveries);
    }
}

void
diag_deliveries_begin_file(struct diag_deliveries *deliveries)
{
    deliveries->current = DIAG_NONE;
    deliveries->file++;
    deliveries->part_count = 0;
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

static bool
may_go(const struct diag_delivery *delivery)
{
    bool is_served = delivery->reached[DIAG_SERVED] != 0 || delivery->reached[DIAG_REPORTED] != 0 ||
                     delivery->reached[DIAG_INSTALLED] != 0;
    bool is_open_part = delivery->is_part && !delivery->is_joined;
    return !is_open_part && (delivery->is_joined || (delivery->failure_count == 0 && is_served));
}

/* How many are looked at for one that may go: a log of thousands of clients has many lines. */
#define EVICTION_TRIES 8

/* The place of one that went well; DIAG_NONE when none was found where the last search ended. */
static size_t
evict(struct diag_deliveries *deliveries)
{
    for (size_t i = 0; i < EVICTION_TRIES; i++) {
        size_t at = deliveries->evicted++ % deliveries->count;
        if (at != deliveries->current && may_go(deliveries->all[at])) {
            memset(deliveries->all[at], 0, sizeof(*deliveries->all[at]));
            deliveries->all[at]->file = deliveries->file;
            return at;
        }
    }
    return DIAG_NONE;
}

static size_t
add(struct diag_deliveries *deliveries)
{
    if (deliveries->count == DIAG_DELIVERIES_MAX) {
        deliveries->left_out++;
        return evict(deliveries);
    }
    if (deliveries->count == deliveries->capacity) {
        size_t capacity = deliveries->capacity == 0 ? 16 : 2 * deliveries->capacity;
        struct diag_delivery **all =
            realloc(deliveries->all, capacity * sizeof(struct diag_delivery *));
        if (all == NULL) {
            deliveries->left_out++;
            return DIAG_NONE;
        }
        deliveries->all = all;
        deliveries->capacity = capacity;
    }
    struct diag_delivery *delivery = calloc(1, sizeof(*delivery));
    if (delivery == NULL) {
        deliveries->left_out++;
        return DIAG_NONE;
    }
    delivery->file = deliveries->file;
    deliveries->all[deliveries->count] = delivery;
    return deliveries->count++;
}

static bool
is_same(const char *a, const char *b)
{
    return a[0] != '\0' && strcmp(a, b) == 0;
}

/* By what it says of itself; of several the newest. */
static size_t
find_by_ids(const struct diag_deliveries *deliveries, const struct diag_ids *ids)
{
    const size_t found[] = {
        diag_id_index_get(deliveries->index, DIAG_ID_TRANSACTION, ids->transaction),
        diag_id_index_get(deliveries->index, DIAG_ID_MODEL, ids->model),
        diag_id_index_get(deliveries->index, DIAG_ID_SERIAL, ids->serial)};
    size_t newest = DIAG_NONE;
    for (size_t i = 0; i < 3; i++) {
        const struct diag_ids *known =
            found[i] == DIAG_NONE ? NULL : &deliveries->all[found[i]]->ids;
        bool is_it = known != NULL &&
                     (is_same(ids->transaction, known->transaction) ||
                         is_same(ids->model, known->model) || is_same(ids->serial, known->serial));
        newest = is_it && (newest == DIAG_NONE || found[i] > newest) ? found[i] : newest;
    }
    if (newest != DIAG_NONE) {
        return newest;
    }
    size_t at = diag_id_index_get(deliveries->index, DIAG_ID_CLIENT, ids->client);
    return at != DIAG_NONE && deliveries->all[at]->file == deliveries->file &&
                   is_same(ids->client, deliveries->all[at]->ids.client)
               ? at
               : DIAG_NONE;
}

static bool
index_one(struct diag_deliveries *deliveries, size_t at)
{
    const struct diag_ids *ids = &deliveries->all[at]->ids;
    return diag_id_index_put(deliveries->index, DIAG_ID_TRANSACTION, ids->transaction, at) &&
           diag_id_index_put(deliveries->index, DIAG_ID_MODEL, ids->model, at) &&
           diag_id_index_put(deliveries->index, DIAG_ID_SERIAL, ids->serial, at) &&
           diag_id_index_put(deliveries->index, DIAG_ID_CLIENT, ids->client, at);
}

/* It has ids that it had not. Those of what was evicted go when the table is full. */
static void
index_ids(struct diag_deliveries *deliveries, size_t at)
{
    if (!index_one(deliveries, at)) {
        diag_id_index_clear(deliveries->index);
        for (size_t i = 0; i < deliveries->count; i++) {
            (void)index_one(deliveries, i);
        }
    }
}

/* May an observation with these ids belong to this delivery? */
bool
diag_ids_agree(const struct diag_ids *ids, const struct diag_ids *known)
{
    return (ids->model[0] == '\0' || known->model[0] == '\0' ||
               strcmp(ids->model, known->model) == 0) &&
           (ids->transaction[0] == '\0' || known->transaction[0] == '\0' ||
               strcmp(ids->transaction, known->transaction) == 0) &&
           (ids->client[0] == '\0' || known->client[0] == '\0' ||
               strcmp(ids->client, known->client) == 0);
}

static bool
is_over(const struct diag_delivery *delivery)
{
    return delivery->reached[DIAG_INSTALLED] != 0 || delivery->reached[DIAG_REPORTED] != 0;
}

/* A line of another log of the same side that is older than what is known: how it was before. */
static bool
is_past(const struct diag_delivery *delivery, const struct diag_observation *observation)
{
    return observation->has_date && delivery->has_newest &&
           (delivery->sources & 1U << observation->source) != 0 &&
           delivery->newest_file != observation->file && observation->at_ms < delivery->newest_ms;
}

static bool
begins_anew(const struct diag_delivery *delivery, const struct diag_observation *observation)
{
    bool is_first_step = observation->mark == DIAG_PROFILE || observation->mark == DIAG_CONTACT ||
                         observation->mark == DIAG_REQUEST_MADE || observation->is_beginning;
    if (is_past(delivery, observation)) {
        return false;
    }
    return (is_over(delivery) && is_first_step && observation->source != DIAG_IIS) ||
           (observation->is_another && (delivery->sources & 1U << observation->source) != 0);
}

static size_t
find_by_lane(const struct diag_deliveries *deliveries, uint32_t lane)
{
    for (size_t i = deliveries->count; lane != 0 && i-- > 0;) {
        if (deliveries->all[i]->lane == lane && deliveries->all[i]->file == deliveries->file) {
            return i;
        }
    }
    return DIAG_NONE;
}

/* A device enrols once for each profile that refers to this one, and names it at the end only: the
 * one that is under way is meant, not the one that has been installed. */
static bool
is_the_next_of_its_kind(const struct diag_deliveries *deliveries, size_t found)
{
    size_t current = deliveries->current;
    return current != DIAG_NONE && current != found && is_over(deliveries->all[found]) &&
           !deliveries->all[current]->has_id && !is_over(deliveries->all[current]) &&
           deliveries->all[current]->last_order > 0;
}

/* A device's log goes on with an id that a server's log, read before, has as well. */
static bool
is_known_to_a_server(const struct diag_deliveries *deliveries, size_t found,
    const struct diag_observation *observation)
{
    size_t current = deliveries->current;
    return current != DIAG_NONE && current != found &&
           deliveries->all[current]->file == deliveries->file &&
           deliveries->all[found]->file != deliveries->file && !deliveries->all[found]->is_joined &&
           diag_delivery_is_of_device(deliveries->all[current]) &&
           !diag_delivery_is_of_device(deliveries->all[found]) &&
           !is_over(deliveries->all[current]) &&
           diag_ids_agree(&observation->ids, &deliveries->all[current]->ids) &&
           diag_ids_agree(&deliveries->all[found]->ids, &deliveries->all[current]->ids);
}

/* What the web server did for a request whose own line comes later: it names no client. */
static bool
is_part_of_another(const struct diag_observation *observation)
{
    return observation->source == DIAG_IIS && observation->ids.client[0] == '\0' &&
           (observation->step == 3 || observation->step == 6);
}

static size_t
choose_part(struct diag_deliveries *deliveries, const struct diag_observation *observation)
{
    for (size_t i = 0; observation->step == 6 && i < deliveries->part_count; i++) {
        const struct diag_delivery *part = deliveries->all[deliveries->parts[i]];
        if (part->reached[DIAG_VERIFIED] != 0 && part->reached[DIAG_REPORTED] == 0 &&
            part->failure_count == 0) {
            return deliveries->parts[i];
        }
    }
    size_t at = add(deliveries);
    if (at == DIAG_NONE) {
        return at;
    }
    if (deliveries->part_count == DIAG_PARTS_MAX) {
        deliveries->part_count--;
        memmove(deliveries->parts, deliveries->parts + 1,
            deliveries->part_count * sizeof(deliveries->parts[0]));
    }
    deliveries->parts[deliveries->part_count++] = at;
    deliveries->all[at]->is_part = true;
    return at;
}

static size_t
choose(struct diag_deliveries *deliveries, const struct diag_observation *observation)
{
    size_t current = deliveries->current;
    size_t found = find_by_ids(deliveries, &observation->ids);
    if (found != DIAG_NONE && is_past(deliveries->all[found], observation)) {
        return found;
    }
    if (found != DIAG_NONE && is_known_to_a_server(deliveries, found, observation)) {
        diag_delivery_join(deliveries->all[current], deliveries->all[found]);
        index_ids(deliveries, current);
        return current;
    }
    if (found != DIAG_NONE) {
        return is_the_next_of_its_kind(deliveries, found) ? current : found;
    }
    if (is_part_of_another(observation)) {
        return choose_part(deliveries, observation);
    }
    found = find_by_lane(deliveries, observation->lane);
    if (found != DIAG_NONE && !begins_anew(deliveries->all[found], observation)) {
        return found;
    }
    if (found == DIAG_NONE && current != DIAG_NONE && !deliveries->all[current]->is_part &&
        diag_ids_agree(&observation->ids, &deliveries->all[current]->ids) &&
        !begins_anew(deliveries->all[current], observation)) {
        return current;
    }
    if (observation->is_another && (found != DIAG_NONE || current != DIAG_NONE)) {
        deliveries->all[found != DIAG_NONE ? found : current]->is_outlived = true;
    }
    return add(deliveries);
}

static bool
keep_id(char *known, const char *id)
{
    if (known[0] != '\0' || id[0] == '\0') {
        return false;
    }
    memcpy(known, id, DIAG_ID_MAX);
    return true;
}

bool
diag_delivery_keep_ids(struct diag_delivery *delivery, const struct diag_ids *ids)
{
    bool is_new = keep_id(delivery->ids.model, ids->model);
    is_new = keep_id(delivery->ids.transaction, ids->transaction) || is_new;
    is_new = keep_id(delivery->ids.client, ids->client) || is_new;
    is_new = keep_id(delivery->ids.subject, ids->subject) || is_new;
    is_new = keep_id(delivery->ids.serial, ids->serial) || is_new;
    delivery->has_id = delivery->ids.model[0] != '\0' || delivery->ids.transaction[0] != '\0' ||
                       delivery->ids.serial[0] != '\0';
    return is_new;
}

/* The first half stays, the second is a ring of the newest. */
void
diag_delivery_keep_evidence(struct diag_delivery *delivery, const struct diag_evidence *evidence)
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

void
diag_delivery_note_failure(
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
    delivery->failures[at].is_hint = observation->is_hint;
    delivery->failure_count = at == delivery->failure_count ? at + 1 : delivery->failure_count;
}

/* An HTTP answer says that HTTP works, a service that runs that it started; progress behind a
 * failure, in the same log and at or behind its step, that it was overcome. */
static bool
is_overcome(
    const struct diag_delivery *delivery, size_t at, const struct diag_observation *observation)
{
    unsigned step = delivery->failures[at].step;
    bool is_same_file = delivery->failures[at].file == observation->file;
    if (observation->mark == DIAG_SERVER_UP) {
        return is_same_file && step == 0;
    }
    if (observation->mark == DIAG_SERVED || observation->mark == DIAG_HTTP_ANSWER) {
        return is_same_file && step == 2;
    }
    return observation->mark == DIAG_INSTALLED || (is_same_file && observation->step >= step);
}

static void
forget_overcome(struct diag_delivery *delivery, const struct diag_observation *observation)
{
    size_t kept = 0;
    for (size_t i = 0; i < delivery->failure_count; i++) {
        if (!is_overcome(delivery, i, observation)) {
            delivery->failures[kept++] = delivery->failures[i];
        }
    }
    delivery->failure_count = kept;
}

static bool
is_progress(enum diag_mark mark)
{
    return mark != DIAG_NOTHING && mark != DIAG_CAUSE && mark != DIAG_CONTEXT &&
           mark != DIAG_ROOT_STATE && mark != DIAG_SERVER_UP;
}

static void
note_newest(struct diag_delivery *delivery, const struct diag_observation *observation)
{
    if (observation->has_date &&
        (!delivery->has_newest || observation->at_ms >= delivery->newest_ms)) {
        delivery->has_newest = true;
        delivery->newest_ms = observation->at_ms;
        delivery->newest_file = observation->file;
    }
}

static void
note_state(struct diag_delivery *delivery, const struct diag_observation *observation)
{
    if (observation->mark == DIAG_ROOT_STATE) {
        memcpy(delivery->root_state, observation->state, sizeof(delivery->root_state));
    } else if (observation->state[0] != '\0') {
        memcpy(delivery->scep_state, observation->state, sizeof(delivery->scep_state));
    }
}

/* What has begun anew has not ended. */
static void
note_reached(
    struct diag_delivery *delivery, const struct diag_observation *observation, uint64_t order)
{
    delivery->reached[observation->mark] = order;
    if (observation->mark == DIAG_PROFILE || observation->mark == DIAG_CONTACT ||
        observation->mark == DIAG_REQUEST_MADE || observation->mark == DIAG_REQUEST_SENT) {
        delivery->reached[DIAG_INSTALLED] = 0;
        delivery->reached[DIAG_REPORTED] = 0;
    }
}

static void
note(struct diag_delivery *delivery, const struct diag_observation *observation, uint64_t order)
{
    bool is_failure = observation->mark == DIAG_CAUSE && observation->cause != NULL &&
                      observation->cause->verdict == DIAG_STOPPED;
    if (is_past(delivery, observation)) {
        return;
    }
    note_newest(delivery, observation);
    delivery->sources |= 1U << observation->source;
    delivery->lane = observation->lane != 0 ? observation->lane : delivery->lane;
    note_reached(delivery, observation, order);
    note_state(delivery, observation);
    if (is_failure) {
        diag_delivery_note_failure(delivery, observation, order);
        return;
    }
    if (is_progress(observation->mark) || observation->mark == DIAG_SERVER_UP) {
        forget_overcome(delivery, observation);
    }
    if (is_progress(observation->mark) || observation->cause != NULL) {
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
    if (at == DIAG_NONE) {
        return;
    }
    struct diag_delivery *delivery = deliveries->all[at];
    uint64_t order = ++deliveries->order;
    if (!delivery->is_part) {
        deliveries->current = at;
    }
    if (diag_delivery_keep_ids(delivery, &observation->ids)) {
        index_ids(deliveries, at);
    }
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
    diag_delivery_keep_evidence(delivery, &evidence);
    if (observation->is_answer) {
        diag_deliveries_claim(deliveries, delivery, observation);
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
