#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "der/writer.h"
#include "signer/attributes_check.h"

#include "base/banned.h"

#define CONTENT_TYPE "1.2.840.113549.1.9.3"
#define MESSAGE_DIGEST "1.2.840.113549.1.9.4"
#define DATA "1.2.840.113549.1.7.1"
#define SIGNED_DATA "1.2.840.113549.1.7.2"
#define MESSAGE_TYPE "2.16.840.1.113733.1.9.2"
#define PKI_STATUS "2.16.840.1.113733.1.9.3"
#define FAIL_INFO "2.16.840.1.113733.1.9.4"
#define SENDER_NONCE "2.16.840.1.113733.1.9.5"
#define RECIPIENT_NONCE "2.16.840.1.113733.1.9.6"
#define TRANSACTION_ID "2.16.840.1.113733.1.9.7"

/* Attributes as text; NULL leaves one out. */
struct answer {
    const char *content_type;
    size_t digest_len;
    const char *message_type;
    const char *pki_status;
    const char *fail_info;
    size_t sender_nonce_len;
    size_t recipient_nonce_len;
    const char *transaction_id;
    bool is_unsorted;
    bool is_nonce_twice;
    bool has_second_value;
    bool has_unknown;
    uint8_t text_tag;
};

static struct answer
make_success(void)
{
    return (struct answer){DATA, 32, "3", "0", NULL, 16, 16, "8F00AB", false, false, false, false,
        DER_PRINTABLE_STRING};
}

static void
begin(struct der_writer *writer, const char *oid)
{
    der_write_begin(writer, DER_SEQUENCE);
    der_write_oid_text(writer, oid);
    der_write_begin(writer, DER_SET);
}

static void
end(struct der_writer *writer)
{
    der_write_end(writer);
    der_write_end(writer);
}

static void
write_text(struct der_writer *writer, const char *oid, uint8_t tag, const char *text)
{
    if (text != NULL) {
        begin(writer, oid);
        der_write(writer, tag, bytes_from_text(text));
        end(writer);
    }
}

static void
write_octets(struct der_writer *writer, const char *oid, size_t len, bool is_doubled)
{
    static const uint8_t octets[256] = {1, 2, 3};
    if (len > 0) {
        begin(writer, oid);
        der_write(writer, DER_OCTET_STRING, (struct bytes){octets, len});
        if (is_doubled) {
            der_write(writer, DER_OCTET_STRING, (struct bytes){octets, len + 1});
        }
        end(writer);
    }
}

static enum base_code
check(const struct answer *answer)
{
    BUFFER_LOCAL(der, 8192);
    struct der_writer writer;
    struct base_error err = {0};
    der_writer_init(&writer, &der);
    der_write_begin(&writer, DER_SET);
    if (answer->content_type != NULL) {
        begin(&writer, CONTENT_TYPE);
        der_write_oid_text(&writer, answer->content_type);
        end(&writer);
    }
    write_octets(&writer, MESSAGE_DIGEST, answer->digest_len, answer->has_second_value);
    write_text(&writer, TRANSACTION_ID, DER_PRINTABLE_STRING, answer->transaction_id);
    write_text(&writer, MESSAGE_TYPE, answer->text_tag, answer->message_type);
    write_text(&writer, PKI_STATUS, DER_PRINTABLE_STRING, answer->pki_status);
    write_text(&writer, FAIL_INFO, DER_PRINTABLE_STRING, answer->fail_info);
    write_octets(&writer, SENDER_NONCE, answer->sender_nonce_len, false);
    if (answer->is_nonce_twice) {
        write_octets(&writer, SENDER_NONCE, answer->sender_nonce_len + 1, false);
    }
    write_octets(&writer, RECIPIENT_NONCE, answer->recipient_nonce_len, false);
    if (answer->has_unknown) {
        write_text(&writer, "1.3.6.1.5.5.7.24.1", DER_UTF8_STRING, "KUR-1302");
    }
    if (answer->is_unsorted) {
        der_write_end(&writer);
    } else {
        der_write_end_set_of(&writer);
    }
    assert_int_equal(der_writer_finish(&writer, &err), BASE_OK);
    return signer_attributes_check(buffer_bytes(&der), PKI_SHA256, &err);
}

static void
success_failure_and_pending_pass(void **state)
{
    (void)state;
    struct answer answer = make_success();
    assert_int_equal(check(&answer), BASE_OK);
    answer.has_unknown = true;
    assert_int_equal(check(&answer), BASE_OK);
    answer.pki_status = "2";
    answer.fail_info = "4";
    assert_int_equal(check(&answer), BASE_OK);
    answer.recipient_nonce_len = 0; /* the request had none */
    assert_int_equal(check(&answer), BASE_OK);
    answer.pki_status = "3";
    answer.fail_info = NULL;
    assert_int_equal(check(&answer), BASE_OK);
}

#define REFUSED(name, change)                                                                      \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        struct answer answer = make_success();                                                     \
        change;                                                                                    \
        assert_int_equal(check(&answer), E_SIGNER_ATTRIBUTES);                                     \
    }

REFUSED(missing_content_type_is_refused, answer.content_type = NULL)
REFUSED(content_other_than_data_is_refused, answer.content_type = SIGNED_DATA)
REFUSED(missing_digest_is_refused, answer.digest_len = 0)
REFUSED(digest_of_another_length_is_refused, answer.digest_len = 20)
REFUSED(missing_message_type_is_refused, answer.message_type = NULL)
REFUSED(request_message_type_is_refused, answer.message_type = "19")
REFUSED(other_message_type_is_refused, answer.message_type = "2")
REFUSED(message_type_of_another_string_type_is_refused, answer.text_tag = DER_UTF8_STRING)
REFUSED(missing_status_is_refused, answer.pki_status = NULL)
REFUSED(unknown_status_is_refused, answer.pki_status = "1")
REFUSED(failure_without_fail_info_is_refused, answer.pki_status = "2")
REFUSED(success_with_fail_info_is_refused, answer.fail_info = "2")
REFUSED(fail_info_beyond_4_is_refused, (answer.pki_status = "2", answer.fail_info = "5"))
REFUSED(missing_sender_nonce_is_refused, answer.sender_nonce_len = 0)
REFUSED(long_nonce_is_refused, answer.sender_nonce_len = 65)
REFUSED(success_without_recipient_nonce_is_refused, answer.recipient_nonce_len = 0)
REFUSED(missing_transaction_id_is_refused, answer.transaction_id = NULL)
REFUSED(attribute_that_stands_twice_is_refused, answer.is_nonce_twice = true)
REFUSED(unsorted_set_is_refused, answer.is_unsorted = true)

static void
second_value_is_refused(void **state)
{
    (void)state;
    struct answer answer = make_success();
    answer.has_second_value = true;
    assert_int_equal(check(&answer), E_DER_TRAILING);
}

static void
other_structures_are_refused(void **state)
{
    (void)state;
    struct base_error err = {0};
    static const uint8_t body[] = {0x30, 0x03, 0x02, 0x01, 0x01};
    static const uint8_t empty[] = {0x31, 0x00};
    static const uint8_t trailing[] = {0x31, 0x00, 0x00};
    assert_int_equal(signer_attributes_check(BYTES_ARRAY(body), PKI_SHA256, &err), E_DER_TAG);
    assert_int_equal(
        signer_attributes_check(BYTES_ARRAY(empty), PKI_SHA256, &err), E_SIGNER_ATTRIBUTES);
    assert_int_equal(
        signer_attributes_check(BYTES_ARRAY(trailing), PKI_SHA256, &err), E_DER_TRAILING);
    assert_int_equal(signer_attributes_check(BYTES_NONE, PKI_SHA256, &err), E_DER_TRUNCATED);
}

/* ---- profiles
 * ---------------------------------------------------------------------------------------------------
 */

#define SIGNING_TIME "1.2.840.113549.1.9.5"
#define NOW ((int64_t)1800000000)

struct profile {
    const char *content_type;
    size_t digest_len;
    int64_t at_s;      /* 0: no signingTime */
    const char *extra; /* OID of one more */
    bool is_unsorted;
};

static enum base_code
check_profile(const struct profile *profile)
{
    BUFFER_LOCAL(der, 8192);
    struct der_writer writer;
    struct base_error err = {0};
    der_writer_init(&writer, &der);
    der_write_begin(&writer, DER_SET);
    if (profile->at_s != 0) {
        begin(&writer, SIGNING_TIME);
        der_write_time(&writer, profile->at_s);
        end(&writer);
    }
    write_octets(&writer, MESSAGE_DIGEST, profile->digest_len, false);
    if (profile->content_type != NULL) {
        begin(&writer, CONTENT_TYPE);
        der_write_oid_text(&writer, profile->content_type);
        end(&writer);
    }
    write_text(&writer, profile->extra == NULL ? "1.2.3" : profile->extra, DER_PRINTABLE_STRING,
        profile->extra == NULL ? NULL : "3");
    if (profile->is_unsorted) {
        der_write_end(&writer);
    } else {
        der_write_end_set_of(&writer);
    }
    assert_int_equal(der_writer_finish(&writer, &err), BASE_OK);
    /* Never both: what is signed for a profile is no CertRep. */
    assert_int_equal(
        signer_attributes_check(buffer_bytes(&der), PKI_SHA256, &err), E_SIGNER_ATTRIBUTES);
    return signer_attributes_check_profile(buffer_bytes(&der), PKI_SHA256, NOW, &err);
}

static void
profile_has_three_attributes_and_no_other(void **state)
{
    static const struct {
        struct profile profile;
        enum base_code code;
    } cases[] = {{{DATA, 32, NOW, NULL, false}, BASE_OK},
        {{DATA, 32, NOW - 300, NULL, false}, BASE_OK},
        {{DATA, 32, NOW + 300, NULL, false}, BASE_OK},
        {{DATA, 32, NOW - 301, NULL, false}, E_SIGNER_ATTRIBUTES},
        {{DATA, 32, NOW + 301, NULL, false}, E_SIGNER_ATTRIBUTES},
        {{DATA, 32, 0, NULL, false}, E_SIGNER_ATTRIBUTES},
        {{DATA, 0, NOW, NULL, false}, E_SIGNER_ATTRIBUTES},
        {{DATA, 20, NOW, NULL, false}, E_SIGNER_ATTRIBUTES},
        {{NULL, 32, NOW, NULL, false}, E_SIGNER_ATTRIBUTES},
        {{SIGNED_DATA, 32, NOW, NULL, false}, E_SIGNER_ATTRIBUTES},
        {{DATA, 32, NOW, NULL, true}, E_SIGNER_ATTRIBUTES},
        {{DATA, 32, NOW, MESSAGE_TYPE, false}, E_SIGNER_ATTRIBUTES},
        {{DATA, 32, NOW, TRANSACTION_ID, false}, E_SIGNER_ATTRIBUTES},
        {{DATA, 32, 0, PKI_STATUS, false}, E_SIGNER_ATTRIBUTES},
        {{DATA, 32, NOW, "1.2.840.113549.1.9.15", false}, E_SIGNER_ATTRIBUTES}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(check_profile(&cases[i].profile), cases[i].code);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(success_failure_and_pending_pass),
        cmocka_unit_test(missing_content_type_is_refused),
        cmocka_unit_test(content_other_than_data_is_refused),
        cmocka_unit_test(missing_digest_is_refused),
        cmocka_unit_test(digest_of_another_length_is_refused),
        cmocka_unit_test(missing_message_type_is_refused),
        cmocka_unit_test(request_message_type_is_refused),
        cmocka_unit_test(other_message_type_is_refused),
        cmocka_unit_test(message_type_of_another_string_type_is_refused),
        cmocka_unit_test(missing_status_is_refused),
        cmocka_unit_test(unknown_status_is_refused),
        cmocka_unit_test(failure_without_fail_info_is_refused),
        cmocka_unit_test(success_with_fail_info_is_refused),
        cmocka_unit_test(fail_info_beyond_4_is_refused),
        cmocka_unit_test(missing_sender_nonce_is_refused),
        cmocka_unit_test(long_nonce_is_refused),
        cmocka_unit_test(success_without_recipient_nonce_is_refused),
        cmocka_unit_test(missing_transaction_id_is_refused),
        cmocka_unit_test(attribute_that_stands_twice_is_refused),
        cmocka_unit_test(unsorted_set_is_refused),
        cmocka_unit_test(second_value_is_refused),
        cmocka_unit_test(other_structures_are_refused),
        cmocka_unit_test(profile_has_three_attributes_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
