#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "pki/seal.h"

#include "base/banned.h"

static void
decode(const char *hex, struct buffer *out)
{
    assert_int_equal(base_hex_decode(bytes_from_text(hex), out, NULL), BASE_OK);
}

/* Test case 16 of the GCM specification (McGrew and Viega): 256-bit key, associated data. */
static void
the_published_vector_is_made_and_opened(void **state)
{
    (void)state;
    BUFFER_LOCAL(key, 64);
    BUFFER_LOCAL(nonce, 64);
    BUFFER_LOCAL(plain, 128);
    BUFFER_LOCAL(associated, 128);
    BUFFER_LOCAL(wanted, 128);
    BUFFER_LOCAL(sealed, 128);
    BUFFER_LOCAL(opened, 128);
    decode("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", &key);
    decode("cafebabefacedbaddecaf888", &nonce);
    decode("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
           "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        &plain);
    decode("feedfacedeadbeeffeedfacedeadbeefabaddad2", &associated);
    decode("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
           "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
           "76fc6ece0f4e1768cddf8853bb2d551b",
        &wanted);
    assert_int_equal(pki_seal(buffer_bytes(&key), buffer_bytes(&nonce), buffer_bytes(&associated),
                         buffer_bytes(&plain), &sealed, NULL),
        BASE_OK);
    assert_true(bytes_equal(buffer_bytes(&sealed), buffer_bytes(&wanted)));
    assert_int_equal(pki_seal_open(buffer_bytes(&key), buffer_bytes(&nonce),
                         buffer_bytes(&associated), buffer_bytes(&sealed), &opened, NULL),
        BASE_OK);
    assert_true(bytes_equal(buffer_bytes(&opened), buffer_bytes(&plain)));
}

static void
what_was_changed_does_not_open(void **state)
{
    (void)state;
    static const uint8_t key[32] = {1};
    static const uint8_t other[32] = {2};
    static const uint8_t nonce[12] = {3};
    BUFFER_LOCAL(sealed, 128);
    BUFFER_LOCAL(opened, 128);
    const struct bytes associated = BYTES_LITERAL("for this");
    assert_int_equal(pki_seal(BYTES_ARRAY(key), BYTES_ARRAY(nonce), associated,
                         BYTES_LITERAL("a text"), &sealed, NULL),
        BASE_OK);
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.ptr[i] ^= 1;
        assert_int_equal(pki_seal_open(BYTES_ARRAY(key), BYTES_ARRAY(nonce), associated,
                             buffer_bytes(&sealed), &opened, NULL),
            E_DECRYPT);
        sealed.ptr[i] ^= 1;
        assert_int_equal(pki_seal_open(BYTES_ARRAY(key), BYTES_ARRAY(nonce), associated,
                             (struct bytes){sealed.ptr, i}, &opened, NULL),
            E_DECRYPT);
    }
    assert_int_equal(pki_seal_open(BYTES_ARRAY(other), BYTES_ARRAY(nonce), associated,
                         buffer_bytes(&sealed), &opened, NULL),
        E_DECRYPT);
    assert_int_equal(pki_seal_open(BYTES_ARRAY(key), BYTES_ARRAY(nonce), BYTES_LITERAL("for that"),
                         buffer_bytes(&sealed), &opened, NULL),
        E_DECRYPT);
    assert_int_equal(pki_seal_open((struct bytes){key, 16}, BYTES_ARRAY(nonce), associated,
                         buffer_bytes(&sealed), &opened, NULL),
        E_DECRYPT);
    assert_int_equal(opened.len, 0);
    assert_int_equal(pki_seal_open(BYTES_ARRAY(key), BYTES_ARRAY(nonce), associated,
                         buffer_bytes(&sealed), &opened, NULL),
        BASE_OK);
    assert_true(bytes_equal_text(buffer_bytes(&opened), "a text"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_vector_is_made_and_opened),
        cmocka_unit_test(what_was_changed_does_not_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
