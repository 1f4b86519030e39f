#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "ledger/bound.h"
#include "ledger/warrant.h"

#include "base/banned.h"

static const uint8_t key_id[8] = {1, 2, 3, 4, 5, 6, 7, 8};
static const uint8_t key[32] = {9};

#define STATEMENT                                                                                  \
    "{\"id\":\"a-1\",\"iat\":1767225600,\"exp\":1767229200,\"profile\":\"default\","               \
    "\"device\":\"laptop-7\",\"subject\":\"CN=laptop-7,O=Example\","                               \
    "\"sans\":[\"DNS:a.example\",\"email:a@example.org\"],"                                        \
    "\"key_usage\":[\"digitalSignature\",\"keyEncipherment\"],"                                    \
    "\"eku\":[\"clientAuth\",\"1.2.3.4\"],\"valid_s\":7200}"

static enum base_code
open_text(struct bytes text, struct buffer *json)
{
    BUFFER_LOCAL(octets, LEDGER_BOUND_TEXT_MAX);
    struct ledger_bound_parts parts;
    struct base_error err = {0};
    TRY(ledger_bound_read(text, &octets, &parts, &err));
    if (!bytes_equal(parts.key_id, BYTES_ARRAY(key_id))) {
        return E_CHALLENGE_KEY;
    }
    return ledger_bound_open(&parts, BYTES_ARRAY(key), json, &err);
}

static void
seal(const char *json, struct buffer *out)
{
    struct base_random random = base_random_system();
    assert_int_equal(ledger_bound_seal(BYTES_ARRAY(key_id), BYTES_ARRAY(key), bytes_from_text(json),
                         &random, out, NULL),
        BASE_OK);
}

/* ---- the text ---- */

static void
what_was_sealed_opens_again(void **state)
{
    (void)state;
    BUFFER_LOCAL(text, LEDGER_BOUND_TEXT_MAX);
    BUFFER_LOCAL(json, LEDGER_BOUND_TEXT_MAX);
    seal(STATEMENT, &text);
    assert_true(ledger_bound_is(buffer_bytes(&text)));
    assert_int_equal(open_text(buffer_bytes(&text), &json), BASE_OK);
    assert_true(bytes_equal_text(buffer_bytes(&json), STATEMENT));
    buffer_reset(&json);
    struct bytes bare = buffer_bytes(&text);
    while (bare.ptr[bare.len - 1] == '=') {
        bare.len--;
    }
    assert_int_equal(open_text(bare, &json), BASE_OK);
}

/* Made by another implementation: docs/challenges.md. */
static void
the_documented_example_opens(void **state)
{
    (void)state;
    static const char text[] =
        "KB1.a3VyaWVyLTFAQUJDREVGR0hJSkuZm8dHBAalbL+gckS2UCRqSOR+ft5UewFNdnnToCHf7q44w4D8"
        "3KckA846WKc67ejyQ5oBH+WSe+58vWhCyBLigHazy3GyX4h74wfg4BGfDWxCcKdKGmDgB/sSHTciVyDV"
        "mR+J/CJd4gtcqNfWu4Zj+JJqwuSiNwW208WIDYpu4cRiALYkCyKltzWLktA+G7rfuJ6nbJaE1kIn6Zi2"
        "yggq35XUOBvYcyETboi3+kuXvL5W9VCsIhuvu6tXjqmY+WdqzA+oWxH1nyWlAUcUIUeBTrTCyPjt5vfd"
        "ow==";
    static const char plain[] =
        "{\"id\":\"order-4711\",\"iat\":1767225600,\"exp\":1767229200,\"profile\":\"default\","
        "\"device"
        "\":\"laptop-7\",\"subject\":\"CN=laptop-7,O=Example\",\"sans\":[\"DNS:laptop-7.example.org"
        "\"],\"eku\":[\"clientAuth\"],\"valid_s\":7776000}";
    uint8_t documented_key[32];
    BUFFER_LOCAL(octets, LEDGER_BOUND_TEXT_MAX);
    BUFFER_LOCAL(json, LEDGER_BOUND_TEXT_MAX);
    struct ledger_bound_parts parts;
    for (size_t i = 0; i < sizeof(documented_key); i++) {
        documented_key[i] = (uint8_t)i;
    }
    assert_int_equal(ledger_bound_read(bytes_from_text(text), &octets, &parts, NULL), BASE_OK);
    assert_memory_equal(parts.key_id.ptr, "kurier-1", 8);
    assert_memory_equal(parts.nonce.ptr, "@ABCDEFGHIJK", 12);
    assert_int_equal(ledger_bound_open(&parts, BYTES_ARRAY(documented_key), &json, NULL), BASE_OK);
    assert_true(bytes_equal_text(buffer_bytes(&json), plain));
    assert_int_equal(ledger_bound_open(&parts, BYTES_ARRAY(key), &json, NULL), E_CHALLENGE_SEAL);
}

static void
every_cut_text_is_refused(void **state)
{
    (void)state;
    BUFFER_LOCAL(text, LEDGER_BOUND_TEXT_MAX);
    seal(STATEMENT, &text);
    size_t whole = text.len;
    while (text.ptr[whole - 1] == '=') {
        whole--;
    }
    for (size_t len = 0; len < whole; len++) {
        BUFFER_LOCAL(json, LEDGER_BOUND_TEXT_MAX);
        assert_int_equal(open_text((struct bytes){text.ptr, len}, &json), E_CHALLENGE_SEAL);
        assert_int_equal(json.len, 0);
    }
}

static void
every_changed_bit_is_refused(void **state)
{
    (void)state;
    BUFFER_LOCAL(text, LEDGER_BOUND_TEXT_MAX);
    seal(STATEMENT, &text);
    for (size_t i = 0; i < text.len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            BUFFER_LOCAL(json, LEDGER_BOUND_TEXT_MAX);
            text.ptr[i] = (uint8_t)(text.ptr[i] ^ (1U << bit));
            enum base_code code = open_text(buffer_bytes(&text), &json);
            text.ptr[i] = (uint8_t)(text.ptr[i] ^ (1U << bit));
            assert_true(code == E_CHALLENGE_SEAL || code == E_CHALLENGE_KEY);
            assert_int_equal(json.len, 0);
        }
    }
}

static void
other_alphabets_blanks_and_lengths_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "KB1", "KB1.", "KB1.=", "KB1.====", "kb1.AAAA",
        "KB1.AAAA", "KB1. AAAA", "KB1.AAAA\n", "KB1.AA-_", "KB1.A", "KB1.\xff\xff\xff\xff"};
    BUFFER_LOCAL(json, LEDGER_BOUND_TEXT_MAX);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(open_text(bytes_from_text(wrong[i]), &json), E_CHALLENGE_SEAL);
    }
    BUFFER_LOCAL(text, (size_t)2 * LEDGER_BOUND_TEXT_MAX);
    seal(STATEMENT, &text);
    for (size_t at = 4; at < text.len; at += 40) { /* a blank in between */
        BUFFER_LOCAL(spaced, (size_t)2 * LEDGER_BOUND_TEXT_MAX);
        assert_int_equal(buffer_append(&spaced, (struct bytes){text.ptr, at}, NULL), BASE_OK);
        assert_int_equal(buffer_append_octet(&spaced, ' ', NULL), BASE_OK);
        assert_int_equal(
            buffer_append(&spaced, bytes_skip(buffer_bytes(&text), at), NULL), BASE_OK);
        assert_int_equal(open_text(buffer_bytes(&spaced), &json), E_CHALLENGE_SEAL);
    }
}

static void
a_text_at_the_limit_is_read_and_one_above_is_not(void **state)
{
    (void)state;
    static uint8_t many[LEDGER_BOUND_TEXT_MAX + 1];
    BUFFER_LOCAL(octets, LEDGER_BOUND_TEXT_MAX);
    struct ledger_bound_parts parts;
    memset(many, 'A', sizeof(many));
    memcpy(many, LEDGER_BOUND_PREFIX, 4);
    assert_int_equal(
        ledger_bound_read((struct bytes){many, LEDGER_BOUND_TEXT_MAX}, &octets, &parts, NULL),
        BASE_OK);
    assert_int_equal(ledger_bound_read(BYTES_ARRAY(many), &octets, &parts, NULL), E_CHALLENGE_SEAL);
}

/* ---- the statement ---- */

static enum base_code
read_statement(struct bytes json)
{
    struct arena arena;
    struct ledger_statement statement;
    struct base_error err = {0};
    arena_init(&arena, (size_t)64 * 1024);
    enum base_code code = ledger_statement_read(json, &arena, &statement, &err);
    assert_true(code == BASE_OK || err.detail[0] != '\0');
    arena_clear(&arena);
    return code;
}

static void
a_statement_is_read_whole(void **state)
{
    (void)state;
    struct arena arena;
    struct ledger_statement it;
    arena_init(&arena, (size_t)64 * 1024);
    assert_int_equal(ledger_statement_read(bytes_from_text(STATEMENT), &arena, &it, NULL), BASE_OK);
    assert_true(bytes_equal_text(it.id, "a-1"));
    assert_true(bytes_equal_text(it.profile, "default"));
    assert_true(bytes_equal_text(it.device, "laptop-7"));
    assert_true(it.subject.len > 0 && it.is_san_bound && it.sans.len > 0);
    assert_true(it.iat_s == 1767225600 && it.exp_s == 1767229200 && it.valid_s == 7200);
    assert_int_equal(it.key_usage, 0xa0);
    assert_true(bytes_equal_text(it.ekus, "1.3.6.1.5.5.7.3.2\n1.2.3.4"));
    arena_clear(&arena);
}

static void
every_cut_statement_is_refused(void **state)
{
    (void)state;
    const struct bytes whole = bytes_from_text(STATEMENT);
    for (size_t len = 0; len < whole.len; len++) {
        assert_int_equal(read_statement((struct bytes){whole.ptr, len}), E_CHALLENGE_STATEMENT);
    }
}

/* Whatever octet stands anywhere: it is read or refused, and never more than that. */
static void
every_octet_of_a_statement_may_be_anything(void **state)
{
    (void)state;
    static const uint8_t octets[] = {0, '"', '{', '}', '[', ',', '\\', '9', '-', 0x7f, 0xc3, 0xff};
    uint8_t text[sizeof(STATEMENT)];
    for (size_t i = 0; i < sizeof(STATEMENT) - 1; i++) {
        for (size_t k = 0; k < sizeof(octets); k++) {
            memcpy(text, STATEMENT, sizeof(STATEMENT));
            text[i] = octets[k];
            enum base_code code = read_statement((struct bytes){text, sizeof(STATEMENT) - 1});
            assert_true(code == BASE_OK || code == E_CHALLENGE_STATEMENT);
        }
    }
}

#define NEEDED "\"iat\":100,\"exp\":200,\"profile\":\"p\",\"device\":\"d\""

static void
what_is_out_of_bounds_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum base_code code;
    } cases[] = {
        {"{\"id\":\"a\"," NEEDED "}", BASE_OK},
        {"{\"id\":\"a\"," NEEDED ",\"sans\":[]}", BASE_OK},
        {"{\"id\":\"a\",\"id\":\"a\"," NEEDED "}", E_CHALLENGE_STATEMENT},
        {"{\"id\":\"a\"," NEEDED ",\"exp\":200}", E_CHALLENGE_STATEMENT},
        {"{\"id\":\"a\"," NEEDED ",\"\":1}", E_CHALLENGE_STATEMENT},
        {"{\"id\":\"a\\u0000\"," NEEDED "}", E_CHALLENGE_STATEMENT},
        {"{\"id\":\"a\\u0009\"," NEEDED "}", E_CHALLENGE_STATEMENT},
        {"{\"id\":\"a\",\"iat\":200,\"exp\":200,\"profile\":\"p\",\"device\":\"d\"}",
            E_CHALLENGE_STATEMENT},
        {"{\"id\":\"a\",\"iat\":0,\"exp\":200,\"profile\":\"p\",\"device\":\"d\"}",
            E_CHALLENGE_STATEMENT},
        {"{\"id\":\"a\",\"iat\":1,\"exp\":2678401,\"profile\":\"p\",\"device\":\"d\"}", BASE_OK},
        {"{\"id\":\"a\",\"iat\":1,\"exp\":2678402,\"profile\":\"p\",\"device\":\"d\"}",
            E_CHALLENGE_STATEMENT},
        {"{\"id\":\"a\",\"iat\":1,\"exp\":99999999999999999999,\"profile\":\"p\",\"device\":\"d\"}",
            E_CHALLENGE_STATEMENT},
        {"{\"id\":\"a\"," NEEDED ",\"valid_s\":600}", BASE_OK},
        {"{\"id\":\"a\"," NEEDED ",\"valid_s\":599}", E_CHALLENGE_STATEMENT},
        {"{\"id\":\"a\"," NEEDED ",\"valid_s\":600.0}", E_CHALLENGE_STATEMENT},
        {"{\"id\":\"a\"," NEEDED ",\"subject\":null}", E_CHALLENGE_STATEMENT},
        {"{\"id\":\"a\"," NEEDED ",\"sans\":[\"DNS:a\\nDNS:b\"]}", E_CHALLENGE_STATEMENT},
        {"{\"id\":\"a\"," NEEDED ",\"sans\":[[\"DNS:a\"]]}", E_CHALLENGE_STATEMENT},
        {"{\"id\":\"a\"," NEEDED ",\"key_usage\":[\"cRLSign\"]}", E_CHALLENGE_STATEMENT},
        {"{\"id\":\"a\"," NEEDED ",\"eku\":[\"1\"]}", E_CHALLENGE_STATEMENT},
        {"{\"id\":\"a\"," NEEDED ",\"eku\":[\"1.2.03\"]}", E_CHALLENGE_STATEMENT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (read_statement(bytes_from_text(cases[i].json)) != cases[i].code) {
            fail_msg("%s", cases[i].json);
        }
    }
}

static void
a_huge_or_deep_statement_is_refused(void **state)
{
    (void)state;
    static char text[LEDGER_BOUND_JSON_MAX + 2];
    memset(text, '[', sizeof(text) - 1);
    assert_int_equal(read_statement((struct bytes){(uint8_t *)text, LEDGER_BOUND_JSON_MAX}),
        E_CHALLENGE_STATEMENT);
    int used = snprintf(text, sizeof(text), "{\"id\":\"a\"," NEEDED "}");
    memset(text + used, ' ', sizeof(text) - 1 - (size_t)used);
    assert_int_equal(
        read_statement((struct bytes){(uint8_t *)text, LEDGER_BOUND_JSON_MAX}), BASE_OK);
    assert_int_equal(read_statement((struct bytes){(uint8_t *)text, LEDGER_BOUND_JSON_MAX + 1}),
        E_CHALLENGE_STATEMENT);
}

static void
a_statement_made_here_is_read_here(void **state)
{
    (void)state;
    const struct ledger_statement_spec spec = {.id = BYTES_LITERAL("ABC"),
        .profile = BYTES_LITERAL("default"),
        .device = BYTES_LITERAL("lap\"top \xc3\xa4"),
        .subject = BYTES_LITERAL("CN=a\\,b"),
        .is_san_bound = true,
        .sans = BYTES_LITERAL("DNS:a.example\nDNS:b.example\n"),
        .iat_s = 100,
        .exp_s = 200};
    BUFFER_LOCAL(json, LEDGER_BOUND_JSON_MAX);
    struct arena arena;
    struct ledger_statement it;
    arena_init(&arena, (size_t)64 * 1024);
    assert_int_equal(ledger_statement_write(&spec, &json, NULL), BASE_OK);
    assert_int_equal(ledger_statement_read(buffer_bytes(&json), &arena, &it, NULL), BASE_OK);
    assert_true(bytes_equal(it.device, spec.device) && it.is_san_bound && it.sans.len > 20);
    arena_clear(&arena);
}

static void
T11_a_statement_fits_when_it_wants_no_more_than_the_profile_has(void **state)
{
    (void)state;
    const struct bytes ekus = BYTES_LITERAL("1.3.6.1.5.5.7.3.2\n1.3.6.1.5.5.7.3.4");
    struct ledger_statement it = {.key_usage = 0};
    assert_true(ledger_statement_fits(&it, 0xa0, ekus, 1000));
    assert_true(ledger_statement_fits(&it, 0, BYTES_NONE, 1000));
    it.key_usage = 0x80;
    assert_true(ledger_statement_fits(&it, 0xa0, ekus, 1000));
    assert_false(ledger_statement_fits(&it, 0x20, ekus, 1000));
    assert_false(ledger_statement_fits(&it, 0, ekus, 1000));
    it.ekus = BYTES_LITERAL("1.3.6.1.5.5.7.3.4");
    assert_true(ledger_statement_fits(&it, 0xa0, ekus, 1000));
    assert_false(ledger_statement_fits(&it, 0xa0, BYTES_NONE, 1000));
    it.ekus = BYTES_LITERAL("1.3.6.1.5.5.7.3.4\n1.3.6.1.5.5.7.3");
    assert_false(ledger_statement_fits(&it, 0xa0, ekus, 1000));
    it.ekus = BYTES_NONE;
    it.valid_s = 1000;
    assert_true(ledger_statement_fits(&it, 0xa0, ekus, 1000));
    it.valid_s = 1001;
    assert_false(ledger_statement_fits(&it, 0xa0, ekus, 1000));
}

/* ---- what a delivery keeps ---- */

static void
a_warrant_is_read_as_it_was_written(void **state)
{
    (void)state;
    const struct ledger_warrant cases[] = {
        {.kind = POLICY_BY_CHALLENGE, .id = BYTES_LITERAL("12345678")},
        {.kind = POLICY_BY_RENEWAL, .id = BYTES_LITERAL("serial"), .sid = BYTES_LITERAL("sid")},
        {.kind = POLICY_BY_BOUND,
            .key_id = BYTES_LITERAL("12345678"),
            .statement = BYTES_LITERAL(STATEMENT)},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        BUFFER_LOCAL(octets, LEDGER_WARRANT_MAX);
        struct ledger_warrant it;
        assert_int_equal(ledger_warrant_write(&cases[i], &octets, NULL), BASE_OK);
        assert_int_equal(ledger_warrant_read(buffer_bytes(&octets), &it, NULL), BASE_OK);
        assert_int_equal(it.kind, cases[i].kind);
        assert_true(bytes_equal(it.id, cases[i].id) && bytes_equal(it.sid, cases[i].sid));
        assert_true(bytes_equal(it.key_id, cases[i].key_id));
        assert_true(bytes_equal(it.statement, cases[i].statement));
        for (size_t len = 1; octets.ptr[0] >= 0x80 && len < octets.len; len++) {
            assert_int_equal(
                ledger_warrant_read((struct bytes){octets.ptr, len}, &it, NULL), E_STORE_CORRUPT);
        }
    }
    char id[LEDGER_BOUND_ID_MAX + 1];
    BUFFER_LOCAL(octets, LEDGER_WARRANT_MAX);
    assert_int_equal(ledger_warrant_bound_id(BYTES_NONE, id, NULL), BASE_OK);
    assert_string_equal(id, "");
    assert_int_equal(ledger_warrant_write(&cases[2], &octets, NULL), BASE_OK);
    assert_int_equal(ledger_warrant_bound_id(buffer_bytes(&octets), id, NULL), BASE_OK);
    assert_string_equal(id, "a-1");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sealed_opens_again),
        cmocka_unit_test(the_documented_example_opens),
        cmocka_unit_test(every_cut_text_is_refused),
        cmocka_unit_test(every_changed_bit_is_refused),
        cmocka_unit_test(other_alphabets_blanks_and_lengths_are_refused),
        cmocka_unit_test(a_text_at_the_limit_is_read_and_one_above_is_not),
        cmocka_unit_test(a_statement_is_read_whole),
        cmocka_unit_test(every_cut_statement_is_refused),
        cmocka_unit_test(every_octet_of_a_statement_may_be_anything),
        cmocka_unit_test(what_is_out_of_bounds_is_refused),
        cmocka_unit_test(a_huge_or_deep_statement_is_refused),
        cmocka_unit_test(a_statement_made_here_is_read_here),
        cmocka_unit_test(T11_a_statement_fits_when_it_wants_no_more_than_the_profile_has),
        cmocka_unit_test(a_warrant_is_read_as_it_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
