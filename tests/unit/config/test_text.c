#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/load.h"
#include "config/schema.h"

#include "base/banned.h"

#define MAN_PAGE "man/kurier.yaml.5"

/* Where a section stands in its file is no part of what it says. */
static void
forget_places(const struct config_section *section, uint8_t *at)
{
    memset((char *)at + offsetof(struct config_place, line), 0,
        sizeof(struct config_place) - offsetof(struct config_place, line));
    for (size_t i = 0; i < section->count; i++) {
        const struct config_key *key = &section->keys[i];
        if (key->type == CONFIG_SECTION) {
            forget_places(key->section, at + key->offset);
        } else if (key->section != NULL) {
            uint32_t count = 0;
            memcpy(&count, at + key->count_offset, sizeof(count));
            for (uint32_t k = 0; k < count; k++) {
                forget_places(key->section, at + key->offset + k * key->section->size);
            }
        }
    }
}

static void
default_file_says_the_same_as_an_empty_one(void **state)
{
    (void)state;
    struct base_error err = {0};
    BUFFER_LOCAL(text, CONFIG_TEXT_MAX);
    OWN_STRUCT(config_settings) of_text = config_settings_new();
    OWN_STRUCT(config_settings) of_nothing = config_settings_new();
    assert_int_equal(config_default_text(&text, &err), BASE_OK);
    assert_int_equal(config_load(buffer_bytes(&text), "default", of_text, &err), BASE_OK);
    assert_int_equal(config_load(BYTES_NONE, "nothing", of_nothing, &err), BASE_OK);
    forget_places(config_schema(), (uint8_t *)of_text);
    forget_places(config_schema(), (uint8_t *)of_nothing);
    assert_memory_equal(of_text, of_nothing, sizeof(*of_text));
    assert_true(text.len < 8192);
}

static void
default_file_is_written_once(void **state)
{
    (void)state;
    struct base_error err = {0};
    char path[] = "/tmp/kurier-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(config_write_default(path, &err), E_CONFIG_EXISTS);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(config_write_default(path, &err), BASE_OK);
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 07, 0);
    assert_int_equal(config_check(path, &err), BASE_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(config_check(path, &err), E_CONFIG_MISSING);
    assert_int_equal(config_write_default("/nonexistent/kurier.yaml", &err), E_SYSTEM);
}

static void
manual_page_is_that_of_the_schema(void **state)
{
    (void)state;
    struct base_error err = {0};
    static char committed[CONFIG_TEXT_MAX];
    BUFFER_LOCAL(made, CONFIG_TEXT_MAX);
    assert_int_equal(config_man_page(&made, &err), BASE_OK);
    if (getenv("KURIER_WRITE_MAN") != NULL) {
        FILE *out = fopen(MAN_PAGE, "w");
        assert_non_null(out);
        assert_int_equal(fwrite(made.ptr, 1, made.len, out), made.len);
        assert_int_equal(fclose(out), 0);
    }
    FILE *file = fopen(MAN_PAGE, "r");
    assert_non_null(file);
    size_t len = fread(committed, 1, sizeof(committed), file);
    (void)fclose(file);
    /* When this fails, the schema has changed: run this test with KURIER_WRITE_MAN=1 and look. */
    assert_int_equal(len, made.len);
    assert_memory_equal(committed, made.ptr, len);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_file_says_the_same_as_an_empty_one),
        cmocka_unit_test(default_file_is_written_once),
        cmocka_unit_test(manual_page_is_that_of_the_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
