/*
 * challenge_page.h - NDES's challenge page, /certsrv/mscep_admin/, as device managers scrape it.
 *
 * The sentences are Microsoft's, the blanks inside <B> are what scrapers rely on, and the
 * thumbprint comes first, in a <B> of its own. UTF-16 little-endian without a byte order mark, as
 * NDES sends, or UTF-8, as most look-alikes do. All three bodies go out with status 200.
 */
#ifndef FRONT_CHALLENGE_PAGE_H
#define FRONT_CHALLENGE_PAGE_H

#include "base/bytes.h"

#define FRONT_CHALLENGE_PAGE_MAX ((size_t)8 * 1024)

enum front_challenge_page {
    FRONT_PAGE_CHALLENGE,
    FRONT_PAGE_FULL,       /* "The password cache is full." */
    FRONT_PAGE_PERMISSION, /* "You do not have sufficient permission to enroll with SCEP." */
};

/*
 * @ca_der      the CA's certificate, for its MD5 thumbprint
 * @challenge   and @minutes until it expires: FRONT_PAGE_CHALLENGE only
 * @out         appended
 */
MUST_CHECK enum base_code front_challenge_page(enum front_challenge_page kind, bool is_utf8,
    struct bytes ca_der, struct bytes challenge, int64_t minutes, struct buffer *out,
    struct base_error *err);
/* Its Content-Type. */
const char *front_challenge_page_type(bool is_utf8);

#endif
