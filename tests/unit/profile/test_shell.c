#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "base/own.h"
#include "facts.h"
#include "profile/shell.h"

#include "base/banned.h"

/* What a shell makes of our words: run, and compared octet by octet. */
static void
a_shell_gives_back_every_word(void **state)
{
    static const char *const words[] = {"", "plain", "it's", "'", "''", "a'b'c", "\"x\"", "$(id)",
        "`id`", "\\", "a\nb", "*", "~", "!x", "-n", "\x01\x7f", "\xc3\xa4", "a;b|c&d"};
    struct profile_shell shell;
    struct base_error err = {0};
    char path[] = "/tmp/kurier-unit-shell-XXXXXX";
    BUFFER_LOCAL(script, 65536);
    BUFFER_LOCAL(expected, 65536);
    (void)state;
    profile_shell_begin(&shell, &script);
    profile_shell_put(&shell, "printf '%s\\000'");
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        profile_shell_word(&shell, bytes_from_text(words[i]));
        assert_int_equal(buffer_append_text(&expected, words[i], &err), BASE_OK);
        assert_int_equal(buffer_append_octet(&expected, 0, &err), BASE_OK);
    }
    profile_shell_put(&shell, "\n");
    assert_int_equal(profile_shell_finish(&shell, &err), BASE_OK);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, script.ptr, script.len), (ssize_t)script.len);
    assert_int_equal(close(fd), 0);
    char command[128] = "";
    (void)snprintf(command, sizeof(command), "/bin/sh %s", path);
    FILE *out = popen(command, "r");
    assert_non_null(out);
    uint8_t got[65536];
    size_t len = fread(got, 1, sizeof(got), out);
    assert_int_equal(pclose(out), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(len, expected.len);
    assert_memory_equal(got, expected.ptr, len);
}

static void
a_nul_is_refused_and_a_comment_stays_one_line(void **state)
{
    static const uint8_t nul[] = {'a', 0, 'b'};
    struct profile_shell shell;
    struct base_error err = {0};
    BUFFER_LOCAL(script, 65536);
    (void)state;
    profile_shell_begin(&shell, &script);
    profile_shell_comment(&shell, "for ", BYTES_LITERAL("a\nrm -rf /\r\x7f"));
    assert_int_equal(profile_shell_finish(&shell, &err), BASE_OK);
    assert_true(bytes_equal_text(buffer_bytes(&script), "# for a?rm -rf /??\n"));
    profile_shell_word(&shell, BYTES_ARRAY(nul));
    assert_int_equal(profile_shell_finish(&shell, &err), E_PROFILE_UNFIT);
}

static void
scripts_name_their_clients(void **state)
{
    struct facts facts;
    (void)state;
    facts_init(&facts, "CN=it's \\\"it\\\"", "DNS:a.example\nemail:a@b\n");
    const char *text = facts_write(&facts, PROFILE_STRONGSWAN);
    assert_contains(text, "pki --gen --type rsa --size 2048");
    assert_contains(text, "pki --scepca ");
    assert_contains(text, "pki --scep ");
    assert_contains(text, "--san 'dns:a.example'");
    assert_contains(text, "--cacert ca-0.pem --cacert ca-1.pem");
    text = facts_write(&facts, PROFILE_CERTMONGER);
    assert_contains(text, "getcert add-scep-ca ");
    assert_contains(text, "getcert request ");
    assert_contains(text, "-N 'CN=it'\\''s \\\"it\\\"'");
    assert_contains(text, "-U '1.3.6.1.5.5.7.3.2' -U '1.2.3.4'");
    facts_clear(&facts);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_shell_gives_back_every_word),
        cmocka_unit_test(a_nul_is_refused_and_a_comment_stays_one_line),
        cmocka_unit_test(scripts_name_their_clients)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
