#!/usr/bin/env bash
#
# A private PostgreSQL cluster in a folder of its own: unix socket only, under an unprivileged
# user, gone without a trace after `stop`. It never touches the checkout.
#
#   cluster.sh start [--fast] [--owner PID] [DIR]
#                         make a cluster and print its folder; with DIR, start that one again.
#                         --fast is for tests: what is committed outlives the server but not the
#                         machine; --owner removes the cluster when process PID ends, however
#   cluster.sh dsn DIR [DATABASE]     print the connection string
#   cluster.sh pid DIR                print the server's process id, exit 1 when it does not run
#   cluster.sh halt DIR [MODE]        end the server (fast, smart or immediate), keep the data
#   cluster.sh stop DIR               end the server and remove the folder; fine to repeat
#   cluster.sh bindir                 print where PostgreSQL's own programs are
#
# The superuser is `postgres`. Only the user the server runs as, and root, can reach the socket.
set -euo pipefail
export LC_ALL=C

die()
{
	echo "cluster: $*" >&2
	exit 1
}

bindir()
{
	local dir

	for dir in "${PG_BINDIR:-}" /usr/lib/postgresql/15/bin "$(pg_config --bindir 2> /dev/null)"; do
		if [ -x "$dir/initdb" ]; then
			echo "$dir"
			return
		fi
	done
	die "no PostgreSQL 15 server programs; run: make deps"
}

# PostgreSQL refuses to run as root.
server_user()
{
	if [ "$(id -u)" -ne 0 ]; then
		id -un
	else
		id -un postgres 2> /dev/null || die "no system user 'postgres'; run: make deps"
	fi
}

# as USER CMD…: from a place every user can be in, with none of the caller's PG* settings.
as()
{
	local user=$1 drop=()

	shift
	if [ "$(id -u)" -eq 0 ]; then
		drop=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --init-groups --)
	fi
	(cd / && exec "${drop[@]}" env -i PATH="$PATH" LC_ALL=C.UTF-8 "$@")
}

# A folder the server's user can make and reach. A socket's path has 107 bytes at most, and goes
# unquoted into connection strings.
make_dir()
{
	local user=$1 base

	for base in "${TMPDIR:-/tmp}" /tmp /var/tmp; do
		[[ $base =~ ^/[[:alnum:]/._-]{1,69}$ ]] || continue
		as "$user" mktemp -d "$base/adminex-XXXXXX" 2> /dev/null && return
	done
	die "user '$user' can make no folder in /tmp or /var/tmp"
}

owner_of()
{
	local dir=$1

	[[ $dir =~ /adminex-[[:alnum:]]{6}$ && -d $dir && ! -L $dir ]] ||
		die "not a cluster folder: '$dir'"
	stat -c %U "$dir"
}

# The file may be stale and its number in use by a stranger: a server stands in its data folder.
server_pid()
{
	local dir=$1 pid

	pid=$(head -n 1 "$dir/data/postmaster.pid" 2> /dev/null) || return 1
	[ "$(readlink "/proc/$pid/cwd")" = "$dir/data" ] || return 1
	echo "$pid"
}

configuration()
{
	cat <<- END
		listen_addresses = ''
		unix_socket_directories = '$1'
		max_connections = 100
		log_line_prefix = '%m [%p] %u@%d %a '
	END
	[ -n "$2" ] || return 0
	cat <<- END
		fsync = off
		full_page_writes = off
		jit = off
		max_wal_size = 256MB
		wal_level = minimal
		max_wal_senders = 0
	END
}

init()
{
	local user=$1 dir=$2 fast=$3 bin

	bin=$(bindir)
	as "$user" "$bin/initdb" -D "$dir/data" -U postgres --auth-local=trust --auth-host=reject \
		-E UTF8 --locale=C.UTF-8 ${fast:+--no-sync} > /dev/null
	configuration "$dir" "$fast" | as "$user" tee -a "$dir/data/postgresql.conf" > /dev/null
}

run_server()
{
	local user=$1 dir=$2 bin

	bin=$(bindir)
	if ! as "$user" "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 60 start > /dev/null; then
		as "$user" tail -n 5 "$dir/log" >&2
		die "PostgreSQL did not start in '$dir'"
	fi
}

cmd_start()
{
	local fast='' owner='' user

	while [[ ${1:-} == --* ]]; do
		case $1 in
		--fast) fast=1 ;;
		--owner) owner=$2 && shift ;;
		*) die "no option '$1'" ;;
		esac
		shift
	done
	if [ $# -gt 0 ]; then
		user=$(owner_of "$1")
		server_pid "$1" > /dev/null || run_server "$user" "$1"
		return
	fi
	user=$(server_user)
	new=$(make_dir "$user")
	trap 'cmd_stop "$new"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	if [ -n "$owner" ]; then
		setsid bash "$0" guard "$owner" "$new" < /dev/null &> /dev/null &
	fi
	init "$user" "$new" "$fast"
	run_server "$user" "$new"
	trap - EXIT
	echo "$new"
}

cmd_guard()
{
	tail --pid="$1" -f /dev/null
	cmd_stop "$2"
}

cmd_dsn()
{
	echo "host=$1 user=postgres dbname=${2:-postgres}"
}

cmd_halt()
{
	local user bin

	user=$(owner_of "$1")
	server_pid "$1" > /dev/null || return 0
	bin=$(bindir)
	as "$user" "$bin/pg_ctl" -D "$1/data" -m "${2:-fast}" -w -t 60 stop > /dev/null
}

cmd_stop()
{
	local user

	[ -e "$1" ] || return 0
	user=$(owner_of "$1")
	[ -x "$1" ] || die "'$1' belongs to user '$user'"
	cmd_halt "$1" fast || cmd_halt "$1" immediate
	as "$user" rm -rf "$1"
}

[ $# -gt 0 ] || die "what? start, dsn, pid, halt, stop or bindir"
verb=$1
shift
case $verb:$# in
start:*) cmd_start "$@" ;;
pid:1) server_pid "$1" ;;
bindir:0) bindir ;;
dsn:[12] | halt:[12] | stop:1 | guard:2) "cmd_$verb" "$@" ;;
*) die "wrong use of '$verb'; read the head of scripts/cluster.sh" ;;
esac
