/*
 * api.h - what the addresses below /api/v1/ have in common: their paths, and errors as JSON.
 */
#ifndef FRONT_API_H
#define FRONT_API_H

#include "front/front.h"
#include "front/query.h"

/* "/api/v1/deliveries/<id>/confirm"; false when it is not that, or the id is no number. */
bool front_api_confirm_path(const struct front_path *path, uint64_t *out_delivery_id);
/* The same path, for the answer that hands the certificate out. */
#define FRONT_API_CONFIRM_PATH_LEN 80
void front_api_confirm_path_text(uint64_t delivery_id, char out[FRONT_API_CONFIRM_PATH_LEN]);

/* A POST with a body that is said to be JSON? Errors: E_API_METHOD, E_API_TYPE. */
MUST_CHECK enum base_code front_api_check_post(
    const struct front_http_request *request, struct base_error *err);

/* An error as JSON. @with_detail: it is for an account, which may read what was found. */
void front_api_answer_error(struct front_http_request *take_request, const struct base_error *why,
    bool with_detail, unsigned retry_after_s);
void front_api_answer(struct front_http_request *take_request, unsigned status, struct bytes json);

/*
 * A device's confirmation: POST /api/v1/deliveries/<id>/confirm on a listener for devices, signed
 * with the key of the certificate that it confirms.
 */
void front_api_confirm(
    struct front *front, struct front_http_request *take_request, uint64_t delivery_id);

#endif
