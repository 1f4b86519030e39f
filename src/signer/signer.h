/*
 * signer.h - all of the signer together: its CAs, profiles, journal and peers, and its
 * configuration, taken whole or not at all.
 *
 * The main thread changes it (configuration, a CA that is made); worker threads read it. A CA, once
 * there, stays until the process ends; profiles may be replaced by a reload and are handed out as
 * copies. So the lock is held for a look-up only, never while something is signed or sent.
 */
#ifndef SIGNER_SIGNER_H
#define SIGNER_SIGNER_H

#include <pthread.h>

#include "base/secret.h"
#include "ipc/role.h"
#include "signer/authority.h"
#include "signer/book.h"
#include "signer/checked.h"
#include "signer/peers.h"
#include "signer/profile.h"

/* One CA of the configuration: its files may not exist yet. */
struct signer_ca_setting {
    char name[IPC_NAME_MAX + 1];
    char key_file[SIGNER_FILE_NAME_MAX];
};

/* A listener with a certificate of ours: the only names that one is made for. */
struct signer_tls_setting {
    char ca[IPC_NAME_MAX + 1];
    char names[IPC_TEXT_MAX + 1]; /* newline-separated */
};

/* One configuration, as it came between CONFIG_GENERAL and CONFIG_END. */
struct signer_settings {
    char home[IPC_TEXT_MAX + 1];
    bool is_strict;
    bool is_new_home;
    int64_t crl_valid_s;
    enum base_log_level log_level;
    struct signer_ca_setting cas[SIGNER_CA_MAX];
    size_t ca_count;
    struct signer_profile *profiles; /* owned */
    size_t profile_count;
    struct signer_tls_setting tls[SIGNER_TLS_MAX];
    size_t tls_count;
};

struct signer {
    struct base_log log;
    struct base_clock clock;
    struct base_random random;
    struct ipc_role_link *role;    /* the supervisor's socket; NULL in unit tests */
    struct secret passphrase;      /* only while keys may have to be read or made */
    struct signer_settings coming; /* being received */
    bool is_running;               /* a configuration was taken */

    pthread_mutex_t lock; /* the rest, for look-ups and changes */
    struct signer_settings settings;
    struct signer_authority *authorities[SIGNER_CA_MAX]; /* owned; in the order of settings.cas;
                                                            NULL: not made yet */
    int64_t tls_made_ms[SIGNER_TLS_PER_HOUR];            /* the last ones, a ring; monotonic */
    size_t tls_made_count;
    int folder_fd;
    struct signer_book *book;
    struct signer_checked *checked; /* owned */
    struct signer_peers *peers;
};

/* @log is copied. Errors: E_NO_MEMORY. */
MUST_CHECK enum base_code signer_init(
    struct signer *signer, const struct base_log *log, struct base_error *err);
/* For tests; the program ends with its process. No thread may be left. */
void signer_clear(struct signer *signer);

/* Receiving a configuration: begin, parts, then start (the first time) or reload. */
MUST_CHECK enum base_code signer_config_begin(
    struct signer *signer, const struct ipc_config_general *message, struct base_error *err);
MUST_CHECK enum base_code signer_config_add_profile(
    struct signer *signer, const struct ipc_config_profile *message, struct base_error *err);
MUST_CHECK enum base_code signer_config_add_ca(
    struct signer *signer, const struct ipc_config_ca *message, struct base_error *err);
/* Errors: E_SIGNER_PROFILE (too many). */
MUST_CHECK enum base_code signer_config_add_tls(
    struct signer *signer, const struct ipc_config_tls *message, struct base_error *err);
/* Open HOME/signer, making it when it is missing: before the process confines itself, which needs
 * the folder to be there. Errors: E_SIGNER_KEY_FILE. */
MUST_CHECK enum base_code signer_open_folder(struct signer *signer, struct base_error *err);
/*
 * Open the journal, load and check every CA. In a new home a CA may be missing. The process has
 * confined itself before. Errors: E_CA_MISSING,
 * E_CA_UNSUITABLE, E_SIGNER_KEY_FILE, E_KEY_PASSPHRASE, E_JOURNAL_*.
 */
MUST_CHECK enum base_code signer_start(struct signer *signer, struct base_error *err);
/* Take the profiles and limits that came. Errors: E_SIGNER_PROFILE when the CAs are not the same:
 * keys are read at a start only. */
MUST_CHECK enum base_code signer_reload(struct signer *signer, struct base_error *err);

/* Errors: E_SIGNER_PROFILE (no such CA in the configuration), E_CA_MISSING (not made yet). The
 * result lives as long as the signer. */
MUST_CHECK enum base_code signer_find_authority(struct signer *signer, struct bytes name,
    const struct signer_authority **out, struct base_error *err);
/* Errors: E_SIGNER_PROFILE. */
MUST_CHECK enum base_code signer_find_profile(
    struct signer *signer, struct bytes name, struct signer_profile *out, struct base_error *err);
/* The CAs that are there, in the configuration's order; returns how many. */
size_t signer_list_authorities(
    struct signer *signer, const struct signer_authority *out[SIGNER_CA_MAX]);
/* May a certificate for these names be made now? Counts it. Errors: E_SIGNER_PROFILE (not in the
 * configuration, or too many within an hour). */
MUST_CHECK enum base_code signer_admit_tls(
    struct signer *signer, struct bytes ca, struct bytes names, struct base_error *err);
int64_t signer_crl_valid_s(struct signer *signer);
/* For a record: its level may change with a reload. */
struct base_log signer_log(struct signer *signer);
/* Where the configuration wants the CA's key. Errors: E_SIGNER_PROFILE, E_CA_EXISTS. */
MUST_CHECK enum base_code signer_find_new_ca(struct signer *signer, struct bytes name,
    struct signer_ca_setting *out, struct base_error *err);
/* A CA was made and saved; consumed. Errors: E_SIGNER_PROFILE, E_CA_EXISTS. */
MUST_CHECK enum base_code signer_add_authority(
    struct signer *signer, struct signer_authority *take_authority, struct base_error *err);

#endif
