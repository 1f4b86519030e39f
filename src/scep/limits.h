/*
 * limits.h - bounds of SCEP messages. Beyond: E_TOO_LARGE or the message's own refusal; for the
 * octets of a whole message HTTP 413 before it gets here.
 */
#ifndef SCEP_LIMITS_H
#define SCEP_LIMITS_H

#define SCEP_MESSAGE_MAX                                                                           \
    ((size_t)256 * 1024)        /* a PKCSReq with RSA-8192 and a long chain stays under 32 KiB */
#define SCEP_ATTRIBUTES_MAX 64  /* signed attributes */
#define SCEP_CERTIFICATES_MAX 8 /* in one SignedData */
#define SCEP_RECIPIENTS_MAX 8   /* scepclient sends one per CA certificate */
#define SCEP_TRANSACTION_ID_MAX 255
#define SCEP_NONCE_READ_MAX 64 /* RFC 8894 says 16; the field's odd ones are echoed */
#define SCEP_NONCE_LEN 16      /* what we write */
#define SCEP_FAIL_INFO_TEXT_MAX 255

/* Bits of an RSA key that signs a message: nothing is decrypted for one that no profile would
 * certify. Beyond: failInfo badAlg. */
#define SCEP_RSA_BITS_MIN 2048
#define SCEP_RSA_BITS_MAX 8192

#endif
