/*
 * tests/base/disk.c - files that survive a crash: whole or not at all, and what a broken disk makes of the calls.
 */
#include <base/disk.h>
#include <base/folder.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

static int folder_setup(void **unused)
{
    (void)unused;
    folder_open();
    return 0;
}

static int folder_teardown(void **unused)
{
    (void)unused;
    disk_break(NULL);
    folder_close();
    return 0;
}

static disk_file *file_open(const char *name)
{
    failure failure = { 0 };
    disk_file *file = NULL;
    assert_int_equal(disk_open(folder_path(name), &file, &failure), SL_OK);
    return file;
}

static void append(disk_file *file, const char *text)
{
    failure failure = { 0 };
    assert_int_equal(disk_append(file, text, strlen(text), &failure), SL_OK);
}

static void what_was_appended_is_read_back(void **unused)
{
    (void)unused;
    failure failure = { 0 };
    buffer text = { 0 };
    disk_file *file = file_open("journal");
    append(file, "one ");
    append(file, "");
    append(file, "two");
    assert_int_equal(disk_size(file), 7);
    assert_int_equal(disk_sync(file, &failure), SL_OK);
    disk_close(file);
    file = file_open("journal");
    assert_int_equal(disk_size(file), 7);
    append(file, " three");
    disk_close(file);
    assert_string_equal(folder_read("journal"), "one two three");
    buffer_text(&text, "read: ");
    assert_int_equal(disk_read(folder_path("journal"), &text, &failure), SL_OK);
    assert_int_equal(text.size, 19);
    assert_memory_equal(text.at, "read: one two three", 19);
    buffer_done(&text);
}

static void an_absent_file_reads_as_nothing(void **unused)
{
    (void)unused;
    failure failure = { 0 };
    buffer text = { 0 };
    assert_int_equal(disk_read(folder_path("absent"), &text, &failure), SL_OK);
    assert_int_equal(text.size, 0);
    assert_int_equal(disk_read(folder_path(""), &text, &failure), SL_FAILED);
    assert_non_null(strstr(failure.text, "directory"));
    buffer_done(&text);
}

static void large_files_are_read_whole_in_short_reads(void **unused)
{
    (void)unused;
    enum { SIZE = 300000 };
    failure failure = { 0 };
    buffer text = { 0 };
    char *bytes = malloc(SIZE + 1);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)('a' + i * 7 % 26);
    bytes[SIZE] = '\0';
    folder_write("large", bytes);
    assert_true(disk_break("read:SHORT:large"));
    assert_int_equal(disk_read(folder_path("large"), &text, &failure), SL_OK);
    assert_int_equal(text.size, SIZE);
    assert_memory_equal(text.at, bytes, SIZE);
    buffer_done(&text);
    free(bytes);
}

static void a_full_disk_may_be_tried_again_and_leaves_the_file_as_it_was(void **unused)
{
    (void)unused;
    failure failure = { 0 };
    disk_file *file = file_open("journal");
    append(file, "one");
    assert_true(disk_break("write:ENOSPC:journal:1:1"));
    assert_int_equal(disk_append(file, "two", 3, &failure), SL_RETRY);
    assert_non_null(strstr(failure.text, folder_path("journal")));
    assert_non_null(strstr(failure.text, "disk is full"));
    assert_int_equal(disk_size(file), 3);
    append(file, "three");
    disk_close(file);
    assert_string_equal(folder_read("journal"), "onethree");
}

static void a_full_quota_is_a_full_disk_and_other_errors_are_final(void **unused)
{
    (void)unused;
    failure full = { 0 }, broken = { 0 };
    disk_file *file = file_open("journal");
    assert_true(disk_break("write:EDQUOT"));
    assert_int_equal(disk_append(file, "x", 1, &full), SL_RETRY);
    assert_true(disk_break("write:EIO"));
    assert_int_equal(disk_append(file, "x", 1, &broken), SL_FAILED);
    assert_non_null(strstr(broken.text, "Input/output error"));
    disk_close(file);
}

/* The kernel itself writes a part and then refuses: the limit of a file's size works like a disk that gets full. */
static void a_write_that_stopped_half_way_is_taken_back(void **unused)
{
    (void)unused;
    failure failure = { 0 };
    struct rlimit before, limit;
    disk_file *file = file_open("journal");
    append(file, "12345678");
    getrlimit(RLIMIT_FSIZE, &before);
    limit = (struct rlimit){ .rlim_cur = 12, .rlim_max = before.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    sl_result result = disk_append(file, "abcdefgh", 8, &failure);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(result, SL_FAILED);
    assert_string_equal(folder_read("journal"), "12345678");
    append(file, "90");
    disk_close(file);
    assert_string_equal(folder_read("journal"), "1234567890");
}

static void short_and_interrupted_writes_go_on(void **unused)
{
    (void)unused;
    disk_file *file = file_open("journal");
    assert_true(disk_break("write:SHORT:journal"));
    append(file, "a line of many bytes");
    assert_true(disk_break("write:EINTR:journal:1:3"));
    append(file, " and more");
    disk_break(NULL);
    disk_close(file);
    assert_string_equal(folder_read("journal"), "a line of many bytes and more");
}

static void after_a_failed_sync_the_file_takes_nothing_more(void **unused)
{
    (void)unused;
    failure sync = { 0 }, later = { 0 };
    disk_file *file = file_open("journal");
    append(file, "one");
    assert_true(disk_break("sync:EIO:journal:1:1"));
    assert_int_equal(disk_sync(file, &sync), SL_FAILED);
    assert_non_null(strstr(sync.text, "syncing"));
    assert_int_equal(disk_sync(file, &later), SL_FAILED);
    assert_int_equal(disk_append(file, "x", 1, &later), SL_FAILED);
    assert_int_equal(disk_cut(file, 0, &later), SL_FAILED);
    disk_close(file);
    assert_string_equal(folder_read("journal"), "one");
}

static void a_sync_on_a_full_disk_is_final_too(void **unused)
{
    (void)unused;
    failure failure = { 0 };
    disk_file *file = file_open("journal");
    append(file, "one");
    assert_true(disk_break("sync:ENOSPC:journal"));
    assert_int_equal(disk_sync(file, &failure), SL_FAILED);
    disk_close(file);
}

static void a_file_is_cut_but_never_made_longer(void **unused)
{
    (void)unused;
    failure failure = { 0 }, cut = { 0 };
    disk_file *file = file_open("journal");
    append(file, "one two");
    assert_int_equal(disk_cut(file, 3, &failure), SL_OK);
    assert_int_equal(disk_size(file), 3);
    assert_int_equal(disk_cut(file, 4, &failure), SL_FAILED);
    append(file, "!");
    assert_true(disk_break("cut:EIO"));
    assert_int_equal(disk_cut(file, 0, &cut), SL_FAILED);
    disk_close(file);
    assert_string_equal(folder_read("journal"), "one!");
}

static void a_replaced_file_is_the_new_one_and_nothing_lies_beside_it(void **unused)
{
    (void)unused;
    failure failure = { 0 };
    assert_int_equal(disk_replace(folder_path("state"), "first", 5, &failure), SL_OK);
    assert_string_equal(folder_read("state"), "first");
    assert_int_equal(disk_replace(folder_path("state"), "2nd", 3, &failure), SL_OK);
    assert_string_equal(folder_read("state"), "2nd");
    assert_int_equal(folder_count(), 1);
}

static void a_replace_that_fails_anywhere_leaves_the_old_file(void **unused)
{
    (void)unused;
    static const struct {
        const char *fault;
        sl_result result;
    } cases[] = { { "open:EACCES:state", SL_FAILED }, { "open:ENOSPC:state", SL_RETRY },
                  { "write:ENOSPC:state", SL_RETRY }, { "write:EIO:state", SL_FAILED },
                  { "sync:EIO:state", SL_FAILED },    { "rename:EIO:state", SL_FAILED },
                  { "rename:ENOSPC:state", SL_RETRY } };
    folder_write("state", "old");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        failure failure = { 0 };
        assert_true(disk_break(cases[i].fault));
        assert_int_equal(disk_replace(folder_path("state"), "new", 3, &failure), cases[i].result);
        assert_string_equal(folder_read("state"), "old");
        assert_int_equal(folder_count(), 1);
    }
}

static void a_replace_is_done_only_when_the_folder_is_synced(void **unused)
{
    (void)unused;
    failure failure = { 0 };
    assert_true(disk_break("sync:EIO::2")); /* the first is of the file itself */
    assert_int_equal(disk_replace(folder_path("state"), "new", 3, &failure), SL_FAILED);
    disk_break(NULL);
    assert_int_equal(folder_count(), 1);
}

static void a_rename_takes_the_place_of_what_was_there(void **unused)
{
    (void)unused;
    failure failure = { 0 }, absent = { 0 };
    folder_write("a", "new");
    folder_write("b", "old");
    assert_int_equal(disk_rename(folder_path("a"), folder_path("b"), &failure), SL_OK);
    assert_string_equal(folder_read("b"), "new");
    assert_false(folder_has("a"));
    assert_int_equal(disk_rename(folder_path("a"), folder_path("b"), &absent), SL_FAILED);
    assert_non_null(strstr(absent.text, folder_path("a")));
    assert_non_null(strstr(absent.text, folder_path("b")));
}

static void removing_what_is_absent_is_fine(void **unused)
{
    (void)unused;
    failure failure = { 0 };
    folder_write("a", "");
    assert_int_equal(disk_remove(folder_path("a"), &failure), SL_OK);
    assert_false(folder_has("a"));
    assert_int_equal(disk_remove(folder_path("a"), &failure), SL_OK);
    assert_true(disk_break("remove:EACCES"));
    assert_int_equal(disk_remove(folder_path("a"), &failure), SL_FAILED);
}

static void a_folder_is_made_with_its_parents(void **unused)
{
    (void)unused;
    failure failure = { 0 }, blocked = { 0 };
    struct stat status;
    assert_int_equal(disk_folder(folder_path("x/y//z/"), &failure), SL_OK);
    assert_int_equal(disk_folder(folder_path("x/y/z"), &failure), SL_OK);
    assert_int_equal(stat(folder_path("x/y/z"), &status), 0);
    assert_true(S_ISDIR(status.st_mode));
    assert_int_equal(status.st_mode & 027, 0);
    folder_write("file", "");
    assert_int_equal(disk_folder(folder_path("file"), &blocked), SL_FAILED);
    assert_non_null(strstr(blocked.text, "Not a directory"));
    failure_clear(&blocked);
    assert_true(disk_break("folder:ENOSPC:new"));
    assert_int_equal(disk_folder(folder_path("x/new"), &blocked), SL_RETRY);
}

static void a_listing_is_sorted_by_bytes_and_leaves_out_hidden_names(void **unused)
{
    (void)unused;
    static const char *const made[] = { "batch-9", "batch-10", "batch-\xc3\xa4", "other", ".batch-11.new" };
    static const char *const expected[] = { "batch-10", "batch-9", "batch-\xc3\xa4" };
    failure failure = { 0 };
    char **names = NULL;
    size_t count = 0;
    for (size_t i = 0; i < 5; i++)
        folder_write(made[i], "");
    assert_int_equal(disk_list(folder_path(""), "batch-", &names, &count, &failure), SL_OK);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(names[i], expected[i]);
        free(names[i]);
    }
    free(names);
    assert_int_equal(disk_list(folder_path(""), "", &names, &count, &failure), SL_OK);
    assert_int_equal(count, 4);
    assert_string_equal(names[3], "other");
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
    assert_int_equal(disk_list(folder_path(""), ".b", &names, &count, &failure), SL_OK);
    assert_int_equal(count, 1);
    free(names[0]);
    free(names);
    assert_int_equal(disk_list(folder_path(""), "none", &names, &count, &failure), SL_OK);
    assert_int_equal(count, 0);
    free(names);
    assert_int_equal(disk_list(folder_path("absent"), "", &names, &count, &failure), SL_FAILED);
}

static void a_file_is_settled_when_its_bytes_and_its_name_are_synced(void **unused)
{
    (void)unused;
    static const char *const broken[] = { "sync:EIO:journal", "sync:EIO::2", NULL };
    static const sl_result expected[] = { SL_FAILED, SL_FAILED, SL_OK };
    folder_write("journal", "left by a process that died");
    for (size_t i = 0; i < 3; i++) {
        failure failure = { 0 };
        disk_file *file = file_open("journal");
        assert_true(disk_break(broken[i]));
        assert_int_equal(disk_settle(file, &failure), expected[i]);
        assert_true(disk_break(NULL));
        disk_close(file);
    }
}

static void a_folder_that_is_there_is_synced_and_need_not_be_ours(void **unused)
{
    (void)unused;
    failure failure = { 0 };
    assert_int_equal(disk_folder(folder_path("made"), &failure), SL_OK);
    assert_true(disk_break("sync:EIO"));
    assert_int_equal(disk_folder(folder_path("made"), &failure), SL_OK);
}

static void what_was_not_synced_can_be_forgotten(void **unused)
{
    (void)unused;
    failure failure = { 0 };
    disk_file *file = file_open("journal");
    append(file, "kept");
    assert_int_equal(disk_sync(file, &failure), SL_OK);
    append(file, "lost");
    disk_forget();
    disk_close(file);
    assert_string_equal(folder_read("journal"), "kept");
}

static void a_fault_strikes_from_its_first_time_as_often_as_it_is_told(void **unused)
{
    (void)unused;
    static const sl_result expected[] = { SL_OK, SL_OK, SL_RETRY, SL_RETRY, SL_OK, SL_OK };
    disk_file *file = file_open("journal"), *other = file_open("other");
    assert_true(disk_break("write:ENOSPC:journal:3:2"));
    for (size_t i = 0; i < 6; i++) {
        failure failure = { 0 };
        append(other, "x");
        assert_int_equal(disk_append(file, "x", 1, &failure), expected[i]);
    }
    disk_close(file);
    disk_close(other);
    assert_string_equal(folder_read("journal"), "xxxx");
    assert_string_equal(folder_read("other"), "xxxxxx");
}

static void a_fault_that_nobody_understands_is_refused(void **unused)
{
    (void)unused;
    static const char *const wrong[] = { "",        "write",         "write:",        "read:ENOENT",
                                         "fly:EIO", "write:EIO:x:0", "write:EIO:x:-1" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(disk_break(wrong[i]));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_appended_is_read_back),
        TEST(an_absent_file_reads_as_nothing),
        TEST(large_files_are_read_whole_in_short_reads),
        TEST(a_full_disk_may_be_tried_again_and_leaves_the_file_as_it_was),
        TEST(a_full_quota_is_a_full_disk_and_other_errors_are_final),
        TEST(a_write_that_stopped_half_way_is_taken_back),
        TEST(short_and_interrupted_writes_go_on),
        TEST(after_a_failed_sync_the_file_takes_nothing_more),
        TEST(a_sync_on_a_full_disk_is_final_too),
        TEST(a_file_is_cut_but_never_made_longer),
        TEST(a_replaced_file_is_the_new_one_and_nothing_lies_beside_it),
        TEST(a_replace_that_fails_anywhere_leaves_the_old_file),
        TEST(a_replace_is_done_only_when_the_folder_is_synced),
        TEST(a_rename_takes_the_place_of_what_was_there),
        TEST(removing_what_is_absent_is_fine),
        TEST(a_folder_is_made_with_its_parents),
        TEST(a_listing_is_sorted_by_bytes_and_leaves_out_hidden_names),
        TEST(a_file_is_settled_when_its_bytes_and_its_name_are_synced),
        TEST(a_folder_that_is_there_is_synced_and_need_not_be_ours),
        TEST(what_was_not_synced_can_be_forgotten),
        TEST(a_fault_strikes_from_its_first_time_as_often_as_it_is_told),
        TEST(a_fault_that_nobody_understands_is_refused),
    };
    return cmocka_run_group_tests_name("base/disk", tests, NULL, NULL);
}
