/* The program: how it starts, is configured again, and ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "program.h"

#include "base/banned.h"

static struct program_options
options_of(void **state, bool is_new_home)
{
    const struct fixture_place *place = *state;
    return (struct program_options){.home = place->home, .is_new_home = is_new_home};
}

static void
make_home(void **state, const char *passphrase)
{
    struct program_options options = options_of(state, true);
    options.passphrase = passphrase;
    OWN_STRUCT(program) program = program_start(&options);
    assert_int_equal(program_create_ca(program, "ec:p256"), BASE_OK);
}

/* REFUSED with this code, and the end with status 1. */
static void
expect_refused(const struct program_options *options, enum base_code code)
{
    OWN_STRUCT(program) program = program_begin(options);
    struct ipc_refused refused = {0};
    program_expect(program, program->supervisor, &ipc_refused_spec, &refused);
    assert_int_equal(refused.code, code);
    assert_int_equal(program_status(program), 1);
}

static void
home_without_a_ca_is_refused_unless_it_is_new(void **state)
{
    struct program_options options = options_of(state, false);
    expect_refused(&options, E_CA_MISSING);
    make_home(state, NULL);
    OWN_STRUCT(program) program = program_start(&options);
    assert_true(program_has_logged(program, "event=signer_ready"));
    assert_true(program_has_logged(program, "event=confined"));
}

static void
ca_is_made_once(void **state)
{
    struct program_options options = options_of(state, true);
    OWN_STRUCT(program) program = program_start(&options);
    assert_int_equal(program_create_ca(program, "ec:p521"), E_KEY_TYPE);
    assert_int_equal(program_create_ca(program, "ec:p256"), BASE_OK);
    assert_int_equal(program_create_ca(program, "ec:p256"), E_CA_EXISTS);
    OWN_STRUCT(program) again = program_start(&options);
    assert_int_equal(program_create_ca(again, "ec:p256"), E_CA_EXISTS);
}

static void
passphrase_encrypts_the_keys_and_is_needed_again(void **state)
{
    struct program_options options = options_of(state, false);
    make_home(state, "a passphrase\n");
    expect_refused(&options, E_KEY_PASSPHRASE);
    options.passphrase = "another";
    expect_refused(&options, E_KEY_PASSPHRASE);
    options.passphrase = "a passphrase"; /* without its line end */
    OWN_STRUCT(program) program = program_start(&options);
    signer_authority_free(program_describe(program, program->front));
}

static void
own_ca_is_taken_over(void **state)
{
    struct program_options options = options_of(state, true);
    const struct base_clock clock = base_clock_system();
    OWN_STRUCT(signer_authority) other = fixture_authority_at("rsa:2048", base_clock_now_s(&clock));
    OWN_STRUCT(program) program = program_start(&options);
    struct base_error err = {0};
    BUFFER_LOCAL(key, 16384);
    struct ipc_ca_created made = {0};
    assert_int_equal(pki_private_key_store(other->key, BYTES_NONE, &key, &err), BASE_OK);
    struct ipc_import_ca ask = {.request_id = 3,
        .ca = BYTES_LITERAL("default"),
        .certificate = other->ra.read.whole,
        .key = buffer_bytes(&key)};
    program_tell(program->supervisor, &ipc_import_ca_spec, &ask, -1);
    program_expect(program, program->supervisor, &ipc_ca_created_spec, &made);
    assert_int_equal(made.code, E_CA_UNSUITABLE);
    ask.certificate = other->ca.read.whole;
    program_tell(program->supervisor, &ipc_import_ca_spec, &ask, -1);
    program_expect(program, program->supervisor, &ipc_ca_created_spec, &made);
    assert_int_equal(made.request_id, 3);
    assert_int_equal(made.code, 0);
    OWN_STRUCT(signer_authority) seen = program_describe(program, program->front);
    assert_true(bytes_equal(seen->ca.read.whole, other->ca.read.whole));
    assert_int_equal(pki_certificate_check_issuer(&seen->ra.read, &seen->ca.read, &err), BASE_OK);
}

static void
broken_journal_is_refused(void **state)
{
    const struct fixture_place *place = *state;
    struct program_options options = options_of(state, false);
    make_home(state, NULL);
    OWN_FD int fd = openat(place->fd, "journal", O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "x", 1, 70), 1);
    expect_refused(&options, E_JOURNAL_BROKEN);
}

static void
reload_is_taken_whole_or_not_at_all(void **state)
{
    struct program_options options = options_of(state, false);
    make_home(state, NULL);
    OWN_STRUCT(program) program = program_start(&options);
    struct ipc_ready ready = {0};
    struct ipc_refused refused = {0};
    struct ipc_config_profile profile = program_profile();
    profile.name = BYTES_LITERAL("other");
    program_configure(program, &options, &profile, 2);
    program_expect(program, program->supervisor, &ipc_ready_spec, &ready);
    assert_int_equal(ready.generation, 2);
    profile.key_usage = PKI_KEY_CERT_SIGN;
    program_configure(program, &options, &profile, 3);
    program_expect(program, program->supervisor, &ipc_refused_spec, &refused);
    assert_int_equal(refused.generation, 3);
    assert_int_equal(refused.code, E_SIGNER_PROFILE);
    /* It serves on with the second one. */
    struct ipc_body_checked checked = {0};
    const struct ipc_check_body ask = {.ca = BYTES_LITERAL("default"),
        .profile = BYTES_LITERAL("other"),
        .body = BYTES_LITERAL("nonsense")};
    program_tell(program->ledger, &ipc_check_body_spec, &ask, -1);
    program_expect(program, program->ledger, &ipc_body_checked_spec, &checked);
    assert_true(checked.code != 0);
}

static void
drain_ends_with_zero(void **state)
{
    struct program_options options = options_of(state, false);
    make_home(state, NULL);
    OWN_STRUCT(program) program = program_start(&options);
    const struct ipc_drain drain = {.deadline_ms = 5000};
    const struct ipc_describe ask = {.request_id = 5};
    /* What was asked before is still answered. */
    program_tell(program->front, &ipc_describe_spec, &ask, -1);
    program_tell(program->supervisor, &ipc_drain_spec, &drain, -1);
    assert_int_equal(program_status(program), 0);
    assert_int_equal(program_wait(program, program->front), BASE_OK);
    assert_int_equal(ipc_frame_type(&program->frame), IPC_TYPE_AUTHORITY);
}

static void
end_of_the_supervisor_is_its_end(void **state)
{
    struct program_options options = options_of(state, false);
    make_home(state, NULL);
    OWN_STRUCT(program) program = program_start(&options);
    (void)close(program->supervisor);
    program->supervisor = -1;
    assert_int_equal(program_status(program), 0);
}

static void
program_started_by_hand_says_so(void **state)
{
    (void)state;
    char path[PATH_MAX + 32] = "";
    program_path(path, sizeof(path));
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(IPC_SUPERVISOR_FD);
        (void)close(STDERR_FILENO);
        (void)execl(path, path, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 2);
}

#ifdef KURIER_TEST_HOOKS
static void
clock_that_went_back_is_refused(void **state)
{
    struct program_options options = options_of(state, true);
    options.clock_offset = "3600";
    {
        OWN_STRUCT(program) ahead = program_start(&options);
        assert_int_equal(program_create_ca(ahead, "ec:p256"), BASE_OK);
    }
    options.clock_offset = NULL;
    options.is_new_home = false;
    OWN_STRUCT(program) program = program_start(&options);
    OWN_STRUCT(signer_authority) seen = program_describe(program, program->ledger);
    OWN_STRUCT(pki_private_key) key = fixture_key("ec:p256");
    struct fixture_body body;
    struct ipc_body_checked checked = {0};
    seen->signature = PKI_ECDSA;
    seen->digest = PKI_SHA256;
    fixture_body_init(&body, seen, key);
    const struct ipc_check_body ask = {.ca = BYTES_LITERAL("default"),
        .profile = BYTES_LITERAL("device"),
        .body = fixture_build(&body)};
    program_tell(program->ledger, &ipc_check_body_spec, &ask, -1);
    program_expect(program, program->ledger, &ipc_body_checked_spec, &checked);
    assert_int_equal(checked.code, E_SIGNER_CLOCK);
    fixture_body_clear(&body);
}

static void
confinement_holds_from_inside(void **state)
{
    struct program_options options = options_of(state, false);
    make_home(state, NULL);
    OWN_STRUCT(program) program = program_start(&options);
    const struct ipc_probe probe = {.unused = 0};
    const struct ipc_drain drain = {.deadline_ms = 5000};
    signer_authority_free(program_describe(program, program->front));
    program_tell(program->supervisor, &ipc_probe_spec, &probe, -1);
    program_tell(program->supervisor, &ipc_drain_spec, &drain, -1);
    assert_int_equal(program_status(program), 0);
    assert_true(program_has_logged(program, "event=confinement_probe"));
    assert_false(program_has_logged(program, "result=allowed"));
}

static void
ends_that_come_soon_are_warned_of(void **state)
{
    struct program_options options = options_of(state, true);
    {
        OWN_STRUCT(program) before = program_start(&options);
        assert_int_equal(program_create_ca(before, "ec:p256"), BASE_OK);
        assert_false(program_has_logged(before, "event=certificate_ending"));
    }
    options.is_new_home = false;
    options.clock_offset = "310000000"; /* 3,588 of its 3,650 days */
    OWN_STRUCT(program) program = program_start(&options);
    assert_true(program_has_logged(program, "event=certificate_ending"));
    options.clock_offset = "320000000";
    OWN_STRUCT(program) late = program_start(&options);
    assert_true(program_has_logged(late, "event=certificate_expired"));
}
#endif

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make_place, fixture_remove_place)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(home_without_a_ca_is_refused_unless_it_is_new),
        TEST(ca_is_made_once),
        TEST(passphrase_encrypts_the_keys_and_is_needed_again),
        TEST(own_ca_is_taken_over),
        TEST(broken_journal_is_refused),
        TEST(reload_is_taken_whole_or_not_at_all),
        TEST(drain_ends_with_zero),
        TEST(end_of_the_supervisor_is_its_end),
        cmocka_unit_test(program_started_by_hand_says_so),
#ifdef KURIER_TEST_HOOKS
        TEST(clock_that_went_back_is_refused),
        TEST(confinement_holds_from_inside),
        TEST(ends_that_come_soon_are_warned_of),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
