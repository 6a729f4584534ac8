#!/bin/sh
# Runs a command against a throwaway PostgreSQL and returns its exit status.
#
#   scripts/with-postgres.sh go test ./internal/store/...
#
# POSTERN_TEST_POSTGRES names a database on a free loopback port; the
# cluster lives in a temporary folder, without fsync, and is gone afterwards.
# PostgreSQL is taken from PATH or from Debian's folder; PGBIN overrides both.
set -eu

[ $# -gt 0 ] || { echo "usage: $0 command [argument...]" >&2; exit 2; }

bin=${PGBIN:-}
if [ -z "$bin" ]; then
	if command -v initdb >/dev/null 2>&1; then
		bin=$(dirname "$(readlink -f "$(command -v initdb)")")
	else
		for d in /usr/lib/postgresql/*/bin; do
			[ -x "$d/initdb" ] && bin=$d
		done
	fi
fi
[ -n "$bin" ] || { echo "$0: no PostgreSQL found; install postgresql or set PGBIN" >&2; exit 1; }

dir=$(mktemp -d "${TMPDIR:-/tmp}/postern-pg.XXXXXX")
owner=$(id -un)
if [ "$(id -u)" -eq 0 ]; then # initdb refuses to run as root
	owner=postgres
	chown postgres "$dir"
fi

as_owner() {
	if [ "$owner" = "$(id -un)" ]; then
		sh -c "cd '$dir' && $1"
	else
		su "$owner" -s /bin/sh -c "cd '$dir' && $1"
	fi
}

stop() {
	as_owner "'$bin/pg_ctl' -D '$dir/data' -m immediate -w stop" >/dev/null 2>&1 || true
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

as_owner "'$bin/initdb' -D '$dir/data' -A trust -U postgres -E UTF8 --locale=C.UTF-8 --no-sync" >"$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }

# A port that is free now may be taken a moment later, so try a few.
port=
for try in 1 2 3 4 5; do
	candidate=$(awk -v seed="$$$try$(date +%N)" 'BEGIN { srand(seed % 2147483647); print 20000 + int(rand() * 12000) }')
	if as_owner "'$bin/pg_ctl' -D '$dir/data' -l '$dir/server.log' -w -t 60 -o '-p $candidate -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c full_page_writes=off -c max_connections=200' start" >/dev/null 2>&1; then
		port=$candidate
		break
	fi
done
[ -n "$port" ] || { cat "$dir/server.log" >&2; exit 1; }

POSTERN_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable"
export POSTERN_TEST_POSTGRES

status=0
"$@" || status=$?
exit "$status"
