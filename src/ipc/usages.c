#include "ipc/usages.h"

#include "base/text.h"

#include "base/banned.h"

#define OID_TEXT_MAX 64

uint8_t
ipc_key_usage_bit(struct bytes name)
{
#define X(word, bit)                                                                               \
    if (bytes_equal_text(name, #word)) {                                                           \
        return (bit);                                                                              \
    }
    IPC_KEY_USAGES(X)
#undef X
    return 0;
}

/* Dotted decimal: two arcs at least, the first 0 to 2, the second below 40 after 0 and 1. */
static bool
is_oid(struct bytes text)
{
    size_t arcs = 0;
    uint64_t first = 0;
    while (text.len > 0) {
        size_t len = 0;
        while (len < text.len && text.ptr[len] != '.') {
            len++;
        }
        uint64_t arc = 0;
        struct bytes digits = {text.ptr, len};
        if (base_parse_number(digits, UINT32_MAX, &arc, NULL) != BASE_OK ||
            (len > 1 && digits.ptr[0] == '0') || (arcs == 0 && arc > 2) ||
            (arcs == 1 && first < 2 && arc > 39) || len + 1 == text.len) {
            return false;
        }
        first = arcs == 0 ? arc : first;
        arcs++;
        text = bytes_skip(text, len + 1);
    }
    return arcs >= 2;
}

bool
ipc_eku_read(struct bytes in, struct bytes *out)
{
    static const struct {
        const char *name;
        const char *oid;
    } known[] = {
        {"clientAuth", "1.3.6.1.5.5.7.3.2"},
        {"serverAuth", "1.3.6.1.5.5.7.3.1"},
        {"emailProtection", "1.3.6.1.5.5.7.3.4"},
        {"codeSigning", "1.3.6.1.5.5.7.3.3"},
        {"ipsecIKE", "1.3.6.1.5.5.7.3.17"},
        {"smartcardLogon", "1.3.6.1.4.1.311.20.2.2"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (bytes_equal_text(in, known[i].name)) {
            *out = bytes_from_text(known[i].oid);
            return true;
        }
    }
    if (in.len > OID_TEXT_MAX || !is_oid(in)) {
        return false;
    }
    *out = in;
    return true;
}
