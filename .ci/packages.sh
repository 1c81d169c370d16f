# SPDX-License-Identifier: Apache-2.0
# What the build and the tests need, as Debian packages. Sourced by run.sh and test.sh.
BUILD_PACKAGES="gcc libc6-dev cmake ninja-build pkg-config lemon re2c libevent-dev libssl-dev
    libgmp-dev libpcre2-dev libxxhash-dev libcurl4-openssl-dev tzdata ca-certificates"
TEST_PACKAGES="libcriterion-dev libpq-dev postgresql-client curl clang-14 libclang-rt-14-dev clang-format-14
    postgresql-15 postgresql-contrib prometheus prometheus-postgres-exporter python3-psycopg
    python3-asyncpg python3-sqlalchemy python3-psycopg2 libdbd-pg-perl libpostgresql-jdbc-java gawk nodejs"

# Installs what is missing of the packages named; needs root only then.
install_packages() {
    missing=""
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            missing="$missing $package"
    done
    [ -z "$missing" ] && return 0
    sudo=""
    [ "$(id -u)" = 0 ] || sudo="sudo"
    echo "installing:$missing"
    export DEBIAN_FRONTEND=noninteractive
    $sudo apt-get update -qq
    # No services are started: tests start what they need themselves, on ports of their own.
    RUNLEVEL=1 $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
}
