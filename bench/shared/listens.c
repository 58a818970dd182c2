/*
 * bench/shared/listens.c - words of a command line; outputs are `null`: printed and thrown away.
 */
#include "listens.h"
#include <stdio.h>
#include <string.h>

const char *const *listens_words(listens_command *command)
{
    snprintf(command->room[0], LISTENS_WORD_ROOM, "lines=kafka:%s", command->topic);
    snprintf(command->room[1], LISTENS_WORD_ROOM, "kafka.bootstrap.servers=%s", command->servers);
    snprintf(command->room[2], LISTENS_WORD_ROOM, "redis.url=%s", command->redis);
    const char *const usual[] = {
        "build/jobs/listens", "--from", command->room[0],  "--work-dir", command->work_dir, "--conf",
        command->room[1],     "--conf", command->room[2],  "--conf",     "log.level=warn",  "--to",
        "documents=null",     "--to",   "top_tracks=null", "--to",       "interests=null",
    };
    size_t count = sizeof usual / sizeof usual[0];
    memcpy(command->words, usual, sizeof usual);
    for (const char *const *more = command->more; more && *more && count + 1 < LISTENS_WORDS; more++)
        command->words[count++] = *more;
    command->words[count] = NULL;
    return command->words;
}
