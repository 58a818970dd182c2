/*
 * http/web.h - the files of the job's page, compiled in: build/web.c is written by the Makefile from http/web/ and the chart
 * library of the system's packages.
 */
#ifndef HTTP_WEB_H
#define HTTP_WEB_H

#include <stddef.h>

typedef struct web_file {
    const char *path, *type; /* "/page.js", "text/javascript"; NULL at the end */
    const unsigned char *at;
    size_t size;
} web_file;

extern const web_file web_files[];

#endif
