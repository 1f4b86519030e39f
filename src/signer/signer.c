#include "signer/signer.h"

#include <string.h>

#include "base/banned.h"

#define HOUR_MS 3600000

static void
settings_clear(struct signer_settings *settings)
{
    free(settings->profiles);
    memset(settings, 0, sizeof(*settings));
}

enum base_code
signer_init(struct signer *signer, const struct base_log *log, struct base_error *err)
{
    memset(signer, 0, sizeof(*signer));
    signer->log = *log;
    signer->clock = base_clock_system();
    signer->random = base_random_system();
    signer->folder_fd = -1;
    secret_init(&signer->passphrase, SIGNER_PASSPHRASE_MAX);
    signer->checked = signer_checked_new();
    if (signer->checked == NULL || pthread_mutex_init(&signer->lock, NULL) != 0) {
        return base_fail(err, E_NO_MEMORY, "signer");
    }
    return BASE_OK;
}

void
signer_clear(struct signer *signer)
{
    settings_clear(&signer->coming);
    settings_clear(&signer->settings);
    for (size_t i = 0; i < SIGNER_CA_MAX; i++) {
        signer_authority_free(signer->authorities[i]);
    }
    signer_book_free(signer->book);
    signer_checked_free(signer->checked);
    secret_clear(&signer->passphrase);
    if (signer->folder_fd >= 0) {
        (void)close(signer->folder_fd);
    }
    (void)pthread_mutex_destroy(&signer->lock);
    memset(signer, 0, sizeof(*signer));
    signer->folder_fd = -1;
}

enum base_code
signer_config_begin(
    struct signer *signer, const struct ipc_config_general *message, struct base_error *err)
{
    struct signer_settings *coming = &signer->coming;
    settings_clear(coming);
    if (message->home.len == 0 || message->home.ptr[0] != '/' || message->crl_valid_s <= 0) {
        return base_fail(err, E_SIGNER_PROFILE, "no absolute home, or no validity of CRLs");
    }
    memcpy(coming->home, message->home.ptr, message->home.len);
    coming->is_strict = message->is_strict != 0;
    coming->is_new_home = message->is_new_home != 0;
    coming->crl_valid_s = message->crl_valid_s;
    coming->log_level = message->log_level <= BASE_LOG_DEBUG
                            ? (enum base_log_level)message->log_level
                            : BASE_LOG_INFO;
    coming->profiles = calloc(SIGNER_PROFILE_MAX, sizeof(*coming->profiles));
    if (coming->profiles == NULL) {
        return base_fail(err, E_NO_MEMORY, "profiles");
    }
    return BASE_OK;
}

enum base_code
signer_config_add_profile(
    struct signer *signer, const struct ipc_config_profile *message, struct base_error *err)
{
    struct signer_settings *coming = &signer->coming;
    struct signer_profile profile;
    if (coming->profiles == NULL || coming->profile_count == SIGNER_PROFILE_MAX) {
        return base_fail(err, E_SIGNER_PROFILE, "more than %d profiles", SIGNER_PROFILE_MAX);
    }
    TRY(signer_profile_read(message, &profile, err));
    for (size_t i = 0; i < coming->profile_count; i++) {
        if (strcmp(coming->profiles[i].name, profile.name) == 0) {
            return base_fail(err, E_SIGNER_PROFILE, "profile %s twice", profile.name);
        }
    }
    coming->profiles[coming->profile_count++] = profile;
    return BASE_OK;
}

static const struct signer_ca_setting *
find_setting(const struct signer_settings *settings, struct bytes name)
{
    for (size_t i = 0; i < settings->ca_count; i++) {
        if (bytes_equal_text(name, settings->cas[i].name)) {
            return &settings->cas[i];
        }
    }
    return NULL;
}

enum base_code
signer_config_add_ca(
    struct signer *signer, const struct ipc_config_ca *message, struct base_error *err)
{
    struct signer_settings *coming = &signer->coming;
    struct signer_ca_setting setting = {.name = ""};
    if (coming->ca_count == SIGNER_CA_MAX) {
        return base_fail(err, E_SIGNER_PROFILE, "more than %d CAs", SIGNER_CA_MAX);
    }
    if (!signer_name_is_valid(message->name) || find_setting(coming, message->name) != NULL) {
        return base_fail(
            err, E_SIGNER_PROFILE, "a CA's name has a-z, 0-9 and '-' only, and stands once");
    }
    memcpy(setting.name, message->name.ptr, message->name.len);
    TRY(signer_key_uri_read(message->key_uri, setting.key_file, err));
    coming->cas[coming->ca_count++] = setting;
    return BASE_OK;
}

enum base_code
signer_config_add_tls(
    struct signer *signer, const struct ipc_config_tls *message, struct base_error *err)
{
    struct signer_settings *coming = &signer->coming;
    if (coming->tls_count == SIGNER_TLS_MAX) {
        return base_fail(err, E_SIGNER_PROFILE, "more than %d listeners", SIGNER_TLS_MAX);
    }
    struct signer_tls_setting *setting = &coming->tls[coming->tls_count++];
    memcpy(setting->ca, message->ca.ptr, message->ca.len);
    memcpy(setting->names, message->names.ptr, message->names.len);
    return BASE_OK;
}

enum base_code
signer_admit_tls(struct signer *signer, struct bytes ca, struct bytes names, struct base_error *err)
{
    bool is_known = false;
    int64_t now_ms = base_clock_mono_ms(&signer->clock);
    (void)pthread_mutex_lock(&signer->lock);
    for (size_t i = 0; i < signer->settings.tls_count; i++) {
        const struct signer_tls_setting *setting = &signer->settings.tls[i];
        is_known = is_known ||
                   (bytes_equal_text(ca, setting->ca) && bytes_equal_text(names, setting->names));
    }
    int64_t *oldest_ms = &signer->tls_made_ms[signer->tls_made_count % SIGNER_TLS_PER_HOUR];
    bool is_often = signer->tls_made_count >= SIGNER_TLS_PER_HOUR && now_ms - *oldest_ms < HOUR_MS;
    if (is_known && !is_often) {
        *oldest_ms = now_ms;
        signer->tls_made_count++;
    }
    (void)pthread_mutex_unlock(&signer->lock);
    if (!is_known) {
        return base_fail(err, E_SIGNER_PROFILE, "no listener has these names");
    }
    return is_often ? base_fail(err, E_SIGNER_PROFILE, "%d certificates for TLS within an hour",
                          SIGNER_TLS_PER_HOUR)
                    : BASE_OK;
}

/* The coming settings become those that hold. */
static void
take_settings(struct signer *signer)
{
    (void)pthread_mutex_lock(&signer->lock);
    struct signer_settings before = signer->settings;
    signer->settings = signer->coming;
    base_log_set_level(&signer->log, signer->settings.log_level);
    (void)pthread_mutex_unlock(&signer->lock);
    memset(&signer->coming, 0, sizeof(signer->coming));
    signer_checked_forget(signer->checked);
    settings_clear(&before);
}

/* CA or RA ends within 90 days, or has ended. */
static void
warn_of_end(const struct signer *signer, const struct signer_authority *authority,
    const struct signer_certificate *certificate, const char *kind)
{
    int64_t left_s = certificate->read.not_after_s - base_clock_now_s(&signer->clock);
    if (left_s > SIGNER_WARN_BEFORE_S) {
        return;
    }
    char end[BASE_TIME_TEXT_LEN] = "";
    base_time_text(certificate->read.not_after_s, end);
    struct base_log_record record;
    base_log_begin(&record, &signer->log, left_s > 0 ? BASE_LOG_WARN : BASE_LOG_ERROR,
        left_s > 0 ? "certificate_ending" : "certificate_expired", BYTES_NONE);
    base_log_word(&record, "ca", authority->name);
    base_log_word(&record, "kind", kind);
    base_log_word(&record, "not_after", end);
    base_log_number(&record, "days", left_s / 86400);
    base_log_end(&record);
}

MUST_CHECK static enum base_code
load_authorities(struct signer *signer, struct base_error *err)
{
    const struct signer_settings *coming = &signer->coming;
    for (size_t i = 0; i < coming->ca_count; i++) {
        const struct signer_ca_setting *ca = &coming->cas[i];
        enum base_code code = signer_authority_load(signer->folder_fd, bytes_from_text(ca->name),
            ca->key_file, secret_peek(&signer->passphrase), &signer->authorities[i], err);
        if (code == E_CA_MISSING && coming->is_new_home) {
            continue;
        }
        if (code != BASE_OK) {
            return base_error_add(err, "CA %s", ca->name);
        }
        warn_of_end(signer, signer->authorities[i], &signer->authorities[i]->ca, "ca");
        warn_of_end(signer, signer->authorities[i], &signer->authorities[i]->ra, "ra");
    }
    return BASE_OK;
}

enum base_code
signer_open_folder(struct signer *signer, struct base_error *err)
{
    return signer_folder_open(signer->coming.home, &signer->folder_fd, err);
}

enum base_code
signer_start(struct signer *signer, struct base_error *err)
{
    const struct signer_settings *coming = &signer->coming;
    if (coming->ca_count == 0 || coming->profile_count == 0) {
        return base_fail(err, E_SIGNER_PROFILE, "a configuration without a CA or a profile");
    }
    TRY(load_authorities(signer, err));
    TRY(signer_book_open(signer->folder_fd, &signer->log, &signer->random, &signer->book, err));
    if (!coming->is_new_home) {
        secret_clear(&signer->passphrase);
    }
    take_settings(signer);
    signer->is_running = true;
    return BASE_OK;
}

enum base_code
signer_reload(struct signer *signer, struct base_error *err)
{
    const struct signer_settings *coming = &signer->coming;
    const struct signer_settings *present = &signer->settings;
    bool is_same = coming->ca_count == present->ca_count && coming->profile_count > 0;
    for (size_t i = 0; i < present->ca_count && is_same; i++) {
        is_same = strcmp(coming->cas[i].name, present->cas[i].name) == 0 &&
                  strcmp(coming->cas[i].key_file, present->cas[i].key_file) == 0;
    }
    if (!is_same || strcmp(coming->home, present->home) != 0) {
        return base_fail(err, E_SIGNER_PROFILE,
            "CAs and their keys are read at a start only: restart Kurier to change them");
    }
    take_settings(signer);
    return BASE_OK;
}

enum base_code
signer_find_authority(struct signer *signer, struct bytes name, const struct signer_authority **out,
    struct base_error *err)
{
    enum base_code code = BASE_OK;
    (void)pthread_mutex_lock(&signer->lock);
    const struct signer_ca_setting *setting = find_setting(&signer->settings, name);
    const struct signer_authority *authority =
        setting == NULL ? NULL : signer->authorities[setting - signer->settings.cas];
    (void)pthread_mutex_unlock(&signer->lock);
    if (setting == NULL) {
        code = base_fail(err, E_SIGNER_PROFILE, "no such CA");
    } else if (authority == NULL) {
        code = base_fail(err, E_CA_MISSING, "it was not made yet");
    } else {
        *out = authority;
    }
    return code;
}

enum base_code
signer_find_profile(
    struct signer *signer, struct bytes name, struct signer_profile *out, struct base_error *err)
{
    bool is_found = false;
    (void)pthread_mutex_lock(&signer->lock);
    for (size_t i = 0; i < signer->settings.profile_count && !is_found; i++) {
        is_found = bytes_equal_text(name, signer->settings.profiles[i].name);
        if (is_found) {
            *out = signer->settings.profiles[i];
        }
    }
    (void)pthread_mutex_unlock(&signer->lock);
    return is_found ? BASE_OK : base_fail(err, E_SIGNER_PROFILE, "no such profile");
}

size_t
signer_list_authorities(struct signer *signer, const struct signer_authority *out[SIGNER_CA_MAX])
{
    size_t count = 0;
    (void)pthread_mutex_lock(&signer->lock);
    for (size_t i = 0; i < signer->settings.ca_count; i++) {
        if (signer->authorities[i] != NULL) {
            out[count++] = signer->authorities[i];
        }
    }
    (void)pthread_mutex_unlock(&signer->lock);
    return count;
}

int64_t
signer_crl_valid_s(struct signer *signer)
{
    (void)pthread_mutex_lock(&signer->lock);
    int64_t valid_s = signer->settings.crl_valid_s;
    (void)pthread_mutex_unlock(&signer->lock);
    return valid_s;
}

struct base_log
signer_log(struct signer *signer)
{
    (void)pthread_mutex_lock(&signer->lock);
    struct base_log log = signer->log;
    (void)pthread_mutex_unlock(&signer->lock);
    return log;
}

enum base_code
signer_find_new_ca(
    struct signer *signer, struct bytes name, struct signer_ca_setting *out, struct base_error *err)
{
    const struct signer_authority *present = NULL;
    enum base_code code = signer_find_authority(signer, name, &present, err);
    if (code == BASE_OK) {
        return base_fail(err, E_CA_EXISTS, "CA %s", present->name);
    }
    if (code != E_CA_MISSING) {
        return code;
    }
    const struct signer_ca_setting *setting = find_setting(&signer->settings, name);
    if (setting == NULL) {
        return base_fail(err, E_INTERNAL, "a CA that is missing and is not in the settings");
    }
    *out = *setting;
    return BASE_OK;
}

enum base_code
signer_add_authority(
    struct signer *signer, struct signer_authority *take_authority, struct base_error *err)
{
    OWN_STRUCT(signer_authority) authority = take_authority;
    struct signer_ca_setting setting;
    TRY(signer_find_new_ca(signer, bytes_from_text(authority->name), &setting, err));
    (void)pthread_mutex_lock(&signer->lock);
    for (size_t i = 0; i < signer->settings.ca_count; i++) {
        if (strcmp(signer->settings.cas[i].name, setting.name) == 0) {
            signer->authorities[i] = MOVE(authority);
        }
    }
    (void)pthread_mutex_unlock(&signer->lock);
    return BASE_OK;
}
