#!/usr/bin/env bash
# Bundles the page of the browser test with Microsoft's packages into the given file.
# The packages go into a cache outside the repository.
set -euo pipefail
cd "$(dirname "$0")"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/acs-token-server/browsertest-$(sha256sum package-lock.json | cut -c1-16)
mkdir -p "$cache"
cp package.json package-lock.json page.js ../web/token-refresher.js "$cache"
cd "$cache"
[ -d node_modules ] || npm ci --ignore-scripts --no-audit --no-fund --silent
node_modules/.bin/esbuild page.js --bundle --format=iife --platform=browser --define:global=window --external:util --external:timers \
  --log-level=warning --outfile="$1"
