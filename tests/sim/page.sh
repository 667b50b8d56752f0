#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The page of a run in a real browser without any network: it asks for
# nothing, complains about nothing, moves in time, shows a message, and does
# so for 250,000 hosts too.  Speaks WebDriver with curl and jq.
# Pictures of it are left in $B/log.

. tests/lib/tap.sh
B=${B:-build}

for tool in chromium chromedriver curl jq ip unshare; do
	command -v $tool >/dev/null || skip_all "$tool is missing"
done
if [ -z "${MIKE_PAGE_NET:-}" ]; then
	[ "$(id -u)" = 0 ] || skip_all "not root: no network namespace"
	MIKE_PAGE_NET=1 exec unshare -n --kill-child --pid --fork --mount-proc \
	    sh "$0" "$@"
fi
ip link set lo up

dir=$(mktemp -d)
driver=
pictures=$B/log
mkdir -p "$pictures"
away()
{
	[ -z "${session:-}" ] || wd DELETE "" >"$dir/bye" 2>&1
	[ -z "$driver" ] || kill "$driver" 2>/dev/null
	wait
	rm -rf "$dir"
}
trap away EXIT
trap 'exit 130' INT TERM HUP

# --- WebDriver -----------------------------------------------------------------

port=9515
base=http://127.0.0.1:$port

# wd METHOD PATH [JSON]: the value of the answer
wd()
{
	curl -sS -m 40 -X "$1" -H 'Content-Type: application/json' \
	    ${3:+--data-binary "$3"} "$base/session${session:+/$session}$2" |
	    jq -c .value
}
# js CODE: what it returns, as JSON
js()
{
	wd POST /execute/sync "$(jq -cn --arg s "$1" '{script: $s, args: []}')"
}
text() { js "return document.querySelector('$1').textContent" | jq -r .; }
picture()
{
	wd GET /screenshot | jq -r . | base64 -d >"$pictures/page-$1.png"
}
# Everything is drawn with the next frames.
drawn()
{
	wd POST /execute/async '{"script": "const f = arguments[0];
	    requestAnimationFrame(() => requestAnimationFrame(() => f(1)))",
	    "args": []}' >"$dir/frame"
}
# click at X Y (of the window)
click()
{
	wd POST /actions "$(jq -cn --argjson x "$1" --argjson y "$2" '
	    {actions: [{type: "pointer", id: "m", parameters:
	    {pointerType: "mouse"}, actions: [
	    {type: "pointerMove", duration: 0, x: $x, y: $y},
	    {type: "pointerDown", button: 0},
	    {type: "pointerUp", button: 0}]}]}')" >"$dir/click"
	drawn
}
wheel()
{
	wd POST /actions "$(jq -cn --argjson x "$1" --argjson y "$2" \
	    --argjson d "$3" '{actions: [{type: "wheel", id: "w", actions: [
	    {type: "scroll", x: $x, y: $y, deltaX: 0, deltaY: $d,
	    duration: 0}]}]}')" >"$dir/wheel"
	drawn
}
key()
{
	wd POST /actions "$(jq -cn --arg k "$1" '{actions: [{type: "key",
	    id: "k", actions: [{type: "keyDown", value: $k},
	    {type: "keyUp", value: $k}]}]}')" >"$dir/key"
	drawn
}
slide()
{
	js "const s = document.querySelector('#slider'); s.value = $1;
	    s.dispatchEvent(new Event('input'))" >"$dir/slide"
	drawn
}
open_page()
{
	wd POST /url "$(jq -cn --arg u "file://$dir/$1.html" '{url: $u}')" \
	    >"$dir/open"
	drawn
}
# Whatever the page, its policy or its loading had to complain about.
complaints() { wd POST /se/log '{"type": "browser"}'; }
requests() { js 'return performance.getEntriesByType("resource").length'; }

chromedriver --port=$port --log-level=SEVERE >"$dir/driver" 2>&1 &
driver=$!
wait_for 10 curl -sf -m 2 "$base/status" || {
	diag "$(cat "$dir/driver")"
	tap_fail "chromedriver answers"
	finish
}
mkdir "$dir/profile"
session=$(wd POST "" "$(jq -cn --arg d "$dir/profile" '{capabilities:
    {alwaysMatch: {"goog:loggingPrefs": {browser: "ALL"},
    "goog:chromeOptions": {args: ["--headless", "--no-sandbox",
    "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--window-size=1280,800",
    ("--user-data-dir=" + $d)]}}}}')" | jq -r .sessionId)
like "a browser starts" "$session" '^[0-9a-f]{8}'

for run in empty small hostile large; do
	ok "$run: the files are written" "$B/test/sim/fakerun" $run \
	    "$dir/$run.html" "$dir/$run.svg"
done

# --- twenty hosts ----------------------------------------------------------------

complaints >"$dir/before" # of the browser's own first page
open_page small
is "the page is there" "$(text h1)" \
    "Sections register over HF, one sender crashes"
is "it has nothing to complain about" "$(complaints)" "[]"
is "it asked for nothing" "$(requests)" 0
before=$(text '#counts')
like "at first nobody has keys" "$before" 'keyed0registering0'
slide 500000
like "the slider moves the time" "$(text '#now')" '^60\.0'
after=$(text '#counts')
like "and what the hosts are" "$after" 'keyed[1-9]'
picture small
slide 0
is "and back again" "$(text '#counts')" "$before"

# A message in the middle of its arrow, zoomed until it lies alone.
at='const s = segments.find((s) => s.m.kind === 1 && s.m.response);
    const b = document.querySelector("#chart").getBoundingClientRect();
    return [Math.round(b.x + (s.x0 + s.x1) / 2),
	Math.round(b.y + (s.y0 + s.y1) / 2)]'
js 'const m = msgs.find((m) => m.kind === 1 && m.response);
    setView(m.t - 5e5, m.last + 5e5); scrollTo(0, 0)' >"$dir/view"
drawn
xy=$(js "$at")
click "$(echo "$xy" | jq '.[0]')" "$(echo "$xy" | jq '.[1]')"
detail=$(text '#detail')
like "a click shows the message" "$detail" 'GSA_AUTH response'
like "with its payloads" "$detail" 'payloadsSK \{ IDi, CERT, AUTH'
like "and its SPIs" "$detail" 'SPIs[0-9a-f]{16} c3c3c3c3c3c3c3c3'
picture message
span='return view.to - view.from'
was=$(js "$span")
wheel 500 420 -120
ok "the wheel zooms in" test "$(js "$span" | cut -d. -f1)" -lt "${was%.*}"
js 'document.querySelector("#zoomout").click()' >"$dir/out"
drawn
ok "a button zooms out" test "$(js "$span" | cut -d. -f1)" -gt "${was%.*}"
was=$(js 'return at.msg')
key "$(printf '\356\200\224')"
ok "an arrow key goes to the next message" \
    test "$(js 'return at.msg')" -gt "$was"
key 0
is "a key shows the whole run" "$(js "$span")" 120000000
js 'document.querySelector("#play").click()' >"$dir/play"
ok "it plays" wait_for 10 sh -c "$(cat <<'END'
curl -sS -m 5 -X POST -H 'Content-Type: application/json' --data-binary \
'{"script":"return at.t > 30e6","args":[]}' "$0/execute/sync" | grep -q true
END
)" "$base/session/$session"
js 'document.querySelector("#play").click()' >"$dir/play"
is "and stops" "$(js 'return at.playing')" false
is "still nothing to complain about" "$(complaints)" "[]"
is "still it asked for nothing" "$(requests)" 0

# The policy is in force: what the page did not bring with it does not run.
js 'const s = document.createElement("script");
    s.textContent = "window.foreign = 1"; document.body.append(s);
    new Image().src = "http://127.0.0.1/x"' >"$dir/foreign"
is "a foreign script does not run" "$(js 'return window.foreign || 0')" 0
like "the browser says why" "$(complaints)" 'Content Security Policy'

# --- names that want to be markup ---------------------------------------------------

open_page hostile
js 'choose(msgs.findIndex((m) => m.payloads)); setTime(6e7)' >"$dir/h"
drawn
is "hostile text: nothing to complain about" "$(complaints)" "[]"
is "no element came from it" \
    "$(js 'return document.querySelectorAll("b,i,u").length')" 0
like "it is shown as text" "$(text '#detail')" '</script><script>alert'
like "in the title too" "$(text h1)" '^</script><script>alert\(1\)'
is "two scripts, data and the page's own" \
    "$(js 'return document.scripts.length')" 2

# --- nobody and nothing -------------------------------------------------------------

open_page empty
is "an empty run: nothing to complain about" "$(complaints)" "[]"
like "it is drawn" "$(text '#about')" '^1 host: '

# --- 250,000 hosts --------------------------------------------------------------------

open_page large
is "250,000 hosts: nothing to complain about" "$(complaints)" "[]"
like "the page says how many" "$(text '#about')" '^250.000 hosts: 25 senders'
like "and how many it draws" "$(text '#sample')" \
    '^40 of 9.999 receivers of each site are drawn$'
slide 700000
is "all hosts are counted" "$(js 'return replay.phases().n
    .reduce((a, b) => a + b)')" 250000
like "most have keys" "$(text '#counts')" 'keyed2[0-9]{2}.[0-9]{3}'
picture large
js 'setSite(24)' >"$dir/site"
drawn
is "another site has lanes of its own" "$(js 'return shownLanes.length')" 41
is "it asked for nothing" "$(requests)" 0
finish
