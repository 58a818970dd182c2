/*
 * batches/frames.c - frames with a checksum.
 */
#include <base/hash.h>
#include <batches/frames.h>

enum { HEAD_BYTES = 4 + 8 + 8, KIND = 3, SYNCED = '1', LOOSE = 'u' };
static const char magic[4] = { 'S', 'L', 'F', SYNCED };

void frame_begin(buffer *out, size_t *start)
{
    *start = out->size;
    buffer_reserve(out, HEAD_BYTES);
    memset(out->at + out->size, 0, HEAD_BYTES);
    out->size += HEAD_BYTES;
}

void frame_end(buffer *out, size_t start)
{
    char *head = out->at + start;
    uint64_t size = out->size - start - HEAD_BYTES, sum = hash_bytes(head + HEAD_BYTES, size);
    memcpy(head, magic, 4);
    memcpy(head + 4, &size, 8);
    memcpy(head + 12, &sum, 8);
}

void frame_loosen(buffer *out, size_t start)
{
    out->at[start + KIND] = LOOSE;
}

bool frame_read(sl_text file, size_t *at, sl_text *payload)
{
    uint64_t size, sum;
    if (file.size - *at < HEAD_BYTES || memcmp(file.at + *at, magic, KIND) != 0)
        return false;
    if (file.at[*at + KIND] != SYNCED && file.at[*at + KIND] != LOOSE)
        return false;
    memcpy(&size, file.at + *at + 4, 8);
    memcpy(&sum, file.at + *at + 12, 8);
    if (size > file.size - *at - HEAD_BYTES || hash_bytes(file.at + *at + HEAD_BYTES, size) != sum)
        return false;
    *payload = (sl_text){ file.at + *at + HEAD_BYTES, size };
    *at += HEAD_BYTES + size;
    return true;
}

size_t frame_find(sl_text file, size_t from)
{
    sl_text payload;
    while (from < file.size) {
        const char *found = memmem(file.at + from, file.size - from, magic, KIND);
        size_t start = found ? (size_t)(found - file.at) : file.size, behind = start;
        if (frame_read(file, &behind, &payload) || found == NULL)
            return start;
        from = start + 1;
    }
    return file.size;
}

bool frame_is_behind(sl_text file, size_t from)
{
    sl_text payload;
    for (size_t at = frame_find(file, from); at < file.size; at = frame_find(file, at)) {
        if (file.at[at + KIND] == SYNCED)
            return true;
        frame_read(file, &at, &payload);
    }
    return false;
}

void mark_raise(batch_mark *mark, batch_mark at_least)
{
    mark->id = at_least.id > mark->id ? at_least.id : mark->id;
    mark->time_ms = at_least.time_ms > mark->time_ms ? at_least.time_ms : mark->time_ms;
}

void frames_mark(sl_text file, size_t from, batch_mark *mark)
{
    sl_text payload;
    for (size_t at = frame_find(file, from); at < file.size; at = frame_find(file, at)) {
        while (frame_read(file, &at, &payload)) {
            frame_reader reader = { payload.at, payload.at + payload.size, false };
            batch_mark read = { .id = get_i64(&reader) };
            read.time_ms = get_i64(&reader);
            mark_raise(mark, read);
        }
    }
}

void put_i64(buffer *out, int64_t value)
{
    buffer_append(out, &value, sizeof value);
}

void put_text(buffer *out, sl_text text)
{
    put_i64(out, (int64_t)text.size);
    buffer_append(out, text.at, text.size);
}

int64_t get_i64(frame_reader *reader)
{
    int64_t value = 0;
    if (reader->damaged || (size_t)(reader->end - reader->at) < sizeof value) {
        reader->damaged = true;
        return 0;
    }
    memcpy(&value, reader->at, sizeof value);
    reader->at += sizeof value;
    return value;
}

sl_text get_text(frame_reader *reader)
{
    int64_t size = get_i64(reader);
    if (reader->damaged || size < 0 || size > reader->end - reader->at) {
        reader->damaged = true;
        return (sl_text){ "", 0 };
    }
    sl_text text = { reader->at, (size_t)size };
    reader->at += size;
    return text;
}
