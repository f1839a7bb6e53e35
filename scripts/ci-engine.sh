#!/usr/bin/env bash
# Get ready for the docker tests: a container engine that answers, and a base image made without a registry.
#
#   scripts/ci-engine.sh packages   install what the next two need (Debian, as root)
#   scripts/ci-engine.sh engine     start an engine unless one answers
#   scripts/ci-engine.sh base       make the base image unless it is there
#   scripts/ci-engine.sh stop       stop the engine that `engine` started
#
# MLSHIP_TEST_BASE names the base image (mlship-test-base:bookworm).
set -euo pipefail

base=${MLSHIP_TEST_BASE:-mlship-test-base:bookworm}
state=${XDG_RUNTIME_DIR:-/run}/mlship-engine
patience=60

packages() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get -q -o Acquire::Retries=3 update
  apt-get -q -y -o Acquire::Retries=3 install --no-install-recommends docker.io iptables mmdebstrap ca-certificates
  # TLS tests have their certificate from it
  command -v openssl >/dev/null || apt-get -q -y -o Acquire::Retries=3 install --no-install-recommends openssl
  # looks at the pages of benchmarks
  command -v chromium >/dev/null || apt-get -q -y -o Acquire::Retries=3 install --no-install-recommends chromium
  # images are pushed to it and pulled from it
  command -v docker-registry >/dev/null || apt-get -q -y -o Acquire::Retries=3 install --no-install-recommends docker-registry
  # stands before deployed services
  command -v nginx >/dev/null || apt-get -q -y -o Acquire::Retries=3 install --no-install-recommends nginx-light
  # two programs that score PMML run on it
  command -v java >/dev/null || apt-get -q -y -o Acquire::Retries=3 install --no-install-recommends default-jre-headless
}

answers() {
  timeout 10 docker version --format '{{.Server.Version}}' 2>/dev/null
}

engine() {
  if version=$(answers); then
    echo "engine $version answers"
    return
  fi
  mkdir -p "$state"
  # its own session: it outlives this script, and a signal to the caller's group does not reach it
  setsid /usr/sbin/dockerd >"$state/log" 2>&1 </dev/null &
  echo $! >"$state/pid"
  for _ in $(seq "$patience"); do
    sleep 1
    kill -0 "$(cat "$state/pid")" 2>/dev/null || break
    if version=$(answers); then
      echo "engine $version started"
      return
    fi
  done
  echo "error: no engine came up; the end of its log:" >&2
  tail -n 30 "$state/log" >&2
  exit 1
}

base() {
  if docker image inspect "$base" >/dev/null 2>&1; then
    echo "base image $base is there"
    return
  fi
  mmdebstrap --quiet --variant=minbase --include=python3,ca-certificates \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    bookworm - | docker import - "$base" >/dev/null
  echo "base image $base made"
}

stop() {
  [ -f "$state/pid" ] || return 0
  kill "$(cat "$state/pid")" 2>/dev/null || true
  rm -f "$state/pid"
}

case ${1:-} in
  packages | engine | base | stop) "$1" ;;
  *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
