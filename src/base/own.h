/*
 * own.h - who frees what, said once where the variable is declared.
 *
 * OWN(type) is a pointer that is released at any return from its block; MOVE hands it on.
 * OWN_STRUCT(tag) is the same for our own structs, whose destructor is <tag>_free. goto is not
 * mixed with either in one function: a jump past an owned variable is an error in clang and passes
 * silently in gcc.
 */
#ifndef BASE_OWN_H
#define BASE_OWN_H

#include <stdlib.h>
#include <unistd.h>

/* Declares how an owned `type *` ends. Stands once per type, beside the type's own header or at its
 * first user. */
#define OWNER(type, free_fn)                                                                       \
    __attribute__((unused)) static inline void own_##type##_end(type **owned) { free_fn(*owned); }
#define OWN(type) __attribute__((cleanup(own_##type##_end))) type *

#define OWNER_STRUCT(tag)                                                                          \
    __attribute__((unused)) static inline void own_struct_##tag##_end(struct tag **owned)          \
    {                                                                                              \
        tag##_free(*owned);                                                                        \
    }
#define OWN_STRUCT(tag) __attribute__((cleanup(own_struct_##tag##_end))) struct tag *

/* The value of @p, which is NULL afterwards: only in an assignment to an out parameter or as a
 * take_ argument. */
#define MOVE(p)                                                                                    \
    __extension__({                                                                                \
        __typeof__(p) moved_ = (p);                                                                \
        (p) = NULL;                                                                                \
        moved_;                                                                                    \
    })

static inline void
own_memory_end(void *owned)
{
    free(*(void **)owned);
}
/* A pointer from malloc(). */
#define OWN_MEMORY __attribute__((cleanup(own_memory_end)))

static inline void
own_fd_end(const int *owned)
{
    if (*owned >= 0) {
        (void)close(*owned);
    }
}
/* A file descriptor, -1 when none; OWN_FD int fd = open(...). */
#define OWN_FD __attribute__((cleanup(own_fd_end)))

#endif
