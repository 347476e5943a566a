#!/bin/bash
# An agent for tests: a composer with bracketed paste. Files in $HOME steer it: `screen` is shown in the composer's
# place, `work` makes it busy, `swallow` loses one Enter, `deaf` loses all, `say` is said. Every byte that comes goes to
# `keys`, every submitted text as a line to `heard`.
stty -icanon -echo -icrnl
printf '\033[?2004h'
line= said= shown=
draw() {
    local out=$'\033[H\033[2J'"$said"
    if [ -s "$HOME/screen" ]; then
        out+=$(<"$HOME/screen")
    elif [ -e "$HOME/work" ]; then
        out+=$'✻ Cooking… (4s · esc to interrupt)\n\n❯ '
    else
        out+="❯ $line"
    fi
    [ "$out" = "$shown" ] || printf '%s' "$out"
    shown=$out
}
while :; do
    draw
    if [ -s "$HOME/say" ]; then
        said+="● $(<"$HOME/say")"$'\n'
        rm "$HOME/say"
    fi
    IFS= read -rsN1 -t 0.05 key || continue
    printf '%s' "$key" >>"$HOME/keys"
    case $key in
    $'\033')
        # The beginning or the end of a paste.
        while IFS= read -rsN1 -t 0.05 key && [ "$key" != '~' ]; do :; done
        ;;
    $'\r')
        if [ -e "$HOME/swallow" ]; then
            rm "$HOME/swallow"
        elif [ ! -e "$HOME/deaf" ]; then
            printf '%s\n' "$line" >>"$HOME/heard"
            said+="You said: $line"$'\n'
            line=
        fi
        ;;
    $'\n') line+=' ' ;;
    *) line+=$key ;;
    esac
done
