#!/usr/bin/env bash
# The one test command: installs what is missing (as root; else says what to install), checks the form, runs every test.
set -euo pipefail
cd "$(dirname "$0")/.."

# Debian packages whose programs or files the tests use, each with what it is recognised by.
needed=(
    "busybox-static:/bin/busybox"
    "docker.io:/usr/bin/docker"
    "procps:/usr/bin/pgrep"
    "openssl:/usr/bin/openssl"
    "zookeeper:/usr/share/java/zookeeper.jar"
    "faketime:/usr/bin/faketime"
    "haproxy:/usr/sbin/haproxy"
)

missing=()
for entry in "${needed[@]}"; do
    package=${entry%%:*} file=${entry#*:}
    [ -e "$file" ] || command -v "$(basename "$file")" >/dev/null 2>&1 || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" -ne 0 ]; then
        echo "tests/run.sh: not root; install these first: ${missing[*]}" >&2
        exit 2
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# Tests with containers need an engine that answers; without one they say so and are left out.
if ! docker version >/dev/null 2>&1; then
    echo "tests/run.sh: no Docker engine answers; tests with containers are left out" >&2
    export PROFFER_TEST_NO_DOCKER=1
fi

cargo fmt --all --check
# What tests break on purpose is compiled in; one set of features for all, so that everything is built once.
features=(--features proffer/sabotage)
cargo clippy --workspace "${features[@]}" --all-targets --quiet -- -D warnings
# Built once for all tests that run it; each of them is a process of its own.
PROFFER_TEST_BINARY=$(cargo build --workspace "${features[@]}" --bins --message-format json-render-diagnostics |
    grep -o '"executable":"[^"]*/proffer"' | tail -n 1 | cut -d '"' -f 4)
export PROFFER_TEST_BINARY

if command -v cargo-nextest >/dev/null 2>&1; then
    cargo nextest run --workspace "${features[@]}" --no-fail-fast "$@"
else
    cargo test --workspace "${features[@]}" --no-fail-fast "$@"
fi
cargo test --workspace "${features[@]}" --doc --quiet
