#include "cli/home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "config/config.h"
#include "supervisor/supervisor.h"

#include "base/banned.h"

#define FILE_MAX ((size_t)24 * 1024)
#define CA_VALID_S ((int64_t)3652 * 86400) /* ten years */
#define PATH_LEN 4096

static void
config_path(const char *home, char out[PATH_LEN])
{
    (void)snprintf(out, PATH_LEN, "%s/%s", home, SUPERVISOR_CONFIG_NAME);
}

bool
cli_home_exists(const char *home)
{
    char path[PATH_LEN] = "";
    struct stat state;
    config_path(home, path);
    return stat(path, &state) == 0;
}

static enum base_code
read_file(const char *path, struct buffer *out, struct base_error *err)
{
    OWN_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return base_fail_errno(err, E_USAGE, errno, "%s", path);
    }
    for (;;) {
        uint8_t *at = NULL;
        TRY(buffer_reserve(out, 1024, &at, err));
        ssize_t got = read(fd, at, 1024);
        if (got < 0) {
            return base_fail_errno(err, E_SYSTEM, errno, "%s", path);
        }
        if (got == 0) {
            return BASE_OK;
        }
        out->len += (size_t)got;
    }
}

/* The CA before the configuration: a home is whole when its configuration is there. */
static enum base_code
make_ca(const struct cli_home_options *options, struct base_error *err)
{
    BUFFER_LOCAL(certificate, FILE_MAX);
    BUFFER_LOCAL(key, FILE_MAX);
    BUFFER_LOCAL(chain, FILE_MAX);
    struct ipc_create_ca create = {.ca = BYTES_LITERAL("default"),
        .key_spec = bytes_from_text(options->key_spec),
        .subject = bytes_from_text(options->ca_subject),
        .valid_s = CA_VALID_S};
    struct ipc_import_ca import = {.ca = BYTES_LITERAL("default")};
    struct supervisor_options run = {.home = options->home,
        .log_fd = options->log_fd,
        .passphrase_fd = options->passphrase_fd,
        .session_fd = -1};
    if (options->ca_cert == NULL) {
        run.create_ca = &create;
        return supervisor_run(&run, err);
    }
    TRY(read_file(options->ca_cert, &certificate, err));
    TRY(read_file(options->ca_key_file, &key, err));
    if (options->ca_chain != NULL) {
        TRY(read_file(options->ca_chain, &chain, err));
    }
    import.certificate = buffer_bytes(&certificate);
    import.key = buffer_bytes(&key);
    import.chain = buffer_bytes(&chain);
    run.import_ca = &import;
    return supervisor_run(&run, err);
}

enum base_code
cli_home_make(const struct cli_home_options *options, struct base_error *err)
{
    char path[PATH_LEN] = "";
    if (mkdir(options->home, 0755) != 0 && errno != EEXIST) {
        return base_fail_errno(err, E_SYSTEM, errno, "%s", options->home);
    }
    config_path(options->home, path);
    TRY(config_write_default(path, err));
    enum base_code code = make_ca(options, err);
    if (code != BASE_OK) {
        (void)unlink(path); /* it was ours, a moment ago: without its CA the home is not made */
    }
    return code;
}
