/* Bodies of the API: what is taken, and everything beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "front/api_json.h"

#include "base/banned.h"

static enum base_code
parse(const char *text, struct front_api_order *order)
{
    front_api_order_init(order);
    return front_api_order_parse(bytes_from_text(text), order, NULL);
}

static void
every_member_of_an_order_is_taken(void **state)
{
    (void)state;
    struct front_api_order order;
    assert_int_equal(
        parse("{\"profile\":\"routers\",\"device\":\"B\\u00fcro 7\",\"subject\":\"CN=r7\","
              "\"sans\":[\"DNS:r7.example\",\"UPN:r7@example\"],\"ttl\":\"2h\",\"uses\":3}",
            &order),
        BASE_OK);
    assert_true(bytes_equal_text(order.profile, "routers"));
    assert_true(bytes_equal_text(order.device, "B\xc3\xbcro 7"));
    assert_true(bytes_equal_text(order.subject, "CN=r7"));
    assert_true(bytes_equal_text(buffer_bytes(&order.sans), "DNS:r7.example\nUPN:r7@example\n"));
    assert_true(order.has_sans);
    assert_int_equal(order.ttl_s, 7200);
    assert_int_equal(order.uses, 3);
    front_api_order_clear(&order);
}

static void
what_is_left_out_has_its_default(void **state)
{
    (void)state;
    struct front_api_order order;
    assert_int_equal(parse("{}", &order), BASE_OK);
    assert_int_equal(order.profile.len + order.device.len + order.subject.len, 0);
    assert_false(order.has_sans);
    assert_int_equal(order.ttl_s, 0);
    assert_int_equal(order.uses, 1);
    front_api_order_clear(&order);
    assert_int_equal(parse("{\"sans\":[],\"ttl\":60,\"device\":null}", &order), BASE_OK);
    assert_true(order.has_sans); /* bound to none */
    assert_int_equal(order.sans.len, 0);
    assert_int_equal(order.ttl_s, 60);
    front_api_order_clear(&order);
}

static void
orders_of_another_form_are_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {"", "x", "[]", "7", "null", "\"text\"", "{", "{}{}",
        "{\"devise\":\"a\"}", "{\"device\":\"a\",\"device\":\"b\"}", "{\"device\":7}",
        "{\"device\":\"a\\u0000b\"}", "{\"device\":\"a\\nb\"}", "{\"device\":\"\x80\"}",
        "{\"sans\":\"DNS:a\"}", "{\"sans\":[7]}", "{\"sans\":[\"\"]}",
        "{\"sans\":[\"DNS:a\\nDNS:b\"]}", "{\"sans\":[[\"DNS:a\"]]}", "{\"ttl\":59}",
        "{\"ttl\":2678401}", "{\"ttl\":-1}", "{\"ttl\":1.5}", "{\"ttl\":\"soon\"}",
        "{\"ttl\":99999999999999999999}", "{\"ttl\":true}", "{\"uses\":0}", "{\"uses\":1001}",
        "{\"uses\":\"1\"}", "{\"uses\":-1}", "{\"profile\":{\"a\":{\"b\":{\"c\":{}}}}}",
        "{\"profile\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}"};
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct front_api_order order;
        if (parse(bodies[i], &order) != E_API_JSON) {
            fail_msg("taken: %s", bodies[i]);
        }
        front_api_order_clear(&order);
    }
}

/* At the limit and one above. */
static void
bounds_hold(void **state)
{
    (void)state;
    static char text[2 * FRONT_API_BODY_MAX];
    struct front_api_order order;
    for (size_t len = 1024; len <= 1025; len++) {
        (void)snprintf(text, sizeof(text), "{\"device\":\"%0*d\"}", (int)len, 0);
        assert_int_equal(parse(text, &order), len == 1024 ? BASE_OK : E_API_JSON);
        front_api_order_clear(&order);
    }
    for (int count = 100; count <= 101; count++) {
        size_t at = (size_t)snprintf(text, sizeof(text), "{\"sans\":[\"DNS:a\"");
        for (int i = 1; i < count; i++) {
            at += (size_t)snprintf(text + at, sizeof(text) - at, ",\"DNS:a\"");
        }
        (void)snprintf(text + at, sizeof(text) - at, "]}");
        assert_int_equal(parse(text, &order), count == 100 ? BASE_OK : E_API_JSON);
        front_api_order_clear(&order);
    }
    for (size_t extra = 0; extra <= 1; extra++) {
        memset(text, ' ', FRONT_API_BODY_MAX + extra);
        text[0] = '{';
        text[FRONT_API_BODY_MAX + extra - 1] = '}';
        text[FRONT_API_BODY_MAX + extra] = '\0';
        assert_int_equal(parse(text, &order), extra == 0 ? BASE_OK : E_API_JSON);
        front_api_order_clear(&order);
    }
    /* Brackets without end cost a look at each, and no stack. */
    memset(text, '[', FRONT_API_BODY_MAX);
    text[FRONT_API_BODY_MAX] = '\0';
    assert_int_equal(parse(text, &order), E_API_JSON);
    front_api_order_clear(&order);
}

static void
times_are_those_of_rfc_3339(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t at_ms;
    } good[] = {{"1970-01-01T00:00:00Z", 0}, {"2026-11-24T09:03:02Z", 1795510982000},
        {"2026-11-24t09:03:02z", 1795510982000}, {"2026-11-24T09:03:02.5Z", 1795510982500},
        {"2026-11-24T09:03:02.123456789Z", 1795510982123},
        {"2026-11-24T11:03:02+02:00", 1795510982000}, {"2026-11-24T03:33:02-05:30", 1795510982000}};
    static const char *const bad[] = {"", "now", "2026-11-24", "2026-11-24T09:03:02",
        "2026-11-24 09:03:02Z", "2026-13-24T09:03:02Z", "2026-02-30T09:03:02Z",
        "2026-11-24T24:03:02Z", "2026-11-24T09:03:60Z", "2026-11-24T09:03:02.Z",
        "2026-11-24T09:03:02+0200", "2026-11-24T09:03:02+24:00", "2026-11-24T09:03:02Zx",
        "+026-11-24T09:03:02Z", "2026-11-24T09:03:02,5Z"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int64_t at_ms = -1;
        assert_int_equal(front_api_time(good[i].text, &at_ms, NULL), BASE_OK);
        assert_int_equal(at_ms, good[i].at_ms);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t at_ms = -1;
        if (front_api_time(bad[i], &at_ms, NULL) != E_API_JSON) {
            fail_msg("taken: %s", bad[i]);
        }
        assert_int_equal(at_ms, -1);
    }
}

static void
confirmations_have_all_their_members(void **state)
{
    (void)state;
    static const char sha256[] = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";
    char text[256] = "";
    struct front_api_confirm confirm;
    front_api_confirm_init(&confirm);
    const char *whole = "{\"certificate\":\"MAA=\",\"signature\":\"AQI=\","
                        "\"installed_at\":\"2026-11-24T09:03:02Z\"}";
    assert_int_equal(
        front_api_confirm_parse_device(bytes_from_text(whole), &confirm, NULL), BASE_OK);
    assert_int_equal(confirm.certificate.len, 2);
    assert_int_equal(confirm.signature.len, 2);
    assert_string_equal(confirm.installed_at, "2026-11-24T09:03:02Z");
    front_api_confirm_clear(&confirm);
    static const char *const bad[] = {"{}", "{\"certificate\":\"MAA=\",\"signature\":\"AQI=\"}",
        "{\"certificate\":\"\",\"signature\":\"AQI=\",\"installed_at\":\"2026-11-24T09:03:02Z\"}",
        "{\"certificate\":\"!\",\"signature\":\"AQI=\",\"installed_at\":\"2026-11-24T09:03:02Z\"}",
        "{\"certificate\":\"MAA=\",\"installed_at\":\"2026-11-24T09:03:02Z\"}",
        "{\"certificate\":\"MAA=\",\"signature\":\"AQI=\",\"installed_at\":7}"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        front_api_confirm_init(&confirm);
        assert_int_equal(
            front_api_confirm_parse_device(bytes_from_text(bad[i]), &confirm, NULL), E_API_JSON);
        front_api_confirm_clear(&confirm);
    }
    front_api_confirm_init(&confirm);
    (void)snprintf(text, sizeof(text), "{\"certificate_sha256\":\"%s\"}", sha256);
    assert_int_equal(
        front_api_confirm_parse_management(bytes_from_text(text), &confirm, NULL), BASE_OK);
    assert_string_equal(confirm.certificate_sha256, sha256);
    assert_int_equal(confirm.installed_ms, 0);
    (void)snprintf(text, sizeof(text), "{\"certificate_sha256\":\"%.63s\"}", sha256);
    assert_int_equal(
        front_api_confirm_parse_management(bytes_from_text(text), &confirm, NULL), E_API_JSON);
    assert_int_equal(
        front_api_confirm_parse_management(bytes_from_text(whole), &confirm, NULL), E_API_JSON);
    front_api_confirm_clear(&confirm);
}

static json_t *
read_back(const struct buffer *body)
{
    json_t *json = json_loadb((const char *)body->ptr, body->len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    return json;
}

static void
answers_are_json(void **state)
{
    (void)state;
    BUFFER_LOCAL(body, 8192);
    const struct front_api_made made = {.challenge = BYTES_LITERAL("ABC"),
        .challenge_id = BYTES_LITERAL("A"),
        .expires_ms = 1795510982000,
        .delivery_id = (UINT64_C(1) << 53) - 1,
        .scep_url = ""};
    assert_int_equal(front_api_made_encode(&made, &body, NULL), BASE_OK);
    json_t *json = read_back(&body);
    assert_string_equal(json_string_value(json_object_get(json, "challenge")), "ABC");
    assert_string_equal(
        json_string_value(json_object_get(json, "expires_at")), "2026-11-24T09:03:02Z");
    assert_int_equal(
        json_integer_value(json_object_get(json, "delivery_id")), (INT64_C(1) << 53) - 1);
    assert_true(json_is_null(json_object_get(json, "scep_url")));
    json_decref(json);
    struct base_error why;
    (void)base_fail(&why, E_API_JSON, "member '%s'", "\"quoted\"");
    for (int with_detail = 0; with_detail <= 1; with_detail++) {
        buffer_reset(&body);
        assert_int_equal(front_api_error_encode(&why, with_detail != 0, &body, NULL), BASE_OK);
        json = read_back(&body);
        assert_string_equal(json_string_value(json_object_get(json, "code")), "KUR-1935");
        const char *what = json_string_value(json_object_get(json, "what"));
        assert_int_equal(strstr(what, "quoted") != NULL, with_detail);
        assert_non_null(json_object_get(json, "remedy"));
        json_decref(json);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_of_an_order_is_taken),
        cmocka_unit_test(what_is_left_out_has_its_default),
        cmocka_unit_test(orders_of_another_form_are_refused),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(times_are_those_of_rfc_3339),
        cmocka_unit_test(confirmations_have_all_their_members),
        cmocka_unit_test(answers_are_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
