#!/usr/bin/env bash
#
# Run each fuzz target of build/fuzz for a while: scripts/fuzz.sh SECONDS
# It starts from tests/fuzz/seeds/NAME and keeps what it learns in build/fuzz/corpus/NAME. An input
# that breaks something is left in build/fuzz as NAME-crash-…; T=word picks targets by name.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=$1
status=0
export ASAN_SYMBOLIZER_PATH=/usr/lib/llvm-14/bin/llvm-symbolizer
export UBSAN_OPTIONS=print_stacktrace=1

fuzz()
{
	local name=$1 log=build/fuzz/$1.log seeds=tests/fuzz/seeds/$1 dict=tests/fuzz/$1.dict
	local folders=("build/fuzz/corpus/$name") options=()

	mkdir -p "${folders[0]}"
	[ ! -d "$seeds" ] || folders+=("$seeds")
	[ ! -f "$dict" ] || options+=("-dict=$dict")
	echo "fuzz_$name: $seconds seconds"
	if "build/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=10 -print_final_stats=1 \
		-artifact_prefix="build/fuzz/$name-" "${options[@]}" "${folders[@]}" \
		> "$log" 2>&1 < /dev/null; then
		sed -nE 's/^stat::(number_of_executed_units|new_units_added|peak_rss_mb): */    \1 /p' "$log"
	else
		tail -n 40 "$log"
		echo "fuzz_$name: found something, see $log"
		status=1
	fi
}

for source in tests/fuzz/fuzz_*.c; do
	name=$(basename "$source" .c)
	[[ $name != *"${T:-}"* ]] || fuzz "${name#fuzz_}"
done
exit $status
