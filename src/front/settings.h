/*
 * settings.h - the front's part of the configuration: endpoints by path, and whose X-Forwarded-For
 * counts.
 *
 * A configuration arrives piece by piece and is taken whole, or not at all.
 */
#ifndef FRONT_SETTINGS_H
#define FRONT_SETTINGS_H

#include <netinet/in.h>

#include "base/own.h"
#include "front/accounts.h"
#include "front/listeners.h"
#include "ipc/to_role.h"

struct front_settings;

/* What the listeners with the purpose admin serve. */
struct front_admin_settings {
    struct bytes page_profile;
    bool is_page_utf8;
    uint32_t requests_per_minute;
    uint32_t wrong_passwords_per_minute;
};

/* One endpoint; octet strings live as long as the settings. */
struct front_endpoint {
    struct bytes name;
    struct bytes ca;
    struct bytes paths;      /* newline-separated */
    struct bytes ndes_paths; /* newline-separated; those that answer with Microsoft's HRESULT */
    struct bytes profiles;   /* newline-separated */
    bool allow_3des;
    bool allow_sha1;
    bool allow_get;
    bool is_failure_content_absent;
    bool send_ca_chain;
    bool send_ca_with_certificate;
    bool attributes_as_sent;
    bool has_remote_policies; /* the ledger wants the PKCS#10 itself */
};

struct front_settings *front_settings_new(void); /* NULL without memory */
void front_settings_free(struct front_settings *settings);
OWNER_STRUCT(front_settings)

/* Errors: E_NO_MEMORY, E_TOO_LARGE (too many), E_TEXT_FORMAT (no network). */
MUST_CHECK enum base_code front_settings_set_general(struct front_settings *settings,
    const struct ipc_config_general *message, struct base_error *err);
MUST_CHECK enum base_code front_settings_add_endpoint(struct front_settings *settings,
    const struct ipc_config_endpoint *message, struct base_error *err);
MUST_CHECK enum base_code front_settings_add_proxy(struct front_settings *settings,
    const struct ipc_config_proxy *message, struct base_error *err);

MUST_CHECK enum base_code front_settings_set_admin(struct front_settings *settings,
    const struct ipc_config_admin *message, struct base_error *err);

/* Parts that are filled by their own functions; they live as long as the settings. */
struct front_accounts *front_settings_accounts(struct front_settings *settings);
struct front_tls_settings *front_settings_tls(struct front_settings *settings);
const struct front_admin_settings *front_settings_peek_admin(const struct front_settings *settings);
struct bytes front_settings_public_url(const struct front_settings *settings); /* empty: not set */

uint32_t front_settings_max_connections(const struct front_settings *settings);
uint32_t front_settings_max_connections_per_source(const struct front_settings *settings);
size_t front_settings_endpoint_count(const struct front_settings *settings);
const struct front_endpoint *front_settings_peek_endpoint(
    const struct front_settings *settings, size_t index);

/*
 * The endpoint of a path whose suffix /pkiclient.exe and trailing slash are gone; NULL: none.
 * *out_profile is what follows the endpoint's path ("/scep/<profile>"), empty when nothing does;
 * borrowed from @path. *out_is_ndes: it is one of the paths that NDES has.
 */
const struct front_endpoint *front_settings_find_endpoint(const struct front_settings *settings,
    struct bytes path, struct bytes *out_profile, bool *out_is_ndes);
/* The first endpoint that has this profile; NULL: none. */
const struct front_endpoint *front_settings_find_by_profile(
    const struct front_settings *settings, struct bytes profile);
/* Lists of the configuration, newline-separated: the next one of @rest; is @wanted one of them? */
bool front_list_next(struct bytes *rest, struct bytes *out);
bool front_list_has(struct bytes list, struct bytes wanted);
/* Does X-Forwarded-For of this peer count? */
bool front_settings_is_trusted(const struct front_settings *settings, const struct sockaddr *peer);

#endif
