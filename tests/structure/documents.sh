#!/bin/sh
# Documents that are made from the code: the committed ones must be what the code makes now.
set -eu
build=$1
"$build/kurier-docs" causes | diff -u docs/causes.md - || { echo "docs/causes.md is old: build/kurier-docs causes >docs/causes.md"; exit 1; }
"$build/kurier-docs" errors | diff -u docs/errors.md - || { echo "docs/errors.md is old: build/kurier-docs errors >docs/errors.md"; exit 1; }
