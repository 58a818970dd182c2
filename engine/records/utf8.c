/*
 * records/utf8.c - eight ASCII bytes at a time, everything else character by character.
 */
#include <records/utf8.h>
#include <string.h>

static bool continues(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/* The second byte narrows what the first one allows: no overlong form, no surrogate, nothing above U+10FFFF. */
static bool second_fits(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xE0: return second >= 0xA0;
    case 0xED: return second <= 0x9F;
    case 0xF0: return second >= 0x90;
    case 0xF4: return second <= 0x8F;
    default: return true;
    }
}

size_t utf8_character(const unsigned char *at, size_t size)
{
    if (size == 0)
        return 0;
    if (at[0] < 0x80)
        return 1;
    size_t length = at[0] >= 0xC2 && at[0] <= 0xDF   ? 2
                    : (at[0] & 0xF0) == 0xE0         ? 3
                    : at[0] >= 0xF0 && at[0] <= 0xF4 ? 4
                                                     : 0;
    if (length == 0 || size < length || !second_fits(at[0], at[1]))
        return 0;
    for (size_t i = 1; i < length; i++)
        if (!continues(at[i]))
            return 0;
    return length;
}

bool utf8_is_valid(sl_text text)
{
    const unsigned char *at = (const unsigned char *)text.at;
    size_t left = text.size;
    while (left) {
        uint64_t eight;
        if (left >= 8 && (memcpy(&eight, at, 8), (eight & 0x8080808080808080u) == 0)) {
            at += 8;
            left -= 8;
            continue;
        }
        size_t length = utf8_character(at, left);
        if (length == 0)
            return false;
        at += length;
        left -= length;
    }
    return true;
}
