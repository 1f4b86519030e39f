/*
 * store_bench.c - what the ledger's database costs an enrolment.
 *
 *   store_bench FILE [ROWS [SECONDS]]
 *
 * Fills a new database with ROWS enrolments, then issues for SECONDS in groups of 1, 8 and 64, and
 * says how many enrolments a second it took and how much CPU each cost. One enrolment is what the
 * ledger does for it: challenge and delivery made (outside of what is measured), then reserved with
 * identity, challenge, body of 1,200 octets and two events; its signature; its answer with an
 * event. Then the same with seven look-ups and two contacts each, written behind in groups of 256.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "store/store.h"

#include "base/banned.h"

#define BODY_LEN 1200
#define TAIL_LEN 275
#define GROUP_MAX 1024
#define LOOKUPS 7

/* One enrolment's octets and rows. */
struct enrolment {
    uint8_t serial[18];
    uint8_t identity[32];
    uint8_t certificate[4 + BODY_LEN + TAIL_LEN];
    char device[32];
    char source[32];
    struct store_challenge challenge;
    struct store_delivery delivery;
    struct store_certificate row;
    struct store_event events[2];
    struct store_lookup lookups[LOOKUPS];
    uint8_t keys[LOOKUPS][32];
    struct store_contact contacts[2];
};

struct bench {
    struct store *store;
    uint64_t next;   /* enrolment */
    uint64_t random; /* xorshift: repeatable, and no part of what is measured */
    struct enrolment *group;
    struct store_op *ops;
};

static void
stop(enum base_code code, const struct base_error *err)
{
    if (code != BASE_OK) {
        (void)fprintf(stderr, "store_bench: %d: %s\n", (int)code, err->detail);
        exit(3);
    }
}

static void
fill_random(struct bench *bench, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bench->random ^= bench->random << 13;
        bench->random ^= bench->random >> 7;
        bench->random ^= bench->random << 17;
        out[i] = (uint8_t)(bench->random >> 32);
    }
}

static void
make_delivery(struct enrolment *e, uint64_t id, int64_t now_ms)
{
    e->delivery = (struct store_delivery){.id = id,
        .endpoint = BYTES_LITERAL("default"),
        .profile = BYTES_LITERAL("default"),
        .ca = BYTES_LITERAL("default"),
        .device = bytes_from_text(e->device),
        .challenge_id = id,
        .state = BYTES_LITERAL("offered"),
        .step = 1,
        .created_ms = now_ms,
        .updated_ms = now_ms};
    e->challenge = (struct store_challenge){.id = id,
        .mac = BYTES_ARRAY(e->identity),
        .profile = BYTES_LITERAL("default"),
        .device = bytes_from_text(e->device),
        .created_ms = now_ms,
        .expires_ms = now_ms + 3600000,
        .uses = 1,
        .uses_left = 1,
        .state = STORE_CHALLENGE_NEW,
        .delivery_id = id};
}

static void
make_request(struct enrolment *e, uint64_t id, int64_t now_ms)
{
    struct store_delivery *d = &e->delivery;
    d->transaction_id = (struct bytes){e->certificate + 4, 40};
    d->transaction_key = (struct bytes){e->certificate + 50, 32};
    d->key_sha256 = (struct bytes){e->certificate + 90, 32};
    d->identity = BYTES_ARRAY(e->identity);
    d->subject = (struct bytes){e->certificate + 130, 80};
    d->sans = (struct bytes){e->certificate + 230, 40};
    d->serial = BYTES_ARRAY(e->serial);
    d->source = bytes_from_text(e->source);
    d->state = BYTES_LITERAL("reserved");
    d->step = 4;
    e->row = (struct store_certificate){.serial = BYTES_ARRAY(e->serial),
        .endpoint = d->endpoint,
        .profile = d->profile,
        .ca = d->ca,
        .body = {e->certificate + 4, BODY_LEN},
        .certificate = BYTES_ARRAY(e->certificate),
        .not_before_s = now_ms / 1000,
        .not_after_s = now_ms / 1000 + 31536000,
        .issued_ms = now_ms,
        .delivery_id = id,
        .challenge_id = id,
        .key_sha256 = d->key_sha256,
        .transaction_id = d->transaction_id};
    e->events[0] = (struct store_event){
        .delivery_id = id, .at_ms = now_ms, .step = 2, .event = BYTES_LITERAL("request_received")};
    e->events[1] = (struct store_event){
        .delivery_id = id, .at_ms = now_ms, .step = 4, .event = BYTES_LITERAL("reserved")};
}

static void
make(struct bench *bench, struct enrolment *e)
{
    uint64_t id = ++bench->next;
    int64_t now_ms = 1764000000000 + (int64_t)id;
    fill_random(bench, e->serial, sizeof(e->serial));
    for (size_t i = 0; i < 6; i++) {
        e->serial[i] = (uint8_t)((uint64_t)now_ms >> (8 * (5 - i)));
    }
    fill_random(bench, e->identity, sizeof(e->identity));
    fill_random(bench, e->certificate, sizeof(e->certificate));
    (void)snprintf(e->device, sizeof(e->device), "device-%llu", (unsigned long long)id);
    (void)snprintf(e->source, sizeof(e->source), "10.%u.%u.%u", (unsigned)(id >> 16 & 255),
        (unsigned)(id >> 8 & 255), (unsigned)(id & 255));
    make_delivery(e, id, now_ms);
    for (size_t i = 0; i < LOOKUPS; i++) {
        fill_random(bench, e->keys[i], sizeof(e->keys[i]));
        e->lookups[i] = (struct store_lookup){
            (enum store_lookup_kind)(STORE_BY_DEVICE + (int)i), BYTES_ARRAY(e->keys[i]), id};
    }
    for (size_t i = 0; i < 2; i++) {
        e->contacts[i] = (struct store_contact){.endpoint = BYTES_LITERAL("default"),
            .source = bytes_from_text(e->source),
            .operation = (uint8_t)(i + 1),
            .at_ms = now_ms,
            .count = 1};
    }
}

static void
commit(struct bench *bench, size_t count)
{
    struct base_error err = {0};
    stop(store_commit(bench->store, bench->ops, count, &err), &err);
    for (size_t i = 0; i < count; i++) {
        if (bench->ops[i].verdict != STORE_DONE) {
            (void)fprintf(stderr, "store_bench: verdict %d\n", (int)bench->ops[i].verdict);
            exit(3);
        }
    }
}

/* Challenges for a group; not measured. */
static void
offer(struct bench *bench, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct enrolment *e = &bench->group[i];
        make(bench, e);
        bench->ops[i] = (struct store_op){.kind = STORE_ADD_CHALLENGE,
            .challenge = &e->challenge,
            .delivery = &e->delivery,
            .at_ms = e->delivery.created_ms};
    }
    commit(bench, count);
    for (size_t i = 0; i < count; i++) {
        struct enrolment *e = &bench->group[i];
        make_request(e, e->delivery.id, e->delivery.created_ms);
    }
}

/* Three commits: reserved; signed; answered. In a server they overlap with those of others. */
static void
issue(struct bench *bench, size_t from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct enrolment *e = &bench->group[from + i];
        bench->ops[i] = (struct store_op){.kind = STORE_RESERVE,
            .identity = BYTES_ARRAY(e->identity),
            .challenge_id = e->challenge.id,
            .certificate = &e->row,
            .delivery = &e->delivery,
            .events = e->events,
            .event_count = 2,
            .at_ms = e->row.issued_ms};
    }
    commit(bench, count);
    for (size_t i = 0; i < count; i++) {
        struct enrolment *e = &bench->group[from + i];
        e->delivery.state = BYTES_LITERAL("answered");
        e->delivery.step = 5;
        e->events[1].event = BYTES_LITERAL("answered");
        bench->ops[2 * i] = (struct store_op){.kind = STORE_ADD_SIGNATURE, .certificate = &e->row};
        bench->ops[2 * i + 1] = (struct store_op){.kind = STORE_SET_STATE,
            .delivery = &e->delivery,
            .events = &e->events[1],
            .event_count = 1,
            .at_ms = e->row.issued_ms};
    }
    commit(bench, 2 * count);
}

static void
follow(struct bench *bench, size_t from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct enrolment *e = &bench->group[from + i];
        bench->ops[3 * i] = (struct store_op){
            .kind = STORE_ADD_LOOKUPS, .lookups = e->lookups, .lookup_count = LOOKUPS};
        for (size_t k = 0; k < 2; k++) {
            bench->ops[3 * i + 1 + k] =
                (struct store_op){.kind = STORE_ADD_CONTACT, .contact = &e->contacts[k]};
        }
    }
    commit(bench, 3 * count);
}

static double
cpu_s(void)
{
    struct rusage use;
    (void)getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static double
wall_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
measure(struct bench *bench, size_t group, bool is_followed, double seconds)
{
    double cpu = 0;
    double wall = 0;
    size_t count = 0;
    while (wall < seconds) {
        offer(bench, GROUP_MAX);
        double wall_before = wall_s();
        double cpu_before = cpu_s();
        for (size_t at = 0; at < GROUP_MAX; at += group) {
            issue(bench, at, group);
        }
        for (size_t at = 0; is_followed && at < GROUP_MAX; at += 256) {
            follow(bench, at, 256);
        }
        wall += wall_s() - wall_before;
        cpu += cpu_s() - cpu_before;
        count += GROUP_MAX;
    }
    (void)printf("%-10llu %6zu %9s %12.0f %12.1f\n", (unsigned long long)bench->next, group,
        is_followed ? "yes" : "no", (double)count / wall, cpu / (double)count * 1e6);
    (void)fflush(stdout);
}

/* What a search costs that finds nothing. */
static void
search(struct bench *bench)
{
    struct base_error err = {0};
    uint64_t ids[8];
    uint8_t key[32];
    size_t found = 0;
    double before = wall_s();
    for (int i = 0; i < 100; i++) {
        fill_random(bench, key, sizeof(key));
        stop(
            store_search(bench->store, STORE_BY_KEY, BYTES_ARRAY(key), ids, 8, &found, &err), &err);
    }
    (void)printf("searched in %.2f ms\n", (wall_s() - before) * 1e3 / 100);
}

int
main(int argc, char **argv)
{
    struct bench bench = {.random = 88172645463325252ULL};
    struct base_error err = {0};
    if (argc < 2) {
        (void)fprintf(stderr, "usage: store_bench FILE [ROWS [SECONDS]]\n");
        return 2;
    }
    uint64_t rows = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    double seconds = argc > 3 ? strtod(argv[3], NULL) : 2;
    bench.group = calloc(GROUP_MAX, sizeof(*bench.group));
    bench.ops = calloc(3 * GROUP_MAX, sizeof(*bench.ops));
    if (bench.group == NULL || bench.ops == NULL) {
        return 3;
    }
    stop(store_open_sqlite(argv[1], true, &bench.store, &err), &err);
    while (bench.next < rows) {
        offer(&bench, GROUP_MAX);
        for (size_t at = 0; at < GROUP_MAX; at += 512) {
            issue(&bench, at, 512);
        }
        for (size_t at = 0; at < GROUP_MAX; at += 256) {
            follow(&bench, at, 256);
        }
    }
    (void)printf("%-10s %6s %9s %12s %12s\n", "rows", "group", "behind", "enrolments/s", "CPU us");
    static const size_t groups[] = {1, 8, 64};
    for (size_t i = 0; i < 3; i++) {
        measure(&bench, groups[i], false, seconds);
        measure(&bench, groups[i], true, seconds);
    }
    store_free(bench.store);
    double before = wall_s();
    stop(store_open_sqlite(argv[1], false, &bench.store, &err), &err);
    (void)printf("opened in %.0f ms\n", (wall_s() - before) * 1e3);
    search(&bench);
    before = wall_s();
    stop(store_check(bench.store, &err), &err);
    (void)printf("checked in %.0f ms\n", (wall_s() - before) * 1e3);
    store_free(bench.store);
    free(bench.group);
    free(bench.ops);
    return 0;
}
