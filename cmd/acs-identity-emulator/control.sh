#!/usr/bin/env bash
# Everything that a program can do with an emulator, in calls of curl: all of its control API, and the service. It stops
# at the first call that does not do what it should, and leaves the emulator as it was.
#
#	acs-identity-emulator exec -- bash control.sh
#	ENDPOINT=https://127.0.0.1:8443 CURL_CA_BUNDLE=emulator-data/certificate.pem bash control.sh
set -euo pipefail

endpoint=${ENDPOINT:-${ACS_EMULATOR_ENDPOINT:-https://127.0.0.1:8443}}
endpoint=${endpoint%/}
version=2026-09-23
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

control() { # METHOD PATH [JSON] calls the control API.
  curl --silent --show-error --fail-with-body --request "$1" ${3:+--data "$3"} "$endpoint/_emulator/$2"
}

service() { # METHOD PATH [JSON] calls the service with an Entra token: the emulator accepts any.
  curl --silent --show-error --fail-with-body --request "$1" --header 'Authorization: Bearer any' \
    --header 'Content-Type: application/json' ${3:+--data "$3"} "$endpoint/$2?api-version=$version"
}

value() { # NAME prints the first value of that name in the JSON on standard input.
  sed -E "s/.*\"$1\":\"?([^\",}]*).*/\1/"
}

expect() { # TEXT, WHAT fails unless standard input contains the text.
  local input
  input=$(cat)
  case $input in
    *"$1"*) echo "ok: $2" ;;
    *) printf 'failed: %s: %s is not in:\n%s\n' "$2" "$1" "$input" >&2; exit 1 ;;
  esac
}

expect_failure() { # STATUS, WHAT, COMMAND... fails unless the command of curl gets an error with the status.
  local output
  if output=$("${@:3}" 2>&1); then
    echo "failed: $2 succeeded" >&2
    exit 1
  fi
  expect "$1" "$2" <<<"$output"
}

# The emulator: its connection string, users and state.
control GET health | expect '"status":"ok"' 'the emulator works'
control GET info >"$work/info"
expect '"apiVersions":["2021-03-07"' 'the API versions' <"$work/info"
connection_string=$(value connectionString <"$work/info")
key=${connection_string##*accesskey=}
control GET state >"$work/before"
control POST reset
control GET users | expect '[]' 'after a reset there are no users'

# A user, with a token that is inspected, revoked and expires.
created=$(service POST identities '{"createTokenWithScopes": ["chat"]}')
user=$(value id <<<"$created")
token=$(value token <<<"$created")
control GET users | expect "\"id\":\"$user\",\"tokensIssued\":1" 'the user is listed'
control POST inspect-token "{\"token\": \"$token\"}" | expect '"valid":true' 'the token is valid'
service POST "identities/$user/:revokeAccessTokens"
control POST inspect-token "{\"token\": \"$token\"}" | expect '"reason":"revoked"' 'the token was revoked'
token=$(service POST "identities/$user/:issueAccessToken" '{"scopes": ["voip"]}' | value token)
control PUT clock '{"offset": "25h"}'
control GET clock | expect '"offset":"25h0m0s"' 'the clock is 25 hours ahead'
control POST inspect-token "{\"token\": \"$token\"}" | expect '"reason":"expired"' 'the token expired'
control POST inspect-token '{"token": "x"}' | expect '"reason":"malformed"' 'another text is no token'

# A request that is signed with the access key and the real time works on: only tokens live in the future.
signed_create() {
  local body='{}' target="/identities?api-version=$version" host=${endpoint#*://} date hash signature
  date=$(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S GMT')
  hash=$(printf %s "$body" | openssl dgst -sha256 -binary | base64)
  signature=$(printf 'POST\n%s\n%s;%s;%s' "$target" "$date" "$host" "$hash" |
    openssl dgst -sha256 -mac HMAC -macopt "hexkey:$(base64 --decode <<<"$key" | od -An -tx1 | tr -d ' \n')" -binary | base64)
  curl --silent --show-error --fail-with-body --data "$body" --header 'Content-Type: application/json' \
    --header "x-ms-date: $date" --header "x-ms-content-sha256: $hash" \
    --header "Authorization: HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=$signature" "$endpoint$target"
}
signed_create | expect '"identity":{"id":"8:acs:' 'a signed request works while the clock is ahead'
control PUT clock '{"offset": "0s"}'
service DELETE "identities/$user"
control POST inspect-token "{\"token\": \"$token\"}" | expect '"reason":"userDeleted"' 'the user was deleted'

# The same without the service: faults, rate limits and the list of requests do not see it.
user=$(control POST users '{"customId": "alice"}' | value id)
control POST users '{"customId": "alice"}' | expect "\"id\":\"$user\",\"customId\":\"alice\"" 'the custom ID names one user'
token=$(control POST "users/$user/tokens" '{"scopes": ["chat"], "expiresInMinutes": 60}' | value token)
control POST inspect-token "{\"token\": \"$token\"}" | expect "\"rawId\":\"$user\"" 'the token is that of the user'
control POST "users/$user/revoke"
control POST inspect-token "{\"token\": \"$token\"}" | expect '"reason":"revoked"' 'its tokens were revoked'
control DELETE "users/$user"
expect_failure 404 'the user exists no longer' control DELETE "users/$user"

# The Entra token of a Teams user, which the service exchanges.
app=11111111-1111-1111-1111-111111111111
object=22222222-2222-2222-2222-222222222222
entra=$(control POST entra-tokens "{\"appId\": \"$app\", \"objectId\": \"$object\"}" | value token)
service POST teamsUser/:exchangeAccessToken "{\"token\": \"$entra\", \"appId\": \"$app\", \"userId\": \"$object\"}" |
  expect '"token":"ey' 'the Entra token was exchanged'

# Faults: a status, and a response that is lost after the work is done.
control POST faults '{"operation": "CreateUser", "times": 1, "status": 503, "header": {"Retry-After": ["5"]}, "body": "busy"}'
control GET faults | expect '"operation":"CreateUser","times":1,"status":503' 'the fault is listed'
expect_failure 503 'the fault hits the next request' service POST identities '{}'
control GET faults | expect '[]' 'the fault hits one request'
control POST faults '{"drop": "after"}'
expect_failure 'curl: (' 'the connection is closed' service POST identities '{}'
control DELETE faults
control GET users | grep -o '"id"' | wc -l | expect 2 'the lost request created a user, beside the one of the signed request'

# Requests: those that were made, and those that follow.
control GET requests | expect '"operation":"CreateUser"' 'requests are listed'
number=$(control GET requests | value number)
if control GET "requests/$number" >"$work/request" 2>/dev/null; then
  expect '"request":{"header":{' 'a request has its headers and bodies' <"$work/request"
else
  expect 'Start it with -record-bodies.' 'headers and bodies are not kept' <"$work/request"
fi
control DELETE requests
control GET requests | expect '[]' 'requests are cleared'
curl --silent --no-buffer "$endpoint/_emulator/events" >"$work/events" &
events=$!
until grep -qs GetToken "$work/events"; do # once curl is connected
  service POST "identities/$user/:issueAccessToken" '{"scopes": ["chat"]}' >/dev/null 2>&1 || true
done
kill "$events"
expect 'data: {"number":' 'requests are sent as events' <"$work/events"

# The state that was there before.
control PUT state "@$work/before"
control GET state | cmp - "$work/before"
echo 'ok: the state is as before'
