/*
 * id_index.h - which delivery has this id: a table from hashes to numbers.
 *
 * What it answers is a hint: the caller compares the id itself.
 */
#ifndef DIAGNOSE_ID_INDEX_H
#define DIAGNOSE_ID_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"

enum diag_id_kind { DIAG_ID_TRANSACTION = 1, DIAG_ID_MODEL, DIAG_ID_SERIAL, DIAG_ID_CLIENT };

struct diag_id_index;

struct diag_id_index *diag_id_index_new(void); /* NULL without memory */
void diag_id_index_free(struct diag_id_index *index);
OWNER_STRUCT(diag_id_index)

void diag_id_index_clear(struct diag_id_index *index);
/* False when the table is full: clear it and put what is still of use. */
bool diag_id_index_put(
    struct diag_id_index *index, enum diag_id_kind kind, const char *id, size_t number);
/* SIZE_MAX: none. */
size_t diag_id_index_get(const struct diag_id_index *index, enum diag_id_kind kind, const char *id);

#endif
