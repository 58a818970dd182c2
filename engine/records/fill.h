/*
 * records/fill.h - fields filled from texts that stood outside, as lookups find them: the way back from field_text().
 */
#ifndef RECORDS_FILL_H
#define RECORDS_FILL_H

#include <sluice/job.h>

/* No for an origin and a link: they say where a row came from, and what was looked up for it. */
bool field_can_fill(const sl_field *field);
/* False: the text is no such value, and the field is as it was. A text field keeps the pointer. */
bool field_fill(const sl_field *field, sl_text text, void *row);

#endif
