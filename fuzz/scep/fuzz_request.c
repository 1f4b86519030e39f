/* A server's path over a message: read, and opened with a fixed content key. */
#include "scep/request.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t content_key[32] = {1};
    const struct scep_request_rules rules = {
        .allow_3des = true, .allow_sha1 = true, .allow_attributes_as_sent = true};
    struct scep_request request;
    scep_request_init(&request);
    (void)(scep_request_read(&request, (struct bytes){data, size}, &rules, NULL) == BASE_OK);
    if (request.envelope.recipient_count > 0 && request.envelope.cipher != PKI_CIPHER_NONE) {
        struct bytes key = {content_key, pki_cipher_key_len(request.envelope.cipher)};
        (void)(scep_request_open(&request, key, NULL) == BASE_OK);
    }
    scep_request_clear(&request);
    return 0;
}
