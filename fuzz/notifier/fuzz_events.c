/*
 * An event of the ledger's as a notice for Intune: the first octet chooses the event and how codes
 * are written. What is made is JSON with a description that Intune takes.
 */
#include <assert.h>
#include <string.h>

#include "notifier/intune_messages.h"
#include "notifier/json.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct ipc_notify notify = {.body = {data + 1, size - 1}};
    notify.event = (data[0] & 1) != 0 ? BYTES_LITERAL("issued") : BYTES_LITERAL("failed");
    const char *suffix = NULL;
    OWN(json_t) made = NULL;
    BUFFER_LOCAL(body, NOTIFIER_BODY_MAX);
    if (notifier_notice_body(&notify, (data[0] & 2) != 0, &suffix, &body, NULL) != BASE_OK) {
        return 0;
    }
    enum base_code code = notifier_json_parse(buffer_bytes(&body), &made, NULL);
    assert(code == BASE_OK && suffix != NULL);
    const json_t *notice = json_object_get(made, "notification");
    assert(json_string_length(json_object_get(notice, "transactionId")) > 0);
    assert(json_string_length(json_object_get(notice, "certificateRequest")) > 0);
    if ((data[0] & 1) == 0) {
        json_int_t hresult = json_integer_value(json_object_get(notice, "hResult"));
        const char *text = json_string_value(json_object_get(notice, "errorDescription"));
        assert(text != NULL && text[0] != '\0');
        assert((data[0] & 2) != 0 ? hresult >= 0 && hresult <= UINT32_MAX
                                  : hresult >= INT32_MIN && hresult <= INT32_MAX);
        size_t characters = 0;
        for (; *text != '\0'; text++) {
            characters += ((uint8_t)*text & 0xc0) != 0x80;
        }
        assert(characters <= 255);
    }
    return 0;
}
