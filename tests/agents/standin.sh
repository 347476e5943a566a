#!/bin/bash
# An agent for tests: a composer with bracketed paste. Files in $HOME steer it: `screen` is shown in the composer's
# place, `work` makes it busy, `swallow` loses one Enter, `deaf` loses all, with `keep` C-u does not clear the line, `say` is said. Every key that comes goes to
# `keys`, Enter as a carriage return; every submitted text as a line to `heard`.
stty -icanon -echo -icrnl
printf '\033[?2004h'
mkfifo "$HOME/never-$$" && exec 9<>"$HOME/never-$$" && rm "$HOME/never-$$" || exit
line= said= shown= pasting=
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
    # A read with a limit can lose the byte that comes as it ends; so that one waits where nothing ever comes.
    if ! read -t 0; then
        read -t 0.05 -u 9
        continue
    fi
    IFS= read -rsN1 key || exit
    if [ "$key" = $'\033' ]; then
        sequence=
        while IFS= read -rsN1 -t 10 key && [ "$key" != '~' ]; do sequence+=$key; done
        [ "$sequence" = '[200' ] && pasting=1 || pasting=
        continue
    fi
    # bash has the terminal turn Enter into a line end; in a paste it is one.
    [ "$key" = $'\n' ] && [ -z "$pasting" ] && key=$'\r'
    printf '%s' "$key" >>"$HOME/keys"
    case $key in
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
    $'\025') [ -e "$HOME/keep" ] || line= ;;
    *) line+=$key ;;
    esac
done
