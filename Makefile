# Sluice's one Makefile: settings on top, then what is built, then how, then the commands that people type (make help).
#
# Files are found by their folder; nothing is listed here when one is added. A variant of the build (VARIANT=asan, tsan,
# clang) has a folder of its own, build/VARIANT; the release that people run lies in build itself. Everything of the engine
# and the listeners goes into one archive, libsluice.a, from which jobs, the command, tests and benchmarks are linked.

# ---------------------------------------------------------------------------------------------------------------- settings

VARIANT ?= release
# "-march=native" is faster on this machine and may not run on the next.
MARCH   ?=
# Of the bounded demo: FOR=20s
FOR     ?=
# Tests to run: parts of their paths, as in TESTS="base/ jobs/listens"
TESTS   ?=
# Of torture: kills, the seed of all that is drawn (a number; else the time), REAL=1: with a real broker and search server,
# HISTORY=3: the third one alone
KILLS   ?= 60
SEED    ?=
REAL    ?=
HISTORY ?=
MUTANT  ?=
# Of the simulation: how many seeds; from SEED on, which alone means that one; VERBOSE=1 shows its steps
SEEDS   ?= 10000
VERBOSE ?=
# Of fuzzing: inputs for each target, and which
RUNS    ?= $(or $(FUZZ_RUNS),2000000)
FUZZ    ?=
PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
version := $(shell sed -n 's/^\#define SLUICE_VERSION "\(.*\)"/\1/p' engine/version.h)
DESTDIR ?=

PACKAGES := rdkafka hiredis libcurl json-c libmicrohttpd libxxhash zlib snappy liblz4 libzstd libssl libcrypto

language := -std=c17 -D_GNU_SOURCE
# What is wrong, what is easily misread, what changes a value in silence, what ought to have a prototype.
warnings  = -Wall -Wextra -Wpedantic -Werror -Wundef -Wformat=2 -Wconversion -Wcast-qual \
            -Wstrict-prototypes -Wmissing-prototypes $(of_variant)
# A variable may be named like its type ("arena *arena") or as what every job calls its own ("job"): gcc can ask for shadowing
# among a function's own variables only, clang cannot. Clang also sees into libraries' macros (RD_KAFKA_V_TOPIC), which gcc
# knows to be not ours. Where gcc builds sanitizers in, it warns of what they add; the other builds are the judges.
of_variant = $(if $(findstring clang,$(CC)),-Wno-gnu-statement-expression -Wno-cast-qual,-Wshadow=local) \
             $(if $(filter asan,$(VARIANT)),-w)

ifeq ($(origin CC),default)
CC := gcc
endif

# The sanitizers' libraries come with a version of clang, which need not be the one called "clang".
clang_version = $(firstword $(foreach version,14 15 16 17 18 19 20,$(notdir $(shell command -v clang-$(version)))) clang)

# The archive holds machine code beside what the link-time optimizer reads: jobs and the command are linked with it,
# tests quickly without it, and nothing is compiled twice.
ifeq ($(VARIANT),release)
out      := build
optimize := -O3 -g1
lto      := -flto=auto -ffat-lto-objects
archiver := gcc-ar
else ifeq ($(VARIANT),asan)
out      := build/asan
optimize := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
archiver := ar
else ifeq ($(VARIANT),tsan)
# gcc's OpenMP library is unknown to ThreadSanitizer and looks like a race; clang's is not.
out      := build/tsan
CC       := $(clang_version)
optimize := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
# Takes tests/support/c11_threads.c into every test.
LDFLAGS  += -Wl,-u,thrd_create
archiver := ar
else ifeq ($(VARIANT),fuzz)
out      := build/fuzz
CC       := $(clang_version)
optimize := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
archiver := ar
else ifeq ($(VARIANT),clang)
out      := build/clang
CC       := clang
optimize := -O2 -g1
archiver := ar
else
$(error VARIANT is release, asan, tsan, fuzz or clang)
endif

# ------------------------------------------------------------------------------------------------------------ what is built

find = $(if $(wildcard $1),$(sort $(shell find $1 -name '*.c')))
# Of some C files, those that hold a main.
with_main = $(if $(strip $1),$(shell grep -lE '^int main\b' $1))
objects_of = $(patsubst %.c,$(out)/obj/%.o,$1)

kind_folders := engine/sources engine/lookups engine/sinks listeners
kinds        := $(wildcard $(addsuffix /*.c,$(kind_folders)))

library_sources := $(filter-out engine/main.c engine/cli/main.c,$(call find,engine)) $(call find,listeners)
library         := $(out)/libsluice.a
job_main        := $(out)/obj/engine/main.o
installed       := $(out)/installed/libsluice.a
jobs            := $(patsubst jobs/%.c,$(out)/jobs/%,$(sort $(wildcard jobs/*.c)))
command         := $(patsubst engine/cli/main.c,$(out)/sluice,$(wildcard engine/cli/main.c))

test_sources    := $(call find,tests)
test_mains      := $(call with_main,$(test_sources))
test_support    := $(filter-out $(test_mains) tests/fuzz/%,$(test_sources))
test_library    := $(out)/libtests.a
# "kafka.test", since a folder "kafka" may lie beside it.
test_program     = $(patsubst tests/%.c,$(out)/tests/%.test,$1)
test_programs   := $(call test_program,$(test_mains))
named_in_TESTS   = $(strip $(foreach part,$(TESTS),$(findstring $(part),$1)))
tests_wanted    := $(call test_program,$(if $(TESTS),$(foreach test,$(test_mains),$(if \
                       $(call named_in_TESTS,$(test)),$(test))),$(test_mains)))

# Without a main: libFuzzer brings it. The folder of the same name holds what a target begins with.
fuzz_programs   := $(patsubst tests/%.c,$(out)/tests/%.fuzz,$(call find,tests/fuzz))

bench_sources   := $(call find,bench)
bench_mains     := $(call with_main,$(bench_sources))
bench_library   := $(out)/libbench.a
bench_programs  := $(patsubst bench/%.c,$(out)/bench/%,$(bench_mains))

objects := $(call objects_of,$(library_sources) $(wildcard engine/main.c engine/cli/main.c jobs/*.c) $(test_sources) \
               $(bench_sources)) $(out)/obj/kinds.o

.PHONY: all
all: $(command) $(jobs)

# -------------------------------------------------------------------------------------------------------------- how: flags

bench_commands := bench bench-engine bench-operators bench-durability bench-status bench-kafka bench-limits bench-peers bench-counts bench-quick

# Not asked for by targets that compile nothing, since "make deps" brings pkg-config.
ifneq ($(filter-out deps check clean help deb deb-install dist reproducible demo test test-asan test-tsan torture simulate mutants fuzz fuzz-fetch fresh docker-steps $(bench_commands),$(or $(MAKECMDGOALS),all)),)
ifneq ($(shell pkg-config --exists $(PACKAGES) && echo yes),yes)
$(error A library or pkg-config itself is missing (of $(PACKAGES)); "make deps" installs it)
endif
# Headers of others are not ours to warn about. xxHash is compiled in from its header.
package_flags := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PACKAGES)))
package_links := $(shell pkg-config --libs $(filter-out libxxhash,$(PACKAGES)))
endif

compile = $(CC) $(language) $(warnings) $(optimize) $(if $(MARCH),-march=$(MARCH)) -fopenmp $(CPPFLAGS) $(CFLAGS)
link    = $(CC) $(optimize) $(if $(MARCH),-march=$(MARCH)) -fopenmp -Wl,--as-needed $(LDFLAGS)
libs    = $(package_links) -lm -pthread

# The same bytes wherever and whenever it is built. Debugging information calls the folder /proc/self/cwd, which is right in every
# folder (a -ffile-prefix-map would itself be noted in what the link-time optimizer reads), and names that the compiler makes
# up follow from the file's.
in_place = PWD=/proc/self/cwd
lasting  = $(if $(findstring clang,$(CC)),,-frandom-seed=$<)

# V=1 shows whole commands.
show    = $(if $(V),,@echo '  $1  $2' && )

includes := -Iengine -Iengine/include -Ilisteners $(package_flags)
# Jobs see what users of the installed headers see.
$(out)/obj/jobs/%.o: private includes := -Iengine/include -Ijobs
$(out)/obj/tests/%.o $(out)/obj/bench/%.o: private includes := -Iengine -Iengine/include -Ijobs -Ilisteners -Itests $(package_flags)
$(out)/obj/tests/%.o: private lto :=
# Tests print into buffers that are large enough for what they print, which gcc guesses at the higher levels of -O only.
$(out)/obj/tests/%.o: private apart := $(if $(findstring clang,$(CC)),,-Wno-format-truncation)

# Other flags or another compiler: everything is compiled anew.
$(out)/flags: force
	@mkdir -p $(@D)
	@echo '$(compile) $(lto) $(package_flags)' | cmp -s - $@ || echo '$(compile) $(lto) $(package_flags)' >$@

# -------------------------------------------------------------------------------------------------------------- how: rules

$(out)/obj/%.o: %.c Makefile $(out)/flags
	@mkdir -p $(@D)
	$(call show,cc,$<)$(in_place) $(compile) $(lasting) $(lto) $(apart) $(includes) -MMD -MP -c $< -o $@

$(out)/obj/kinds.o: build/kinds.c Makefile $(out)/flags
	@mkdir -p $(@D)
	$(call show,cc,$<)$(in_place) $(compile) $(lasting) $(lto) $(apart) $(includes) -MMD -MP -c $< -o $@

# An array: its room (source), the folder, the type of its members.
define kinds_array
$(foreach file,$(sort $(wildcard $2/*.c)),extern const $3 $1_$(basename $(notdir $(file)));\n)const $3 *const $1_kinds[] = {\
$(foreach file,$(sort $(wildcard $2/*.c)), &$1_$(basename $(notdir $(file))),) NULL };\n
endef

define kinds_text
/* Written by the Makefile from the file names: sinks/elastic.c is "elastic:" and sink_elastic. */\n#include <kinds.h>\n\n$(strip \
$(call kinds_array,source,engine/sources,source_kind)) $(strip \
$(call kinds_array,lookup,engine/lookups,lookup_kind)) $(strip \
$(call kinds_array,sink,engine/sinks,sink_kind)) $(strip \
$(call kinds_array,listener,listeners,sl_listener))
endef

build/kinds.c: force
	@mkdir -p $(@D)
	@printf '$(kinds_text)' | sed 's/^ //' | cmp -s - $@ || printf '$(kinds_text)' | sed 's/^ //' >$@

# The page's files and the chart library of the system's packages, as arrays. Without the library there are no charts.
web_files := $(sort $(wildcard engine/http/web/*.html engine/http/web/*.css engine/http/web/*.js)) \
             $(wildcard /usr/share/javascript/dygraphs/dygraph.min.js /usr/share/javascript/dygraphs/dygraph.min.css)
build/web.c: engine/http/web/pack.sh $(web_files) $(out)/members
	@mkdir -p $(@D)
	@engine/http/web/pack.sh $(web_files) >$@.new && mv $@.new $@

$(out)/obj/web.o: build/web.c Makefile $(out)/flags
	@mkdir -p $(@D)
	$(call show,cc,$<)$(in_place) $(compile) $(lasting) $(lto) $(apart) $(includes) -MMD -MP -c $< -o $@

# Made anew as a whole: a file that went must not live on in it. The list of its members is a prerequisite.
$(library): $(call objects_of,$(library_sources)) $(out)/obj/kinds.o $(out)/obj/web.o $(out)/members
	@rm -f $@
	$(call show,ar,$@)$(archiver) rcsD $@ $(filter %.o,$^)

$(test_library): $(call objects_of,$(test_support)) $(out)/members
	@rm -f $@
	$(call show,ar,$@)ar rcsD $@ $(filter %.o,$^)

$(bench_library): $(call objects_of,$(filter-out $(bench_mains),$(bench_sources))) $(out)/members
	@rm -f $@
	$(call show,ar,$@)$(archiver) rcsD $@ $(filter %.o,$^)

# What "make install" installs: one object, optimized as a whole, without code for the link optimizer, which would be of one
# version of one compiler and would ask a user's warnings of our code. It has no other names than sl_... and main, which is
# weak: a job's test has its own. The command's code is not in it.
$(installed): $(job_main) $(filter-out $(out)/obj/engine/cli/%,$(call objects_of,$(library_sources))) $(out)/obj/kinds.o $(out)/obj/web.o
	@mkdir -p $(@D)
	$(call show,ld,$@)$(in_place) $(link) $(lto) $(if $(lto),-flinker-output=nolto-rel) -r -nostdlib $^ -o $(@D)/sluice.o
	@objcopy --wildcard --keep-global-symbol='sl_*' --keep-global-symbol=main --weaken-symbol=main $(@D)/sluice.o
	@rm -f $@
	@ar rcsD $@ $(@D)/sluice.o

members := $(library_sources) $(test_support) $(bench_sources) $(web_files)
$(out)/members: force
	@mkdir -p $(@D)
	@echo '$(members)' | cmp -s - $@ || echo '$(members)' >$@

$(command): $(out)/obj/engine/cli/main.o $(library)
	$(call show,ld,$@)$(in_place) $(link) $(lto) $^ $(libs) -o $@

$(jobs): $(out)/jobs/%: $(out)/obj/jobs/%.o $(job_main) $(library)
	@mkdir -p $(@D)
	$(call show,ld,$@)$(in_place) $(link) $(lto) $^ $(libs) -o $@

$(test_programs): $(out)/tests/%.test: $(out)/obj/tests/%.o $(test_library) $(library)
	@mkdir -p $(@D)
	$(call show,ld,$@)$(link) $(if $(lto),-fno-lto) $^ -lcmocka $(libs) -o $@

# The simulation takes the place of these calls of the system and of those to servers: tests/simulate/world.h.
simulated := open64 close read write pread64 pwrite64 fdatasync posix_fadvise64 ftruncate64 rename unlink mkdir stat64 fstat64 opendir readdir64 \
             closedir mmap64 flock clock_gettime clock_ticks pthread_cond_timedwait getrandom getpid redis_begin redis_add \
             redis_finish redis_ask redis_ping http_new http_free http_place http_send
$(out)/tests/simulate/simulate.test: private LDFLAGS += $(simulated:%=-Wl,--wrap=%)

$(fuzz_programs): $(out)/tests/%.fuzz: $(out)/obj/tests/%.o $(test_library) $(library)
	@mkdir -p $(@D)
	$(call show,ld,$@)$(link) -fsanitize=fuzzer $^ -lcmocka $(libs) -o $@

$(bench_programs): $(out)/bench/%: $(out)/obj/bench/%.o $(bench_library) $(library)
	@mkdir -p $(@D)
	$(call show,ld,$@)$(in_place) $(link) $(lto) $^ $(libs) -o $@

-include $(objects:.o=.d)

.PHONY: force
force:
# Objects are kept for the next run.
.SECONDARY: $(objects)

# ---------------------------------------------------------------------------------------------------------------- commands

# This Makefile anew, after the packages are there, on all cores.
again = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

## make               the command build/sluice and the jobs build/jobs/*

## make deps          installs the packages that are missing
.PHONY: deps
deps:
	@tests/deps.sh build run test clang check

## make demo          the whole pipeline on this machine, with made-up listens (FOR=20s: for so long)
.PHONY: demo
demo:
	@tests/deps.sh build run
	+@$(again) all
	build/sluice demo $(if $(FOR),--for $(FOR))

## make test          builds and runs all tests (TESTS="base/ jobs/listens": those)
.PHONY: test
test:
	@tests/deps.sh build run test
	+@$(again) run-tests

## make test-asan     the same under the address and undefined behaviour sanitizers, but what looks at the release alone
.PHONY: test-asan
test-asan:
	@tests/deps.sh build run test
	+@$(again) VARIANT=asan run-tests

## make test-tsan     all but the system tests under the thread sanitizer
.PHONY: test-tsan
test-tsan:
	@tests/deps.sh build run test clang
	+@$(again) VARIANT=tsan run-tests

# Under the thread sanitizer no system tests: what they start is mostly servers, and too slow. Only they and torture start
# the command and the jobs. The simulation has one thread. Under the address sanitizer none of what is installed or in docker/,
# which is the release whatever the variant.
of_processes := $(out)/tests/system/% $(out)/tests/faults/%
not_run_tsan := $(of_processes) $(out)/tests/simulate/%
not_run_asan := $(out)/tests/system/install.test $(out)/tests/system/docker_settings.test
tests_run := $(filter-out $(not_run_$(VARIANT)),$(tests_wanted))
.PHONY: run-tests
run-tests: $(if $(filter $(of_processes),$(tests_run)),all) $(tests_run)
	$(if $(filter $(out)/tests/system/%,$(tests_run)),@tests/servers/fetch.sh)
	@tests/run.sh $(out) $(tests_run)

.PHONY: tests
tests: $(tests_wanted)

## make torture       kills a job again and again, and compares all that came out (KILLS=1000 SEED=7 REAL=1 HISTORY=3)
.PHONY: torture run-torture
torture:
	@tests/deps.sh build run test
	+@$(again) run-torture SEED=$(or $(SEED),$(shell date +%s))
run-torture: all $(out)/tests/faults/torture.test
	$(if $(REAL),@tests/servers/fetch.sh)
	@KILLS=$(KILLS) SEED=$(SEED) REAL=$(REAL) HISTORY=$(HISTORY) tests/faults/run.sh $(out)

## make simulate      histories of crashes, power cuts and troubles on a simulated system (SEEDS=100000; SEED=4711 VERBOSE=1)
.PHONY: simulate run-simulate
simulate:
	@tests/deps.sh build test
	+@$(again) run-simulate
run-simulate: $(out)/tests/simulate/simulate.test
	@$(if $(SEED),SEED=$(SEED)) SEEDS=$(if $(SEED),$(if $(filter file,$(origin SEEDS)),1,$(SEEDS)),$(SEEDS)) VERBOSE=$(VERBOSE) $<

## make mutants       plants known mistakes one at a time; the simulation has to find each (SEEDS=10000; MUTANT=part of a name)
.PHONY: mutants run-mutants
mutants:
	@tests/deps.sh build test
	+@$(again) run-mutants
run-mutants: $(out)/tests/simulate/simulate.test
	@tests/mutants/run.sh $(SEEDS) "$(MUTANT)"

## make fuzz          damaged bytes for all that reads what others wrote (RUNS=10000000: for each target; FUZZ="text/ disk/": those)
.PHONY: fuzz run-fuzz
fuzz:
	@tests/deps.sh build test clang
	+@$(again) VARIANT=fuzz run-fuzz
fuzz_wanted = $(if $(FUZZ),$(foreach program,$(fuzz_programs),$(if $(strip $(foreach part,$(FUZZ),$(findstring \
                  $(part),$(program)))),$(program))),$(fuzz_programs))
run-fuzz: $(fuzz_wanted)
	@tests/fuzz/run.sh $(out) $(RUNS) $^

## make fuzz-fetch    damaged bytes for all that reads what a Kafka broker sends (RUNS=10000000: so many for each target)
.PHONY: fuzz-fetch run-fuzz-fetch
fuzz-fetch:
	@tests/deps.sh build test clang
	+@$(again) VARIANT=fuzz run-fuzz-fetch
run-fuzz-fetch: $(filter $(out)/tests/fuzz/fetch/%,$(fuzz_programs))
	@tests/fuzz/run.sh $(out) $(RUNS) $^

## make fresh         make demo and make test in a bare Debian 12 that is made for it (root; SUITE=noble: Ubuntu 24.04)
.PHONY: fresh
fresh:
	@tests/deps.sh fresh
	@tests/fresh/run.sh

## make docker-steps  the steps of docker/Dockerfile in a bare Debian 12 that is made for it, and what comes out (root)
.PHONY: docker-steps
docker-steps:
	@tests/deps.sh fresh
	@tests/docker/image.sh

## make check         format, layers, lengths, banned words, missing tests, docker/, static analysis
.PHONY: check
check:
	@tests/deps.sh build check
	@tests/check/all.sh

## make bench         all benchmarks with goals: bench-engine (from memory) and bench-kafka (a real broker)
.PHONY: $(bench_commands)
bench: bench-engine bench-kafka
bench-engine:
	@tests/deps.sh build
	+@$(again) bench-programs
	build/bench/engine/listens
	build/bench/engine/windows
	build/bench/engine/keys
	build/bench/engine/records
bench-kafka:
	@tests/deps.sh build run test
	+@$(again) all bench-programs
	bench/kafka/run.sh

## make bench-operators  each operation against a loop by hand; windows, keys and memory of operations used alone
bench-operators:
	@tests/deps.sh build
	+@$(again) bench-programs
	build/bench/operators/operators $(if $(QUICK),50000 3)
	build/bench/operators/alone $(if $(QUICK),1)

## make bench-durability  what journal and checkpoint cost, with and without them in one run
bench-durability:
	@tests/deps.sh build
	+@$(again) bench-programs
	build/bench/engine/durability
	build/bench/engine/restart $(if $(QUICK),100)

## make bench-status  what listeners, metrics and pages cost the driver and the throughput
bench-status:
	@tests/deps.sh build
	+@$(again) $(out)/bench/engine/status
	build/bench/engine/status

## make bench-limits  the floor of each step on this machine: memory, timers, disk, parsing, JSON, Redis, Kafka
bench-limits:
	@tests/deps.sh build run test
	+@$(again) all bench-programs
	bench/limits/run.sh

## make bench-counts  instructions a record on each hot path; writes bench/counts/counts.txt
bench-counts:
	@tests/deps.sh build counts
	+@$(again) all bench-programs
	bench/counts/run.sh >$(out)/counts.txt
	cp $(out)/counts.txt bench/counts/counts.txt
	@cat bench/counts/counts.txt

## make bench-quick   the main figures in under a minute, a line each, nothing judged
bench-quick:
	@tests/deps.sh build run test counts
	+@$(again) all bench-programs
	@bench/quick.sh

## make bench-peers   the same job on Kafka Streams, Flink and Spark; writes its table into bench/README.md
.PHONY: bench-peers
bench-peers:
	@tests/deps.sh build run test peers
	+@$(again) all bench-programs
	bench/peers/run.sh

.PHONY: bench-programs
bench-programs: $(bench_programs)

## make manual        manual pages in build/man, by help2man, from what --help prints
.PHONY: manual
manual: all
	engine/package/manual/pages.sh build build/man

## make install       the command, jobs, headers, archive, completion and manual pages under PREFIX (/usr/local); DESTDIR too
.PHONY: install
share := $(DESTDIR)$(PREFIX)/share
install: all $(installed) $(if $(shell command -v help2man),manual)
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin lib/sluice/jobs include/sluice)
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig
	install $(command) $(DESTDIR)$(PREFIX)/bin
	install $(jobs) $(DESTDIR)$(PREFIX)/lib/sluice/jobs
	install -m 644 $(installed) $(DESTDIR)$(LIBDIR)
	install -m 644 engine/include/sluice/*.h $(DESTDIR)$(PREFIX)/include/sluice
	sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(patsubst $(PREFIX)/%,$${prefix}/%,$(LIBDIR))|; s|@VERSION@|$(version)|; s|@PACKAGES@|$(filter-out libxxhash,$(PACKAGES))|' \
	    engine/package/sluice.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/sluice.pc
	install -D -m 644 engine/package/completion/sluice.bash $(share)/bash-completion/completions/sluice
	install -D -m 644 engine/package/completion/_sluice $(share)/zsh/site-functions/_sluice
	install -D -m 644 engine/package/completion/sluice.fish $(share)/fish/vendor_completions.d/sluice.fish
	if [ -d build/man ]; then install -d $(share)/man/man1 $(share)/man/man5 && \
	    install -m 644 build/man/*.1 $(share)/man/man1 && install -m 644 build/man/*.5 $(share)/man/man5; fi

## make deb           Debian packages of the last commit in build/deb
.PHONY: deb
deb:
	@tests/deps.sh build deb
	engine/package/deb.sh

## make deb-install   installs these packages in a bare Debian that is made for it, runs a job there, and purges them (root)
.PHONY: deb-install
deb-install:
	@tests/deps.sh build deb fresh
	[ -n "$(wildcard build/deb/*.deb)" ] || engine/package/deb.sh
	@tests/package/install.sh

## make dist          a tarball of the last commit in build/dist, with its SBOM (SPDX) and checksums
.PHONY: dist
dist:
	@tests/deps.sh build
	engine/package/dist.sh

## make reproducible  builds packages and tarball twice, in other folders, zones and languages: are they the same bytes?
.PHONY: reproducible
reproducible:
	@tests/deps.sh build deb
	@tests/package/reproducible.sh

## make clean         removes build/
.PHONY: clean
clean:
	rm -rf build

## make help          this
.PHONY: help
help:
	@sed -n 's/^## //p' Makefile
