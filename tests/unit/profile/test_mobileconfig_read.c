#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/own.h"
#include "pki/name.h"
#include "profile/limits.h"
#include "profile/mobileconfig_read.h"

#include "base/banned.h"

#define BEFORE                                                                                     \
    "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict><key>PayloadType</key>"                   \
    "<string>com.apple.security.scep</string><key>PayloadContent</key><dict>"                      \
    "<key>URL</key><string>http://x/scep</string>"
#define AFTER "</dict></dict></plist>"

static enum base_code
read_with(const char *content, struct profile_scep *out)
{
    char text[8192] = "";
    struct base_error err = {0};
    (void)snprintf(text, sizeof(text), BEFORE "%s" AFTER, content);
    profile_scep_init(out);
    return profile_mobileconfig_read(bytes_from_text(text), 1, out, &err);
}

static void
expect(const char *content, enum base_code code)
{
    struct profile_scep scep;
    assert_int_equal(read_with(content, &scep), code);
    profile_scep_clear(&scep);
}

static void
a_payload_alone_is_read_with_its_defaults(void **state)
{
    struct profile_scep scep;
    (void)state;
    assert_int_equal(read_with("", &scep), BASE_OK);
    assert_true(bytes_equal_text(buffer_bytes(&scep.url), "http://x/scep"));
    assert_true(pki_name_is_empty(buffer_bytes(&scep.subject_der)));
    assert_int_equal(scep.retries, 3);
    assert_int_equal(scep.retry_delay, 10);
    assert_int_equal(scep.challenge.len, 0);
    assert_string_equal(scep.key_spec, "");
    assert_false(scep.has_key_usage);
    profile_scep_clear(&scep);
}

static void
numbers_may_be_strings_of_digits(void **state)
{
    struct profile_scep scep;
    (void)state;
    assert_int_equal(
        read_with("<key>Key Usage</key><string>5</string><!-- a comment --><key>Keysize"
                  "</key><integer>4096</integer><key>Retries</key><string>0</string>",
            &scep),
        BASE_OK);
    assert_int_equal(scep.key_usage, 5);
    assert_string_equal(scep.key_spec, "rsa:4096");
    assert_int_equal(scep.retries, 0);
    profile_scep_clear(&scep);
    expect("<key>Keysize</key><string>2048 </string>", E_PROFILE_FORMAT);
    expect("<key>Keysize</key><string></string>", E_PROFILE_FORMAT);
    expect("<key>Keysize</key><integer>-1</integer>", E_PROFILE_FORMAT);
    expect("<key>Keysize</key><integer>16385</integer>", E_PROFILE_FORMAT);
    expect("<key>Keysize</key><true/>", E_PROFILE_FORMAT);
    expect("<key>Retries</key><integer>1000</integer>", BASE_OK);
    expect("<key>Retries</key><integer>1001</integer>", E_PROFILE_FORMAT);
    expect("<key>RetryDelay</key><integer>86401</integer>", E_PROFILE_FORMAT);
}

static void
names_are_built_in_the_order_of_the_profile(void **state)
{
    struct profile_scep scep;
    struct base_error err = {0};
    BUFFER_LOCAL(text, 4096);
    (void)state;
    assert_int_equal(
        read_with(
            "<key>Subject</key><array><array><array><string>C</string><string>DE</string>"
            "</array></array><array><array><string>2.5.4.10</string><string>A, B = \"c\""
            "</string></array><array><string>OU</string><string> x</string></array></array>"
            "<array><array><string>CN</string><string>a&amp;b</string></array></array></array>"
            "<key>SubjectAltName</key><dict><key>dNSName</key><array><string>a.example"
            "</string><string/></array><key>ntPrincipalName</key><string>u@x</string></dict>",
            &scep),
        BASE_OK);
    assert_int_equal(pki_name_text(buffer_bytes(&scep.subject_der), &text, &err), BASE_OK);
    assert_true(
        bytes_equal_text(buffer_bytes(&text), "CN=a&b,OU=\\ x+O=A\\, B \\= \\\"c\\\",C=DE"));
    buffer_reset(&text);
    assert_int_equal(pki_sans_text(buffer_bytes(&scep.sans_der), &text, &err), BASE_OK);
    assert_true(bytes_equal_text(buffer_bytes(&text), "DNS:a.example\nUPN:u@x") ||
                bytes_equal_text(buffer_bytes(&text), "DNS:a.example\nUPN:u@x\n"));
    profile_scep_clear(&scep);
    expect("<key>Subject</key><array><array><array><string>CN</string></array></array></array>",
        E_PROFILE_FORMAT);
    expect("<key>Subject</key><array><array/></array>", E_PROFILE_FORMAT);
    expect("<key>Subject</key><string>CN=a</string>", E_PROFILE_FORMAT);
    expect(
        "<key>Subject</key><array><array><array><string>X=1,CN</string><string>a</string></array>"
        "</array></array>",
        E_NAME_FORMAT);
    expect("<key>Subject</key><array><array><array><string>CN</string><string>a\nb</string></array>"
           "</array></array>",
        E_NAME_FORMAT);
    expect("<key>SubjectAltName</key><dict><key>dNSName</key><string>a\nURI:b:c</string></dict>",
        E_SAN_FORMAT);
    expect("<key>SubjectAltName</key><dict><key>dNSName</key><string>a b</string></dict>",
        E_SAN_FORMAT);
}

static void
fingerprints_must_identify(void **state)
{
    (void)state;
    expect("<key>CAFingerprint</key><data>AAAAAAAAAAAAAAAAAAAAAA==</data>", E_PROFILE_FINGERPRINT);
    expect("<key>CAFingerprint</key><data>AAAA</data>", E_PROFILE_FINGERPRINT);
    expect("<key>CAFingerprint</key><data>\n AAAAAAAAAAAAAAAAAAAA\n AAAAAAA=\n</data>", BASE_OK);
    expect("<key>CAFingerprint</key><data>AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=</data>",
        BASE_OK);
    expect("<key>CAFingerprint</key><data>!</data>", E_PROFILE_FORMAT);
    expect("<key>CAFingerprint</key><string>00</string>", E_PROFILE_FORMAT);
}

static void
what_is_no_profile_is_refused(void **state)
{
    static const struct {
        const char *text;
        enum base_code code;
    } files[] = {{"", E_PROFILE_FORMAT}, {"hello", E_PROFILE_FORMAT}, {"<a/>", E_PROFILE_FORMAT},
        {"<plist/>", E_PROFILE_FORMAT}, {"<plist><dict>", E_PROFILE_FORMAT},
        {"bplist00\xd1\x01", E_PROFILE_BINARY}, {"<plist><dict/></plist>", E_PROFILE_NO_SCEP},
        {"<plist><dict><key>a</key></dict></plist>", E_PROFILE_FORMAT},
        {"<plist><dict><key>PayloadContent</key><array/></dict></plist>", E_PROFILE_NO_SCEP},
        {"<plist><dict><key>PayloadContent</key><array><string/></array></dict></plist>",
            E_PROFILE_FORMAT},
        {"<plist><dict><key>EncryptedPayloadContent</key><data/></dict></plist>", E_PROFILE_FORMAT},
        {"<plist><dict><key>PayloadType</key><string>a</string><key>PayloadType</key><string>a"
         "</string></dict></plist>",
            E_PROFILE_FORMAT},
        {"<!DOCTYPE plist [<!ENTITY a \"b\">]><plist><dict/></plist>", E_PROFILE_FORMAT},
        {"<!DOCTYPE plist [<!ELEMENT a (#PCDATA)>]><plist><dict/></plist>", E_PROFILE_FORMAT},
        {"<!DOCTYPE plist SYSTEM \"http://192.0.2.1/x.dtd\"><plist><dict/></plist>",
            E_PROFILE_NO_SCEP},
        {"-----BEGIN CMS-----\nAAAA\n-----END CMS-----\n", E_PROFILE_FORMAT},
        {"0\x80\x01\x02", E_PROFILE_FORMAT}};
    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct profile_scep scep;
        struct base_error err = {0};
        profile_scep_init(&scep);
        assert_int_equal(profile_mobileconfig_read(bytes_from_text(files[i].text), 1, &scep, &err),
            files[i].code);
        profile_scep_clear(&scep);
    }
    expect("<key>URL</key><string>twice</string>", E_PROFILE_FORMAT);
    expect("<key>Challenge</key><string>a<b/></string>", E_PROFILE_FORMAT);
    expect("<key>Challenge</key><string>a\tb</string>", E_PROFILE_FORMAT);
    expect("<key>Challenge</key><string><![CDATA[a<b]]></string>", BASE_OK);
}

/* Of @count SCEP payloads the wanted one; and how many a profile may have. */
static enum base_code
read_of_many(size_t count, size_t wanted, char *out_url, size_t out_size)
{
    struct profile_scep scep;
    struct base_error err = {0};
    BUFFER_LOCAL(text, PROFILE_FILE_MAX);
    assert_int_equal(
        buffer_append_text(&text, "<plist><dict><key>PayloadContent</key><array>", &err), BASE_OK);
    for (size_t i = 1; i <= count; i++) {
        char payload[256] = "";
        (void)snprintf(payload, sizeof(payload),
            "<dict><key>PayloadType</key><string>com.apple.security.scep</string><key>"
            "PayloadContent</key><dict><key>URL</key><string>http://x/%zu</string></dict></dict>",
            i);
        assert_int_equal(buffer_append_text(&text, payload, &err), BASE_OK);
    }
    assert_int_equal(buffer_append_text(&text, "</array></dict></plist>", &err), BASE_OK);
    profile_scep_init(&scep);
    enum base_code code = profile_mobileconfig_read(buffer_bytes(&text), wanted, &scep, &err);
    (void)snprintf(out_url, out_size, "%.*s", (int)scep.url.len,
        scep.url.len == 0 ? "" : (const char *)scep.url.ptr);
    profile_scep_clear(&scep);
    return code;
}

static void
one_of_several_payloads_is_chosen(void **state)
{
    char url[64] = "";
    (void)state;
    assert_int_equal(read_of_many(3, 1, url, sizeof(url)), BASE_OK);
    assert_string_equal(url, "http://x/1");
    assert_int_equal(read_of_many(3, 3, url, sizeof(url)), BASE_OK);
    assert_string_equal(url, "http://x/3");
    assert_int_equal(read_of_many(3, 4, url, sizeof(url)), E_PROFILE_NO_SCEP);
    assert_int_equal(read_of_many(3, 0, url, sizeof(url)), E_PROFILE_NO_SCEP);
    assert_int_equal(
        read_of_many(PROFILE_PAYLOAD_MAX, PROFILE_PAYLOAD_MAX, url, sizeof(url)), BASE_OK);
    assert_int_equal(read_of_many(PROFILE_PAYLOAD_MAX + 1, 1, url, sizeof(url)), E_PROFILE_FORMAT);
}

static void
a_file_has_a_maximum(void **state)
{
    struct profile_scep scep;
    struct base_error err = {0};
    BUFFER_LOCAL(text, PROFILE_FILE_MAX + 1);
    (void)state;
    assert_int_equal(buffer_append_text(&text, BEFORE AFTER, &err), BASE_OK);
    while (text.len < PROFILE_FILE_MAX) {
        assert_int_equal(buffer_append_octet(&text, ' ', &err), BASE_OK);
    }
    profile_scep_init(&scep);
    assert_int_equal(profile_mobileconfig_read(buffer_bytes(&text), 1, &scep, &err), BASE_OK);
    profile_scep_clear(&scep);
    assert_int_equal(buffer_append_octet(&text, ' ', &err), BASE_OK);
    profile_scep_init(&scep);
    assert_int_equal(profile_mobileconfig_read(buffer_bytes(&text), 1, &scep, &err), E_TOO_LARGE);
    profile_scep_clear(&scep);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_payload_alone_is_read_with_its_defaults),
        cmocka_unit_test(numbers_may_be_strings_of_digits),
        cmocka_unit_test(names_are_built_in_the_order_of_the_profile),
        cmocka_unit_test(fingerprints_must_identify),
        cmocka_unit_test(what_is_no_profile_is_refused),
        cmocka_unit_test(one_of_several_payloads_is_chosen),
        cmocka_unit_test(a_file_has_a_maximum)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
