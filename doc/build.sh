#!/usr/bin/env bash
# Builds the documentation, from a bare machine on: build/doc/html/index.html. Warnings are errors.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source .ci/setup.sh
require docs
exec python3 doc/doxygen.py build/doc
