#!/usr/bin/env bash
#
# The demo: a private PostgreSQL with real accounts, and a walk through the main job aloud.
#
#   demo.sh start     make it anew (an earlier one is removed) and walk through
#   demo.sh stop      end the server and remove its folder
set -euo pipefail
cd "$(dirname "$0")/.."

readonly STATE=build/demo.cluster
readonly DATA=tests/data
# A database of the caller's must not take part in this.
unset "${!PG@}" ADMINEX_DSN

# Bold on a terminal only.
bold='' plain=''
if [ -t 1 ]; then
	bold=$'\e[1m' plain=$'\e[0m'
fi

title()
{
	printf '\n%s== %s%s\n' "$bold" "$*" "$plain"
}

# An argument as one would type it: in single quotes only where it needs them.
quoted()
{
	if [[ $1 =~ ^[[:alnum:]@%+=:,./_-]+$ ]]; then
		printf '%s' "$1"
	else
		printf '%s' "${1@Q}"
	fi
}

# Say a command, run it; a "no" of the command is part of the story, a failure is not.
show()
{
	local status=0 word

	printf '\n%s$ adminex' "$bold"
	for word in "$@"; do
		printf ' %s' "$(quoted "$word")"
	done
	printf '%s\n' "$plain"
	build/adminex "$@" || status=$?
	if [ "$status" -gt 1 ]; then
		echo "demo: that failed with exit status $status" >&2
		exit 1
	fi
	if [ "$status" -eq 1 ]; then
		echo "(exit status 1)"
	fi
}

# The same with only the first lines of a long answer.
show_some()
{
	local lines=$1

	shift
	show "$@" | awk -v n="$((lines + 2))" 'NR <= n; NR == n + 1 { print "..." }'
}

stop()
{
	if [ -s "$STATE" ]; then
		scripts/cluster.sh stop "$(cat "$STATE")"
	fi
	rm -f "$STATE"
}

start_cluster()
{
	local dir

	stop
	dir=$(scripts/cluster.sh start)
	echo "$dir" > "$STATE"
	"$(scripts/cluster.sh bindir)/createdb" -h "$dir" -U postgres adminex
	ADMINEX_DSN="host=$dir user=postgres dbname=adminex"
	export ADMINEX_DSN
	echo "PostgreSQL listens on a socket in $dir, and nowhere else."
}

walk()
{
	local began ended

	title "The schema"
	show migrate

	title "337 accounts that a real ejabberd exported, and 12 that kept plain passwords"
	show --format table import "$DATA/ejabberd-23.01"
	show --format table import "$DATA/legacy.xml"

	title "One account"
	show check_account Orsino.Aldobrand Example.ORG
	show check_password viola.hollins example.org pw-0001-viola.hollins
	show_some 8 --format table get_roster orsino.aldobrand example.org
	show get_vcard orsino.aldobrand example.org FN

	title "What delete_old_users would do: the same statement, rolled back"
	show set_last feste.oakhurst example.org 1500000000 'gone for long'
	show --dry-run delete_old_users 365
	show check_account feste.oakhurst example.org

	title "A ban, and the way back"
	show ban_account viola.hollins example.org 'spam wave of May'
	show check_password viola.hollins example.org pw-0001-viola.hollins
	show --format table get_ban_details viola.hollins example.org
	show unban_account viola.hollins example.org
	show check_password viola.hollins example.org pw-0001-viola.hollins

	title "The personal data of one account"
	show_some 24 retrieve_personal_data malvolio.vauxhall example.org -

	title "A bulk roster push: everybody of example.org in everybody's roster, one statement"
	began=$(date +%s%N)
	show push_roster_alltoall example.org Everybody
	ended=$(date +%s%N)
	printf '\nThe push took %d ms.\n' $(((ended - began) / 1000000))
	show --dry-run push_roster_alltoall example.org Everybody
	show process_rosteritems list both any 'orsino\.aldobrand@example\.org' 'bottom.*@.*'
	show stats registeredusers
}

# The daemon ends with the demo, whatever happens.
daemon()
{
	local socket log

	socket=$(cat "$STATE")/adminex.sock
	log=build/demo.log
	printf '\n%s$ adminex serve --socket %s &%s\n' "$bold" "$socket" "$plain"
	build/adminex serve --socket "$socket" 2> "$log" &
	trap 'kill %1 2> /dev/null; wait' EXIT
	for _ in {1..100}; do
		grep -q 'results are cached' "$log" && break
		sleep 0.1
	done
	ask readyz
	ask api/check_account '{"user": "orsino.aldobrand", "host": "example.org"}'
	ask api/get_roster '{"user": "orsino.aldobrand", "host": "example.org", "limit": 1}'
	ask api/set_last '{"user": "feste.oakhurst", "host": "example.org", "timestamp": 1500000000, "status": ""}'
	kill %1
	wait
	trap - EXIT
}

# The same by HTTP: an address, and the arguments where there are any.
ask()
{
	local words=(curl -sS --unix-socket "$socket" "localhost/$1")

	[ $# -eq 1 ] || words+=(-d "$2")
	printf '\n%s$ curl --unix-socket %s localhost/%s%s%s\n' "$bold" "$socket" "$1" \
		"${2:+ -d ${2@Q}}" "$plain"
	"${words[@]}"
}

start()
{
	start_cluster
	walk
	title "The daemon"
	daemon
	title "Now you"
	cat << END

The server is still there. In this folder:

    export ADMINEX_DSN='$ADMINEX_DSN'
    build/adminex help
    build/adminex --json get_roster orsino.aldobrand example.org

and when you are done:

    make demo-stop
END
}

case ${1:-} in
start | stop) "$1" ;;
*)
	echo "demo: start or stop?" >&2
	exit 2
	;;
esac
