#!/usr/bin/env bash
#
# Install what is missing, by group, on Debian 12.
#   scripts/deps.sh [build] [server] [test] [lint] [fuzz] [bench] [servers]
# Without a group: build, server and test, which is what `make check` needs.
set -euo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

defaults=/etc/postgresql-common/createcluster.d
policy=/usr/sbin/policy-rc.d
made=()
idle=()
units=()
declare -A packages=(
	[build]="gcc libc6-dev pkg-config python3 libpq-dev libidn-dev libxml2-dev libyajl-dev
	         libconfig-dev libzip-dev libssl-dev libcsv-dev libmicrohttpd-dev libgnutls28-dev
	         libcurl4-openssl-dev libcurl4"
	[server]="postgresql-15 curl"
	[test]="postgresql-15-pgtap libtap-parser-sourcehandler-pgtap-perl libcmocka-dev unzip
	        python3-jsonschema openapi-specification openssl pgbouncer"
	[lint]="clang-format-14 clang-tidy-14 shellcheck"
	[fuzz]="clang-14 libclang-rt-14-dev llvm-14"
	[bench]="wrk nginx-light curl openssl"
	[servers]="ejabberd prosody python3-slixmpp"
)

die()
{
	echo "deps: $*" >&2
	exit 1
}

wanted()
{
	local group

	for group in "$@"; do
		[ -n "${packages[$group]:-}" ] || die "no group '$group', there are: ${!packages[*]}"
		tr -s '[:space:]' '\n' <<< "${packages[$group]}"
	done | sort -u
}

missing()
{
	comm -23 <(printf '%s\n' "$@") \
		<(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2> /dev/null |
			sed -n 's/^installed //p' | sort -u)
}

# The tests and the demo run private clusters. A machine that never had PostgreSQL shall not get
# a server that always runs only because its programs are needed here: the setting stands during
# this installation, and what the administrator installs later behaves as Debian documents it.
no_main_cluster()
{
	[ ! -e /etc/postgresql-common ] || return 0
	made+=("$defaults/adminex.conf")
	mkdir -p "$defaults"
	echo 'create_main_cluster = false' > "$defaults/adminex.conf"
}

# The same for the servers that benchmarks and tests run by themselves: they would answer on ports of
# their own from now on, and after each boot.
no_service()
{
	local package=$1 name=$2

	case " ${names[*]} " in *" $package "*) ;; *) return ;; esac
	[ ! -e "/etc/$name" ] || return 0
	idle+=("$name")
	no_start
}

# And for what Erlang brings along, which has units for systemd only.
no_epmd()
{
	case " ${names[*]} " in *" ejabberd "*) ;; *) return ;; esac
	[ ! -e /usr/bin/epmd ] || return 0
	units=(epmd.service epmd.socket)
	no_start
}

# Nothing is started by the installation itself.
no_start()
{
	[ ! -e "$policy" ] || return 0
	made+=("$policy")
	printf '#!/bin/sh\nexit 101\n' > "$policy"
	chmod 755 "$policy"
}

put_back()
{
	rm -f "${made[@]}"
	[[ " ${made[*]}" != *" $defaults"* ]] || rmdir --ignore-fail-on-non-empty "$defaults"
}

[ $# -gt 0 ] || set -- build server test
list=$(wanted "$@")
mapfile -t names <<< "$list"

if ! command -v apt-get > /dev/null || ! command -v dpkg-query > /dev/null; then
	die "not a Debian system: install what corresponds to ${names[*]}, then add DEPS=no to make"
fi

list=$(missing "${names[@]}")
[ -n "$list" ] || exit 0
mapfile -t names <<< "$list"

if [ "$(id -u)" -ne 0 ]; then
	command -v sudo > /dev/null || die "need root or sudo to install ${names[*]}"
	echo "deps: sudo is needed to install ${names[*]}"
	exec sudo -- bash "$0" "$@"
fi

echo "deps: installing ${names[*]}"
apt-get update -qq
trap put_back EXIT
no_main_cluster
no_service nginx-light nginx
no_service pgbouncer pgbouncer
no_service ejabberd ejabberd
no_service prosody prosody
no_epmd
apt-get install -y -qq --no-install-recommends "${names[@]}" < /dev/null
for service in "${idle[@]}"; do
	update-rc.d "$service" disable
done
if [ ${#units[@]} -gt 0 ] && command -v systemctl > /dev/null; then
	systemctl disable "${units[@]}"
fi
