#include "scep/capabilities.h"

#include <string.h>
#include <strings.h>

#include "base/banned.h"

struct keyword {
    const char *word;
    size_t offset; /* of its bool */
};

/* strongSwan 5.9 uses AES only when SHA-384 is listed; jscep falls back to DES and MD5 when the
 * list is sparse. */
static const struct keyword keywords[] = {
    {"SHA-512", offsetof(struct scep_capabilities, has_sha512)},
    {"SHA-384", offsetof(struct scep_capabilities, has_sha384)},
    {"SHA-256", offsetof(struct scep_capabilities, has_sha256)},
    {"SHA-1", offsetof(struct scep_capabilities, has_sha1)},
    {"AES", offsetof(struct scep_capabilities, has_aes)},
    {"DES3", offsetof(struct scep_capabilities, has_des3)},
    {"POSTPKIOperation", offsetof(struct scep_capabilities, has_post)},
    {"Renewal", offsetof(struct scep_capabilities, has_renewal)},
    {"GetNextCACert", offsetof(struct scep_capabilities, has_get_next_ca_cert)},
    {"SCEPStandard", offsetof(struct scep_capabilities, has_standard)},
};
#define KEYWORD_COUNT (sizeof(keywords) / sizeof(keywords[0]))

void
scep_capabilities_text(
    const struct scep_capabilities *capabilities, char out[SCEP_CAPABILITIES_TEXT_MAX])
{
    size_t at = 0;
    for (size_t i = 0; i < KEYWORD_COUNT; i++) {
        const bool *has = (const bool *)((const char *)capabilities + keywords[i].offset);
        size_t len = strlen(keywords[i].word);
        if (!*has || at + len + 2 > SCEP_CAPABILITIES_TEXT_MAX) {
            continue;
        }
        if (at > 0) {
            out[at++] = '\n';
        }
        memcpy(out + at, keywords[i].word, len);
        at += len;
    }
    out[at] = '\0';
}

struct scep_capabilities
scep_capabilities_parse(struct bytes text)
{
    struct scep_capabilities found = {.has_aes = false};
    while (text.len > 0) {
        const uint8_t *end = memchr(text.ptr, '\n', text.len);
        size_t len = end == NULL ? text.len : (size_t)(end - text.ptr);
        struct bytes word = {text.ptr, len};
        text = bytes_skip(text, end == NULL ? len : len + 1);
        while (word.len > 0 && (word.ptr[word.len - 1] == '\r' || word.ptr[word.len - 1] == ' ')) {
            word.len--;
        }
        for (size_t i = 0; i < KEYWORD_COUNT; i++) {
            if (word.len == strlen(keywords[i].word) &&
                strncasecmp((const char *)word.ptr, keywords[i].word, word.len) == 0) {
                *(bool *)((char *)&found + keywords[i].offset) = true;
            }
        }
    }
    return found;
}
