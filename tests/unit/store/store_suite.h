/*
 * store_suite.h - what every engine of the store must do.
 *
 * An engine's test program defines suite_open() and the like below, includes this, and adds
 * SUITE_TESTS to its own list.
 */
#ifndef TESTS_STORE_SUITE_H
#define TESTS_STORE_SUITE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/limits.h"
#include "store/store.h"

/* One test's database and what it is read into. */
struct suite {
    void *engine; /* the engine's test program's own */
    struct store *store;
    struct store_row row;
};

/* The engine's: an empty database; the same one again; nothing of it remains. */
static void suite_make(struct suite *suite);
static void suite_open(struct suite *suite);
static void suite_remove(struct suite *suite);

static int
suite_setup(void **state)
{
    struct suite *suite = calloc(1, sizeof(*suite));
    assert_non_null(suite);
    store_row_init(&suite->row);
    suite_make(suite);
    *state = suite;
    return 0;
}

static int
suite_teardown(void **state)
{
    struct suite *suite = *state;
    store_row_clear(&suite->row);
    store_free(suite->store);
    suite_remove(suite);
    free(suite);
    return 0;
}

static void
suite_reopen(struct suite *suite)
{
    store_free(suite->store);
    suite->store = NULL;
    suite_open(suite);
}

#define T0 INT64_C(1764000000000)
#define TEXT(s) BYTES_LITERAL(s)
#define OK(call)                                                                                   \
    do {                                                                                           \
        struct base_error ok_err = {0};                                                            \
        struct base_error *err = &ok_err;                                                          \
        enum base_code ok_code = (call);                                                           \
        if (ok_code != BASE_OK) {                                                                  \
            fail_msg("%d: %s", (int)ok_code, ok_err.detail);                                       \
        }                                                                                          \
    } while (0)

static void
assert_octets(struct bytes found, struct bytes wanted)
{
    assert_int_equal(found.len, wanted.len);
    if (wanted.len > 0) {
        assert_memory_equal(found.ptr, wanted.ptr, wanted.len);
    }
}

static enum store_verdict
do_op(struct suite *suite, struct store_op *op)
{
    OK(store_commit(suite->store, op, 1, err));
    return op->verdict;
}

/* ---- rows ---- */

/* An enrolment whose octets follow from its number. */
struct sample {
    uint8_t serial[18];
    uint8_t identity[32];
    uint8_t certificate[4 + 300 + 40]; /* head, body, tail */
    struct store_delivery delivery;
    struct store_certificate row;
    struct store_event event;
    struct store_op op;
};

static void
make_sample(struct sample *s, uint64_t number)
{
    memset(s, 0, sizeof(*s));
    for (size_t i = 0; i < sizeof(s->certificate); i++) {
        s->certificate[i] = (uint8_t)(number * 7 + i * 13 + i / 256);
    }
    for (size_t i = 0; i < 8; i++) {
        s->serial[i + 1] = (uint8_t)(number >> (8 * (7 - i)));
    }
    s->serial[0] = 1;
    memcpy(s->identity, s->certificate, sizeof(s->identity));
    memcpy(s->identity, s->serial, sizeof(s->serial));
    s->delivery = (struct store_delivery){.id = number,
        .endpoint = TEXT("default"),
        .profile = TEXT("wifi"),
        .ca = TEXT("ca1"),
        .device = TEXT("lap\"top 1"),
        .transaction_id = TEXT("8F00AA"),
        .transaction_key = {s->certificate, 32},
        .key_sha256 = {s->certificate + 32, 32},
        .identity = BYTES_ARRAY(s->identity),
        .subject = {s->certificate + 64, 50},
        .sans = {s->certificate + 120, 20},
        .spki = {s->certificate + 150, 90},
        .authority = TEXT("challenge"),
        .serial = BYTES_ARRAY(s->serial),
        .source = TEXT("192.0.2.7"),
        .state = TEXT("reserved"),
        .step = 4,
        .code = 2003,
        .detail = TEXT("as asked"),
        .created_ms = T0 + (int64_t)number,
        .updated_ms = T0 + (int64_t)number + 5};
    s->row = (struct store_certificate){.serial = BYTES_ARRAY(s->serial),
        .endpoint = TEXT("default"),
        .profile = TEXT("wifi"),
        .ca = TEXT("ca1"),
        .body = {s->certificate + 4, 300},
        .certificate = BYTES_ARRAY(s->certificate),
        .not_before_s = T0 / 1000,
        .not_after_s = T0 / 1000 + 1000,
        .issued_ms = T0 + (int64_t)number,
        .delivery_id = number,
        .renews = TEXT("\x01\x02"),
        .key_sha256 = {s->certificate + 32, 32},
        .transaction_id = TEXT("8F00AA")};
    s->event = (struct store_event){.delivery_id = number,
        .at_ms = T0,
        .step = 4,
        .event = TEXT("reserved"),
        .code = 7,
        .detail = TEXT("so it is")};
    s->op = (struct store_op){.kind = STORE_RESERVE,
        .identity = BYTES_ARRAY(s->identity),
        .certificate = &s->row,
        .delivery = &s->delivery,
        .events = &s->event,
        .event_count = 1,
        .at_ms = T0};
}

static enum store_verdict
reserve_sample(struct suite *suite, uint64_t number)
{
    struct sample sample;
    make_sample(&sample, number);
    return do_op(suite, &sample.op);
}

static enum store_verdict
sign_sample(struct suite *suite, uint64_t number)
{
    struct sample sample;
    make_sample(&sample, number);
    struct store_op op = {.kind = STORE_ADD_SIGNATURE, .certificate = &sample.row};
    return do_op(suite, &op);
}

static uint64_t
count_certificates(struct suite *suite)
{
    uint64_t count = 0;
    OK(store_count_certificates(suite->store, &count, err));
    return count;
}

static bool
find_certificate(struct suite *suite, struct bytes serial, struct store_certificate *out)
{
    bool is_found = false;
    OK(store_find_certificate(suite->store, serial, &suite->row, out, &is_found, err));
    return is_found;
}

static bool
find_delivery(struct suite *suite, uint64_t id, struct store_delivery *out)
{
    bool is_found = false;
    OK(store_find_delivery(suite->store, id, &suite->row, out, &is_found, err));
    return is_found;
}

static struct store_challenge
find_challenge(struct suite *suite, uint64_t id)
{
    struct store_challenge challenge = {0};
    bool is_found = false;
    OK(store_find_challenge(suite->store, id, &suite->row, &challenge, &is_found, err));
    assert_true(is_found);
    return challenge;
}

static struct store_challenge
challenge_sample(uint64_t id, uint32_t uses)
{
    static const uint8_t mac[32] = {1, 2, 3};
    return (struct store_challenge){.id = id,
        .mac = BYTES_ARRAY(mac),
        .profile = TEXT("wifi"),
        .device = TEXT("laptop"),
        .subject = TEXT("\x30\x00"),
        .is_san_bound = true,
        .sans = TEXT("\x30\x01\x00"),
        .created_ms = T0,
        .expires_ms = T0 + 60000,
        .uses = uses,
        .uses_left = uses,
        .state = STORE_CHALLENGE_NEW,
        .delivery_id = 77};
}

static enum store_verdict
add_challenge(struct suite *suite, uint64_t id, uint32_t uses)
{
    struct store_challenge challenge = challenge_sample(id, uses);
    struct store_op op = {.kind = STORE_ADD_CHALLENGE, .challenge = &challenge, .at_ms = T0};
    return do_op(suite, &op);
}

static enum store_verdict
change_challenge(struct suite *suite, enum store_op_kind kind, uint64_t id, uint64_t delivery_id)
{
    struct store_delivery delivery = {.id = delivery_id};
    struct store_op op = {
        .kind = kind, .challenge_id = id, .delivery = &delivery, .max_mismatches = 3, .at_ms = T0};
    return do_op(suite, &op);
}

/* What walks gather: numbers of what they were shown. */
struct seen {
    uint64_t number[64];
    size_t count;
    size_t stop_at; /* 0: never */
};

static enum base_code
see(struct seen *seen, uint64_t number, struct base_error *err)
{
    assert_true(seen->count < 64);
    seen->number[seen->count++] = number;
    return seen->count == seen->stop_at ? base_fail(err, E_USAGE, "enough") : BASE_OK;
}

static enum base_code
see_delivery(void *arg, const struct store_delivery *row, struct base_error *err)
{
    return see(arg, row->id, err);
}

static enum base_code
see_certificate(void *arg, const struct store_certificate *row, struct base_error *err)
{
    return see(arg, row->delivery_id, err);
}

static enum base_code
see_event(void *arg, const struct store_event *row, struct base_error *err)
{
    return see(arg, row->code, err);
}

static enum base_code
see_contact(void *arg, const struct store_contact *row, struct base_error *err)
{
    return see(arg, (uint64_t)(row->at_ms - T0) * 100 + row->count * 10 + row->operation, err);
}

/* ---- the outbox ---- */

static enum store_verdict
add_notice(
    struct suite *suite, uint64_t delivery_id, const char *policy, const char *event, int64_t at_ms)
{
    const struct store_notice notice = {.delivery_id = delivery_id,
        .policy = bytes_from_text(policy),
        .event = bytes_from_text(event),
        .at_ms = at_ms,
        .step = 4,
        .code = 1403,
        .detail = TEXT("so it was"),
        .payload = TEXT("\x30\x00"),
        .is_gate = true};
    struct store_op op = {
        .kind = STORE_ADD_EVENTS, .notices = &notice, .notice_count = 1, .at_ms = at_ms};
    return do_op(suite, &op);
}

static enum base_code
see_notice(void *arg, const struct store_notice *row, struct base_error *err)
{
    assert_octets(row->detail, TEXT("so it was"));
    assert_octets(row->payload, TEXT("\x30\x00"));
    assert_true(row->is_gate && row->step == 4 && row->code == 1403);
    return see(arg, row->id, err);
}

static struct seen
due_notices(struct suite *suite, const char *policy, int64_t now_ms)
{
    struct seen seen = {.count = 0};
    OK(store_each_due_notice(
        suite->store, bytes_from_text(policy), now_ms, 64, see_notice, &seen, err));
    return seen;
}

static enum store_verdict
defer_notice(struct suite *suite, uint64_t id, int64_t next_ms, enum store_notice_state state)
{
    const struct store_notice change = {.attempts = 1,
        .next_ms = next_ms,
        .state = state,
        .last_code = 1431,
        .last_detail = TEXT("busy")};
    struct store_op op = {.kind = STORE_DEFER_NOTICE,
        .notice_id = id,
        .notices = &change,
        .notice_count = 1,
        .at_ms = T0};
    return do_op(suite, &op);
}

static enum store_verdict
drop_notice(struct suite *suite, uint64_t id)
{
    struct store_op op = {.kind = STORE_DROP_NOTICE, .notice_id = id, .at_ms = T0};
    return do_op(suite, &op);
}

static void
notices_of_a_delivery_are_due_one_after_the_other(void **state)
{
    struct suite *suite = *state;
    assert_int_equal(add_notice(suite, 1, "hr", "authorised", T0), STORE_DONE);
    assert_int_equal(add_notice(suite, 1, "hr", "issued", T0 + 1), STORE_DONE);
    assert_int_equal(add_notice(suite, 1, "intune", "issued", T0 + 1), STORE_DONE);
    assert_int_equal(add_notice(suite, 2, "hr", "refused", T0 + 2), STORE_DONE);
    assert_int_equal(due_notices(suite, "hr", T0 - 1).count, 0);
    struct seen seen = due_notices(suite, "hr", T0 + 9);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.number[0], 1);
    assert_int_equal(seen.number[1], 4);
    assert_int_equal(due_notices(suite, "intune", T0 + 9).number[0], 3);
    assert_int_equal(drop_notice(suite, 1), STORE_DONE);
    assert_int_equal(drop_notice(suite, 1), STORE_MISSING);
    assert_int_equal(due_notices(suite, "hr", T0 + 9).number[0], 2);
}

static void
notice_that_was_not_taken_holds_those_behind_it(void **state)
{
    struct suite *suite = *state;
    struct seen seen = {.count = 0};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(add_notice(suite, 1, "hr", "issued", T0), STORE_DONE);
    }
    assert_int_equal(defer_notice(suite, 1, T0 + 5000, STORE_NOTICE_WAITING), STORE_DONE);
    assert_int_equal(due_notices(suite, "hr", T0 + 4999).count, 0);
    assert_int_equal(due_notices(suite, "hr", T0 + 5000).number[0], 1);
    /* A dead one does not stand in the way. */
    assert_int_equal(defer_notice(suite, 1, T0 + 5000, STORE_NOTICE_DEAD), STORE_DONE);
    assert_int_equal(due_notices(suite, "hr", T0 + 5000).number[0], 2);
    OK(store_each_notice(suite->store, 0, STORE_NOTICE_DEAD, 9, see_notice, &seen, err));
    assert_int_equal(seen.count, 1);
    assert_int_equal(defer_notice(suite, 99, T0, STORE_NOTICE_DEAD), STORE_MISSING);
}

static void
notices_are_counted_and_numbered_for_ever(void **state)
{
    struct suite *suite = *state;
    struct store_notice_counts counts = {.waiting = 7};
    struct seen seen = {.count = 0};
    assert_int_equal(add_notice(suite, 1, "hr", "issued", T0 + 7), STORE_DONE);
    assert_int_equal(add_notice(suite, 2, "hr", "issued", T0 + 8), STORE_DONE);
    assert_int_equal(defer_notice(suite, 2, T0, STORE_NOTICE_DEAD), STORE_DONE);
    OK(store_count_notices(suite->store, TEXT("hr"), &counts, err));
    assert_int_equal(counts.waiting, 1);
    assert_int_equal(counts.dead, 1);
    assert_int_equal(counts.oldest_ms, T0 + 7);
    assert_int_equal(drop_notice(suite, 1), STORE_DONE);
    assert_int_equal(drop_notice(suite, 2), STORE_DONE);
    OK(store_count_notices(suite->store, TEXT("hr"), &counts, err));
    assert_int_equal(counts.waiting + counts.dead + (uint64_t)counts.oldest_ms, 0);
    suite_reopen(suite);
    assert_int_equal(add_notice(suite, 3, "hr", "issued", T0), STORE_DONE);
    OK(store_each_notice_of(suite->store, 3, 9, see_notice, &seen, err));
    assert_int_equal(seen.number[0], 3);
}

static void
notice_goes_with_its_operation_or_not_at_all(void **state)
{
    struct suite *suite = *state;
    struct sample sample;
    const struct store_notice notice = {.delivery_id = 1,
        .policy = TEXT("hr"),
        .event = TEXT("issued"),
        .at_ms = T0,
        .step = 4,
        .code = 1403,
        .detail = TEXT("so it was"),
        .payload = TEXT("\x30\x00"),
        .is_gate = true};
    make_sample(&sample, 1);
    sample.op.notices = &notice;
    sample.op.notice_count = 1;
    assert_int_equal(do_op(suite, &sample.op), STORE_DONE);
    assert_int_equal(due_notices(suite, "hr", T0).count, 1);
    assert_int_equal(do_op(suite, &sample.op), STORE_IDENTITY_TAKEN);
    assert_int_equal(due_notices(suite, "hr", T0).count, 1);
}

static enum base_code
see_journal(void *arg, uint64_t seq, struct bytes record, struct base_error *err)
{
    struct store_journal_record read;
    assert_int_equal(store_journal_read(record, &read, err), BASE_OK);
    return see(arg, seq * 100 + (uint64_t)read.kind, err);
}

static void
assert_seen(const struct seen *seen, const uint64_t *wanted, size_t count)
{
    assert_int_equal(seen->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(seen->number[i], wanted[i]);
    }
}
#define ASSERT_SEEN(seen, ...)                                                                     \
    assert_seen(&(seen), (const uint64_t[]){__VA_ARGS__},                                          \
        sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

/* ---- challenges ---- */

static void
challenge_comes_back_as_it_was_put(void **state)
{
    struct suite *suite = *state;
    struct store_challenge want = challenge_sample(41, 3);
    uint64_t last = 9;
    OK(store_last_challenge(suite->store, &last, err));
    assert_int_equal(last, 0);
    assert_int_equal(add_challenge(suite, 41, 3), STORE_DONE);
    assert_int_equal(add_challenge(suite, 41, 1), STORE_TAKEN);
    suite_reopen(suite);
    struct store_challenge got = find_challenge(suite, 41);
    assert_octets(got.mac, want.mac);
    assert_octets(got.profile, want.profile);
    assert_octets(got.device, want.device);
    assert_octets(got.subject, want.subject);
    assert_octets(got.sans, want.sans);
    assert_true(got.is_san_bound);
    assert_int_equal(got.created_ms, want.created_ms);
    assert_int_equal(got.expires_ms, want.expires_ms);
    assert_int_equal(got.uses, 3);
    assert_int_equal(got.uses_left, 3);
    assert_int_equal(got.mismatches, 0);
    assert_int_equal(got.state, STORE_CHALLENGE_NEW);
    assert_int_equal(got.delivery_id, 77);
    OK(store_last_challenge(suite->store, &last, err));
    assert_int_equal(last, 41);
    bool is_found = true;
    OK(store_find_challenge(suite->store, 42, &suite->row, &got, &is_found, err));
    assert_false(is_found);
}

static void
challenge_is_inserted_with_its_delivery_and_events(void **state)
{
    struct suite *suite = *state;
    struct store_challenge challenge = challenge_sample(5, 1);
    struct sample sample;
    make_sample(&sample, 6);
    struct store_op op = {.kind = STORE_ADD_CHALLENGE,
        .challenge = &challenge,
        .delivery = &sample.delivery,
        .events = &sample.event,
        .event_count = 1};
    assert_int_equal(do_op(suite, &op), STORE_DONE);
    struct store_delivery got;
    struct seen seen = {0};
    assert_true(find_delivery(suite, 6, &got));
    OK(store_each_event(suite->store, 6, 10, see_event, &seen, err));
    ASSERT_SEEN(seen, 7);
}

static void
challenge_dies_of_too_many_mismatches(void **state)
{
    struct suite *suite = *state;
    assert_int_equal(add_challenge(suite, 1, 1), STORE_DONE);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(change_challenge(suite, STORE_COUNT_MISMATCH, 1, 0), STORE_DONE);
        assert_int_equal(find_challenge(suite, 1).state, STORE_CHALLENGE_NEW);
    }
    assert_int_equal(change_challenge(suite, STORE_COUNT_MISMATCH, 1, 0), STORE_DONE);
    assert_int_equal(find_challenge(suite, 1).state, STORE_CHALLENGE_DEAD);
    assert_int_equal(find_challenge(suite, 1).mismatches, 3);
    assert_int_equal(change_challenge(suite, STORE_COUNT_MISMATCH, 2, 0), STORE_MISSING);
}

static void
challenge_without_a_maximum_never_dies_of_mismatches(void **state)
{
    struct suite *suite = *state;
    struct store_op op = {.kind = STORE_COUNT_MISMATCH, .challenge_id = 1};
    assert_int_equal(add_challenge(suite, 1, 1), STORE_DONE);
    assert_int_equal(do_op(suite, &op), STORE_DONE);
    assert_int_equal(find_challenge(suite, 1).state, STORE_CHALLENGE_NEW);
    assert_int_equal(find_challenge(suite, 1).mismatches, 1);
}

static void
challenge_is_held_by_one_and_released_by_it(void **state)
{
    struct suite *suite = *state;
    assert_int_equal(add_challenge(suite, 1, 1), STORE_DONE);
    assert_int_equal(change_challenge(suite, STORE_HOLD_CHALLENGE, 1, 10), STORE_DONE);
    assert_int_equal(change_challenge(suite, STORE_HOLD_CHALLENGE, 1, 10), STORE_DONE);
    assert_int_equal(change_challenge(suite, STORE_HOLD_CHALLENGE, 1, 11), STORE_TAKEN);
    assert_int_equal(find_challenge(suite, 1).held_by, 10);
    assert_int_equal(find_challenge(suite, 1).state, STORE_CHALLENGE_HELD);
    assert_int_equal(change_challenge(suite, STORE_RELEASE_CHALLENGE, 1, 11), STORE_TAKEN);
    assert_int_equal(change_challenge(suite, STORE_RELEASE_CHALLENGE, 1, 10), STORE_DONE);
    assert_int_equal(find_challenge(suite, 1).state, STORE_CHALLENGE_NEW);
    assert_int_equal(change_challenge(suite, STORE_HOLD_CHALLENGE, 1, 11), STORE_DONE);
}

static void
dead_challenge_is_neither_held_nor_spent(void **state)
{
    struct suite *suite = *state;
    struct sample sample;
    assert_int_equal(add_challenge(suite, 1, 1), STORE_DONE);
    assert_int_equal(change_challenge(suite, STORE_KILL_CHALLENGE, 1, 0), STORE_DONE);
    assert_int_equal(change_challenge(suite, STORE_HOLD_CHALLENGE, 1, 10), STORE_TAKEN);
    make_sample(&sample, 2);
    sample.op.challenge_id = 1;
    assert_int_equal(do_op(suite, &sample.op), STORE_TAKEN);
    assert_int_equal(count_certificates(suite), 0);
    assert_int_equal(change_challenge(suite, STORE_KILL_CHALLENGE, 9, 0), STORE_MISSING);
}

static void
spent_challenge_stays_spent(void **state)
{
    struct suite *suite = *state;
    struct sample sample;
    assert_int_equal(add_challenge(suite, 1, 1), STORE_DONE);
    make_sample(&sample, 2);
    sample.op.challenge_id = 1;
    assert_int_equal(do_op(suite, &sample.op), STORE_DONE);
    assert_int_equal(find_challenge(suite, 1).state, STORE_CHALLENGE_SPENT);
    assert_int_equal(change_challenge(suite, STORE_KILL_CHALLENGE, 1, 0), STORE_TAKEN);
    assert_int_equal(change_challenge(suite, STORE_HOLD_CHALLENGE, 1, 2), STORE_TAKEN);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(change_challenge(suite, STORE_COUNT_MISMATCH, 1, 0), STORE_DONE);
    }
    assert_int_equal(find_challenge(suite, 1).state, STORE_CHALLENGE_SPENT);
}

static void
challenge_of_two_uses_is_spent_twice(void **state)
{
    struct suite *suite = *state;
    assert_int_equal(add_challenge(suite, 1, 2), STORE_DONE);
    static const enum store_verdict wanted[] = {STORE_DONE, STORE_DONE, STORE_TAKEN};
    for (uint64_t i = 0; i < 3; i++) {
        struct sample sample;
        make_sample(&sample, i + 1);
        sample.op.challenge_id = 1;
        assert_int_equal(do_op(suite, &sample.op), wanted[i]);
    }
    assert_int_equal(find_challenge(suite, 1).uses_left, 0);
    assert_int_equal(find_challenge(suite, 1).state, STORE_CHALLENGE_SPENT);
    assert_int_equal(count_certificates(suite), 2);
}

static void
held_challenge_is_spent_only_by_its_delivery(void **state)
{
    struct suite *suite = *state;
    struct sample sample;
    assert_int_equal(add_challenge(suite, 1, 1), STORE_DONE);
    assert_int_equal(change_challenge(suite, STORE_HOLD_CHALLENGE, 1, 10), STORE_DONE);
    make_sample(&sample, 11);
    sample.op.challenge_id = 1;
    assert_int_equal(do_op(suite, &sample.op), STORE_TAKEN);
    make_sample(&sample, 10);
    sample.op.challenge_id = 1;
    assert_int_equal(do_op(suite, &sample.op), STORE_DONE);
    assert_int_equal(find_challenge(suite, 1).state, STORE_CHALLENGE_SPENT);
}

/* ---- deliveries ---- */

static void
assert_delivery(const struct store_delivery *got, const struct store_delivery *want)
{
    assert_int_equal(got->id, want->id);
    assert_octets(got->endpoint, want->endpoint);
    assert_octets(got->profile, want->profile);
    assert_octets(got->ca, want->ca);
    assert_octets(got->device, want->device);
    assert_int_equal(got->challenge_id, want->challenge_id);
    assert_octets(got->transaction_id, want->transaction_id);
    assert_octets(got->transaction_key, want->transaction_key);
    assert_octets(got->key_sha256, want->key_sha256);
    assert_octets(got->identity, want->identity);
    assert_octets(got->subject, want->subject);
    assert_octets(got->sans, want->sans);
    assert_octets(got->spki, want->spki);
    assert_octets(got->authority, want->authority);
    assert_octets(got->serial, want->serial);
    assert_octets(got->source, want->source);
    assert_octets(got->state, want->state);
    assert_int_equal(got->step, want->step);
    assert_int_equal(got->code, want->code);
    assert_octets(got->detail, want->detail);
    assert_int_equal(got->created_ms, want->created_ms);
    assert_int_equal(got->updated_ms, want->updated_ms);
}

static void
delivery_comes_back_as_it_was_put(void **state)
{
    struct suite *suite = *state;
    struct sample sample;
    struct store_delivery got;
    make_sample(&sample, 3);
    struct store_op op = {.kind = STORE_PUT_DELIVERY, .delivery = &sample.delivery};
    assert_int_equal(do_op(suite, &op), STORE_DONE);
    assert_true(find_delivery(suite, 3, &got));
    assert_delivery(&got, &sample.delivery);
    assert_false(find_delivery(suite, 4, &got));
    sample.delivery.challenge_id = 12;
    sample.delivery.state = TEXT("waiting");
    sample.delivery.spki = BYTES_NONE;
    assert_int_equal(do_op(suite, &op), STORE_DONE);
    sample.delivery.device = TEXT("a\0b"); /* octets, not a C string */
    assert_int_equal(do_op(suite, &op), STORE_DONE);
    suite_reopen(suite);
    assert_true(find_delivery(suite, 3, &got));
    assert_delivery(&got, &sample.delivery);
}

static void
state_changes_only_from_the_state_that_was_seen(void **state)
{
    struct suite *suite = *state;
    struct sample sample;
    struct store_delivery got;
    assert_int_equal(reserve_sample(suite, 3), STORE_DONE);
    make_sample(&sample, 3);
    struct store_delivery change = {.id = 3,
        .state = TEXT("answered"),
        .step = 5,
        .code = 9,
        .detail = TEXT("x"),
        .updated_ms = 1};
    struct store_op op = {.kind = STORE_SET_STATE,
        .delivery = &change,
        .from_state = TEXT("waiting"),
        .events = &sample.event,
        .event_count = 1};
    assert_int_equal(do_op(suite, &op), STORE_TAKEN);
    op.from_state = TEXT("reserved");
    assert_int_equal(do_op(suite, &op), STORE_DONE);
    assert_true(find_delivery(suite, 3, &got));
    sample.delivery.state = change.state;
    sample.delivery.step = 5;
    sample.delivery.code = 9;
    sample.delivery.detail = change.detail;
    sample.delivery.updated_ms = 1;
    assert_delivery(&got, &sample.delivery);
    struct seen seen = {0};
    OK(store_each_event(suite->store, 3, 10, see_event, &seen, err));
    ASSERT_SEEN(seen, 7, 7);
    change.id = 4;
    op.from_state = BYTES_NONE;
    assert_int_equal(do_op(suite, &op), STORE_MISSING);
}

static void
kept_transaction_finds_its_delivery(void **state)
{
    struct suite *suite = *state;
    struct sample sample;
    uint64_t id = 0;
    bool is_found = true;
    make_sample(&sample, 3);
    struct store_op op = {.kind = STORE_PUT_DELIVERY, .delivery = &sample.delivery};
    struct bytes key = sample.delivery.transaction_key;
    assert_int_equal(do_op(suite, &op), STORE_DONE);
    OK(store_find_transaction(suite->store, key, &id, &is_found, err));
    assert_false(is_found);
    op.is_transaction_kept = true;
    assert_int_equal(do_op(suite, &op), STORE_DONE);
    OK(store_find_transaction(suite->store, key, &id, &is_found, err));
    assert_true(is_found);
    assert_int_equal(id, 3);
    struct store_op forget = {
        .kind = STORE_FORGET_IDENTITIES, .before_ms = sample.delivery.updated_ms, .at_ms = T0};
    assert_int_equal(do_op(suite, &forget), STORE_DONE);
    OK(store_find_transaction(suite->store, key, &id, &is_found, err));
    assert_true(is_found);
    forget.before_ms++;
    assert_int_equal(do_op(suite, &forget), STORE_DONE);
    OK(store_find_transaction(suite->store, key, &id, &is_found, err));
    assert_false(is_found);
}

static void
events_are_kept_in_order(void **state)
{
    struct suite *suite = *state;
    struct store_event events[4];
    for (uint32_t i = 0; i < 4; i++) {
        events[i] = (struct store_event){.delivery_id = i == 3 ? 9 : 8,
            .at_ms = T0 - (int64_t)i,
            .step = 2,
            .event = TEXT("poll"),
            .code = i + 1,
            .detail = TEXT("again")};
    }
    struct store_op op = {.kind = STORE_ADD_EVENTS, .events = events, .event_count = 4};
    assert_int_equal(do_op(suite, &op), STORE_DONE);
    struct seen seen = {0};
    OK(store_each_event(suite->store, 8, 10, see_event, &seen, err));
    ASSERT_SEEN(seen, 1, 2, 3);
    seen.count = 0;
    OK(store_each_event(suite->store, 8, 2, see_event, &seen, err));
    ASSERT_SEEN(seen, 1, 2);
}

static void
deliveries_come_in_pages_newest_first(void **state)
{
    struct suite *suite = *state;
    for (uint64_t i = 1; i <= 6; i++) {
        struct sample sample;
        make_sample(&sample, i);
        sample.delivery.state = i % 2 == 0 ? TEXT("waiting") : TEXT("refused");
        sample.delivery.challenge_id = i < 4 ? 50 : 0;
        struct store_op op = {.kind = STORE_PUT_DELIVERY, .delivery = &sample.delivery};
        assert_int_equal(do_op(suite, &op), STORE_DONE);
    }
    struct seen seen = {0};
    OK(store_each_delivery(suite->store, 0, BYTES_NONE, 4, see_delivery, &seen, err));
    ASSERT_SEEN(seen, 6, 5, 4, 3);
    seen.count = 0;
    OK(store_each_delivery(suite->store, 3, BYTES_NONE, 4, see_delivery, &seen, err));
    ASSERT_SEEN(seen, 2, 1);
    seen.count = 0;
    OK(store_each_delivery(suite->store, 6, TEXT("waiting"), 4, see_delivery, &seen, err));
    ASSERT_SEEN(seen, 4, 2);
    seen.count = 0;
    OK(store_each_delivery(suite->store, 0, TEXT("dead"), 4, see_delivery, &seen, err));
    assert_int_equal(seen.count, 0);
    OK(store_each_delivery_of_challenge(suite->store, 50, 2, see_delivery, &seen, err));
    ASSERT_SEEN(seen, 3, 2);
    seen.count = 0;
    OK(store_each_delivery_of_challenge(suite->store, 0, 9, see_delivery, &seen, err));
    assert_int_equal(seen.count, 0);
}

static void
walk_ends_with_its_callbacks_error(void **state)
{
    struct suite *suite = *state;
    struct base_error fault = {0};
    struct seen seen = {.stop_at = 2};
    for (uint64_t i = 1; i <= 3; i++) {
        assert_int_equal(reserve_sample(suite, i), STORE_DONE);
    }
    assert_int_equal(
        store_each_delivery(suite->store, 0, BYTES_NONE, 9, see_delivery, &seen, &fault), E_USAGE);
    ASSERT_SEEN(seen, 3, 2);
    assert_int_equal(reserve_sample(suite, 4), STORE_DONE);
}

/* ---- certificates ---- */

static void
reserved_certificate_comes_back_with_all_of_it(void **state)
{
    struct suite *suite = *state;
    struct sample sample;
    struct store_certificate got;
    struct store_delivery delivery;
    make_sample(&sample, 3);
    sample.row.challenge_id = 4;
    assert_int_equal(do_op(suite, &sample.op), STORE_DONE);
    suite_reopen(suite);
    assert_true(find_certificate(suite, sample.row.serial, &got));
    assert_octets(got.serial, sample.row.serial);
    assert_octets(got.endpoint, sample.row.endpoint);
    assert_octets(got.profile, sample.row.profile);
    assert_octets(got.ca, sample.row.ca);
    assert_octets(got.body, sample.row.body);
    assert_octets(got.certificate, BYTES_NONE);
    assert_octets(got.renews, sample.row.renews);
    assert_octets(got.key_sha256, sample.row.key_sha256);
    assert_octets(got.transaction_id, sample.row.transaction_id);
    assert_int_equal(got.not_before_s, sample.row.not_before_s);
    assert_int_equal(got.not_after_s, sample.row.not_after_s);
    assert_int_equal(got.issued_ms, sample.row.issued_ms);
    assert_int_equal(got.status, STORE_GOOD);
    assert_int_equal(got.revoked_ms, 0);
    assert_int_equal(got.delivery_id, 3);
    assert_int_equal(got.challenge_id, 4);
    assert_true(find_delivery(suite, 3, &delivery));
    assert_delivery(&delivery, &sample.delivery);
    assert_int_equal(count_certificates(suite), 1);
}

static void
D9_identity_has_one_certificate(void **state)
{
    struct suite *suite = *state;
    struct sample first;
    struct sample second;
    struct store_delivery delivery;
    assert_int_equal(add_challenge(suite, 1, 1), STORE_DONE);
    make_sample(&first, 3);
    assert_int_equal(do_op(suite, &first.op), STORE_DONE);
    make_sample(&second, 4);
    second.op.identity = BYTES_ARRAY(first.identity);
    second.op.challenge_id = 1;
    assert_int_equal(do_op(suite, &second.op), STORE_IDENTITY_TAKEN);
    assert_octets((struct bytes){second.op.found_serial, second.op.found_serial_len},
        BYTES_ARRAY(first.serial));
    /* Nothing of it happened. */
    assert_int_equal(find_challenge(suite, 1).state, STORE_CHALLENGE_NEW);
    assert_false(find_delivery(suite, 4, &delivery));
    assert_false(find_certificate(suite, second.row.serial, &second.row));
    assert_int_equal(count_certificates(suite), 1);
}

static void
identity_whose_time_is_over_is_taken_over_once(void **state)
{
    struct suite *suite = *state;
    struct sample sample[4];
    for (uint64_t i = 0; i < 4; i++) {
        make_sample(&sample[i], 3 + i);
        sample[i].op.identity = BYTES_ARRAY(sample[0].identity);
        sample[i].op.identity_over = i == 0 ? BYTES_NONE : BYTES_ARRAY(sample[0].serial);
    }
    assert_int_equal(do_op(suite, &sample[0].op), STORE_DONE);
    /* Three at once that all saw the old one: the first has it. */
    struct store_op ops[3] = {sample[1].op, sample[2].op, sample[3].op};
    OK(store_commit(suite->store, ops, 3, err));
    assert_int_equal(ops[0].verdict, STORE_DONE);
    assert_int_equal(ops[1].verdict, STORE_IDENTITY_TAKEN);
    assert_int_equal(ops[2].verdict, STORE_IDENTITY_TAKEN);
    assert_octets((struct bytes){ops[2].found_serial, ops[2].found_serial_len},
        BYTES_ARRAY(sample[1].serial));
    assert_int_equal(count_certificates(suite), 2);
}

static void
challenge_that_is_taken_leaves_nothing_reserved(void **state)
{
    struct suite *suite = *state;
    struct sample sample[20];
    struct store_op ops[20];
    uint8_t serial[20];
    size_t len = 0;
    int64_t created_ms = 0;
    bool is_found = true;
    assert_int_equal(add_challenge(suite, 1, 1), STORE_DONE);
    for (uint64_t i = 0; i < 20; i++) {
        make_sample(&sample[i], i + 1);
        ops[i] = sample[i].op;
        ops[i].challenge_id = 1;
    }
    OK(store_commit(suite->store, ops, 20, err)); /* twenty at once: exactly one */
    assert_int_equal(ops[0].verdict, STORE_DONE);
    for (size_t i = 1; i < 20; i++) {
        assert_int_equal(ops[i].verdict, STORE_TAKEN);
        assert_false(find_certificate(suite, sample[i].row.serial, &sample[i].row));
        OK(store_find_identity(
            suite->store, sample[i].op.identity, serial, &len, &created_ms, &is_found, err));
        assert_false(is_found);
    }
    assert_int_equal(count_certificates(suite), 1);
    assert_int_equal(reserve_sample(suite, 2), STORE_DONE);
    assert_int_equal(count_certificates(suite), 2);
    suite_reopen(suite);
    assert_int_equal(count_certificates(suite), 2);
}

static void
D9_serial_is_never_given_twice(void **state)
{
    struct suite *suite = *state;
    struct sample first;
    struct sample second;
    struct store_certificate got;
    assert_int_equal(add_challenge(suite, 1, 1), STORE_DONE);
    make_sample(&first, 3);
    assert_int_equal(do_op(suite, &first.op), STORE_DONE);
    make_sample(&second, 4);
    second.row.serial = first.row.serial;
    second.op.challenge_id = 1;
    assert_int_equal(do_op(suite, &second.op), STORE_SERIAL_TAKEN);
    assert_int_equal(find_challenge(suite, 1).state, STORE_CHALLENGE_NEW);
    assert_true(find_certificate(suite, first.row.serial, &got));
    assert_octets(got.body, first.row.body);
    second.row.serial = BYTES_ARRAY(second.serial);
    assert_int_equal(do_op(suite, &second.op), STORE_DONE);
}

static void
signature_makes_the_certificate_whole(void **state)
{
    struct suite *suite = *state;
    struct sample sample;
    struct store_certificate got;
    assert_int_equal(reserve_sample(suite, 3), STORE_DONE);
    assert_int_equal(sign_sample(suite, 3), STORE_DONE);
    assert_int_equal(sign_sample(suite, 3), STORE_DONE); /* the same again */
    make_sample(&sample, 3);
    suite_reopen(suite);
    assert_true(find_certificate(suite, sample.row.serial, &got));
    assert_octets(got.certificate, sample.row.certificate);
    assert_octets(got.body, sample.row.body);
}

static void
first_signature_counts(void **state)
{
    struct suite *suite = *state;
    struct sample sample;
    struct store_certificate got;
    assert_int_equal(reserve_sample(suite, 3), STORE_DONE);
    assert_int_equal(sign_sample(suite, 3), STORE_DONE);
    make_sample(&sample, 3);
    uint8_t last = sample.certificate[sizeof(sample.certificate) - 1]++;
    struct store_op op = {.kind = STORE_ADD_SIGNATURE, .certificate = &sample.row};
    assert_int_equal(do_op(suite, &op), STORE_TAKEN);
    assert_true(find_certificate(suite, sample.row.serial, &got));
    assert_int_equal(got.certificate.ptr[got.certificate.len - 1], last);
}

static void
signature_over_another_body_is_not_taken(void **state)
{
    struct suite *suite = *state;
    struct sample sample;
    struct store_certificate got;
    assert_int_equal(reserve_sample(suite, 3), STORE_DONE);
    make_sample(&sample, 3);
    sample.certificate[100] ^= 1;
    struct store_op op = {.kind = STORE_ADD_SIGNATURE, .certificate = &sample.row};
    assert_int_equal(do_op(suite, &op), STORE_MISSING);
    assert_true(find_certificate(suite, sample.row.serial, &got));
    assert_int_equal(got.certificate.len, 0);
    sample.row.certificate.len = 100;
    assert_int_equal(do_op(suite, &op), STORE_MISSING);
    assert_int_equal(sign_sample(suite, 4), STORE_MISSING);
}

static void
unsigned_ones_are_found(void **state)
{
    struct suite *suite = *state;
    for (uint64_t i = 1; i <= 5; i++) {
        assert_int_equal(reserve_sample(suite, i), STORE_DONE);
        if (i != 2 && i != 5) {
            assert_int_equal(sign_sample(suite, i), STORE_DONE);
        }
    }
    suite_reopen(suite);
    struct seen seen = {0};
    OK(store_each_unsigned(suite->store, 9, see_certificate, &seen, err));
    ASSERT_SEEN(seen, 2, 5);
    assert_int_equal(sign_sample(suite, 2), STORE_DONE);
    seen.count = 0;
    OK(store_each_unsigned(suite->store, 9, see_certificate, &seen, err));
    ASSERT_SEEN(seen, 5);
}

static enum store_verdict
revoke_sample(struct suite *suite, uint64_t number)
{
    struct sample sample;
    make_sample(&sample, number);
    sample.row.revoked_ms = T0 + 99;
    sample.row.reason = 4;
    struct store_op op = {.kind = STORE_REVOKE, .certificate = &sample.row, .at_ms = T0};
    return do_op(suite, &op);
}

static void
revoked_certificate_says_so(void **state)
{
    struct suite *suite = *state;
    struct sample sample;
    struct store_certificate got;
    assert_int_equal(reserve_sample(suite, 3), STORE_DONE);
    assert_int_equal(sign_sample(suite, 3), STORE_DONE);
    assert_int_equal(revoke_sample(suite, 3), STORE_DONE);
    assert_int_equal(revoke_sample(suite, 3), STORE_TAKEN);
    assert_int_equal(revoke_sample(suite, 4), STORE_MISSING);
    make_sample(&sample, 3);
    assert_true(find_certificate(suite, sample.row.serial, &got));
    assert_int_equal(got.status, STORE_REVOKED);
    assert_int_equal(got.revoked_ms, T0 + 99);
    assert_int_equal(got.reason, 4);
}

static void
revoked_ones_come_in_serial_order_of_one_ca(void **state)
{
    struct suite *suite = *state;
    static const uint64_t order[] = {5, 2, 4, 1, 3};
    for (size_t i = 0; i < 5; i++) {
        struct sample sample;
        make_sample(&sample, order[i]);
        sample.row.ca = order[i] == 4 ? TEXT("ca2") : TEXT("ca1");
        sample.row.not_after_s = 1000 + (int64_t)order[i];
        assert_int_equal(do_op(suite, &sample.op), STORE_DONE);
        assert_int_equal(revoke_sample(suite, order[i]), STORE_DONE);
    }
    struct seen seen = {0};
    OK(store_each_revoked(suite->store, TEXT("ca1"), 1000, see_certificate, &seen, err));
    ASSERT_SEEN(seen, 1, 2, 3, 5);
    seen.count = 0;
    OK(store_each_revoked(suite->store, TEXT("ca1"), 1003, see_certificate, &seen, err));
    ASSERT_SEEN(seen, 3, 5);
}

static void
certificates_come_in_pages_by_serial(void **state)
{
    struct suite *suite = *state;
    struct sample sample;
    static const uint64_t order[] = {5, 2, 4, 1, 3};
    uint8_t last[20];
    size_t len = 9;
    OK(store_last_serial(suite->store, last, &len, err));
    assert_int_equal(len, 0);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(reserve_sample(suite, order[i]), STORE_DONE);
    }
    struct seen seen = {0};
    OK(store_each_certificate(suite->store, BYTES_NONE, 3, see_certificate, &seen, err));
    ASSERT_SEEN(seen, 1, 2, 3);
    make_sample(&sample, 3);
    seen.count = 0;
    OK(store_each_certificate(suite->store, sample.row.serial, 3, see_certificate, &seen, err));
    ASSERT_SEEN(seen, 4, 5);
    OK(store_last_serial(suite->store, last, &len, err));
    make_sample(&sample, 5);
    assert_octets((struct bytes){last, len}, sample.row.serial);
}

/* ---- the window of identities ---- */

static bool
has_identity(struct suite *suite, uint64_t number)
{
    struct sample sample;
    uint8_t serial[20];
    size_t len = 0;
    int64_t created_ms = 0;
    bool is_found = false;
    make_sample(&sample, number);
    OK(store_find_identity(
        suite->store, sample.op.identity, serial, &len, &created_ms, &is_found, err));
    if (is_found) {
        assert_octets((struct bytes){serial, len}, sample.row.serial);
        assert_int_equal(created_ms, sample.row.issued_ms);
    }
    return is_found;
}

static void
identities_are_cut_to_their_window(void **state)
{
    struct suite *suite = *state;
    struct sample over;
    for (uint64_t i = 1; i <= 6; i++) {
        assert_int_equal(reserve_sample(suite, i), STORE_DONE);
    }
    make_sample(&over, 7); /* takes the identity of the second over */
    struct sample second;
    make_sample(&second, 2);
    over.op.identity = BYTES_ARRAY(second.identity);
    over.op.identity_over = BYTES_ARRAY(second.serial);
    assert_int_equal(do_op(suite, &over.op), STORE_DONE);
    struct store_op op = {.kind = STORE_FORGET_IDENTITIES, .before_ms = T0 + 4, .at_ms = T0};
    assert_int_equal(do_op(suite, &op), STORE_DONE);
    assert_false(op.is_more);
    assert_false(has_identity(suite, 1));
    assert_false(has_identity(suite, 3));
    assert_true(has_identity(suite, 4));
    uint8_t serial[20];
    size_t len = 0;
    int64_t created_ms = 0;
    bool is_found = false;
    OK(store_find_identity(
        suite->store, second.op.identity, serial, &len, &created_ms, &is_found, err));
    assert_true(is_found);
    assert_octets((struct bytes){serial, len}, over.row.serial);
    suite_reopen(suite);
    op.before_ms = T0 + 6;
    assert_int_equal(do_op(suite, &op), STORE_DONE);
    assert_false(has_identity(suite, 5));
    assert_true(has_identity(suite, 6));
}

static void
cutting_stops_at_its_bound_and_goes_on(void **state)
{
    struct suite *suite = *state;
    enum { COUNT = STORE_FORGET_MAX + 3 };
    for (uint64_t i = 1; i <= COUNT; i++) {
        assert_int_equal(reserve_sample(suite, i), STORE_DONE);
    }
    struct store_op op = {.kind = STORE_FORGET_IDENTITIES, .before_ms = T0 + 10000, .at_ms = T0};
    assert_int_equal(do_op(suite, &op), STORE_DONE);
    assert_true(op.is_more);
    assert_false(has_identity(suite, STORE_FORGET_MAX));
    assert_true(has_identity(suite, STORE_FORGET_MAX + 1));
    assert_int_equal(do_op(suite, &op), STORE_DONE);
    assert_false(op.is_more);
    assert_false(has_identity(suite, COUNT));
}

/* ---- contacts, look-ups, lists, meta ---- */

static enum store_verdict
contact(struct suite *suite, struct bytes source, uint8_t operation, int64_t at_ms)
{
    struct store_contact row = {.endpoint = TEXT("default"),
        .source = source,
        .operation = operation,
        .at_ms = at_ms,
        .count = 2};
    struct store_op op = {.kind = STORE_ADD_CONTACT, .contact = &row};
    return do_op(suite, &op);
}

static void
contacts_are_counted_by_the_minute(void **state)
{
    struct suite *suite = *state;
    static const struct {
        const char *source;
        uint8_t operation;
        int64_t at;
    } made[] = {{"a", 1, 1}, {"a", 1, 5}, {"a", 2, 6}, {"b", 1, 7}, {"a", 1, 60001}, {"a", 1, 3},
        {"a", 1, 200000}};
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        assert_int_equal(
            contact(suite, bytes_from_text(made[i].source), made[i].operation, T0 + made[i].at),
            STORE_DONE);
    }
    suite_reopen(suite);
    assert_int_equal(contact(suite, TEXT("a"), 1, T0 + 4), STORE_DONE);
    struct seen seen = {0};
    OK(store_each_contact(
        suite->store, TEXT("default"), TEXT("a"), T0, T0 + 70000, 9, see_contact, &seen, err));
    ASSERT_SEEN(seen, 5 * 100 + 8 * 10 + 1, 6 * 100 + 22, 60001 * 100 + 21);
    seen.count = 0;
    OK(store_each_contact(
        suite->store, TEXT("default"), TEXT("a"), T0 + 6, INT64_MAX, 1, see_contact, &seen, err));
    ASSERT_SEEN(seen, 6 * 100 + 22);
    seen.count = 0;
    OK(store_each_contact(
        suite->store, TEXT("other"), TEXT("a"), 0, INT64_MAX, 9, see_contact, &seen, err));
    assert_int_equal(seen.count, 0);
}

static void
old_contacts_are_cut(void **state)
{
    struct suite *suite = *state;
    struct seen seen = {0};
    assert_int_equal(contact(suite, TEXT("a"), 1, T0 + 1), STORE_DONE);
    assert_int_equal(contact(suite, TEXT("a"), 1, T0 + 300002), STORE_DONE);
    struct store_op op = {
        .kind = STORE_FORGET_IDENTITIES, .at_ms = T0 + 120000 + STORE_CONTACT_KEPT_MS};
    assert_int_equal(do_op(suite, &op), STORE_DONE);
    OK(store_each_contact(
        suite->store, TEXT("default"), TEXT("a"), 0, INT64_MAX, 9, see_contact, &seen, err));
    ASSERT_SEEN(seen, 300002 * 100 + 21);
}

static void
sources_beyond_the_bound_are_counted_together(void **state)
{
    struct suite *suite = *state;
    enum { COUNT = STORE_CONTACTS_A_MINUTE + 2 };
    struct store_contact *rows = calloc(COUNT, sizeof(*rows));
    struct store_op *ops = calloc(COUNT, sizeof(*ops));
    char(*names)[16] = calloc(COUNT, 16);
    assert_true(rows != NULL && ops != NULL && names != NULL);
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(names[i], 16, "s%d", i);
        rows[i] = (struct store_contact){.endpoint = TEXT("default"),
            .source = bytes_from_text(names[i]),
            .operation = 1,
            .at_ms = T0,
            .count = 1};
        ops[i] = (struct store_op){.kind = STORE_ADD_CONTACT, .contact = &rows[i]};
    }
    OK(store_commit(suite->store, ops, COUNT, err));
    struct seen seen = {0};
    OK(store_each_contact(suite->store, TEXT("default"), bytes_from_text(names[COUNT - 1]), 0,
        INT64_MAX, 9, see_contact, &seen, err));
    assert_int_equal(seen.count, 0);
    OK(store_each_contact(
        suite->store, TEXT("default"), TEXT("*"), 0, INT64_MAX, 9, see_contact, &seen, err));
    ASSERT_SEEN(seen, 21);
    free(rows);
    free(ops);
    free(names);
}

static void
search_finds_newest_first_across_buckets(void **state)
{
    struct suite *suite = *state;
    enum { COUNT = 3 * STORE_LOOKUP_BUCKET };
    struct store_lookup *lookups = calloc(COUNT, sizeof(*lookups));
    uint64_t ids[4] = {0};
    size_t count = 9;
    char(*names)[16] = calloc(COUNT, 16);
    assert_true(lookups != NULL && names != NULL);
    for (uint64_t i = 0; i < COUNT; i++) {
        (void)snprintf(names[i], 16, "n%d", (int)i);
        lookups[i] =
            (struct store_lookup){STORE_BY_SUBJECT, bytes_from_text(names[i]), 1000000 - i};
    }
    lookups[1] = (struct store_lookup){STORE_BY_DEVICE, TEXT("laptop"), 5};
    lookups[2] = (struct store_lookup){STORE_BY_DEVICE, TEXT("laptop"), 9};
    lookups[STORE_LOOKUP_BUCKET + 9].value = TEXT("laptop"); /* a subject, not a device */
    lookups[2 * STORE_LOOKUP_BUCKET] = (struct store_lookup){STORE_BY_DEVICE, TEXT("laptop"), 7};
    lookups[COUNT - 1] = (struct store_lookup){STORE_BY_DEVICE, TEXT("laptop"), 9};
    struct store_op op = {.kind = STORE_ADD_LOOKUPS, .lookups = lookups, .lookup_count = COUNT};
    assert_int_equal(do_op(suite, &op), STORE_DONE);
    suite_reopen(suite);
    OK(store_search(suite->store, STORE_BY_DEVICE, TEXT("laptop"), ids, 4, &count, err));
    assert_int_equal(count, 3);
    assert_int_equal(ids[0], 9);
    assert_int_equal(ids[1], 7);
    assert_int_equal(ids[2], 5);
    OK(store_search(suite->store, STORE_BY_DEVICE, TEXT("laptop"), ids, 2, &count, err));
    assert_int_equal(count, 2);
    assert_int_equal(ids[0], 9);
    assert_int_equal(ids[1], 7);
    OK(store_search(suite->store, STORE_BY_KEY, TEXT("laptop"), ids, 4, &count, err));
    assert_int_equal(count, 0);
    OK(store_search(suite->store, STORE_BY_DEVICE, TEXT("laptop"), ids, 0, &count, err));
    assert_int_equal(count, 0);
    free(lookups);
    free(names);
}

static void
crl_number_never_goes_back(void **state)
{
    struct suite *suite = *state;
    struct store_crl got;
    bool is_found = true;
    OK(store_find_crl(suite->store, TEXT("ca1"), &suite->row, &got, &is_found, err));
    assert_false(is_found);
    struct store_crl crl = {TEXT("ca1"), 7, 100, 200, TEXT("\x30\x02list")};
    struct store_op op = {.kind = STORE_PUT_CRL, .crl = &crl};
    assert_int_equal(do_op(suite, &op), STORE_DONE);
    assert_int_equal(do_op(suite, &op), STORE_TAKEN);
    crl.number = 6;
    assert_int_equal(do_op(suite, &op), STORE_TAKEN);
    crl.number = 8;
    crl.crl = TEXT("new");
    assert_int_equal(do_op(suite, &op), STORE_DONE);
    struct store_crl other = {TEXT("ca2"), 1, 1, 2, TEXT("x")};
    op.crl = &other;
    assert_int_equal(do_op(suite, &op), STORE_DONE);
    suite_reopen(suite);
    OK(store_find_crl(suite->store, TEXT("ca1"), &suite->row, &got, &is_found, err));
    assert_true(is_found);
    assert_int_equal(got.number, 8);
    assert_int_equal(got.this_update_s, 100);
    assert_int_equal(got.next_update_s, 200);
    assert_octets(got.crl, TEXT("new"));
}

static void
meta_is_replaced(void **state)
{
    struct suite *suite = *state;
    struct bytes value;
    bool is_found = true;
    OK(store_find_meta(suite->store, "epoch", &suite->row, &value, &is_found, err));
    assert_false(is_found);
    struct store_op op = {
        .kind = STORE_PUT_META, .meta_key = TEXT("epoch"), .meta_value = TEXT("\0\1")};
    assert_int_equal(do_op(suite, &op), STORE_DONE);
    op.meta_value = TEXT("\0\2");
    assert_int_equal(do_op(suite, &op), STORE_DONE);
    suite_reopen(suite);
    OK(store_find_meta(suite->store, "epoch", &suite->row, &value, &is_found, err));
    assert_true(is_found);
    assert_octets(value, TEXT("\0\2"));
}

/* ---- batches and the journal ---- */

static void
batch_has_a_verdict_for_each(void **state)
{
    struct suite *suite = *state;
    struct sample sample[3];
    struct store_op ops[4];
    for (uint64_t i = 0; i < 3; i++) {
        make_sample(&sample[i], i == 2 ? 1 : i + 1);
        ops[i] = sample[i].op;
    }
    ops[3] = (struct store_op){.kind = STORE_KILL_CHALLENGE, .challenge_id = 99};
    OK(store_commit(suite->store, ops, 4, err));
    assert_int_equal(ops[0].verdict, STORE_DONE);
    assert_int_equal(ops[1].verdict, STORE_DONE);
    assert_int_equal(ops[2].verdict, STORE_IDENTITY_TAKEN);
    assert_int_equal(ops[3].verdict, STORE_MISSING);
    OK(store_commit(suite->store, ops, 0, err));
}

static void
operation_without_what_it_needs_is_refused_whole(void **state)
{
    struct suite *suite = *state;
    struct base_error fault = {0};
    struct sample sample;
    make_sample(&sample, 1);
    struct store_op ops[2] = {sample.op, {.kind = STORE_REVOKE}};
    assert_int_equal(store_commit(suite->store, ops, 2, &fault), E_INTERNAL);
    assert_int_equal(count_certificates(suite), 0);
    ops[1] = (struct store_op){.kind = (enum store_op_kind)0};
    assert_int_equal(store_commit(suite->store, ops, 2, &fault), E_INTERNAL);
    ops[1] = (struct store_op){.kind = STORE_KILL_CHALLENGE, .challenge_id = UINT64_MAX};
    assert_int_equal(store_commit(suite->store, ops, 2, &fault), E_INTERNAL);
}

static void
batch_that_fails_midway_leaves_nothing(void **state)
{
    struct suite *suite = *state;
    struct base_error fault = {0};
    struct sample sample[2];
    struct store_delivery delivery;
    uint8_t chain[32] = {0};
    struct seen seen = {0};
    uint8_t *large = calloc(1, STORE_IMAGE_MAX);
    assert_non_null(large);
    assert_int_equal(reserve_sample(suite, 1), STORE_DONE);
    make_sample(&sample[0], 2);
    make_sample(&sample[1], 3);
    sample[1].delivery.sans = (struct bytes){large, STORE_IMAGE_MAX};
    struct store_op ops[2] = {
        sample[0].op, {.kind = STORE_PUT_DELIVERY, .delivery = &sample[1].delivery}};
    assert_int_equal(store_commit(suite->store, ops, 2, &fault), E_TOO_LARGE);
    assert_int_equal(count_certificates(suite), 1);
    assert_false(find_delivery(suite, 2, &delivery));
    assert_false(find_delivery(suite, 3, &delivery));
    assert_int_equal(reserve_sample(suite, 2), STORE_DONE);
    assert_int_equal(count_certificates(suite), 2);
    OK(store_each_journal(suite->store, 1, chain, 9, see_journal, &seen, err));
    ASSERT_SEEN(seen, 100 + STORE_RESERVE, 200 + STORE_RESERVE);
    free(large);
}

static void
journal_has_what_changed_and_holds(void **state)
{
    struct suite *suite = *state;
    uint8_t chain[32] = {0};
    uint8_t zeros[32] = {0};
    struct seen seen = {0};
    assert_int_equal(add_challenge(suite, 1, 1), STORE_DONE);
    assert_int_equal(change_challenge(suite, STORE_HOLD_CHALLENGE, 1, 3), STORE_DONE);
    assert_int_equal(change_challenge(suite, STORE_HOLD_CHALLENGE, 1, 4), STORE_TAKEN); /* none */
    assert_int_equal(reserve_sample(suite, 3), STORE_DONE);
    assert_int_equal(reserve_sample(suite, 3), STORE_IDENTITY_TAKEN); /* none */
    assert_int_equal(sign_sample(suite, 3), STORE_DONE);              /* none */
    assert_int_equal(contact(suite, TEXT("a"), 1, T0), STORE_DONE);   /* none */
    suite_reopen(suite);
    assert_int_equal(revoke_sample(suite, 3), STORE_DONE);
    OK(store_each_journal(suite->store, 0, chain, 3, see_journal, &seen, err));
    ASSERT_SEEN(seen, 100 + STORE_ADD_CHALLENGE, 200 + STORE_HOLD_CHALLENGE, 300 + STORE_RESERVE);
    seen.count = 0;
    OK(store_each_journal(suite->store, 4, chain, 9, see_journal, &seen, err)); /* goes on */
    ASSERT_SEEN(seen, 400 + STORE_REVOKE);
    struct base_error fault = {0};
    assert_int_equal(store_each_journal(suite->store, 2, zeros, 9, see_journal, &seen, &fault),
        E_JOURNAL_BROKEN);
}

static enum base_code
keep_record(void *arg, uint64_t seq, struct bytes record, struct base_error *err)
{
    struct buffer *out = arg;
    (void)seq;
    buffer_reset(out);
    return buffer_append(out, record, err);
}

static void
journal_record_names_its_object_and_body(void **state)
{
    struct suite *suite = *state;
    struct sample sample;
    struct store_journal_record read;
    uint8_t chain[32] = {0};
    BUFFER_LOCAL(record, 4096);
    /* SHA-256 of the body of sample 3, by another implementation. */
    static const uint8_t want[32] = {0x86, 0x4d, 0xda, 0x10, 0x68, 0x44, 0x36, 0x65, 0x60, 0x19,
        0xfd, 0xd8, 0xa3, 0x9c, 0xa7, 0x28, 0xcd, 0x6f, 0x1e, 0xd4, 0x7d, 0xc5, 0xa8, 0xd1, 0x2e,
        0x3e, 0x95, 0xed, 0xd5, 0x1c, 0xcb, 0x6e};
    assert_int_equal(reserve_sample(suite, 3), STORE_DONE);
    OK(store_each_journal(suite->store, 1, chain, 9, keep_record, &record, err));
    make_sample(&sample, 3);
    OK(store_journal_read(buffer_bytes(&record), &read, err));
    assert_int_equal(read.kind, STORE_RESERVE);
    assert_int_equal(read.at_ms, T0);
    assert_octets(read.key, sample.row.serial);
    assert_octets(read.sha256, BYTES_ARRAY(want));
    struct base_error fault = {0};
    struct bytes cut = {record.ptr, record.len - 1};
    assert_int_equal(store_journal_read(cut, &read, &fault), E_JOURNAL_BROKEN);
    cut.len = 0;
    assert_int_equal(store_journal_read(cut, &read, &fault), E_JOURNAL_BROKEN);
    record.ptr[8] = 200;
    assert_int_equal(store_journal_read(buffer_bytes(&record), &read, &fault), E_JOURNAL_BROKEN);
}

/* ---- bound challenges ---- */

static struct store_bound
sample_bound(uint64_t delivery_id)
{
    return (struct store_bound){.key_id = TEXT("12345678"),
        .id = TEXT("order-7"),
        .delivery_id = delivery_id,
        .expires_ms = T0 + 1000};
}

static enum store_verdict
change_bound(struct suite *suite, enum store_op_kind kind, uint64_t delivery_id)
{
    const struct store_bound bound = sample_bound(delivery_id);
    struct store_op op = {.kind = kind, .bound = &bound, .at_ms = T0};
    return do_op(suite, &op);
}

static enum store_verdict
spend_bound(struct suite *suite, uint64_t number)
{
    struct sample sample;
    const struct store_bound bound = sample_bound(number);
    make_sample(&sample, number);
    sample.op.bound = &bound;
    return do_op(suite, &sample.op);
}

/* 0: never used. */
static int
bound_state(struct suite *suite, struct store_bound *out)
{
    bool is_found = false;
    OK(store_find_bound(
        suite->store, TEXT("12345678"), TEXT("order-7"), &suite->row, out, &is_found, err));
    return is_found ? (int)out->state : 0;
}

static void
bound_challenge_is_spent_with_one_certificate(void **state)
{
    struct suite *suite = *state;
    struct store_bound got;
    struct sample sample;
    bool is_found = true;
    assert_int_equal(bound_state(suite, &got), 0);
    assert_int_equal(spend_bound(suite, 3), STORE_DONE);
    assert_int_equal(spend_bound(suite, 4), STORE_TAKEN);
    suite_reopen(suite);
    assert_int_equal(bound_state(suite, &got), STORE_CHALLENGE_SPENT);
    make_sample(&sample, 3);
    assert_octets(got.serial, sample.row.serial);
    assert_int_equal(got.delivery_id, 3);
    assert_int_equal(got.expires_ms, T0 + 1000);
    assert_int_equal(change_bound(suite, STORE_HOLD_BOUND, 3), STORE_TAKEN);
    assert_int_equal(change_bound(suite, STORE_KILL_BOUND, 3), STORE_TAKEN);
    OK(store_find_bound(
        suite->store, TEXT("87654321"), TEXT("order-7"), &suite->row, &got, &is_found, err));
    assert_false(is_found);
    uint64_t count = 0;
    OK(store_count_certificates(suite->store, &count, err));
    assert_int_equal(count, 1);
}

static void
bound_challenge_is_not_spent_by_a_reservation_that_fails(void **state)
{
    struct suite *suite = *state;
    struct store_bound got;
    assert_int_equal(reserve_sample(suite, 3), STORE_DONE);
    assert_int_equal(spend_bound(suite, 3), STORE_IDENTITY_TAKEN);
    assert_int_equal(bound_state(suite, &got), 0);
}

static void
held_bound_challenge_is_spent_only_by_its_delivery(void **state)
{
    struct suite *suite = *state;
    struct store_bound got;
    assert_int_equal(change_bound(suite, STORE_HOLD_BOUND, 10), STORE_DONE);
    assert_int_equal(change_bound(suite, STORE_HOLD_BOUND, 10), STORE_DONE);
    assert_int_equal(change_bound(suite, STORE_HOLD_BOUND, 11), STORE_TAKEN);
    assert_int_equal(spend_bound(suite, 11), STORE_TAKEN);
    assert_int_equal(bound_state(suite, &got), STORE_CHALLENGE_HELD);
    assert_int_equal(spend_bound(suite, 10), STORE_DONE);
    assert_int_equal(bound_state(suite, &got), STORE_CHALLENGE_SPENT);
}

static void
killed_bound_challenge_stays_dead(void **state)
{
    struct suite *suite = *state;
    struct store_bound got;
    assert_int_equal(change_bound(suite, STORE_HOLD_BOUND, 10), STORE_DONE);
    assert_int_equal(change_bound(suite, STORE_KILL_BOUND, 10), STORE_DONE);
    assert_int_equal(spend_bound(suite, 10), STORE_TAKEN);
    assert_int_equal(change_bound(suite, STORE_HOLD_BOUND, 10), STORE_TAKEN);
    assert_int_equal(bound_state(suite, &got), STORE_CHALLENGE_DEAD);
}

static void
bound_challenge_is_forgotten_when_its_time_and_the_window_are_over(void **state)
{
    struct suite *suite = *state;
    struct store_bound got;
    assert_int_equal(spend_bound(suite, 3), STORE_DONE);
    struct store_op op = {.kind = STORE_FORGET_IDENTITIES, .before_ms = T0 + 1000, .at_ms = T0};
    assert_int_equal(do_op(suite, &op), STORE_DONE);
    assert_int_equal(bound_state(suite, &got), STORE_CHALLENGE_SPENT);
    op.before_ms = T0 + 1001;
    assert_int_equal(do_op(suite, &op), STORE_DONE);
    assert_int_equal(bound_state(suite, &got), 0);
}

static enum base_code
count_bound_key(void *arg, const struct store_bound_key *row, struct base_error *err)
{
    char *names = arg;
    (void)err;
    assert_int_equal(row->key.len, 32);
    size_t len = strlen(names);
    (void)snprintf(names + len, 64 - len, "%.*s ", (int)row->name.len, (const char *)row->name.ptr);
    return BASE_OK;
}

static enum store_verdict
put_bound_key(struct suite *suite, enum store_op_kind kind, const char *name, const char *key_id)
{
    static const uint8_t key[32] = {7};
    const struct store_bound_key row = {.key_id = bytes_from_text(key_id),
        .name = bytes_from_text(name),
        .key = BYTES_ARRAY(key),
        .profiles = TEXT("wifi\nvpn"),
        .created_ms = T0};
    struct store_op op = {.kind = kind, .bound_key = &row, .at_ms = T0};
    return do_op(suite, &op);
}

static void
bound_keys_are_found_listed_and_dropped(void **state)
{
    struct suite *suite = *state;
    struct store_bound_key got;
    bool is_found = false;
    char names[64] = "";
    assert_int_equal(put_bound_key(suite, STORE_ADD_BOUND_KEY, "b", "bbbbbbbb"), STORE_DONE);
    assert_int_equal(put_bound_key(suite, STORE_ADD_BOUND_KEY, "a", "aaaaaaaa"), STORE_DONE);
    assert_int_equal(put_bound_key(suite, STORE_ADD_BOUND_KEY, "a", "cccccccc"), STORE_TAKEN);
    assert_int_equal(put_bound_key(suite, STORE_ADD_BOUND_KEY, "c", "aaaaaaaa"), STORE_TAKEN);
    suite_reopen(suite);
    OK(store_find_bound_key(suite->store, TEXT("bbbbbbbb"), &suite->row, &got, &is_found, err));
    assert_true(is_found);
    assert_octets(got.name, TEXT("b"));
    assert_octets(got.profiles, TEXT("wifi\nvpn"));
    assert_int_equal(got.created_ms, T0);
    assert_int_equal(got.key.ptr[0], 7);
    OK(store_each_bound_key(suite->store, BYTES_NONE, 10, count_bound_key, names, err));
    assert_string_equal(names, "a b ");
    names[0] = '\0';
    OK(store_each_bound_key(suite->store, TEXT("a"), 10, count_bound_key, names, err));
    assert_string_equal(names, "b ");
    assert_int_equal(put_bound_key(suite, STORE_DROP_BOUND_KEY, "b", ""), STORE_DONE);
    assert_int_equal(put_bound_key(suite, STORE_DROP_BOUND_KEY, "b", ""), STORE_MISSING);
    OK(store_find_bound_key(suite->store, TEXT("bbbbbbbb"), &suite->row, &got, &is_found, err));
    assert_false(is_found);
}

#define SUITE_TEST(name) cmocka_unit_test_setup_teardown(name, suite_setup, suite_teardown)
#define SUITE_TESTS                                                                                \
    SUITE_TEST(notices_of_a_delivery_are_due_one_after_the_other),                                 \
        SUITE_TEST(notice_that_was_not_taken_holds_those_behind_it),                               \
        SUITE_TEST(notices_are_counted_and_numbered_for_ever),                                     \
        SUITE_TEST(notice_goes_with_its_operation_or_not_at_all),                                  \
        SUITE_TEST(challenge_comes_back_as_it_was_put),                                            \
        SUITE_TEST(challenge_is_inserted_with_its_delivery_and_events),                            \
        SUITE_TEST(challenge_dies_of_too_many_mismatches),                                         \
        SUITE_TEST(challenge_without_a_maximum_never_dies_of_mismatches),                          \
        SUITE_TEST(challenge_is_held_by_one_and_released_by_it),                                   \
        SUITE_TEST(dead_challenge_is_neither_held_nor_spent),                                      \
        SUITE_TEST(spent_challenge_stays_spent), SUITE_TEST(challenge_of_two_uses_is_spent_twice), \
        SUITE_TEST(bound_challenge_is_spent_with_one_certificate),                                 \
        SUITE_TEST(bound_challenge_is_not_spent_by_a_reservation_that_fails),                      \
        SUITE_TEST(held_bound_challenge_is_spent_only_by_its_delivery),                            \
        SUITE_TEST(killed_bound_challenge_stays_dead),                                             \
        SUITE_TEST(bound_challenge_is_forgotten_when_its_time_and_the_window_are_over),            \
        SUITE_TEST(bound_keys_are_found_listed_and_dropped),                                       \
        SUITE_TEST(held_challenge_is_spent_only_by_its_delivery),                                  \
        SUITE_TEST(delivery_comes_back_as_it_was_put),                                             \
        SUITE_TEST(state_changes_only_from_the_state_that_was_seen),                               \
        SUITE_TEST(kept_transaction_finds_its_delivery), SUITE_TEST(events_are_kept_in_order),     \
        SUITE_TEST(deliveries_come_in_pages_newest_first),                                         \
        SUITE_TEST(walk_ends_with_its_callbacks_error),                                            \
        SUITE_TEST(reserved_certificate_comes_back_with_all_of_it),                                \
        SUITE_TEST(D9_identity_has_one_certificate),                                               \
        SUITE_TEST(identity_whose_time_is_over_is_taken_over_once),                                \
        SUITE_TEST(challenge_that_is_taken_leaves_nothing_reserved),                               \
        SUITE_TEST(D9_serial_is_never_given_twice),                                                \
        SUITE_TEST(signature_makes_the_certificate_whole), SUITE_TEST(first_signature_counts),     \
        SUITE_TEST(signature_over_another_body_is_not_taken), SUITE_TEST(unsigned_ones_are_found), \
        SUITE_TEST(revoked_certificate_says_so),                                                   \
        SUITE_TEST(revoked_ones_come_in_serial_order_of_one_ca),                                   \
        SUITE_TEST(certificates_come_in_pages_by_serial),                                          \
        SUITE_TEST(identities_are_cut_to_their_window),                                            \
        SUITE_TEST(cutting_stops_at_its_bound_and_goes_on),                                        \
        SUITE_TEST(contacts_are_counted_by_the_minute), SUITE_TEST(old_contacts_are_cut),          \
        SUITE_TEST(sources_beyond_the_bound_are_counted_together),                                 \
        SUITE_TEST(search_finds_newest_first_across_buckets),                                      \
        SUITE_TEST(crl_number_never_goes_back), SUITE_TEST(meta_is_replaced),                      \
        SUITE_TEST(batch_has_a_verdict_for_each),                                                  \
        SUITE_TEST(operation_without_what_it_needs_is_refused_whole),                              \
        SUITE_TEST(batch_that_fails_midway_leaves_nothing),                                        \
        SUITE_TEST(journal_has_what_changed_and_holds),                                            \
        SUITE_TEST(journal_record_names_its_object_and_body)

#endif
