/*
 * sources/file/parts.h - the files of an input: found, opened, told apart, let go. sources/file.c reads them.
 *
 *     glob, folders ----> parts_find() ----> a part per file ----> look, take, release (file.c)
 *                              |                   |
 *                         work folder: entries     +--> cut short: the same file as another part
 *
 * All calls come one after another, under the engine's lock.
 */
#ifndef SOURCES_FILE_PARTS_H
#define SOURCES_FILE_PARTS_H

#include <records/segment.h>
#include <sources/file/growth.h>
#include <sources/file/identity.h>
#include <sources/source.h>

typedef struct file_part {
    int file, watched; /* -1: none (any more) */
    file_identity identity;
    segment_chain chain;
    int64_t size, stop; /* stop: where reading ends, INT64_MAX: nowhere */
    int64_t idle_size;  /* at this size there was no whole line to read */
    int64_t lines;      /* before chain.next */
    int64_t quiet_ns;   /* monotonic: when it last grew, or left its path */
    bool here;          /* the pattern leads to it */
    bool cut;           /* while the job was down: parts_find() lets the file begin anew */
    bool over;          /* nothing will come, nothing is held */
} file_part;

typedef struct file_source {
    source_spec spec;
    source_partition *partitions; /* beside parts; topic: a copy */
    file_part *parts;
    size_t count, announced; /* announced: those whose entries are in the work folder */
    size_t bytes;            /* held by all chains */
    segment_spare spare;
    buffer chunk;
    buffer known; /* of file_entry: of earlier runs, as they were read */
    bool unsaved; /* entries differ from what is in the work folder */
    bool follows; /* started, and not only up to the ends found then */
    int64_t rotated_ns;
    failure trouble; /* of the work folder */
    file_growth growth;
} file_source;

/* Opens what the pattern finds now, and what earlier runs had begun to read. SL_RETRY: nothing is there. */
sl_result parts_open(file_source *source, failure *failure);
/* New files, and files that left their paths. Entries are saved; then *count parts can be announced. */
void parts_find(file_source *source);
/* The size of a part's file now. It may add a part: pointers to parts are not valid any more. */
sl_result part_see(file_source *source, uint32_t i, failure *failure);
/* The file of a part begins anew: from here on it is another part. */
void part_begin_anew(file_source *source, uint32_t i);
/* If all of a part was read, its file is let go. */
void part_let_go(file_source *source, uint32_t i);
void parts_close(file_source *source);

#endif
