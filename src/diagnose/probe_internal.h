/*
 * probe_internal.h - a probe while it runs: shared by probe.c, which looks at what a server says of
 * itself, and probe_request.c, which asks for certificates.
 */
#ifndef DIAGNOSE_PROBE_INTERNAL_H
#define DIAGNOSE_PROBE_INTERNAL_H

#include "diagnose/probe.h"
#include "diagnose/probe_http.h"
#include "pki/certificate.h"
#include "scep/capabilities.h"
#include "scep/limits.h"

struct probe {
    const struct probe_options *options;
    probe_on_line on_line;
    void *arg;
    struct probe_answer answer;
    struct scep_capabilities capabilities;
    struct buffer message;
    struct buffer storage;
    struct pki_certificate certificates[SCEP_CERTIFICATES_MAX]; /* of GetCACert */
    size_t count;
};

/* One line of the answer. @cause: a slug of the catalogue, or NULL. */
__attribute__((format(printf, 6, 7))) void probe_say(struct probe *probe,
    enum probe_outcome outcome, const char *check, const char *cause, const char *remedy,
    const char *format, ...);
/* GET, or POST of @body; probe->answer has what came. */
MUST_CHECK enum base_code probe_ask(struct probe *probe, const char *operation,
    struct bytes message, const struct bytes *body, struct base_error *err);
/* To whom a client encrypts; NULL: to nobody. */
const struct pki_certificate *probe_recipient(const struct probe *probe);
/* A name as text, clean. */
void probe_name_text(struct bytes name_der, char *out, size_t size);

/* How does it refuse? Errors: E_NO_MEMORY, E_CRYPTO. */
MUST_CHECK enum base_code probe_check_refusal(struct probe *probe, struct base_error *err);
/* A real enrolment, with the challenge of the options. */
MUST_CHECK enum base_code probe_check_enrolment(struct probe *probe, struct base_error *err);

#endif
