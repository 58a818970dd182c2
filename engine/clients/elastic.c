/*
 * clients/elastic.c - where Elasticsearch is, out of the settings.
 */
#include <clients/elastic.h>

http_options elastic_server(const settings *settings)
{
    return (http_options){ .url = settings_text(settings, "elastic.url"),
                           .setting = "elastic.url",
                           .user = settings_text(settings, "elastic.user"),
                           .password = settings_text(settings, "elastic.password"),
                           .api_key = settings_text(settings, "elastic.api_key"),
                           .ca = settings_text(settings, "elastic.ca") };
}
