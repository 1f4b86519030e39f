#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/own.h"
#include "facts.h"
#include "profile/signed.h"

#include "base/banned.h"

struct message {
    struct buffer set;
    struct buffer signature;
    struct buffer whole;
};

/* Signed by the key of the certificate. */
static void
make(struct message *message, struct bytes content)
{
    struct base_error err = {0};
    OWN_STRUCT(pki_private_key) key = NULL;
    BUFFER_LOCAL(certificate, 8192);
    buffer_init(&message->set, PROFILE_ATTRIBUTES_MAX);
    buffer_init(&message->signature, 1024);
    buffer_init(&message->whole, 65536);
    assert_int_equal(pki_private_key_generate(BYTES_LITERAL("rsa:2048"), &key, &err), BASE_OK);
    facts_certificate(&certificate, key, "CN=Signer", "CN=Root", key);
    const struct bytes certificates[] = {buffer_bytes(&certificate)};
    assert_int_equal(profile_signed_attributes(content, 1800000000, &message->set, &err), BASE_OK);
    assert_int_equal(
        pki_sign(key, PKI_SHA256, buffer_bytes(&message->set), &message->signature, &err), BASE_OK);
    assert_int_equal(profile_signed_write(content, buffer_bytes(&message->set),
                         buffer_bytes(&message->signature), certificates, 1, &message->whole, &err),
        BASE_OK);
}

static void
clear(struct message *message)
{
    buffer_clear(&message->set);
    buffer_clear(&message->signature);
    buffer_clear(&message->whole);
}

static void
what_is_signed_is_read_back_with_its_signer(void **state)
{
    struct message message;
    struct base_error err = {0};
    BUFFER_LOCAL(content, 65536);
    BUFFER_LOCAL(signer, 4096);
    (void)state;
    make(&message, BYTES_LITERAL("<plist/>\n"));
    assert_true(profile_is_signed(buffer_bytes(&message.whole)));
    assert_false(profile_is_signed(BYTES_LITERAL("<plist/>")));
    assert_false(profile_is_signed(BYTES_LITERAL("0")));
    assert_int_equal(
        profile_signed_read(buffer_bytes(&message.whole), &content, &signer, &err), BASE_OK);
    assert_true(bytes_equal_text(buffer_bytes(&content), "<plist/>\n"));
    assert_true(bytes_equal_text(buffer_bytes(&signer), "CN=Signer, issued by CN=Root"));
    clear(&message);
}

static void
every_changed_octet_of_content_and_signature_is_seen(void **state)
{
    struct message message;
    (void)state;
    make(&message, BYTES_LITERAL("<plist/>\n"));
    size_t content_at = 0;
    while (memcmp(message.whole.ptr + content_at, "<plist/>\n", 9) != 0) {
        content_at++;
    }
    size_t signature_at = message.whole.len - message.signature.len;
    for (size_t i = 0; i < message.whole.len; i++) {
        bool is_wanted =
            (i >= content_at && i < content_at + 9) || (i >= signature_at && (i & 15) == 0);
        if (!is_wanted) {
            continue;
        }
        struct base_error err = {0};
        BUFFER_LOCAL(content, 65536);
        BUFFER_LOCAL(signer, 4096);
        message.whole.ptr[i] ^= 1;
        assert_int_equal(profile_signed_read(buffer_bytes(&message.whole), &content, &signer, &err),
            E_PROFILE_SIGNATURE);
        assert_int_equal(content.len, 0);
        message.whole.ptr[i] ^= 1;
    }
    struct base_error err = {0};
    BUFFER_LOCAL(content, 65536);
    BUFFER_LOCAL(signer, 4096);
    struct bytes cut = {message.whole.ptr, message.whole.len - 1};
    assert_int_equal(profile_signed_read(cut, &content, &signer, &err), E_PROFILE_FORMAT);
    clear(&message);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_signed_is_read_back_with_its_signer),
        cmocka_unit_test(every_changed_octet_of_content_and_signature_is_seen)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
