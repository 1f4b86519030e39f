/* NDES's page, octet by octet where scrapers look. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "front/challenge_page.h"

#include "base/banned.h"

static void
make(enum front_challenge_page kind, bool is_utf8, struct buffer *out)
{
    assert_int_equal(front_challenge_page(kind, is_utf8, BYTES_LITERAL("abc"),
                         BYTES_LITERAL("NMFALHAALPGZSLTOABALUWUX6RF4GBKA3I"), 60, out, NULL),
        BASE_OK);
    assert_int_equal(buffer_append_octet(out, 0, NULL), BASE_OK);
}

static const char *
find(const struct buffer *page, const char *text)
{
    return strstr((const char *)page->ptr, text);
}

static void
challenge_and_thumbprint_stand_where_scrapers_look(void **state)
{
    (void)state;
    BUFFER_LOCAL(page, 2 * FRONT_CHALLENGE_PAGE_MAX);
    make(FRONT_PAGE_CHALLENGE, true, &page);
    /* MD5 of "abc", RFC 1321, appendix A.5 */
    const char *hash = find(&page,
        "The thumbprint (hash value) for the CA certificate is: <B> 90015098 3CD24FB0 D6963F7D "
        "28E17F72 </B>");
    const char *challenge = find(
        &page, "The enrollment challenge password is: <B> NMFALHAALPGZSLTOABALUWUX6RF4GBKA3I </B>");
    assert_non_null(hash);
    assert_non_null(challenge);
    assert_true(hash < challenge);
    /* No other bold text before them. */
    assert_ptr_equal(find(&page, "<B>"), strstr(hash, "<B>"));
    assert_non_null(
        find(&page, "This password can be used only once and will expire within 60 minutes."));
    assert_non_null(find(&page, "Network Device Enrollment Service allows you to obtain "));
    assert_non_null(
        find(&page, "You can refresh this web page to obtain a new challenge password."));
    assert_string_equal(front_challenge_page_type(true), "text/html; charset=UTF-8");
}

static void
utf16_is_little_endian_without_a_mark(void **state)
{
    (void)state;
    BUFFER_LOCAL(narrow, 2 * FRONT_CHALLENGE_PAGE_MAX);
    BUFFER_LOCAL(wide, 2 * FRONT_CHALLENGE_PAGE_MAX);
    make(FRONT_PAGE_CHALLENGE, true, &narrow);
    make(FRONT_PAGE_CHALLENGE, false, &wide);
    assert_int_equal(wide.len - 1, 2 * (narrow.len - 1));
    assert_int_equal(wide.ptr[0], '<');
    assert_int_equal(wide.ptr[1], 0);
    for (size_t i = 0; i + 1 < narrow.len; i++) {
        assert_int_equal(wide.ptr[2 * i], narrow.ptr[i]);
        assert_int_equal(wide.ptr[2 * i + 1], 0);
    }
    assert_string_equal(front_challenge_page_type(false), "text/html");
}

static void
the_other_two_bodies_have_their_sentence_and_no_challenge(void **state)
{
    (void)state;
    BUFFER_LOCAL(full, 2 * FRONT_CHALLENGE_PAGE_MAX);
    BUFFER_LOCAL(permission, 2 * FRONT_CHALLENGE_PAGE_MAX);
    make(FRONT_PAGE_FULL, true, &full);
    make(FRONT_PAGE_PERMISSION, true, &permission);
    assert_non_null(find(&full, "The password cache is full."));
    assert_non_null(
        find(&permission, "You do not have sufficient permission to enroll with SCEP."));
    assert_null(find(&full, "NMFALHAA"));
    assert_null(find(&full, "enrollment challenge password is"));
    assert_null(find(&permission, "NMFALHAA"));
    assert_null(find(&permission, "enrollment challenge password is"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(challenge_and_thumbprint_stand_where_scrapers_look),
        cmocka_unit_test(utf16_is_little_endian_without_a_mark),
        cmocka_unit_test(the_other_two_bodies_have_their_sentence_and_no_challenge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
