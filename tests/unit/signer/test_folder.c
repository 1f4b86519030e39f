#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

#include "base/banned.h"

static unsigned
mode_of(int folder_fd, const char *name)
{
    struct stat about;
    assert_int_equal(fstatat(folder_fd, name, &about, AT_SYMLINK_NOFOLLOW), 0);
    return (unsigned)about.st_mode & 0777U;
}

static enum base_code
read_secret(int folder_fd, const char *name)
{
    BUFFER_LOCAL(text, SIGNER_FILE_MAX);
    return signer_file_read(folder_fd, name, true, &text, NULL);
}

static void
folder_is_made_for_its_owner_alone(void **state)
{
    const struct fixture_place *place = *state;
    struct stat about;
    assert_int_equal(stat(place->path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0700);
}

static void
folder_that_others_may_write_to_is_refused(void **state)
{
    const struct fixture_place *place = *state;
    int fd = -1;
    assert_int_equal(chmod(place->path, 0770), 0);
    assert_int_equal(signer_folder_open(place->home, &fd, NULL), E_SIGNER_KEY_FILE);
}

static void
file_comes_back_whole_with_mode_600(void **state)
{
    const struct fixture_place *place = *state;
    BUFFER_LOCAL(text, SIGNER_FILE_MAX);
    assert_int_equal(signer_file_write(place->fd, "a.key", BYTES_LITERAL("first"), NULL), BASE_OK);
    assert_int_equal(
        signer_file_write(place->fd, "a.key", BYTES_LITERAL("second one"), NULL), BASE_OK);
    assert_int_equal(signer_file_read(place->fd, "a.key", true, &text, NULL), BASE_OK);
    assert_true(bytes_equal_text(buffer_bytes(&text), "second one"));
    assert_int_equal(mode_of(place->fd, "a.key"), 0600);
    assert_false(signer_file_exists(place->fd, ".a.key.new"));
}

static void
left_over_of_an_interrupted_attempt_is_replaced(void **state)
{
    const struct fixture_place *place = *state;
    OWN_FD int left = openat(place->fd, ".a.key.new", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_true(left >= 0);
    assert_int_equal(write(left, "half", 4), 4);
    assert_int_equal(signer_file_write(place->fd, "a.key", BYTES_LITERAL("x"), NULL), BASE_OK);
    assert_int_equal(mode_of(place->fd, "a.key"), 0600);
    assert_false(signer_file_exists(place->fd, ".a.key.new"));
}

static void
key_that_others_may_read_is_refused(void **state)
{
    const struct fixture_place *place = *state;
    assert_int_equal(signer_file_write(place->fd, "a.key", BYTES_LITERAL("x"), NULL), BASE_OK);
    assert_int_equal(read_secret(place->fd, "a.key"), BASE_OK);
    assert_int_equal(fchmodat(place->fd, "a.key", 0640, 0), 0);
    assert_int_equal(read_secret(place->fd, "a.key"), E_SIGNER_KEY_FILE);
    assert_int_equal(fchmodat(place->fd, "a.key", 0604, 0), 0);
    assert_int_equal(read_secret(place->fd, "a.key"), E_SIGNER_KEY_FILE);
}

static void
links_pipes_and_missing_files_are_refused(void **state)
{
    const struct fixture_place *place = *state;
    assert_int_equal(signer_file_write(place->fd, "a.key", BYTES_LITERAL("x"), NULL), BASE_OK);
    assert_int_equal(symlinkat("a.key", place->fd, "b.key"), 0);
    assert_int_equal(read_secret(place->fd, "b.key"), E_SIGNER_KEY_FILE);
    assert_int_equal(mkfifoat(place->fd, "c.key", 0600), 0);
    assert_int_equal(read_secret(place->fd, "c.key"), E_SIGNER_KEY_FILE);
    assert_int_equal(read_secret(place->fd, "d.key"), E_SIGNER_KEY_FILE);
}

static void
file_beyond_the_limit_is_refused(void **state)
{
    const struct fixture_place *place = *state;
    static const uint8_t octets[SIGNER_FILE_MAX + 1];
    struct bytes most = {octets, SIGNER_FILE_MAX};
    assert_int_equal(signer_file_write(place->fd, "a", most, NULL), BASE_OK);
    assert_int_equal(read_secret(place->fd, "a"), BASE_OK);
    assert_int_equal(signer_file_write(place->fd, "a", BYTES_ARRAY(octets), NULL), BASE_OK);
    assert_int_equal(read_secret(place->fd, "a"), E_TOO_LARGE);
}

static void
key_uris_name_files_of_the_folder_only(void **state)
{
    (void)state;
    char name[SIGNER_FILE_NAME_MAX] = "";
    static const char *const refused[] = {"", "file:", "file:..", "file:.x", "file:a/b", "ca.key",
        "pkcs11:token", "file:a b", "file:a\x01"};
    assert_int_equal(
        signer_key_uri_read(BYTES_LITERAL("file:ca-default.key"), name, NULL), BASE_OK);
    assert_string_equal(name, "ca-default.key");
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_int_equal(
            signer_key_uri_read(bytes_from_text(refused[i]), name, NULL), E_SIGNER_KEY_FILE);
    }
    char longest[SIGNER_FILE_NAME_MAX + 8];
    memset(longest, 'a', sizeof(longest));
    memcpy(longest, "file:", 5);
    struct bytes fits = {(const uint8_t *)longest, 5 + SIGNER_FILE_NAME_MAX - 9};
    struct bytes beyond = {(const uint8_t *)longest, 5 + SIGNER_FILE_NAME_MAX - 8};
    assert_int_equal(signer_key_uri_read(fits, name, NULL), BASE_OK);
    assert_int_equal(signer_key_uri_read(beyond, name, NULL), E_SIGNER_KEY_FILE);
}

static void
names_of_the_configuration_are_small_letters_digits_and_dashes(void **state)
{
    (void)state;
    assert_true(signer_name_is_valid(BYTES_LITERAL("default-2")));
    assert_false(signer_name_is_valid(BYTES_NONE));
    assert_false(signer_name_is_valid(BYTES_LITERAL("Default")));
    assert_false(signer_name_is_valid(BYTES_LITERAL("../x")));
    assert_false(signer_name_is_valid(BYTES_LITERAL("a.b")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make_place, fixture_remove_place)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(folder_is_made_for_its_owner_alone),
        TEST(folder_that_others_may_write_to_is_refused),
        TEST(file_comes_back_whole_with_mode_600),
        TEST(left_over_of_an_interrupted_attempt_is_replaced),
        TEST(key_that_others_may_read_is_refused),
        TEST(links_pipes_and_missing_files_are_refused),
        TEST(file_beyond_the_limit_is_refused),
        cmocka_unit_test(key_uris_name_files_of_the_folder_only),
        cmocka_unit_test(names_of_the_configuration_are_small_letters_digits_and_dashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
