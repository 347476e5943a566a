#!/usr/bin/env python3
"""A stand-in for a client that asks: it draws the question in the file `question` of its home.

The file is JSON: `above` has the lines above the answers, `answers` the answers, `foot` the line below
them. Up and Down move the selection, Enter chooses: the answer is added to the file `chosen`, Escape
adds `escape`. Then the question goes, and the one in the file `next` comes, if there is one. Where
the file `deaf` exists, no key does anything.
"""

import json
import os
import select
import sys
import termios
import tty

home = os.environ["HOME"]


def at(name):
    return os.path.join(home, name)


def question():
    try:
        with open(at("question")) as file:
            return json.load(file)
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def draw(asked, selected):
    lines = ["● Working on it.", "─" * 40]
    if asked is None:
        lines += ["❯ ", "─" * 40]
    else:
        lines += [" " + line for line in asked["above"]]
        for at_place, answer in enumerate(asked["answers"]):
            mark = "❯" if at_place == selected else " "
            lines.append(f" {mark} {at_place + 1}. {answer}")
        lines += ["", " " + asked.get("foot", "Esc to cancel")]
    sys.stdout.write("\033[2J\033[H" + "\r\n".join(lines))
    sys.stdout.flush()


def choose(answer):
    with open(at("chosen"), "a") as file:
        file.write(answer + "\n")
    if os.path.exists(at("next")):
        os.rename(at("next"), at("question"))
    else:
        os.remove(at("question"))


tty.setraw(sys.stdin)
termios.tcflush(sys.stdin, termios.TCIFLUSH)
drawn, selected = "nothing", 0
while True:
    asked = question()
    if asked != drawn:
        drawn, selected = asked, 0
        draw(asked, selected)
    if not select.select([sys.stdin], [], [], 0.02)[0]:
        continue
    keys = os.read(sys.stdin.fileno(), 64)
    if asked is None or os.path.exists(at("deaf")):
        continue
    last = len(asked["answers"]) - 1
    if keys in (b"\033[A", b"\033OA"):
        selected = max(0, selected - 1)
    elif keys in (b"\033[B", b"\033OB"):
        selected = min(last, selected + 1)
    elif keys == b"\r":
        choose(asked["answers"][selected])
    elif keys == b"\033":
        choose("escape")
    draw(asked, selected)
    drawn = asked
