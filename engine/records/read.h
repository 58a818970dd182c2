/*
 * records/read.h - what reading by a description shares, whatever the form: why a field was refused.
 */
#ifndef RECORDS_READ_H
#define RECORDS_READ_H

#include <sluice/records.h>

/* The rule that a value broke which is none of the field's kind. */
const char *read_reason(const sl_field *field);
/* Rejects the message: `FIELD: VALUE`, the value as it stood there, cut when it is long. */
bool read_refuse(sl_task *task, const sl_message *in, const char *reason, const sl_field *field,
                 sl_text value);
void read_origin(const sl_message *in, const sl_field *field, void *row);

#endif
