/* Apart from reading and building, so that a program which never signs has no code that does. */
#include "pki/certificate.h"

#include "base/banned.h"

enum base_code
pki_certificate_sign(const struct pki_private_key *key, enum pki_digest digest,
    struct bytes body_der, struct buffer *out_der, struct base_error *err)
{
    BUFFER_LOCAL(signature, 1024);
    TRY(pki_sign(key, digest, body_der, &signature, err));
    return pki_certificate_assemble(
        body_der, pki_private_key_signature(key), digest, buffer_bytes(&signature), out_der, err);
}
