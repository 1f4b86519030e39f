/*
 * The first octet chooses which body it is: an order, a device's confirmation, its management's.
 * What is taken keeps every bound, and has no control character in it.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "front/api_json.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_order(struct bytes body)
{
    struct front_api_order order;
    front_api_order_init(&order);
    if (front_api_order_parse(body, &order, NULL) == BASE_OK) {
        assert(order.profile.len <= IPC_NAME_MAX && base_is_clean_utf8(order.profile));
        assert(order.device.len <= IPC_TEXT_MAX && base_is_clean_utf8(order.device));
        assert(order.subject.len <= IPC_TEXT_MAX && base_is_clean_utf8(order.subject));
        assert(order.sans.len <= IPC_SANS_MAX && (order.has_sans || order.sans.len == 0));
        assert(order.ttl_s == 0 || (order.ttl_s >= 60 && order.ttl_s <= (int64_t)31 * 86400));
        assert(order.uses >= 1 && order.uses <= 1000);
    }
    front_api_order_clear(&order);
}

static void
try_confirm(struct bytes body, bool is_device)
{
    struct front_api_confirm confirm;
    front_api_confirm_init(&confirm);
    enum base_code code = is_device ? front_api_confirm_parse_device(body, &confirm, NULL)
                                    : front_api_confirm_parse_management(body, &confirm, NULL);
    if (code == BASE_OK && is_device) {
        assert(confirm.certificate.len > 0 && confirm.certificate.len <= IPC_CERTIFICATE_MAX);
        assert(confirm.signature.len > 0 && confirm.installed_at[0] != '\0');
    } else if (code == BASE_OK) {
        assert(strlen(confirm.certificate_sha256) == 64 && confirm.certificate.len == 0);
    }
    front_api_confirm_clear(&confirm);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct bytes body = {data + 1, size - 1};
    switch (data[0] % 3) {
    case 0:
        try_order(body);
        break;
    case 1:
        try_confirm(body, true);
        break;
    default:
        try_confirm(body, false);
        break;
    }
    return 0;
}
