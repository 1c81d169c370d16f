#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command, with the port as its last argument, and compares what it prints with a file, which a PostgreSQL 15 made it print.
#
# Usage: expect_output.sh FILE COMMAND.. PORT
set -euo pipefail
wanted=$1
shift
"$@" 2>&1 | diff "$wanted" - && echo "as in $(basename "$wanted")"
