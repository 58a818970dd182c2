/*
 * sources/kafka/growth.c - partitions that are added to the topic while the job runs: they are read from their first record on,
 * wherever new jobs start. Each way finds them as it asks for metadata; the next cut numbers them.
 *
 * Which offset is the first is not asked for: they begin at 0, and where retention or an administrator was faster, the way
 * finds nothing there and goes on with what is.
 */
#include <base/counted.h>
#include <base/log.h>
#include <sources/kafka/reader.h>

size_t growth_take(kafka_reader *reader, size_t count)
{
    if (reader->spec.available_now || count > reader->room)
        return reader->count;
    for (; reader->count < count; reader->count++) {
        reader_part_begin(reader, reader->count);
        kafka_part *part = &reader->parts[reader->count];
        reader->partitions[reader->count].offset = 0;
        part->added = true;
        part->stop = INT64_MAX;
        part->chain.form = reader->parts[0].chain.form;
    }
    return reader->count;
}

void growth_tell(kafka_reader *reader, size_t before, size_t count)
{
    if (count <= before || count == reader->told)
        return;
    reader->told = count;
    if (reader->spec.wake)
        reader->spec.wake(reader->spec.wake_argument);
    if (reader->count >= count)
        log_info("kafka", "%s added to topic %s, which has %zu now: read from the first record on",
                 counted((int64_t)(count - before), "partition was", "partitions were").at, reader->topic,
                 count);
    else
        log_warn(
            "kafka",
            "topic %s has %zu partitions now, of which this run reads %zu: the next one reads the others, "
            "from their first record on",
            reader->topic, count, reader->count);
}
