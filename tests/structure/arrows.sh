#!/bin/sh
# The arrows between rooms, read from what was built: sources, undefined symbols, libraries. Argument: the build directory.
set -eu
build=$1
bad=0
complain() {
    echo "$*"
    bad=1
}

# No include climbs out of its room, and every source ends its includes with base/banned.h.
if grep -rn '#include "\.\./' src; then complain "an include climbs out of its room"; fi
for file in $(git ls-files 'src/*.c'); do
    last=$(grep '^#include.*[.]h[">]' "$file" | grep -v 'errors.def' | tail -n 1)
    [ "$last" = '#include "base/banned.h"' ] || complain "$file: base/banned.h is not its last include"
done

# The protocol room opens nothing, reads no clock, draws no randomness.
forbidden='^(open|openat|fopen|socket|connect|send|recv|read|write|time|clock_gettime|gettimeofday|RAND_bytes|getrandom|getentropy|rand|random)$'
if nm -u "$build/lib/libkurier_scep.a" | awk '{print $2}' | grep -E "$forbidden"; then
    complain "scep reaches for I/O, a clock or randomness"
fi
# Policy is pure as well.
if nm -u "$build/lib/libkurier_policy.a" | awk '{print $2}' | grep -E "$forbidden"; then
    complain "policy reaches for I/O, a clock or randomness"
fi

# What a profile says is handed in.
if nm -u "$build/lib/libkurier_profile.a" | awk '{print $2}' | grep -E "$forbidden"; then
    complain "profile reaches for I/O, a clock or randomness"
fi

# Which libraries a program names, beside the C library's own and a sanitizer's.
libraries() {
    readelf -d "$build/$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
        grep -Ev '^(libc|libm|libgcc_s|libpthread|libdl|librt|libresolv|ld-linux.*)\.so' | sed 's/\.so.*//' | sort | tr '\n' ' '
}
expect() {
    found=$(libraries "$1")
    [ "$found" = "$2" ] || complain "$1 needs '$found', may need '$2'"
}
expect kurier-signer 'libcrypto '
expect kurier-ledger 'libcrypto libjansson libsqlite3 '
expect kurier-front 'libcrypto libevent_core-2.1 libevent_openssl-2.1 libjansson libssl '
expect kurier-notifier 'libcrypto libcurl libjansson '
expect kurier-config 'libyaml-0 '

# The front has no code that uses a private key of CA or RA or a database (a listener's TLS key is used by libssl alone); the
# signer none that reads HTTP or SCEP.
for symbol in pki_sign pki_unwrap_key pki_private_key_load pki_private_key_generate store_commit; do
    if nm "$build/kurier-front" | grep -qE " [tT] $symbol\$"; then complain "kurier-front contains $symbol"; fi
done
for symbol in scep_ front_ store_; do
    if nm "$build/kurier-signer" | grep -qE " [tT] $symbol"; then complain "kurier-signer contains $symbol*"; fi
done
for symbol in scep_ front_ store_ signer_ ledger_; do
    if nm "$build/kurier-notifier" | grep -qE " [tT] $symbol"; then complain "kurier-notifier contains $symbol*"; fi
done
for symbol in scep_ front_; do
    if nm "$build/kurier-ledger" | grep -qE " [tT] $symbol"; then complain "kurier-ledger contains $symbol*"; fi
done

# Every room says what it is.
for room in src/*/; do
    [ -f "$room/README.md" ] || complain "$room has no README.md"
done
exit $bad
