#include "supervisor/users.h"

#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

#define NOBODY 65534 /* the kernel's overflow user, on every Linux */

/* Root without its capabilities is still the owner of root's files: said in the log. */
static void
warn_shared(const struct supervisor *supervisor, const char *why, const char *user)
{
    struct base_log_record record;
    base_log_begin(&record, &supervisor->log, BASE_LOG_WARN, "users_shared", BYTES_NONE);
    base_log_word(&record, "why", why);
    if (user[0] != '\0') {
        base_log_word(&record, "user", user);
    }
    base_log_end(&record);
}

MUST_CHECK static enum base_code
find_one(struct supervisor *supervisor, const char *name, bool is_strict,
    struct supervisor_user *out_user, struct base_error *err)
{
    const struct passwd *entry = getpwnam(name);
    if (entry != NULL && entry->pw_uid != 0) {
        *out_user = (struct supervisor_user){true, entry->pw_uid, entry->pw_gid};
        return BASE_OK;
    }
    if (is_strict) {
        return base_fail(err, E_CONFINEMENT, "there is no system user '%.60s'", name);
    }
    warn_shared(supervisor, "no-such-user", name);
    return BASE_OK;
}

/* May any user go through every folder above the home? A home below root's own folder is reached by
 * root alone, and a role with a user of its own could not open its files there. */
static bool
is_home_reachable(const char *home)
{
    char path[PATH_MAX] = "";
    struct stat state;
    if (realpath(home, path) == NULL) {
        return false;
    }
    for (char *slash = strrchr(path, '/'); slash != NULL && slash != path;
         slash = strrchr(path, '/')) {
        if (stat(path, &state) != 0 || (state.st_mode & S_IXOTH) == 0) {
            return false;
        }
        *slash = '\0';
    }
    return true;
}

enum base_code
supervisor_users_find(
    struct supervisor *supervisor, const struct supervisor_config *config, struct base_error *err)
{
    for (size_t i = 0; i < SUPERVISOR_ROLES; i++) {
        supervisor->roles[i].user = (struct supervisor_user){false, geteuid(), getegid()};
    }
    if (!supervisor->is_root) {
        if (config->is_strict) {
            return base_fail(err, E_CONFINEMENT,
                "confinement is strict, and without root all roles have one user");
        }
        warn_shared(supervisor, "not-root", "");
        return BASE_OK;
    }
    if (!is_home_reachable(supervisor->home)) {
        if (config->is_strict) {
            return base_fail(err, E_CONFINEMENT,
                "a folder above the home is closed to the roles' own users: %.120s",
                supervisor->home);
        }
        warn_shared(supervisor, "home-not-reachable", "");
        return BASE_OK;
    }
    for (size_t i = 0; i < SUPERVISOR_ROLES; i++) {
        TRY(find_one(
            supervisor, config->users[i], config->is_strict, &supervisor->roles[i].user, err));
    }
    return BASE_OK;
}

struct supervisor_user
supervisor_users_nobody(const struct supervisor *supervisor)
{
    if (!supervisor->is_root) {
        return (struct supervisor_user){false, geteuid(), getegid()};
    }
    return (struct supervisor_user){true, NOBODY, NOBODY};
}
