#include "base/need.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

static const struct base_log *log_of_need;

void
base_need_log(const struct base_log *log)
{
    log_of_need = log;
}

/* A size of 0 may give NULL. */
static void
end_without(const void *made, size_t size)
{
    struct base_error err;
    if (made == NULL && size > 0 && log_of_need != NULL) {
        (void)base_fail(&err, E_NO_MEMORY, "%zu octets", size);
        base_log_error(log_of_need, BASE_LOG_ERROR, "out_of_memory", &err);
        _exit(1);
    }
}

void *
base_need(size_t size)
{
    void *made = malloc(size);
    end_without(made, size);
    return made;
}

void *
base_need_again(void *old, size_t size)
{
    void *made = realloc(old, size);
    end_without(made, size);
    return made;
}
