# What tests/run.sh and examples/run.sh share; sourced by them, not run.

say() { printf '== %s\n' "$*"; }

fail() {
  printf 'larder: %s\n' "$*" >&2
  exit 1
}

# Runs a command and shows its output only if it fails.   quietly LOG COMMAND...
quietly() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  if "$@" > "$log" 2>&1; then return; fi
  tail -n 300 "$log" >&2
  fail "failed: $* (all of its output: $log)"
}

is_installed() { [[ $(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2> /dev/null) == ii* ]]; }

# Installs those of the named Debian packages that are missing, as root or through sudo.
install_missing() {
  local package missing=() known=() as_root=()
  if ! command -v apt-get > /dev/null; then
    say "no apt-get here: these should be installed by other means: $*"
    return
  fi
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  if [[ ${#missing[@]} -eq 0 ]]; then return; fi
  say "installing ${missing[*]}"
  if [[ $EUID -ne 0 ]]; then
    command -v sudo > /dev/null || fail "neither root nor sudo: have somebody install ${missing[*]}"
    as_root=(sudo)
  fi
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120)
  quietly "$build/logs/apt-update" "${apt[@]}" update
  for package in "${missing[@]}"; do
    if apt-cache show "$package" > /dev/null 2>&1; then
      known+=("$package")
    else
      say "going on without $package, which this system does not offer"
    fi
  done
  if [[ ${#known[@]} -eq 0 ]]; then return; fi
  quietly "$build/logs/apt-install" "${apt[@]}" install --no-install-recommends "${known[@]}"
}

# Installs npm's dynalite, the DynamoDB server of tests and benchmarks, whose program is $dynalite then.
dynalite=$build/dynalite/node_modules/dynalite/cli.js
install_dynalite() {
  if [[ -e $dynalite ]]; then return; fi
  # Somebody's own node, which apt knows nothing of, does as well.
  command -v npm > /dev/null || install_missing nodejs npm
  say "installing dynalite"
  mkdir -p "$build/dynalite"
  cp tests/dynalite/package.json tests/dynalite/package-lock.json "$build/dynalite"
  quietly "$build/logs/dynalite" npm ci --prefix "$build/dynalite" --ignore-scripts --no-audit --no-fund
}

# The same beside other things, since Debian's npm takes minutes; `wait_for_dynalite` returns when it is there.
install_dynalite_meanwhile() {
  mkdir -p "$build/logs"
  install_dynalite > "$build/logs/dynalite-install" 2>&1 &
  dynalite_job=$!
}
wait_for_dynalite() {
  if [[ -z ${dynalite_job:-} ]]; then return; fi
  if ! wait "$dynalite_job"; then
    cat "$build/logs/dynalite-install" >&2
    fail "dynalite cannot be installed"
  fi
  dynalite_job=
}

# How many compilers to run at once.
jobs_at_once() { printf '%s' "${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}"; }
