/*
 * kurier-config - reads the configuration for the supervisor, in a process that can do nothing
 * else.
 *
 * It starts with the supervisor's socket, the log and the opened file (IPC_CONFIG_FD); argv[1] is
 * the file's name for messages. It confines itself, reads, and sends CONFIG_* messages or
 * CONFIG_ERROR.
 */
#include <unistd.h>

#include "base/own.h"
#include "config/config.h"
#include "config/file.h"
#include "config/load.h"
#include "config/send.h"
#include "ipc/confine.h"
#include "ipc/role.h"

#include "base/banned.h"

MUST_CHECK static enum base_code
read_and_send(const char *name, struct base_error *err)
{
    OWN_STRUCT(config_settings) settings = config_settings_new();
    BUFFER_LOCAL(text, CONFIG_FILE_MAX + 4096);
    if (settings == NULL) {
        return base_fail(err, E_NO_MEMORY, "configuration");
    }
    TRY(config_file_read(IPC_CONFIG_FD, name, &text, err));
    TRY(config_load(buffer_bytes(&text), name, settings, err));
    return config_send(IPC_SUPERVISOR_FD, settings, err);
}

int
main(int argc, char **argv)
{
    static const struct ipc_role_handlers none = {0};
    static struct ipc_role_link link;
    struct ipc_confinement confinement = {.role = IPC_CONFIG_STEP};
    struct base_error err = {0};
    struct base_error lost = {0};
    if (argc != 2 || ipc_role_start(&link, IPC_CONFIG_STEP, &none, NULL, &err) != BASE_OK) {
        return 2;
    }
    if (ipc_confine(&confinement, &link.log, &err) == BASE_OK &&
        read_and_send(argv[1], &err) == BASE_OK) {
        return 0;
    }
    return config_send_error(IPC_SUPERVISOR_FD, &err, &lost) == BASE_OK ? 1 : 3;
}
