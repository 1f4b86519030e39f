/*
 * A CertRep in PEM, as people paste it: its pkiStatus and failInfo say what the device was told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "diagnose/hresult.h"
#include "diagnose/readers.h"
#include "diagnose/scan.h"
#include "scep/signed_message.h"

#include "base/banned.h"

#define BLOCK_MAX ((size_t)256 * 1024)

static void
say_cert_rep(struct diag_file *file, const struct scep_signed *message)
{
    static const char *const slugs[] = {"scep-fail-badalg", "scep-fail-badmessagecheck",
        "scep-fail-badrequest", "scep-fail-badtime", "scep-fail-badcertid"};
    char text[DIAG_TEXT_MAX];
    char hresult[32] = "";
    unsigned fail_info = message->has_fail_info ? message->fail_info : 99;
    diag_copy(hresult, sizeof(hresult), message->hresult);
    (void)snprintf(text, sizeof(text), "CertRep: pkiStatus %u, failInfo %u%s%s",
        message->pki_status, fail_info, hresult[0] == '\0' ? "" : ", HRESULT ", hresult);
    struct diag_observation observation =
        diag_observe(file, DIAG_CLIENT, DIAG_CAUSE, fail_info == 2 ? 3 : 2, bytes_from_text(text));
    diag_copy(
        observation.ids.transaction, sizeof(observation.ids.transaction), message->transaction_id);
    for (char *p = observation.ids.transaction; *p != '\0'; p++) {
        *p = (char)(*p >= 'A' && *p <= 'F' ? *p + 32 : *p);
    }
    if (message->pki_status == SCEP_SUCCESS) {
        observation.mark = DIAG_ANSWERED;
        observation.step = 5;
    } else if (message->pki_status == SCEP_PENDING) {
        observation.cause = diag_cause_find("ca-pending");
        observation.step = 4;
    } else {
        observation.cause = diag_cause_find(fail_info < 5 ? slugs[fail_info] : slugs[2]);
    }
    diag_say(file, &observation);
}

static void
read_block(struct diag_file *file)
{
    struct base_error err = {0};
    struct scep_signed message = {.has_transaction_id = false};
    BUFFER_LOCAL(der, BLOCK_MAX);
    BUFFER_LOCAL(storage, 4 * SCEP_MESSAGE_MAX);
    struct bytes text = {(const uint8_t *)file->block, file->block_len};
    if (base_base64_decode(text, &der, &err) != BASE_OK) {
        return;
    }
    /* Whatever it refuses, its attributes are there when they could be read. */
    (void)(scep_signed_read(buffer_bytes(&der), &storage, &message, &err) == BASE_OK);
    if (message.has_pki_status) {
        say_cert_rep(file, &message);
    }
}

void
diag_end_message(struct diag_file *file)
{
    file->is_in_block = false;
    file->block_len = 0;
}

bool
diag_read_message(struct diag_file *file, struct bytes line)
{
    if (diag_has(line, "-----BEGIN PKCS7-----") || diag_has(line, "-----BEGIN CMS-----")) {
        file->is_in_block = true;
        file->block_len = 0;
        if (file->block == NULL) {
            file->block = malloc(BLOCK_MAX);
        }
        return true;
    }
    if (!file->is_in_block) {
        return false;
    }
    if (diag_has(line, "-----END ")) {
        if (file->block != NULL) {
            read_block(file);
        }
        diag_end_message(file);
        return true;
    }
    if (file->block == NULL || line.len > BLOCK_MAX - file->block_len) {
        diag_end_message(file); /* no memory, or no CertRep */
        return true;
    }
    memcpy(file->block + file->block_len, line.ptr, line.len);
    file->block_len += line.len;
    return true;
}
