#!/bin/sh
# Cleans up behind one test process, however that ends: also by kill -9. It is told on its standard input what was started
# ("pid 123"), what has ended ("gone 123") and which folders are temporary ("dir /tmp/x"). When the input closes, because the
# test process is no more, it kills what is still alive, process groups included, and removes the folders.
trap '' INT TERM HUP
pids=' '
dirs=$(mktemp "${TMPDIR:-/tmp}/wbsync-guard-XXXXXX")
while read -r verb value; do
  case $verb in
    pid) pids="$pids$value " ;;
    gone) pids=$(printf '%s' "$pids" | sed "s/ $value / /") ;;
    dir) printf '%s\n' "$value" >>"$dirs" ;;
  esac
done
for pid in $pids; do
  kill -9 -- "-$pid" 2>/dev/null || kill -9 "$pid" 2>/dev/null
done
while read -r dir; do
  rm -rf -- "$dir" 2>/dev/null || { sleep 0.2; rm -rf -- "$dir"; }
done <"$dirs"
rm -f -- "$dirs"
