/*
 * tests/system/sbom.c - the SBOM that `make dist` writes is JSON, describes the tarball, and names the package of every library
 * that the command and the jobs are linked with, here and now.
 */
#include "../base/folder.h"
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Packages of all shared libraries that the programs ask for themselves, a name a line; asked of the programs, not of the Makefile. */
static const char needed[] =
    "programs=\"$SLUICE_BUILD/sluice $SLUICE_BUILD/jobs/listens\"; "
    "objdump -p $programs | sed -n 's/^ *NEEDED *//p' | sort -u | grep -v san | while read -r file; do "
    "ldd $programs | awk -v file=$file '$1 == file { print $3; exit }'; done | while read -r path; do "
    "path=$(readlink -f $path); dpkg-query -S $path 2>/dev/null || dpkg-query -S ${path#/usr}; done | "
    "sed 's/[:,].*//' | sort -u";

static json_object *sbom_of(const char *folder)
{
    char command[1000], path[1000];
    snprintf(command, sizeof command, "engine/package/sbom.sh %s/sluice-1.2.3.tar.gz >%s/sbom.json", folder,
             folder);
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof path, "%s/sbom.json", folder);
    json_object *sbom = json_object_from_file(path);
    assert_non_null(sbom);
    return sbom;
}

static const char *text_of(json_object *object, const char *name)
{
    json_object *found = NULL;
    return json_object_object_get_ex(object, name, &found) ? json_object_get_string(found) : "";
}

static json_object *package_named(json_object *sbom, const char *name)
{
    json_object *packages = json_object_object_get(sbom, "packages");
    for (size_t i = 0; i < json_object_array_length(packages); i++) {
        json_object *package = json_object_array_get_idx(packages, i);
        if (strcmp(text_of(package, "name"), name) == 0)
            return package;
    }
    return NULL;
}

static bool is_related(json_object *sbom, const char *name)
{
    char id[200];
    json_object *relations = json_object_object_get(sbom, "relationships");
    snprintf(id, sizeof id, "SPDXRef-%s", name);
    for (size_t i = 0; i < json_object_array_length(relations); i++)
        if (strcmp(text_of(json_object_array_get_idx(relations, i), "relatedSpdxElement"), id) == 0)
            return true;
    return false;
}

static void every_library_that_is_linked_is_named_with_its_licence(void **state)
{
    (void)state;
    if (system("command -v dpkg-query objdump ldconfig >/dev/null && git log -1 >/dev/null 2>&1") != 0)
        skip();
    const char *folder = folder_open();
    folder_write("sluice-1.2.3.tar.gz", "a tarball");
    json_object *sbom = sbom_of(folder);
    assert_string_equal(text_of(sbom, "spdxVersion"), "SPDX-2.3");
    assert_string_equal(text_of(package_named(sbom, "sluice"), "versionInfo"), "1.2.3");
    char name[200];
    int count = 0;
    FILE *pipe = popen(needed, "r");
    assert_non_null(pipe);
    for (; fscanf(pipe, "%199s", name) == 1; count++) {
        json_object *package = package_named(sbom, name);
        if (package == NULL || !is_related(sbom, name))
            fail_msg("%s is linked, and not in the SBOM", name);
        assert_true(*text_of(package, "versionInfo") && *text_of(package, "licenseDeclared"));
    }
    pclose(pipe);
    assert_in_range(count, 10, 40);
    json_object_put(sbom);
    folder_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_library_that_is_linked_is_named_with_its_licence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
