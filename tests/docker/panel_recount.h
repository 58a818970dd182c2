/*
 * tests/docker/panel_recount.h - what Kibana asks of the search server for a panel, and whether the answer is what the documents
 * themselves say.
 */
#ifndef TESTS_DOCKER_PANEL_RECOUNT_H
#define TESTS_DOCKER_PANEL_RECOUNT_H

#include <docker/panels.h>

typedef struct panel_documents {
    size_t count;
    json_object *at[];
} panel_documents;

/* One a line. */
panel_documents *panel_documents_of(const char *lines);
void panel_documents_free(panel_documents *all);

/* The body of its search. Dates are put together by the second, whatever the panel's width. */
json_object *panel_search(const panel *panel);

/* Asserts each bucket and figure of the answer; how many of the documents it asks for. */
size_t panel_recount(const panel *panel, json_object *answer, const panel_documents *all);

#endif
