/*
 * clients/elastic.h - the server that the settings elastic.* name, for the sink and for who looks at what it wrote.
 */
#ifndef CLIENTS_ELASTIC_H
#define CLIENTS_ELASTIC_H

#include <base/settings.h>
#include <clients/http.h>

/* Where it is and how to log in; the texts are the settings' own. */
http_options elastic_server(const settings *settings);

#endif
