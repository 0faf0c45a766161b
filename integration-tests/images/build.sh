#!/bin/bash
# Builds images equivalent to apache/kafka:4.1, rabbitmq:4-management and redis:8 on a Debian machine that cannot
# pull any: a base image by debootstrap, brokers from Debian packages and Kafka's jars. Needs root; installs and
# starts a Docker engine where there is none. Run again, it does only what is missing.
set -euo pipefail
cd "$(dirname "$0")"

export DEBIAN_FRONTEND=noninteractive
export DOCKER_BUILDKIT=0 # the builder that needs no plugin
suite=trixie             # has RabbitMQ 4 and Redis 8
base=waybill/debian:$suite

step() {
  printf '%4ds  %s\n' "$SECONDS" "$*"
}

install_packages() {
  local missing=()
  command -v dockerd >/dev/null || docker info >/dev/null 2>&1 || missing+=(docker.io)
  # From trixie on the client is a package of its own.
  command -v docker >/dev/null || ! apt-cache show docker-cli >/dev/null 2>&1 || missing+=(docker-cli)
  command -v debootstrap >/dev/null || missing+=(debootstrap)
  command -v mvn >/dev/null || missing+=(maven)
  [ ${#missing[@]} -gt 0 ] || return 0
  step "installing ${missing[*]}"
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends iptables "${missing[@]}" >/dev/null
}

start_engine() {
  ! docker info >/dev/null 2>&1 || return 0
  step 'starting a Docker engine'
  if systemctl is-system-running >/dev/null 2>&1; then
    systemctl start docker
  else
    mountpoint -q /sys/fs/cgroup || mount_cgroups
    # Containers may not have a higher limit than the engine: "error setting rlimit type 7".
    local files
    files=$(ulimit -Hn)
    forget dockerd /var/run/docker.pid
    forget containerd /var/run/docker/containerd/containerd.pid
    setsid dockerd --default-ulimit "nofile=$files:$files" </dev/null >/var/log/waybill-dockerd.log 2>&1 &
  fi
  for _ in $(seq 120); do
    ! docker info >/dev/null 2>&1 || return 0
    sleep 0.5
  done
  tail -n 20 /var/log/waybill-dockerd.log >&2
  echo 'The Docker engine did not start.' >&2
  exit 1
}

# An engine that was killed leaves its pid file, and the next one does not start over it.
forget() {
  local program=$1 file=$2 state
  [ -f "$file" ] || return 0
  state=$(sed -n -E "s/^[0-9]+ \\($program\\) (.).*/\\1/p" "/proc/$(cat "$file")/stat" 2>/dev/null || true)
  case $state in '' | Z) rm -f "$file" ;; esac
}

mount_cgroups() {
  mount -t cgroup2 none /sys/fs/cgroup 2>/dev/null && return
  mount -t tmpfs cgroup /sys/fs/cgroup
  local controller
  for controller in $(awk '!/^#/ && $4 == 1 { print $1 }' /proc/cgroups); do
    mkdir "/sys/fs/cgroup/$controller"
    mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller" || rmdir "/sys/fs/cgroup/$controller"
  done
}

build_base() {
  ! docker image inspect "$base" >/dev/null 2>&1 || return 0
  step "building $base"
  local mirror root
  mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/{*.list,*.sources} 2>/dev/null |
    sed -n -E 's/^(URIs:|deb( \[.*\])?) +([^ ]+).*/\3/p' | head -n 1 || true)
  root=$(mktemp -d)
  debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" "${mirror:?no Debian mirror in the sources of apt}" \
    >/var/log/waybill-debootstrap.log
  # The host's way to its mirror holds for the build as well.
  { grep -l Acquire /etc/apt/apt.conf.d/* || true; } | xargs -r cp -t "$root/etc/apt/apt.conf.d/"
  cat >"$root/etc/apt/apt.conf.d/90image" <<-'CONF'
	APT::Install-Recommends "0";
	Acquire::Languages "none";
	CONF
  printf 'force-unsafe-io\npath-exclude=/usr/share/doc/*\npath-exclude=/usr/share/man/*\n' >"$root/etc/dpkg/dpkg.cfg.d/image"
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
  tar -C "$root" --one-file-system -c . | docker import -c 'CMD ["/bin/bash"]' - "$base" >/dev/null
  rm -rf "$root"
}

fetch_jars() {
  [ ! -d kafka/jars ] || return 0
  step 'fetching the jars of Kafka'
  rm -rf kafka/jars.incoming
  mvn -q -B -f kafka/pom.xml dependency:copy-dependencies -DoutputDirectory="$PWD/kafka/jars.incoming" >&2
  mv kafka/jars.incoming kafka/jars
}

build_image() {
  local folder=$1 image=$2 log=/var/log/waybill-build-$1.log
  step "building $image"
  # The host's network: the build reaches whatever mirror the host reaches.
  if ! docker build --network host --build-arg BASE="$base" --tag "$image" "$folder" >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    echo "$image could not be built." >&2
    exit 1
  fi
}

install_packages
start_engine
build_base
fetch_jars
build_image redis waybill/redis:8
build_image rabbitmq waybill/rabbitmq:4
build_image kafka waybill/kafka:4.1
step 'waybill/kafka:4.1, waybill/rabbitmq:4 and waybill/redis:8 are ready: tests find them by these names'
