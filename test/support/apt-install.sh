#!/bin/sh
# Installs Debian packages without questions, without removing any, and without services: the tests start their own servers.
#
#   sh apt-install.sh <policy file> <units> <package>...
#
# policy file: /usr/sbin/policy-rc.d, which Debian asks before it starts a service; one that is there already is left alone.
# units: of the packages' services, with spaces between; those that are new afterwards do not start with the machine.
policy=$1 units=$2
shift 2
export DEBIAN_FRONTEND=noninteractive
# Ubuntu would restart services whose libraries were updated.
export NEEDRESTART_SUSPEND=1

# Ours refuses only while this script runs: what a kill -9 leaves behind takes itself away when it is asked next.
if grep -qs "wbsync's tests" "$policy" || { [ ! -e "$policy" ] && [ ! -L "$policy" ]; }; then
  # After a signal dash runs what is trapped for EXIT only if the signal is trapped too. Another run may have a file by now.
  trap 'if grep -qs "/proc/$$/" "$policy"; then rm -f "$policy"; fi' EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  printf '%s\n' '#!/bin/sh' "# No service is started while wbsync's tests install servers." \
    "if grep -qs apt-install.sh /proc/$$/cmdline; then exit 101; fi" 'rm -f "$0"' 'exit 104' >"$policy"
  chmod +x "$policy"
fi

is_known() {
  [ -n "$(systemctl list-unit-files --no-legend "$1.service" 2>/dev/null)" ]
}

new=
for unit in $units; do
  is_known "$unit" || new="$new $unit"
done

apt-get update -qq
# One by one: what stands in the way of one does not keep the others out.
for package; do
  apt-get install -y -qq --no-remove --no-install-recommends -o DPkg::Lock::Timeout=300 "$package"
done

for unit in $new; do
  if is_known "$unit"; then
    systemctl --quiet disable "$unit.service"
    systemctl --quiet stop "$unit.service"
  fi
done
