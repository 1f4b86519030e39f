#include <stdlib.h>
#include <string.h>

#include "diagnose/delivery_internal.h"

#include "base/banned.h"

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

bool
diag_delivery_is_of_device(const struct diag_delivery *delivery)
{
    const unsigned devices =
        1U << DIAG_ANDROID | 1U << DIAG_APPLE | 1U << DIAG_WINDOWS | 1U << DIAG_CLIENT;
    return (delivery->sources & devices) != 0;
}

/* A web server names the kind of its client; a device's log is of one kind. */
static bool
is_of_another_kind(const struct diag_delivery *device, const struct diag_delivery *server)
{
    static const struct {
        enum diag_source source;
        const char *const agents[4];
    } kinds[] = {{DIAG_ANDROID, {"Dalvik", "okhttp", "Android"}},
        {DIAG_APPLE, {"profiled", "mdmclient", "CFNetwork", "Darwin"}},
        {DIAG_WINDOWS, {"NDES client", "NDES+client"}}};
    bool is_known = false;
    bool is_same = false;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        for (size_t k = 0; k < 4 && kinds[i].agents[k] != NULL; k++) {
            bool is_it = strstr(server->ids.client, kinds[i].agents[k]) != NULL;
            is_known = is_known || is_it;
            is_same = is_same || (is_it && (device->sources & 1U << kinds[i].source) != 0);
        }
    }
    const unsigned told = 1U << DIAG_ANDROID | 1U << DIAG_APPLE | 1U << DIAG_WINDOWS;
    return is_known && !is_same && (device->sources & told) != 0;
}

/* A report that fails says nothing against the certificate. */
static bool
has_failed_before_the_end(const struct diag_delivery *server)
{
    for (size_t i = 0; i < server->failure_count; i++) {
        if (server->failures[i].step < 6) {
            return true;
        }
    }
    return false;
}

/* What a server says may be about a device's delivery, or about another server's part of it. A
 * device that has its certificate has nothing to do with a failure that nothing ties to it. */
static bool
may_join(const struct diag_delivery *into, const struct diag_delivery *from)
{
    bool is_done = into->reached[DIAG_INSTALLED] != 0 && has_failed_before_the_end(from);
    return into != from && !into->is_joined && !from->is_joined &&
           !diag_delivery_is_of_device(from) && !is_done &&
           diag_ids_agree(&from->ids, &into->ids) && !is_of_another_kind(into, from) &&
           !share_a_file(into, from) && !is_far_away(into, from);
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

void
diag_delivery_join(struct diag_delivery *into, struct diag_delivery *from)
{
    from->is_joined = true;
    into->is_told = into->is_told || from->is_told;
    if (diag_delivery_is_of_device(into)) {
        note_skew(into, from);
    }
    (void)diag_delivery_keep_ids(into, &from->ids);
    into->sources |= from->sources;
    for (size_t i = 0; i <= DIAG_SETUP_DONE; i++) {
        into->reached[i] =
            from->reached[i] > into->reached[i] ? from->reached[i] : into->reached[i];
    }
    for (size_t i = 0; i < from->failure_count; i++) {
        const struct diag_observation failure = {.cause = from->failures[i].cause,
            .step = from->failures[i].step,
            .source = from->failures[i].source,
            .file = from->failures[i].file,
            .is_hint = from->failures[i].is_hint};
        diag_delivery_note_failure(into, &failure, from->failures[i].order);
    }
    if (from->has_newest && (!into->has_newest || from->newest_ms > into->newest_ms)) {
        into->newest_ms = into->has_newest && diag_delivery_is_of_device(into) ? into->newest_ms
                                                                               : from->newest_ms;
        into->has_newest = true;
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
        diag_delivery_keep_evidence(into, &from->evidence[i]);
    }
}

/* How far apart, by the clocks, the end of one and the nearest line of the other are; INT64_MAX
 * where a date is missing. */
static int64_t
distance(const struct diag_delivery *into, const struct diag_delivery *from)
{
    int64_t nearest = INT64_MAX;
    for (size_t i = 0; into->has_newest && i < from->evidence_count; i++) {
        int64_t apart = from->evidence[i].at_ms - into->newest_ms;
        apart = apart < 0 ? -apart : apart;
        nearest = from->evidence[i].has_date && apart < nearest ? apart : nearest;
    }
    return nearest;
}

/* Do the clocks say clearly that it is this one, and not that? Within two minutes, and the other at
 * least twice as far away. */
static bool
is_clearly_nearer(int64_t mine, int64_t others)
{
    return mine <= 120000 && others / 2 >= mine && others > 0;
}

/* The one that @from can be a part of; of several, the one that the clocks point to; NULL when they
 * do not, or there is none. */
static struct diag_delivery *
find_only(
    const struct diag_deliveries *deliveries, const struct diag_delivery *from, bool is_device)
{
    struct diag_delivery *best = NULL;
    int64_t nearest = INT64_MAX;
    int64_t second = INT64_MAX;
    bool is_only = true;
    for (size_t i = 0; i < deliveries->count; i++) {
        struct diag_delivery *into = deliveries->all[i];
        bool are_two_clients = into->ids.client[0] != '\0' && from->ids.client[0] != '\0';
        if (are_two_clients || diag_delivery_is_of_device(into) != is_device ||
            !may_join(into, from)) {
            continue;
        }
        int64_t apart = distance(into, from);
        is_only = best == NULL;
        if (!is_only && !is_device) {
            return NULL; /* servers' logs are full of what is near */
        }
        second = apart < nearest ? nearest : apart < second ? apart : second;
        best = best == NULL || apart < nearest ? into : best;
        nearest = apart < nearest ? apart : nearest;
    }
    return is_only || is_clearly_nearer(nearest, second) ? best : NULL;
}

/* Could another part of the same log belong to it as well? Then the clocks decide. */
static bool
has_rival(const struct diag_deliveries *deliveries, const struct diag_delivery *into,
    const struct diag_delivery *from)
{
    int64_t mine = distance(into, from);
    for (size_t i = 0; i < deliveries->count; i++) {
        const struct diag_delivery *other = deliveries->all[i];
        if (other == from || other->is_joined || !share_a_file(other, from) ||
            !may_join(into, other)) {
            continue;
        }
        if (!is_clearly_nearer(mine, distance(into, other))) {
            return true;
        }
    }
    return false;
}

static void
join_all(struct diag_deliveries *deliveries, bool is_told, bool is_device)
{
    for (size_t i = 0; i < deliveries->count; i++) {
        struct diag_delivery *from = deliveries->all[i];
        if (from->is_joined || from->is_told != is_told || diag_delivery_is_of_device(from)) {
            continue;
        }
        struct diag_delivery *only = find_only(deliveries, from, is_device);
        if (only != NULL && (is_told || !has_rival(deliveries, only, from))) {
            diag_delivery_join(only, from);
        }
    }
}

/* What was told first: it takes the place that a guess could take. Then what servers say of a
 * device's delivery, then what they say of each other's. */
void
diag_deliveries_join(struct diag_deliveries *deliveries)
{
    join_all(deliveries, true, true);
    join_all(deliveries, true, false);
    join_all(deliveries, false, true);
    join_all(deliveries, false, false);
}

/* ---- one web server's log
 * ------------------------------------------------------------------------- */

/* Did the part happen while the request was answered? */
static bool
is_within(const struct diag_delivery *part, const struct diag_observation *answer)
{
    int64_t taken = answer->taken_ms < 0 ? 60000 : answer->taken_ms;
    for (size_t i = 0; i < part->evidence_count; i++) {
        int64_t at = part->evidence[i].at_ms;
        if (at < 0 || answer->at_ms < 0) {
            continue;
        }
        if (at > answer->at_ms + 2000 || at < answer->at_ms - taken - 2000) {
            return false;
        }
    }
    return true;
}

/* Of several that it can be, and that went differently, none. */
void
diag_deliveries_claim(struct diag_deliveries *deliveries, struct diag_delivery *into,
    const struct diag_observation *answer)
{
    size_t first = DIAG_NONE;
    for (size_t i = 0; i < deliveries->part_count; i++) {
        const struct diag_delivery *part = deliveries->all[deliveries->parts[i]];
        if (!is_within(part, answer)) {
            continue;
        }
        if (first == DIAG_NONE) {
            first = i;
        } else if ((deliveries->all[deliveries->parts[first]]->failure_count > 0) !=
                   (part->failure_count > 0)) {
            return;
        }
    }
    if (first != DIAG_NONE) {
        diag_delivery_join(into, deliveries->all[deliveries->parts[first]]);
        deliveries->part_count--;
        memmove(&deliveries->parts[first], &deliveries->parts[first + 1],
            (deliveries->part_count - first) * sizeof(deliveries->parts[0]));
    }
}

/* The only client that a log names. */
static struct diag_delivery *
find_only_client(const struct diag_deliveries *deliveries)
{
    struct diag_delivery *only = NULL;
    for (size_t i = 0; i < deliveries->count; i++) {
        struct diag_delivery *delivery = deliveries->all[i];
        if (delivery->file == deliveries->file && !delivery->is_joined && !delivery->is_part &&
            delivery->ids.client[0] != '\0') {
            if (only != NULL) {
                return NULL;
            }
            only = delivery;
        }
    }
    return only;
}

void
diag_deliveries_end_file(struct diag_deliveries *deliveries)
{
    struct diag_delivery *only = deliveries->part_count == 0 ? NULL : find_only_client(deliveries);
    for (size_t i = 0; only != NULL && i < deliveries->part_count; i++) {
        diag_delivery_join(only, deliveries->all[deliveries->parts[i]]);
    }
    deliveries->part_count = 0;
}
