#!/usr/bin/env bash
# Runs a command with everything that Windows programs need under Wine.
#
#   GOOS=windows scripts/wine.sh go test ./sdk/...
#
# The command finds wine in POSTERN_WINE and a prefix, which is Wine's disk and
# registry, in WINEPREFIX: the one that WINEPREFIX names already, made when it is
# missing and then kept, or a new one that is gone afterwards. With GOOS=windows
# "go test" and "go run" run through Wine by themselves. A program that hangs is
# ended after POSTERN_WINE_LIMIT, five minutes without it.
# In the prefix are two libraries that Wine lacks, built from test/wine/dlls: the random
# numbers that Go asks for, and a Security Center that tests set by the registry.
set -euo pipefail
[ $# -gt 0 ] || { echo "usage: $0 command [argument...]" >&2; exit 2; }
here=$(cd "$(dirname "$0")/.." && pwd)

POSTERN_WINE=${POSTERN_WINE:-}
for w in /usr/lib/wine/wine64 "$(command -v wine64 || true)" "$(command -v wine || true)"; do
  [ -n "$POSTERN_WINE" ] || { [ -x "$w" ] && POSTERN_WINE=$w; }
done
cc=x86_64-w64-mingw32-gcc
if [ -z "$POSTERN_WINE" ] || ! command -v $cc >/dev/null 2>&1; then
  echo "$0: Wine or the mingw compiler is missing; scripts/setup.sh installs them on Debian" >&2
  exit 1
fi

export POSTERN_WINE WINEDEBUG=-all WINEDLLOVERRIDES="mscoree=;mshtml=;winemenubuilder.exe=d"
unset DISPLAY WAYLAND_DISPLAY
server=$(dirname "$POSTERN_WINE")/wineserver64
[ -x "$server" ] || server=wineserver
temporary=
finish() {
  [ -n "$temporary" ] || return 0
  timeout 30 "$server" -k >/dev/null 2>&1 || true # of this prefix alone
  rm -rf "$temporary"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if [ -z "${WINEPREFIX:-}" ]; then
  temporary=$(mktemp -d "${TMPDIR:-/tmp}/postern-wine.XXXXXX")
  WINEPREFIX=$temporary/prefix
fi
export WINEPREFIX

prepare() {
  timeout 180 "$POSTERN_WINE" wineboot -i >/dev/null 2>&1
  local system=$WINEPREFIX/drive_c/windows/system32
  for name in bcryptprimitives wscapi; do
    local source=$here/test/wine/dlls/$name
    local from=("$source.def")
    [ ! -f "$source.c" ] || from+=("$source.c")
    if [ -f "$system/$name.dll" ]; then continue; fi # a newer Wine has it
    $cc -shared -O1 -Wall -Werror -nostartfiles -Wl,--entry=0 -o "$system/$name.dll" "${from[@]}" -ladvapi32
  done
  touch "$WINEPREFIX/postern-ready"
}
if [ ! -f "$WINEPREFIX/postern-ready" ]; then
  mkdir -p "$WINEPREFIX" # two at once share one, and one of them makes it
  (flock 9; [ -f "$WINEPREFIX/postern-ready" ] || prepare 9>&-) 9>"$WINEPREFIX/postern.lock"
fi

# "go test" looks for a program of this name when it cannot run the target itself.
bin=$(mktemp -d "${TMPDIR:-/tmp}/postern-wine-bin.XXXXXX")
trap 'rm -rf "$bin"; finish' EXIT
cat >"$bin/go_windows_amd64_exec" <<EOF
#!/bin/sh
exec timeout ${POSTERN_WINE_LIMIT:-300} "$POSTERN_WINE" "\$@"
EOF
chmod +x "$bin/go_windows_amd64_exec"
PATH=$bin:$PATH "$@"
