/*
 * records/utf8.h - is it UTF-8? Shortest forms only, no surrogates, at most U+10FFFF.
 */
#ifndef RECORDS_UTF8_H
#define RECORDS_UTF8_H

#include <sluice/types.h>

/* The bytes of the valid character at the front, or 0. */
size_t utf8_character(const unsigned char *at, size_t size);
bool utf8_is_valid(sl_text text);

#endif
