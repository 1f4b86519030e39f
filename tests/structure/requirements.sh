#!/bin/sh
# Every rule has its code and a test, every test's rule is in the table, and docs/requirements.md is what the two make now.
set -eu
python3 tools/requirements.py --check || { echo "docs/rules.tsv and the tests do not agree"; exit 1; }
python3 tools/requirements.py | diff -u docs/requirements.md - || {
    echo "docs/requirements.md is old: tools/requirements.py >docs/requirements.md"
    exit 1
}
