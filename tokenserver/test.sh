#!/usr/bin/env bash
# Everything that the token server must pass. Needs Go; installs PostgreSQL, PgBouncer and Chromium when it is root on Debian.
# The test in a browser needs Node, too. TOKENSERVER_SOAK=10m runs the long tests for longer than 20 s.
set -euo pipefail
cd "$(dirname "$0")"

step() { printf '\n== tokenserver: %s (%d s)\n' "$*" "$SECONDS"; }

missing=()
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
command -v pgbouncer >/dev/null || missing+=(pgbouncer)
command -v chromium >/dev/null || missing+=(chromium)
command -v curl >/dev/null || missing+=(curl)
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    step "installing ${missing[*]}"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
  else
    echo "skipping the tests that need ${missing[*]}"
  fi
fi
command -v node >/dev/null || echo "skipping the test with Microsoft's packages: Node is not installed"

step 'gofmt, vet, tidy'
unformatted=$(gofmt -l .)
[ -z "$unformatted" ] || { printf 'not formatted:\n%s\n' "$unformatted"; exit 1; }
go vet ./...
go mod tidy -diff
long=$(find . -name '*.go' -o -name '*.js' -o -name '*.css' -o -name '*.html' | xargs wc -l | awk '$1 > 420 && $2 != "total"')
[ -z "$long" ] || { printf 'longer than 420 lines:\n%s\n' "$long"; exit 1; }
diff <(sed -n '/^export function createTokenRefresher/,/^}/p' README.md) \
  <(sed -n '/^export function createTokenRefresher/,/^}/p' web/token-refresher.js)

# results shows times and rates, and the whole output of what fails.
results() {
  local output
  output=$(mktemp)
  if "$@" >"$output" 2>&1; then
    grep -E '^ +[a-z_]+_test\.go:|^--- (PASS|SKIP)|^(ok|FAIL|PASS)' "$output" | grep -v '^--- PASS.*(0\.' || true
    rm "$output"
  else
    cut -c1-2000 "$output"
    rm "$output"
    return 1
  fi
}

step 'handlers, callers, program, browser'
results go test -count=1 -v . ./oidc ./web ./cmd/...

step 'system'
results go test -count=1 -v -timeout 30m ./systemtest

step 'all passed'
