#!/bin/sh
# The program that holds the keys needs libcrypto and the C library, and nothing else. Argument: the build directory.
set -eu
program=$1/kurier-signer
bad=0
for library in $(readelf -d "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
    case $library in
    libcrypto.so.* | libc.so.* | ld-linux*) ;;
    libasan.so.* | libubsan.so.* | libtsan.so.* | libgcc_s.so.* | libm.so.* | libresolv.so.* | libpthread.so.* | libdl.so.* | librt.so.*)
        # A sanitizer's own; a build without one has no use for them.
        nm -D "$program" | grep -qE ' (__asan_init|__tsan_init|__ubsan_)' || {
            echo "kurier-signer needs $library"
            bad=1
        }
        ;;
    *)
        echo "kurier-signer needs $library"
        bad=1
        ;;
    esac
done
exit $bad
