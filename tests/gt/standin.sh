#!/bin/sh
# A gt for tests: what the real one does as far as gtctl sees it, bugs included. Runs in the town's root.
#
# Each call is a line in `calls`, with the variables that would tell it who calls. `faults/NOUN-VERB` holds a word that
# spoils that command: `nothing` says that all went well, `lie` does it and says that it failed, `hang` never ends,
# `wrong` starts another session. Agents are looked for in PATH; `faults/shell` leaves a shell behind each.
self=$$
say() { printf '%s\n' "$*"; }
fail() { printf 'Error: %s\n' "$*" >&2; exit 1; }
tm() { tmux -L "${GT_TMUX_SOCKET:-gt-derived}" "$@"; }
there() { tm has-session -t "=$1" 2>/dev/null; }

noun=$1 verb=$2
# In one go: others write into it at the same time.
printf '%s [%s]\n' "$*" "$TMUX$TMUX_PANE$CLAUDECODE$GT_ROLE$GT_SESSION$BD_ACTOR" >>calls

agent=claude rest=
shift 2
while [ $# -gt 0 ]; do
    case $1 in
    --agent=*) agent=${1#--agent=} told=1 ;;
    --agent) agent=$2 told=1; shift ;;
    -d) fail "unknown shorthand flag: 'd' in -d" ;;
    --mode=*) mode=${1#--mode=} ;;
    --) shift; text=$*; break ;;
    *) rest="$rest $1" ;;
    esac
    shift
done
# shellcheck disable=SC2086
set -- $rest

# Whether the agent runs somewhere below the pane.
lives() {
    pane=$(tm list-panes -t "=$1:" -F '#{pane_dead} #{pane_pid}' 2>/dev/null) || return 1
    [ "${pane% *}" = 0 ] || return 1
    below "${pane#* }"
}
below() {
    case $(cat "/proc/$1/comm" 2>/dev/null) in claude | kimigas) return 0 ;; esac
    for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
        below "$child" && return 0
    done
    return 1
}

begin() { # SESSION DIR ROLE
    mkdir -p "$2"
    run="exec $agent"
    [ -e faults/shell ] && run="$agent; exec sh"
    tm new-session -d -s "$1" -c "$PWD/$2" -e "GT_ROLE=$3" -e "GT_SESSION=$1" -e "GT_ROOT=$PWD" "$run" || exit 1
}
tree() { # All below a process, itself last.
    for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do tree "$child"; done
    say "$1"
}
finish() { # The whole tree, then the session.
    # shellcheck disable=SC2046
    kill -9 $(tree "$(tm list-panes -t "=$1:" -F '#{pane_pid}')") 2>/dev/null
    tm kill-session -t "=$1" 2>/dev/null
    return 0
}
bare() { tm kill-session -t "=$1" 2>/dev/null || :; }

case $noun in
mayor | deacon) session=hq-$noun dir=$noun role=$noun ;;
witness) session=gt-$1-witness dir=$1/witness role=$1/witness ;;
refinery) session=gt-$1-refinery dir=$1/refinery/rig role=$1/refinery ;;
crew)
    [ "$verb" = start ] && [ $# = 2 ] && set -- "$1/$2"
    rig=${1%%/*} name=${1#*/}
    session=gt-$rig-crew-$name dir=$rig/crew/$name role=$1
    ;;
session)
    [ -z "$told" ] || fail 'unknown flag: --agent'
    rig=${1%%/*} name=${1#*/}
    session=gt-$rig-$name dir=$rig/polecats/$name/$rig role=$1
    ;;
nudge)
    say "$verb|$mode|$text" >>nudges
    [ -e faults/nudge ] && fail "$(cat faults/nudge)"
    say "Queued nudge for $verb"
    exit 0
    ;;
*) fail "unknown command \"$noun\" for \"gt\"" ;;
esac

fault=$(cat "faults/$noun-$verb" 2>/dev/null)
case $fault in
nothing) say "✓ $noun $verb: done"; exit 0 ;;
hang) sleep 600 & say "$self" >hanging; wait; exit 0 ;;
wrong) begin "$session-else" "$dir" "$role"; say "✓ started"; exit 0 ;;
esac

case $noun-$verb in
mayor-start | deacon-start)
    # Refused even where nothing of it lives any more.
    there "$session" && fail "$noun session already running. Attach with: gt $noun attach"
    begin "$session" "$dir" "$role"
    ;;
session-start)
    there "$session" && fail "session already running: $session"
    begin "$session" "$dir" "$role"
    ;;
witness-start | refinery-start | crew-start)
    if there "$session"; then
        lives "$session" && { say "$noun is already running"; exit 0; }
        bare "$session"
    fi
    begin "$session" "$dir" "$role"
    ;;
mayor-stop | deacon-stop | session-stop)
    there "$session" || fail "$noun session is not running"
    finish "$session"
    ;;
witness-stop) there "$session" && finish "$session" ;;
# These leave all that does not mind a hangup.
refinery-stop) bare "$session" ;;
witness-restart | refinery-restart) bare "$session"; begin "$session" "$dir" "$role" ;;
crew-stop)
    case $1 in
    */*) there "$session" && finish "$session" ;;
    *)
        [ -d "$1" ] || fail "crew worker $1 not found"
        for each in $(tm list-sessions -F '#{session_name}' | grep "^gt-$1-crew-"); do finish "$each"; done
        ;;
    esac
    ;;
mayor-restart | deacon-restart)
    there "$session" && finish "$session"
    begin "$session" "$dir" "$role"
    ;;
crew-restart)
    [ -z "$told" ] || fail 'unknown flag: --agent'
    there "$session" && finish "$session"
    begin "$session" "$dir" "$role"
    ;;
*) fail "unknown command \"$verb\" for \"gt $noun\"" ;;
esac
[ "$fault" = lie ] && fail 'timed out waiting for the runtime to start'
say "✓ $noun $verb: done"
