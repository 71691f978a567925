#!/usr/bin/env bash
#
# Run suites of tests against the build in $BUILD, and count:
#   scripts/check.sh unit sql e2e
#   scripts/check.sh servers
# unit needs nothing else; sql (pgTAP), e2e and servers (ejabberd and Prosody, each run privately) run
# on a PostgreSQL cluster that is made for them and removed, however this ends. With T=word only files with that word in their name; TESTS has
# the names of the unit tests to run, where it shall not be all.
# What each suite said stays in $BUILD/check.
set -euo pipefail
cd "$(dirname "$0")/.."

BUILD=${BUILD:-build}
logs=$BUILD/check
cluster=
passed=0
failed=0
skipped=0

# A finding of a sanitizer has a status that nothing else has. Memory that is not there is NULL.
export ASAN_OPTIONS=exitcode=86:detect_leaks=1:detect_stack_use_after_return=1:allocator_may_return_null=1
export UBSAN_OPTIONS=exitcode=86:print_stacktrace=1
export LSAN_OPTIONS=exitcode=86
export TSAN_OPTIONS=exitcode=86:second_deadlock_stack=1

cleanup()
{
	[ -z "$cluster" ] || scripts/cluster.sh stop "$cluster"
	rm -rf "$logs/tmp"
}

need_cluster()
{
	[ -z "$cluster" ] || return 0
	cluster=$(scripts/cluster.sh start --fast --owner $$)
}

# The test files of a suite, in $files. None is an error, unless T left them out.
choose()
{
	local file

	files=()
	for file in "$@"; do
		[[ ${file##*/} != *"${T:-}"* ]] || [ ! -f "$file" ] || files+=("$file")
	done
	[ ${#files[@]} -gt 0 ] && return
	[ -n "${T:-}" ] || failed=$((failed + 1))
	echo "no test in ${1%/*}"
	return 1
}

# number PATTERN: the last number that follows the pattern in the input, or 0.
number()
{
	local found

	found=$(sed -nE "s/.*$1([0-9]+).*/\\1/p" | tail -n 1)
	echo "${found:-0}"
}

# count STATUS PASSED FAILED: a suite that broke without naming a failed test is one failure.
count()
{
	passed=$((passed + $2))
	failed=$((failed + $3))
	[ "$1" -eq 0 ] || [ "$3" -gt 0 ] || failed=$((failed + 1))
}

unit()
{
	local file name log names status

	read -ra names <<< "${TESTS:-test_*}"
	names=("${names[@]/#/tests/unit/}")
	# shellcheck disable=SC2068 # the usual name is a pattern
	choose ${names[@]/%/.c} || return 0
	for file in "${files[@]}"; do
		name=$(basename "$file" .c)
		log=$logs/$name.log
		status=0
		"$BUILD/unit/$name" > "$log" 2>&1 || status=$?
		count $status "$(number 'PASSED  \] ' < "$log")" "$(number 'FAILED  \] ' < "$log")"
		if [ $status -eq 0 ]; then
			printf '  %-24s %s\n' "$name" "$(grep 'PASSED  ]' "$log" | tail -n 1)"
		else
			cat "$log"
			echo "$name: exit status $status"
		fi
	done
}

# An empty database with the schema and pgTAP in it.
pgtap_database()
{
	local psql=("$1/psql" -Xq -v ON_ERROR_STOP=1) dsn

	dsn=$(scripts/cluster.sh dsn "$cluster" adminex_pgtap)
	"${psql[@]}" "$(scripts/cluster.sh dsn "$cluster")" -c 'CREATE DATABASE adminex_pgtap' &&
		"$BUILD/adminex" --dsn "$dsn" migrate &&
		"${psql[@]}" "$dsn" -c 'CREATE EXTENSION pgtap'
}

sql()
{
	local bin log=$logs/pgtap.log status=0 not_ok tests

	choose tests/pgtap/*.sql || return 0
	need_cluster
	bin=$(scripts/cluster.sh bindir)
	if ! pgtap_database "$bin" > "$log" 2>&1; then
		cat "$log"
		count 1 0 0
		return
	fi
	pg_prove --psql-bin "$bin/psql" -h "$cluster" -U postgres -d adminex_pgtap --failures \
		"${files[@]}" 2>&1 | tee "$log" || status=$?
	not_ok=$(grep '^not ok' "$log" | grep -vc '# TODO' || :)
	tests=$(number 'Tests=' < "$log")
	count $status $((tests - not_ok)) "$not_ok"
}

# e2e_part LOG FILE...: some test files, on a cluster of their own; prints what is not ok.
e2e_part()
{
	local log=$1 own status=0

	shift
	own=$(scripts/cluster.sh start --fast --owner $$)
	(cd tests/e2e && ADMINEX_TEST_CLUSTER=$own ADMINEX_BIN=$BUILD/adminex \
		PYTHONDONTWRITEBYTECODE=1 python3 -m unittest -v "${@%.py}") > "$log" 2>&1 || status=$?
	scripts/cluster.sh stop "$own"
	[ $status -eq 0 ] || sed -n '/^=====/,$p' "$log"
	return $status
}

# count_part STATUS LOG: a test with subtests may fail several times.
count_part()
{
	local end bad more good

	end=$(tail -n 1 "$2")
	bad=$(($(number '\(failures=' <<< "$end") + $(number 'errors=' <<< "$end")))
	more=$(number 'skipped=' <<< "$end")
	skipped=$((skipped + more))
	good=$(($(number '^Ran ' < "$2") - bad - more))
	count "$1" $((good > 0 ? good : 0)) $bad
	printf '  %-24s %s\n' "$(basename "$2" .log)" "$end"
}

# Most of them wait most of the time: two parts run side by side, longest files first.
e2e()
{
	local one=() other=() first=0 second=0 turn=0 file first_pid

	choose tests/e2e/test_*.py || return 0
	mapfile -t files < <(ls -S "${files[@]}")
	for file in "${files[@]}"; do
		# The largest, two of the other part, two of this one ...
		if [ $(((turn++ + 1) / 2 % 2)) -eq 0 ]; then
			one+=("${file##*/}")
		else
			other+=("${file##*/}")
		fi
	done
	e2e_part "$logs/e2e.1.log" "${one[@]}" &
	first_pid=$!
	[ ${#other[@]} -eq 0 ] || e2e_part "$logs/e2e.2.log" "${other[@]}" || second=$?
	wait $first_pid || first=$?
	count_part $first "$logs/e2e.1.log"
	[ ${#other[@]} -eq 0 ] || count_part $second "$logs/e2e.2.log"
}

# The Python that has the XMPP client: a Debian package is for Debian's own.
python_with_slixmpp()
{
	local python

	for python in python3 /usr/bin/python3; do
		! "$python" -c 'import slixmpp' 2> /dev/null || break
	done
	echo "$python"
}

# What it does is said while it is done: these servers take their time.
servers()
{
	local log=$logs/servers.log python status=0

	choose tests/servers/test_*.py || return 0
	need_cluster
	python=$(python_with_slixmpp)
	files=("${files[@]##*/}")
	(cd tests/servers && ADMINEX_TEST_CLUSTER=$cluster ADMINEX_BIN=$BUILD/adminex \
		PYTHONPATH=../e2e PYTHONDONTWRITEBYTECODE=1 timeout -k 60 1800 \
		"$python" -m unittest -v "${files[@]%.py}") 2>&1 | tee "$log" || status=$?
	count_part $status "$log"
}

trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
mkdir -p "$logs"
for suite in "$@"; do
	printf '\n== %s tests\n' "$suite"
	"$suite"
done
echo
[ $skipped -eq 0 ] || echo "$skipped skipped, see $logs/*.log"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $((passed + skipped)) -gt 0 ]
