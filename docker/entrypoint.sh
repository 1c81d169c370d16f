#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Starts kyrodb in a container. A variable NAME_FILE gives the value of NAME from a file (a secret).
set -eu

read_secret() {
    eval "file=\${${1}_FILE:-}"
    if [ -n "$file" ]; then
        [ -r "$file" ] || { echo "kyrodb: $1_FILE names $file, which cannot be read" >&2; exit 2; }
        eval "$1=\$(cat \"\$file\")"
        export "${1?}"
    fi
}

if [ "${1:-serve}" = serve ]; then
    read_secret KYRODB_PASSWORD
    read_secret KYRODB_AUTH_TOKEN
    # Outside loopback the server insists on both; say it in the words of this image.
    case ${KYRODB_HOST:-0.0.0.0} in
    127.* | localhost | ::1) ;;
    *)
        if [ ! -e "${KYRODB_DATA_DIR:-./data}/CURRENT" ] && [ -z "${KYRODB_PASSWORD:-}" ]; then
            echo "kyrodb: set KYRODB_PASSWORD (or KYRODB_PASSWORD_FILE) for the superuser postgres" >&2
            exit 2
        fi
        if [ "${KYRODB_HTTP_PORT:-3030}" != 0 ] && [ -z "${KYRODB_AUTH_TOKEN:-}" ]; then
            echo "kyrodb: set KYRODB_AUTH_TOKEN (or KYRODB_AUTH_TOKEN_FILE), or KYRODB_HTTP_PORT=0" >&2
            exit 2
        fi
        ;;
    esac
fi
exec kyrodb "$@"
