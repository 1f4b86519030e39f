/* The thread that checks passwords, and its queue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <event2/event.h>

#include "front/password_worker.h"

#include "base/banned.h"

#define TEXT                                                                                       \
    "$scrypt$ln=14,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$wOBlTLx2kTvDnlM7GeRqLPJSaL8dgO6Mbiarn6WFHEI"

struct told {
    struct event_base *base;
    unsigned count;
    unsigned wanted;
    uint64_t ids[FRONT_PASSWORD_QUEUE_MAX];
    bool right[FRONT_PASSWORD_QUEUE_MAX];
};

static void
on_done(void *arg, uint64_t id, bool is_right)
{
    struct told *told = arg;
    told->ids[told->count] = id;
    told->right[told->count] = is_right;
    if (++told->count == told->wanted) {
        (void)event_base_loopbreak(told->base);
    }
}

static void
each_is_told_once_and_in_order(void **state)
{
    (void)state;
    struct told told = {.base = event_base_new(), .wanted = 3};
    struct front_password_worker *worker = front_password_worker_new(told.base, on_done, &told);
    assert_non_null(worker);
    assert_int_equal(front_password_worker_ask(
                         worker, 7, BYTES_LITERAL(TEXT), BYTES_LITERAL("pleaseletmein"), NULL),
        BASE_OK);
    assert_int_equal(
        front_password_worker_ask(worker, 8, BYTES_LITERAL(TEXT), BYTES_LITERAL("wrong"), NULL),
        BASE_OK);
    assert_int_equal(
        front_password_worker_ask(worker, 9, BYTES_LITERAL("no text"), BYTES_NONE, NULL), BASE_OK);
    (void)event_base_dispatch(told.base);
    assert_int_equal(told.count, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(told.ids[i], 7 + i);
        assert_int_equal(told.right[i], i == 0);
    }
    front_password_worker_free(worker);
    event_base_free(told.base);
}

static void
the_queue_has_an_end(void **state)
{
    (void)state;
    struct told told = {.base = event_base_new(), .wanted = UINT32_MAX};
    struct front_password_worker *worker = front_password_worker_new(told.base, on_done, &told);
    assert_non_null(worker);
    enum base_code code = BASE_OK;
    unsigned taken = 0;
    while (code == BASE_OK && taken <= FRONT_PASSWORD_QUEUE_MAX) {
        code = front_password_worker_ask(
            worker, taken, BYTES_LITERAL(TEXT), BYTES_LITERAL("wrong"), NULL);
        taken += code == BASE_OK ? 1 : 0;
    }
    assert_int_equal(code, E_PEER_BUSY);
    assert_int_equal(taken, FRONT_PASSWORD_QUEUE_MAX);
    front_password_worker_free(worker); /* with the rest unchecked */
    event_base_free(told.base);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_told_once_and_in_order),
        cmocka_unit_test(the_queue_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
