#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds KyroDB if needed and serves ./data. Arguments go to `kyrodb serve`.
set -eu
cd "$(dirname "$0")"

. .ci/packages.sh
install_packages $BUILD_PACKAGES

if [ ! -f build/release/build.ninja ]; then
    cmake --preset release -DKYRO_TESTS=OFF >build-configure.log 2>&1 || { cat build-configure.log; exit 1; }
    rm -f build-configure.log
fi
echo "building (the first time takes a minute) ..."
cmake --build --preset release --target kyrodb kyrodbctl >build/release/build.log 2>&1 ||
    { tail -n 50 build/release/build.log; exit 1; }

exec build/release/bin/kyrodb serve "$@"
