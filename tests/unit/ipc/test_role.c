#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "ipc/channel.h"
#include "ipc/role.h"

#include "base/banned.h"

/* A role that has no memory for its settings, or has. */
struct taker {
    bool is_refusing;
    int generals;
    int policies;
    int ends;
};

static enum base_code
on_general(void *arg, const struct ipc_config_general *message, struct base_error *err)
{
    struct taker *taker = arg;
    (void)message;
    taker->generals++;
    return taker->is_refusing ? base_fail(err, E_NO_MEMORY, "settings") : BASE_OK;
}

static enum base_code
on_policy(void *arg, const struct ipc_config_policy *message, struct base_error *err)
{
    (void)message;
    (void)err;
    ((struct taker *)arg)->policies++;
    return BASE_OK;
}

static enum base_code
on_end(void *arg, uint32_t generation, struct base_error *err)
{
    (void)generation;
    (void)err;
    ((struct taker *)arg)->ends++;
    return BASE_OK;
}

static const struct ipc_role_handlers handlers = {
    .on_config_general = on_general, .on_config_policy = on_policy, .on_config_end = on_end};
static struct taker taker;
static struct ipc_role_link link_;
static int supervisor;

static int
begin(void **state)
{
    (void)state;
    int fds[2] = {-1, -1};
    struct base_error err = {0};
    if (ipc_channel_pair(fds, &err) != BASE_OK) {
        return -1;
    }
    supervisor = fds[1];
    taker = (struct taker){0};
    link_ = (struct ipc_role_link){.fd = fds[0],
        .role = IPC_NOTIFIER,
        .log = {-1, BASE_LOG_INFO, "test", base_clock_system()},
        .handlers = &handlers,
        .arg = &taker};
    return 0;
}

static int
end(void **state)
{
    (void)state;
    (void)close(link_.fd);
    (void)close(supervisor);
    return 0;
}

static enum base_code
take_general(void)
{
    struct base_error err = {0};
    const struct ipc_config_general general = {.home = BYTES_LITERAL("/h")};
    assert_int_equal(ipc_send(supervisor, &ipc_config_general_spec, &general, -1, &err), BASE_OK);
    return ipc_role_receive(&link_, &err);
}

static enum base_code
take_policy(void)
{
    struct base_error err = {0};
    const struct ipc_config_policy policy = {.name = BYTES_LITERAL("p")};
    assert_int_equal(ipc_send(supervisor, &ipc_config_policy_spec, &policy, -1, &err), BASE_OK);
    return ipc_role_receive(&link_, &err);
}

static enum base_code
take_end(void)
{
    struct base_error err = {0};
    const struct ipc_config_end message = {.generation = 1};
    assert_int_equal(ipc_send(supervisor, &ipc_config_end_spec, &message, -1, &err), BASE_OK);
    return ipc_role_receive(&link_, &err);
}

static void
a_configuration_is_taken_part_by_part(void **state)
{
    (void)state;
    assert_int_equal(take_general(), BASE_OK);
    assert_int_equal(take_policy(), BASE_OK);
    assert_int_equal(take_policy(), BASE_OK);
    assert_int_equal(take_end(), BASE_OK);
    assert_int_equal(taker.policies, 2);
    assert_int_equal(taker.ends, 1);
}

static void
after_a_refused_part_no_other_is_looked_at(void **state)
{
    (void)state;
    static struct ipc_frame answer;
    struct ipc_refused refused = {0};
    struct base_error err = {0};
    taker.is_refusing = true;
    link_.is_configured = true; /* as at a reload: the old configuration stays */
    assert_int_equal(take_general(), BASE_OK);
    assert_int_equal(take_policy(), BASE_OK);
    assert_int_equal(take_end(), BASE_OK);
    assert_int_equal(taker.policies, 0);
    assert_int_equal(taker.ends, 0);
    assert_int_equal(ipc_receive(supervisor, &answer, &err), BASE_OK);
    assert_int_equal(ipc_decode(&ipc_refused_spec, &answer, &refused, &err), BASE_OK);
    assert_int_equal(refused.code, E_NO_MEMORY);
    taker.is_refusing = false;
    assert_int_equal(take_general(), BASE_OK);
    assert_int_equal(take_policy(), BASE_OK);
    assert_int_equal(take_end(), BASE_OK);
    assert_int_equal(taker.policies, 1);
    assert_int_equal(taker.ends, 1);
}

static void
parts_outside_a_configuration_are_unexpected(void **state)
{
    (void)state;
    assert_int_equal(take_policy(), E_IPC_UNEXPECTED);
    assert_int_equal(take_end(), E_IPC_UNEXPECTED);
    assert_int_equal(take_general(), BASE_OK);
    assert_int_equal(take_end(), BASE_OK);
    assert_int_equal(take_policy(), E_IPC_UNEXPECTED);
    assert_int_equal(take_end(), E_IPC_UNEXPECTED);
    assert_int_equal(taker.policies, 0);
    assert_int_equal(taker.ends, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_configuration_is_taken_part_by_part, begin, end),
        cmocka_unit_test_setup_teardown(after_a_refused_part_no_other_is_looked_at, begin, end),
        cmocka_unit_test_setup_teardown(parts_outside_a_configuration_are_unexpected, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
