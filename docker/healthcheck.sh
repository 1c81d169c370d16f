#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Healthy is: recovery has ended and statements are served.
exec kyrodbctl -e "http://127.0.0.1:${KYRODB_HTTP_PORT:-3030}" ready >/dev/null
