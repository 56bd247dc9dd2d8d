# SPDX-License-Identifier: MIT
# A fresh Debian to try things in; sourced by the scripts of this folder.
#
#   root_make <folder>            a copy of a debootstrap of its own, made once below build/package
#   in_root <folder> command...   runs there, with /proc and /dev and processes of its own, which end with it
#   until_true <seconds> command...   asks again until it holds, or the time is over
#   step "sentence" command...    a test: counted, and its output shown when it fails

release=bookworm
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
base=build/package/base-$release
passed=0 failed=0
log=$(mktemp)

root_need() {
    if [ "$(id -u)" -ne 0 ]; then
        skip "not root: a Debian of one's own cannot be made"
    fi
    for program in debootstrap unshare; do
        command -v $program >/dev/null || skip "$program is not installed (tools/setup --package)"
    done
}

skip() {
    printf '  skip   %s\n0 passed, 0 failed, 1 skipped\n' "$1"
    exit 0
}

root_make() {
    if [ ! -e $base/complete ]; then
        printf '  %-6s %s\n' root "debootstrap $release"
        rm -rf $base && mkdir -p $base
        debootstrap --variant=minbase $release $base/root "$mirror" >"$log" 2>&1 || { tail -n 20 "$log"; exit 1; }
        # Services are neither started nor stopped in there.
        printf '#!/bin/sh\nexit 101\n' >$base/root/usr/sbin/policy-rc.d
        chmod +x $base/root/usr/sbin/policy-rc.d
        touch $base/complete
    fi
    rm -rf "$1"
    cp -a $base/root "$1"
    cp /etc/resolv.conf "$1/etc/resolv.conf"
}

in_root() {
    local root=$1
    shift
    unshare --mount --pid --fork --kill-child sh -c 'root=$1; shift
        mkdir -p "$root/proc" "$root/dev"
        mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" && exec chroot "$root" "$@"' sh "$root" "$@"
}

until_true() {
    local end_s=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end_s ] || return 1
        sleep 0.2
    done
    return 0
}

step() {
    local sentence=$1
    shift
    if "$@" >"$log" 2>&1; then
        passed=$((passed + 1))
        printf '  %-6s %s\n' ok "$sentence"
    else
        failed=$((failed + 1))
        printf '  %-6s %s\n' FAIL "$sentence"
        tail -n 15 "$log" | sed 's/^/         /'
    fi
}

finish() {
    rm -f "$log"
    printf '%d passed, %d failed, 0 skipped\n' $passed $failed
    [ $failed -eq 0 ]
}
