/*
 * bench/limits/json.c - what it takes to print a listen's document with its customer: copying one that is ready, printing it
 * as the engine does, with and without the customer's part lying ready, and building it with json-c.
 */
#include "../../jobs/records/play.h"
#include "../shared/measure.h"
#include <json-c/json.h>
#include <records/document.h>
#include <records/linked.h>
#include <sluice/text.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 5, CUSTOMERS = 5000, PLAYS = 8000, TIMES = 40, TIMES_SLOW = 4, BATCH_MS = 60000 };

static uint64_t sum_of; /* so that nothing is optimised away */

typedef struct known {
    linked_head head;
    customer customer;
    char name[32], zip[8], address[32];
    buffer json;
} known;

static known customers[CUSTOMERS];
static play plays[PLAYS];
static line lines[PLAYS];
static document *with_id;
static buffer ready, printed;

static sl_text text_of(const char *text)
{
    return (sl_text){ text, strlen(text) };
}

static void customer_make(known *known, unsigned number)
{
    snprintf(known->name, sizeof known->name, "Customer Number %u", number);
    snprintf(known->zip, sizeof known->zip, "%05u", number * 13 % 100000);
    snprintf(known->address, sizeof known->address, "%u Easy Gate Bend", 10000 + number);
    known->customer = (customer){ .name = text_of(known->name),
                                  .age = { 10 + number % 60, true },
                                  .gender = SL_TEXT("1"),
                                  .zip = text_of(known->zip),
                                  .address = text_of(known->address),
                                  .sign_date = SL_TEXT("01/13/2013"),
                                  .status = SL_TEXT("1"),
                                  .level = SL_TEXT("2"),
                                  .campaign = SL_TEXT("4"),
                                  .linked_with_apps = SL_TEXT("1") };
    fields_print(customer_schema(), &known->customer, &known->json);
    known->head = (linked_head){ .json = { known->json.at, known->json.size } };
}

static void input_make(void)
{
    uint64_t state = 1;
    for (unsigned i = 0; i < CUSTOMERS; i++)
        customer_make(&customers[i], i);
    for (size_t i = 0; i < PLAYS; i++) {
        unsigned customer = zipf_next(&state, CUSTOMERS), track = zipf_next(&state, 100000);
        line_print(&lines[i], i, customer, track, &state);
        sl_message message = { .origin = { .offset = (int64_t)i, .time_ms = 1795402680000 } };
        message.value = (sl_text){ lines[i].text, lines[i].size };
        if (!parse_play(NULL, &message, &plays[i]))
            give_up("a line is refused");
        plays[i].customer = &customers[customer].customer;
    }
}

static void bytes_copy(void)
{
    printed.size = 0;
    for (size_t i = 0; i < PLAYS; i++)
        buffer_append(&printed, ready.at + ready.size / PLAYS * i, ready.size / PLAYS);
}

static void documents_print(void)
{
    printed.size = 0;
    for (size_t i = 0; i < PLAYS; i++)
        document_print_with_id(with_id, &plays[i], BATCH_MS, &printed);
}

/* As if the customer's part were not kept: his fields are printed each time. */
static void documents_print_all(void)
{
    static play bare;
    printed.size = 0;
    for (size_t i = 0; i < PLAYS; i++) {
        bare = plays[i];
        bare.customer = NULL;
        document_print_with_id(with_id, &bare, BATCH_MS, &printed);
        printed.size--; /* the brace */
        fields_print(customer_schema(), plays[i].customer, &printed);
        buffer_byte(&printed, '}');
    }
}

static void text_put(json_object *to, const char *name, sl_text text)
{
    json_object_object_add(to, name, json_object_new_string_len(text.at, (int)text.size));
}

static void documents_by_library(void)
{
    for (size_t i = 0; i < PLAYS; i++) {
        const play *play = &plays[i];
        const customer *of = play->customer;
        json_object *made = json_object_new_object();
        json_object_object_add(made, "event_id", json_object_new_int64(play->event_id));
        text_put(made, "customer_id", play->customer_id);
        text_put(made, "track_id", play->track_id);
        text_put(made, "datetime", play->datetime);
        json_object_object_add(made, "ismobile", json_object_new_int64(play->ismobile));
        text_put(made, "listening_zip_code", play->listening_zip_code);
        text_put(made, "name", of->name);
        json_object_object_add(made, "age", json_object_new_int64(of->age.value));
        text_put(made, "gender", of->gender);
        text_put(made, "zip", of->zip);
        text_put(made, "Address", of->address);
        text_put(made, "SignDate", of->sign_date);
        text_put(made, "Status", of->status);
        text_put(made, "Level", of->level);
        text_put(made, "Campaign", of->campaign);
        text_put(made, "LinkedWithApps", of->linked_with_apps);
        sum_of += strlen(json_object_to_json_string_ext(made, JSON_C_TO_STRING_PLAIN));
        json_object_put(made);
    }
}

static void measure(const char *what, void (*way)(void), int times)
{
    double took[ROUNDS], size = (double)ready.size / PLAYS;
    for (int round = 0; round < ROUNDS; round++) {
        double begin = thread_s();
        for (int i = 0; i < times; i++)
            way();
        took[round] = (thread_s() - begin) * 1e9 / times / PLAYS;
        sum_of += printed.size;
    }
    double ns = median(took, ROUNDS);
    printf("%-46s %7.1f ns a document of %3.0f B  %6.2f GB/s\n", what, ns, size, size / ns);
}

int main(void)
{
    origin_name name = { .topic = (char *)(uintptr_t) "realtime",
                         .id = (char *)(uintptr_t) "realtime-0-",
                         .id_size = 11 };
    origins origins = { &name, 1 };
    input_make();
    with_id = document_new(play_schema(), &SL_FIELDS(play, origin), &origins);
    documents_print();
    buffer_append(&ready, printed.at, printed.size);
    measure("memcpy() of a document that is ready", bytes_copy, TIMES);
    measure("printed, the customer's part lying ready", documents_print, TIMES);
    measure("printed, the customer's fields one by one", documents_print_all, TIMES);
    measure("json-c: built, printed, freed", documents_by_library, TIMES_SLOW);
    document_free(with_id);
    return sum_of == 1;
}
