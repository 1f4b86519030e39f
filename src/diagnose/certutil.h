/*
 * certutil.h - what `certutil -store My` and `certutil -store Root` print on a Windows device, read
 * as a check: is the certificate there, its issuer, its key, and is it valid now?
 *
 *   My "Personal"
 *   ================ Certificate 0 ================
 *   Serial Number: 6800...09
 *   Issuer: CN=FourthCoffee CA, DC=fourthcoffee, DC=local
 *    NotBefore: 3/5/2020 8:10 AM
 *    NotAfter: 3/5/2022 8:20 AM
 *   Subject: CN=laptop-1
 *   Non-root Certificate
 *   Cert Hash(sha1): 0b...
 *     Key Container = te-...
 *     Provider = Microsoft Software Key Storage Provider
 *   Encryption test passed
 *
 * English or German; dates in either order of day and month: where that is open, both are tried.
 */
#ifndef DIAGNOSE_CERTUTIL_H
#define DIAGNOSE_CERTUTIL_H

#include "diagnose/probe.h"

/* @paths: one file or several, of one device: its stores My (Personal), CA and Root. Errors:
 * E_DIAGNOSE_INPUT (cannot be read, or is no such output). */
MUST_CHECK enum base_code certutil_check(const char *const *paths, size_t count, int64_t now_s,
    probe_on_line on_line, void *arg, struct base_error *err);

#endif
