#!/usr/bin/env bash
# The Debian packages that some tests need. With root (or sudo without a password) they
# are installed; else the tests that need a missing one skip and name it.
set -euo pipefail
cd "$(dirname "$0")"
mapfile -t wanted < <(grep -v '^#' debian_packages.txt)
missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ "${#missing[@]}" -gt 0 ] || exit 0
if ! command -v apt-get >/dev/null 2>&1; then
  echo "not a Debian system; tests that need these will skip: ${missing[*]}"
  exit 0
fi
if [ "$(id -u)" = 0 ]; then
  as_root=(env)
elif sudo -n true 2>/dev/null; then
  as_root=(sudo -n env)
else
  echo "no root, no sudo; tests that need these will skip: ${missing[*]}"
  exit 0
fi
echo "installing for the tests: ${missing[*]}"
options=(-y -qq -o DPkg::Lock::Timeout=600 --no-install-recommends)
# The tests start servers of their own: none is to be started by being installed.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
  "${as_root[@]}" sh -c "printf '#!/bin/sh\nexit 101\n' > $policy; chmod 755 $policy"
fi
"${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get update -qq
"${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "${missing[@]}" >/dev/null
