/*
 * accept.h - what certain texts of the configuration must look like (config_accept of schema.h).
 */
#ifndef CONFIG_ACCEPT_H
#define CONFIG_ACCEPT_H

#include "base/bytes.h"

/* "127.0.0.1:8080", "[::1]:8080" */
MUST_CHECK enum base_code config_accept_address(
    struct bytes in, struct bytes *out, struct base_error *err);
/* "10.0.0.0/8" or one address */
MUST_CHECK enum base_code config_accept_network(
    struct bytes in, struct bytes *out, struct base_error *err);
/* "http://host[:port][/path]" or https, printable ASCII; a slash at its end is dropped. */
MUST_CHECK enum base_code config_accept_url(
    struct bytes in, struct bytes *out, struct base_error *err);
/* Small letters, digits, hyphens; begins with a letter or digit; at most 32: it stands in paths and
 * file names. */
MUST_CHECK enum base_code config_accept_name(
    struct bytes in, struct bytes *out, struct base_error *err);
/* A system user's name. */
MUST_CHECK enum base_code config_accept_user(
    struct bytes in, struct bytes *out, struct base_error *err);
/* A path of a URL: begins with a slash, does not end with one, no blank, percent sign or query. */
MUST_CHECK enum base_code config_accept_path(
    struct bytes in, struct bytes *out, struct base_error *err);
/* A name like clientAuth, or a dotted OID; kept as the dotted OID. */
MUST_CHECK enum base_code config_accept_eku(
    struct bytes in, struct bytes *out, struct base_error *err);
/* The URL of a service that we call: http or https, printable ASCII, no user and no fragment. */
MUST_CHECK enum base_code config_accept_service(
    struct bytes in, struct bytes *out, struct base_error *err);
/* "http://[user:password@]host:port"; empty: none. */
MUST_CHECK enum base_code config_accept_proxy(
    struct bytes in, struct bytes *out, struct base_error *err);
/* A name in HOME/notifier/: letters, digits, hyphen, underscore, dot; not a dot first. */
MUST_CHECK enum base_code config_accept_secret(
    struct bytes in, struct bytes *out, struct base_error *err);
/* An id or domain that becomes part of a URL. */
MUST_CHECK enum base_code config_accept_id(
    struct bytes in, struct bytes *out, struct base_error *err);
/* The name of an event (docs/events.md), or "*". */
MUST_CHECK enum base_code config_accept_event(
    struct bytes in, struct bytes *out, struct base_error *err);
/* A host name or an IP address, as it stands in a server's certificate. */
MUST_CHECK enum base_code config_accept_host(
    struct bytes in, struct bytes *out, struct base_error *err);
/* What kurier account hash prints; whether its numbers are good is for who uses it. Empty: none. */
MUST_CHECK enum base_code config_accept_password(
    struct bytes in, struct bytes *out, struct base_error *err);
/* 64 hexadecimal digits. Empty: none. */
MUST_CHECK enum base_code config_accept_sha256(
    struct bytes in, struct bytes *out, struct base_error *err);
/* "file:NAME", a file of the signer's folder. */
MUST_CHECK enum base_code config_accept_key_uri(
    struct bytes in, struct bytes *out, struct base_error *err);

#endif
