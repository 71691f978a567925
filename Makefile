# adminex: `make help` lists the targets.

VERSION  := 0.1.0
PREFIX   ?= /usr/local
BINDIR   ?= $(PREFIX)/bin
LIBDIR   ?= $(PREFIX)/lib
INCDIR   ?= $(PREFIX)/include
MANDIR   ?= $(PREFIX)/share/man
CONFDIR  ?= $(PREFIX)/share/adminex
COMPDIR  ?= $(PREFIX)/share/bash-completion/completions
UNITDIR  ?= $(PREFIX)/lib/systemd/system
V        ?= 0
SAN      ?= 0
FUZZ_SECONDS ?= 60
# The unit tests of what several threads use.
TSAN_TESTS ?= test_cache test_cache_races test_metrics test_queue test_rowset test_spool \
              test_throttle test_workers
ifeq ($(origin CC),default)
CC       := gcc
endif

# The builds lie beside each other: plain, under the sanitizers, under that of threads, for
# libFuzzer.
ifeq ($(SAN),0)
BUILD    := build
SANFLAGS :=
OPT      := -O2 -g
else ifeq ($(SAN),tsan)
BUILD    := build/tsan
SANFLAGS := -fsanitize=thread -fno-omit-frame-pointer
OPT      := -O1 -g
else
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT      := -O1 -g
ifeq ($(SAN),fuzz)
BUILD    := build/fuzz
SANFLAGS += -fsanitize=fuzzer-no-link
CC       := clang-14
else
BUILD    := build/san
endif
endif

PACKAGES := libpq libidn libxml-2.0 yajl libconfig libzip libcrypto libmicrohttpd gnutls libcurl
# Loaded when they are needed (xmllib.h, httplib.h, curllib.h); tests may link libxml2.
LOADED   := libxml-2.0 libmicrohttpd gnutls libcurl
CPPFLAGS += -D_GNU_SOURCE -DADMINEX_VERSION='"$(VERSION)"' -Iinclude -Isrc -I$(BUILD)/gen \
            $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
CFLAGS   ?= $(OPT)
WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
            -Wwrite-strings -Wformat=2 -Wvla \
            -Wno-missing-field-initializers
ifeq ($(CI)$(filter fuzz,$(SAN)),true)
WARN     += -Werror
endif
ALL_CFLAGS := -std=c17 -pthread $(WARN) $(CFLAGS) $(SANFLAGS) -fstack-protector-strong
LDLIBS   := $(shell pkg-config --libs $(filter-out $(LOADED),$(PACKAGES)) 2>/dev/null) -lcsv
TESTLIBS := $(shell pkg-config --libs libxml-2.0 2>/dev/null)
LDFLAGS  += $(SANFLAGS) -Wl,--as-needed

SRC      := $(sort $(wildcard src/*/*.c))
GEN      := $(BUILD)/gen/sql_catalogue.c $(BUILD)/gen/migrations.c
OBJ      := $(SRC:src/%.c=$(BUILD)/obj/%.o) $(GEN:$(BUILD)/gen/%.c=$(BUILD)/obj/gen/%.o)
LIB      := $(BUILD)/libadminex.a
UNIT     := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(sort $(wildcard tests/unit/test_*.c)))
FUZZERS  := $(patsubst tests/fuzz/%.c,$(BUILD)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
HEADERS  := $(sort $(wildcard include/*/*.h src/*/*.h))
SOURCES  := $(sort $(wildcard src/*.c src/*/*.c))
C_FILES  := $(HEADERS) $(SOURCES) $(sort $(wildcard tests/*/*.[ch] scripts/*.h))
SHELL_FILES := .ci/run $(sort $(wildcard scripts/*.sh))
PY_FILES := $(sort $(wildcard scripts/*.py tests/*/*.py))

Q := $(if $(filter 1,$(V)),,@)
say = @$(if $(filter 1,$(V)),:,printf '  %-8s %s\n' $(1) $(2))
# What was just installed is seen by a make that starts afterwards. It takes all processors,
# unless -j was given here.
again = $(Q)+$(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
install_deps = $(if $(filter no,$(DEPS)),,$(Q)scripts/deps.sh $(1))
check = BUILD=$(BUILD) scripts/check.sh

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo 'With SAN=1 under AddressSanitizer and UBSan, V=1 shows the commands, T=accounts runs'
	@echo 'only tests whose file name has that word, DEPS=no installs no packages.'

.PHONY: deps
deps: ## install what is missing: compiler, libraries, PostgreSQL, test tools (apt, sudo)
	$(Q)scripts/deps.sh

.PHONY: all
all: $(BUILD)/adminex $(LIB) ## build build/adminex and build/libadminex.a

# One line instead of a hundred errors.
.PHONY: libraries
libraries:
	@pkg-config --exists $(PACKAGES) 2>/dev/null && command -v python3 >/dev/null && \
	$(CC) -E -x c -include csv.h /dev/null >/dev/null 2>&1 || \
	{ echo 'compiler or libraries are missing, run: make deps' >&2; exit 1; }

$(BUILD)/adminex: $(BUILD)/obj/main.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(LIB): $(OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/obj/%.o: src/%.c | $(BUILD)/gen/sql_catalogue.h
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/gen/%.o: $(BUILD)/gen/%.c | $(BUILD)/gen/sql_catalogue.h
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# SQL becomes C: statements and migrations are built into the binary.
$(BUILD)/gen/sql_catalogue.c $(BUILD)/gen/sql_catalogue.h &: \
		$(wildcard sql/*/*.sql) scripts/embed-sql.py | libraries
	$(call say,SQL,$(BUILD)/gen/sql_catalogue.c)
	$(Q)mkdir -p $(BUILD)/gen
	$(Q)python3 scripts/embed-sql.py statements sql $(BUILD)/gen/sql_catalogue

$(BUILD)/gen/migrations.c: $(wildcard migrations/*.sql migrations/*/*.sql) scripts/embed-sql.py | libraries
	$(call say,SQL,$@)
	$(Q)mkdir -p $(BUILD)/gen
	$(Q)python3 scripts/embed-sql.py migrations migrations $@

# One cmocka program for each tests/unit/test_*.c.
$(BUILD)/unit/%: tests/unit/%.c $(LIB)
	$(call say,UNIT,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests/unit $(ALL_CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(LIB) $(LDLIBS) $(TESTLIBS) -lcmocka

.PHONY: check check-unit check-sql check-e2e unit-programs
check: ## all tests, on a PostgreSQL cluster of their own (installs what is missing)
	$(call install_deps,build server test)
	$(again) all unit-programs
	$(Q)$(check) unit sql e2e

check-unit: unit-programs ## unit tests only
	$(Q)$(check) unit

check-sql: $(BUILD)/adminex ## pgTAP tests of the schema only
	$(Q)$(check) sql

check-e2e: $(BUILD)/adminex ## end-to-end tests of the program only
	$(Q)$(check) e2e

unit-programs: $(UNIT)
	@:

.PHONY: check-servers
check-servers: $(BUILD)/adminex ## move accounts to a real ejabberd and Prosody (scripts/deps.sh servers)
	$(Q)$(check) servers

.PHONY: check-tsan tsan-programs
check-tsan: ## what runs in threads, and a race of two daemons, under ThreadSanitizer
	$(call install_deps,build server test)
	$(again) SAN=tsan tsan-programs
	$(Q)BUILD=build/tsan TESTS='$(TSAN_TESTS)' scripts/check.sh unit
	$(Q)BUILD=build/tsan T=serve_races ADMINEX_RACE_SECONDS=20 scripts/check.sh e2e

tsan-programs: $(BUILD)/adminex $(TSAN_TESTS:%=$(BUILD)/unit/%)
	@:

# Ratios against yardsticks of the same minute; no part of the checks. T=word: only these cases.
.PHONY: bench bench-scale bench-http bench-gdpr
bench: $(BUILD)/adminex ## compare with psql, pgbench and COPY; writes docs/BENCHMARKS.md
	$(Q)ADMINEX_BIN=$< python3 tests/bench/bench.py $(if $(T),--only '$(T)') compare

bench-scale: $(BUILD)/adminex ## 1 million accounts against 10 thousand (by hand: 20 min, 10 GB)
	$(Q)ADMINEX_BIN=$< python3 tests/bench/bench.py $(if $(T),--only '$(T)') scale

bench-http: ## the daemon under load against pgbench and nginx (installs wrk, nginx-light)
	$(call install_deps,build server bench)
	$(again) $(BUILD)/adminex
	$(Q)ADMINEX_BIN=$(BUILD)/adminex python3 tests/bench/bench.py $(if $(T),--only '$(T)') http

bench-gdpr: ## exports and erasures of personal data against the plain SELECTs, COPY and DELETE
	$(call install_deps,build server bench)
	$(again) $(BUILD)/adminex
	$(Q)ADMINEX_BIN=$(BUILD)/adminex python3 tests/bench/bench.py $(if $(T),--only '$(T)') gdpr

.PHONY: docs
docs: $(BUILD)/adminex ## make docs/adminex.1 from the program's help, tables of docs/CACHE.md from sql/
	$(call say,DOCS,'docs/adminex.1 docs/CACHE.md')
	$(Q)python3 scripts/make-docs.py $<

.PHONY: demo demo-stop
demo: ## a private PostgreSQL with real data, and a walk through the main job
	$(call install_deps,build server)
	$(again) all
	$(Q)scripts/demo.sh start

demo-stop: ## end and remove what `make demo` left running
	$(Q)scripts/demo.sh stop

# What all checks have to say is worth more than the first complaint: -k.
.PHONY: lint lint-checks lint-format lint-layers lint-shell lint-python format
lint: ## check form and find mistakes: clang-format, clang-tidy, shellcheck
	$(call install_deps,build lint)
	$(again) -k lint-checks

lint-checks: lint-format lint-layers lint-shell lint-python $(SOURCES:%=$(BUILD)/lint/%.ok)

lint-format:
	$(call say,FORMAT,'$(words $(C_FILES)) files')
	$(Q)clang-format-14 --dry-run -Werror $(C_FILES)

lint-shell:
	$(call say,SHELL,'$(words $(SHELL_FILES)) files')
	$(Q)shellcheck $(SHELL_FILES)

lint-layers:
	$(call say,LAYERS,src)
	$(Q)python3 scripts/check-layers.py

lint-python:
	$(call say,PYTHON,'$(words $(PY_FILES)) files')
	$(Q)PYTHONPYCACHEPREFIX=$(BUILD)/lint/python python3 -W error -m py_compile $(PY_FILES)

$(BUILD)/lint/%.ok: % .clang-tidy scripts/lint.h $(HEADERS) | $(BUILD)/gen/sql_catalogue.h
	$(call say,TIDY,$<)
	$(Q)mkdir -p $(@D)
	$(Q)clang-tidy-14 --quiet $< -- -std=c17 $(WARN) $(CPPFLAGS) \
		$(if $(filter src/base/error.c,$<),,-include scripts/lint.h) >$@ 2>&1 || \
		{ grep -v 'warnings generated' $@ >&2; exit 1; }

format: ## apply the form that `make lint` checks
	$(Q)clang-format-14 -i $(C_FILES)

# One libFuzzer program for each tests/fuzz/fuzz_*.c.
.PHONY: fuzz fuzzers
fuzz: ## fuzz each parser for FUZZ_SECONDS=60; T=jid only that one
	$(call install_deps,build fuzz)
	$(again) SAN=fuzz fuzzers
	$(Q)scripts/fuzz.sh $(FUZZ_SECONDS)

ifeq ($(SAN),fuzz)
fuzzers: $(FUZZERS)
endif

$(BUILD)/fuzz_%: tests/fuzz/fuzz_%.c $(LIB)
	$(call say,FUZZER,$@)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(LDFLAGS) -fsanitize=fuzzer -MMD -MP -o $@ $< $(LIB) $(LDLIBS) $(TESTLIBS)

.PHONY: install uninstall
install: all $(BUILD)/adminex.bash $(BUILD)/adminex.service ## install under PREFIX=/usr/local, staged in DESTDIR
	$(Q)install -D -m 755 -t $(DESTDIR)$(BINDIR) $(BUILD)/adminex
	$(Q)install -D -m 644 -t $(DESTDIR)$(LIBDIR) $(LIB)
	$(Q)install -D -m 644 -t $(DESTDIR)$(INCDIR)/adminex include/adminex/*.h
	$(Q)install -D -m 644 -t $(DESTDIR)$(MANDIR)/man1 docs/adminex.1
	$(Q)install -D -m 644 -t $(DESTDIR)$(CONFDIR) config/adminex.conf
	$(Q)install -D -m 644 $(BUILD)/adminex.bash $(DESTDIR)$(COMPDIR)/adminex
	$(Q)install -D -m 644 -t $(DESTDIR)$(UNITDIR) $(BUILD)/adminex.service

uninstall: ## remove what install put there
	$(Q)rm -f $(DESTDIR)$(BINDIR)/adminex $(DESTDIR)$(LIBDIR)/libadminex.a \
		$(DESTDIR)$(MANDIR)/man1/adminex.1 $(DESTDIR)$(COMPDIR)/adminex \
		$(DESTDIR)$(CONFDIR)/adminex.conf $(DESTDIR)$(UNITDIR)/adminex.service \
		$(patsubst include/%,$(DESTDIR)$(INCDIR)/%,$(wildcard include/adminex/*.h))
	$(Q)rmdir $(DESTDIR)$(INCDIR)/adminex $(DESTDIR)$(CONFDIR) 2>/dev/null || true

$(BUILD)/adminex.bash: $(BUILD)/adminex
	$(Q)$< completion bash > $@

# Where the program is may be another with each call.
.PHONY: $(BUILD)/adminex.service
$(BUILD)/adminex.service: config/adminex.service
	$(Q)mkdir -p $(@D) && sed 's|/usr/local/bin/|$(BINDIR)/|' $< > $@

.PHONY: clean
clean: ## remove build/
	$(Q)rm -rf build

-include $(wildcard $(BUILD)/*.d $(BUILD)/obj/*.d $(BUILD)/obj/*/*.d $(BUILD)/unit/*.d)
