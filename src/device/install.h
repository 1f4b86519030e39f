/*
 * install.h - what the field calls the states of an installation, each written to kurier-device.log
 * when its work is durable.
 *
 * The lines have the form of Android's OMADM.log, so that whoever reads those can read these. A
 * kill between two states leaves the earlier one, and the next run goes on from what is in the
 * folder.
 */
#ifndef DEVICE_INSTALL_H
#define DEVICE_INSTALL_H

#include "base/clock.h"
#include "pki/private_key.h"

/* The file in which a verified certificate waits for its installation: certificate first, then its
 * chain; PEM. */
#define DEVICE_ENROLLED "enrolled.pem"

struct device_install {
    int folder_fd; /* borrowed */
    struct base_clock clock;
    char name[256];    /* of the certificate in the log: its subject */
    const char *state; /* the last one that was logged; static */
};

/* The root: requested, installing, installed as root.pem. Nothing when it is there already. */
MUST_CHECK enum base_code device_install_root(
    struct device_install *install, struct bytes root_der, struct base_error *err);
/* CertRep verified: its certificates are durable, and CERT_ENROLLED is logged. */
MUST_CHECK enum base_code device_install_enrolled(
    struct device_install *install, struct bytes certificates_pem, struct base_error *err);
/*
 * From CERT_ENROLLED to CERT_ACCESS_GRANTED: target checked, temporary files synced, renamed in
 * place, read back and a signature with the key verified. Errors: E_DEVICE_FOLDER,
 * E_DEVICE_INSTALLED.
 */
MUST_CHECK enum base_code device_install_certificate(
    struct device_install *install, struct base_error *err);
/* Key, certificate and chain belong together. Errors: E_DEVICE_INSTALLED. */
MUST_CHECK enum base_code device_install_verify(int folder_fd, struct base_error *err);

#endif
