#include "front/challenge_page.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "pki/algorithm.h"

#include "base/banned.h"

#define HEAD                                                                                       \
    "<HTML><Head><Meta HTTP-Equiv=\"Content-Type\" Content=\"text/html; charset=UTF-8\">"          \
    "<Title>Network Device Enrollment Service</Title></Head>\n"                                    \
    "<Body BgColor=#FFFFFF><Font ID=locPageFont Face=\"Arial\">\n"                                 \
    "<Table Border=0 CellSpacing=0 CellPadding=4 Width=100% BgColor=#008080>\n"                    \
    "<TR><TD><Font Color=#FFFFFF><LocID ID=locMSCertSrv>Network Device Enrollment Service"         \
    "</LocID></Font></TD></TR></Table>\n"                                                          \
    "<P ID=locPageDesc> Network Device Enrollment Service allows you to obtain certificates for "  \
    "routers or other network devices using the Simple Certificate Enrollment Protocol (SCEP). "   \
    "</P>\n"
#define TAIL "</Font></Body></HTML>\n"
#define THUMBPRINT_LEN 16

/* "A656FA66 AB12B433 A2DA5CF7 CC153D9A" */
MUST_CHECK static enum base_code
thumbprint(struct bytes der, char out[40], struct base_error *err)
{
    uint8_t digest[THUMBPRINT_LEN];
    size_t at = 0;
    TRY(pki_md5_thumbprint(der, digest, err));
    for (size_t i = 0; i < THUMBPRINT_LEN; i++) {
        at += (size_t)snprintf(
            out + at, 40 - at, "%s%02X", i > 0 && i % 4 == 0 ? " " : "", digest[i]);
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
add_challenge(struct buffer *page, struct bytes ca_der, struct bytes challenge, int64_t minutes,
    struct base_error *err)
{
    char hash[40] = "";
    char text[1024] = "";
    TRY(thumbprint(ca_der, hash, err));
    (void)snprintf(text, sizeof(text),
        "<P> To complete certificate enrollment for your network device you will need the "
        "following "
        "information:\n"
        "<P> The thumbprint (hash value) for the CA certificate is: <B> %s </B>\n"
        "<P> The enrollment challenge password is: <B> %.*s </B>\n"
        "<P> This password can be used only once and will expire within %lld minutes.\n"
        "<P> Each enrollment requires a new challenge password. You can refresh this web page to "
        "obtain a new challenge password. </P>\n",
        hash, base_size_to_int(challenge.len), (const char *)challenge.ptr, (long long)minutes);
    enum base_code code = buffer_append_text(page, text, err);
    explicit_bzero(text, sizeof(text));
    return code;
}

MUST_CHECK static enum base_code
append_utf16(struct buffer *out, struct bytes ascii, struct base_error *err)
{
    for (size_t i = 0; i < ascii.len; i++) {
        TRY(buffer_append_octet(out, ascii.ptr[i], err));
        TRY(buffer_append_octet(out, 0, err));
    }
    return BASE_OK;
}

enum base_code
front_challenge_page(enum front_challenge_page kind, bool is_utf8, struct bytes ca_der,
    struct bytes challenge, int64_t minutes, struct buffer *out, struct base_error *err)
{
    BUFFER_LOCAL(page, FRONT_CHALLENGE_PAGE_MAX);
    TRY(buffer_append_text(&page, HEAD, err));
    switch (kind) {
    case FRONT_PAGE_CHALLENGE:
        TRY(add_challenge(&page, ca_der, challenge, minutes, err));
        break;
    case FRONT_PAGE_FULL:
        TRY(buffer_append_text(&page,
            "<P> The password cache is full. </P>\n"
            "<P> Every challenge password that was given out here is kept until it is used or "
            "expires. Wait until one is, or have the limit raised. </P>\n",
            err));
        break;
    case FRONT_PAGE_PERMISSION:
        TRY(buffer_append_text(&page,
            "<P> You do not have sufficient permission to enroll with SCEP. </P>\n"
            "<P> Ask the administrator of this service. </P>\n",
            err));
        break;
    }
    TRY(buffer_append_text(&page, TAIL, err));
    return is_utf8 ? buffer_append(out, buffer_bytes(&page), err)
                   : append_utf16(out, buffer_bytes(&page), err);
}

const char *
front_challenge_page_type(bool is_utf8)
{
    return is_utf8 ? "text/html; charset=UTF-8" : "text/html";
}
