/*
 * capabilities.h - GetCACaps (RFC 8894, section 3.5.2): written by a server from what works, read
 * by a client with tolerance.
 */
#ifndef SCEP_CAPABILITIES_H
#define SCEP_CAPABILITIES_H

#include "base/bytes.h"

struct scep_capabilities {
    bool has_aes;
    bool has_des3;
    bool has_post;
    bool has_renewal;
    bool has_sha1;
    bool has_sha256;
    bool has_sha384;
    bool has_sha512;
    bool has_standard; /* SCEPStandard: AES, SHA-256 and POST at least */
    bool has_get_next_ca_cert;
};

#define SCEP_CAPABILITIES_TEXT_MAX 128
/* One keyword a line, LF between them and none behind the last; NUL-terminated. */
void scep_capabilities_text(
    const struct scep_capabilities *capabilities, char out[SCEP_CAPABILITIES_TEXT_MAX]);
/* Without regard to letter case; LF or CRLF; unknown words are passed over. Anything else than text
 * gives nothing. */
struct scep_capabilities scep_capabilities_parse(struct bytes text);

#endif
