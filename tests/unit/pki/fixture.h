/*
 * fixture.h - one RSA key for all tests of a program.
 */
#ifndef TEST_PKI_FIXTURE_H
#define TEST_PKI_FIXTURE_H

#include "pki/private_key.h"

static struct pki_private_key *key;

static int
make_key(void **state)
{
    (void)state;
    return pki_private_key_generate(BYTES_LITERAL("rsa:2048"), &key, NULL) == BASE_OK ? 0 : 1;
}

static int
free_key(void **state)
{
    (void)state;
    pki_private_key_free(key);
    return 0;
}

#endif
