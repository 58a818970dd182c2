/*
 * tests/base/folder.h - a temporary folder of a test's own, and what lies in it.
 */
#ifndef TESTS_BASE_FOLDER_H
#define TESTS_BASE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

const char *folder_open(void); /* a new folder, until folder_close(); aborts when there can be none */
void folder_close(void);       /* removes it with all that is in it */

/* For cmocka; 0. The second start has $XDG_STATE_HOME at the folder's "state", where jobs find no others' work folders. */
int folder_start(void **state);
int folder_start_home(void **state);
int folder_stop(void **state);

const char *folder_path(const char *name); /* "FOLDER/name"; lives until 16 calls later */
void folder_write(const char *name, const char *text);
const char *folder_read(
    const char *name); /* the whole file as text, "" when it is absent; lives until the next call */
bool folder_has(const char *name);
size_t folder_count(void); /* files and folders in it, hidden ones too */

#endif
