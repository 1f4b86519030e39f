/*
 * confirm.h - tell the server that its certificate was installed, where it wants to know.
 *
 * The answer that carried the certificate named an address (Kurier-Confirm). It is kept beside the
 * certificate until the confirmation was taken, so that a run that is cut off, or a network that is
 * down, only delays it. Nothing of this ever fails an enrolment.
 */
#ifndef DEVICE_CONFIRM_H
#define DEVICE_CONFIRM_H

#include "base/clock.h"
#include "pki/private_key.h"

#define DEVICE_CONFIRM "confirm"

/*
 * Remember where to confirm: @path of the field, at the origin of @url. A path that is none of
 * /api/v1/deliveries/NUMBER/confirm is dropped; true when it is kept.
 */
bool device_confirm_keep(int folder_fd, const char *url, const char *path);
/*
 * Sign and send, when something is remembered; *out_is_sent. What the server took or refuses for
 * good is remembered no more. Errors: E_DEVICE_HTTP, E_DEVICE_STATUS, E_DEVICE_FOLDER.
 */
MUST_CHECK enum base_code device_confirm_send(int folder_fd, const char *ca_file,
    const struct base_clock *clock, bool *out_is_sent, struct base_error *err);

#endif
