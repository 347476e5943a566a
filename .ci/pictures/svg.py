#!/usr/bin/env python3
"""Draws what a terminal shows as SVG.

usage: tmux capture-pane -e -p | svg.py TITLE > picture.svg

It knows the colours and styles that gtctl uses (SGR); all other escapes are left out. Empty lines at the end are cut.
"""

import html
import re
import sys
import unicodedata

WIDE, HIGH, EDGE, BAR = 8.43, 18, 16, 34  # of one cell, of the border and of the title bar, in pixels
GROUND, INK, FRAME = "#15191e", "#d5dae0", "#2a3038"
NORMAL = ["#39424e", "#f07178", "#8ccf7e", "#e5c76b", "#67b0e8", "#c47fd5", "#6cd0ca", "#d5dae0"]
BRIGHT = ["#6b7684", "#ff8b92", "#a6e39a", "#ffe08a", "#8ccbff", "#dba0e8", "#8be6e0", "#ffffff"]


def colour(code):
    """The colour of one of the 256 numbers."""
    if code < 16:
        return (NORMAL + BRIGHT)[code]
    if code < 232:
        steps = [0, 95, 135, 175, 215, 255]
        code -= 16
        return "#%02x%02x%02x" % (steps[code // 36], steps[code // 6 % 6], steps[code % 6])
    return "#%02x%02x%02x" % ((8 + 10 * (code - 232),) * 3)


def restyle(style, numbers):
    """The style after these numbers of an escape."""
    numbers = list(numbers)
    while numbers:
        n = numbers.pop(0)
        if n == 0:
            style = {}
        elif n in (1, 2, 3, 4, 7):
            style = {**style, n: True}
        elif n in (22, 23, 24, 27):
            gone = {22: (1, 2), 23: (3,), 24: (4,), 27: (7,)}[n]
            style = {key: value for key, value in style.items() if key not in gone}
        elif n in (38, 48) and len(numbers) > 1 and numbers[0] == 5:
            style = {**style, n: colour(numbers[1])}
            numbers = numbers[2:]
        elif n in (38, 48) and len(numbers) > 3 and numbers[0] == 2:
            style = {**style, n: "#%02x%02x%02x" % tuple(numbers[1:4])}
            numbers = numbers[4:]
        elif n in (39, 49):
            style = {key: value for key, value in style.items() if key != n - 1}
        elif 30 <= n <= 37 or 40 <= n <= 47:
            style = {**style, n // 10 * 10 + 8: NORMAL[n % 10]}
        elif 90 <= n <= 97 or 100 <= n <= 107:
            style = {**style, 38 if n < 100 else 48: BRIGHT[n % 10]}
    return style


def cells(text):
    """How many columns a text takes."""
    return sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def runs(line, style):
    """The pieces of a line that look alike, as (column, columns, text, style), and the last style."""
    found, column = [], 0
    for piece in re.split(r"(\x1b\[[0-9;:]*m)", line):
        escape = re.fullmatch(r"\x1b\[([0-9;:]*)m", piece)
        if escape:
            style = restyle(style, [int(n or 0) for n in re.split("[;:]", escape[1])])
            continue
        text = re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|\][^\x07\x1b]*(\x07|\x1b\\)|[()].|.)|[\x00-\x1f]", "", piece)
        columns = cells(text)
        if text:
            found.append((column, columns, text, style))
        column += columns
    return found, style


def draw(run, row):
    """One piece as SVG."""
    column, columns, text, style = run
    ink, ground = style.get(38, INK), style.get(48)
    if 7 in style:
        ink, ground = ground or GROUND, style.get(38, INK)
    x, y = EDGE + column * WIDE, BAR + EDGE + row * HIGH
    out = ""
    if ground:
        out += f'<rect x="{x:.1f}" y="{y:.1f}" width="{columns * WIDE:.1f}" height="{HIGH}" fill="{ground}"/>'
    if not text.strip():
        return out
    looks = f' fill="{ink}"' if ink != INK else ""
    looks += ' font-weight="bold"' if 1 in style else ""
    looks += ' opacity=".65"' if 2 in style else ""
    looks += ' font-style="italic"' if 3 in style else ""
    looks += ' text-decoration="underline"' if 4 in style else ""
    # Spaces are not drawn: browsers would draw several as one.
    for words in re.split(r"( {2,})", text):
        space = len(words) - len(words.lstrip())
        width = cells(words.strip()) * WIDE
        if width:
            out += f'<text x="{x + space * WIDE:.1f}" y="{y + 13.5:.1f}" textLength="{width:.1f}"{looks}>'
            out += f"{html.escape(words.strip(), quote=False)}</text>"
        x += cells(words) * WIDE
    return out


def main():
    # Few fonts have the corner that claude draws.
    lines = sys.stdin.read().replace("⎿", "└").rstrip("\n").split("\n")
    while lines and not re.sub(r"\x1b\[[0-9;]*m", "", lines[-1]).strip():
        lines.pop()
    style, body, columns = {}, [], 40
    for row, line in enumerate(lines):
        found, style = runs(line, style)
        body += [draw(run, row) for run in found]
        ends = [run[0] + len(run[2].rstrip()) for run in found if run[2].strip()]
        columns = max([columns, *ends])
    width, height = columns * WIDE + 2 * EDGE, BAR + 2 * EDGE + len(lines) * HIGH
    title = html.escape(sys.argv[1])
    dots = "".join(f'<circle cx="{20 + 20 * n}" cy="17" r="6" fill="{c}"/>' for n, c in
                   enumerate(["#f07178", "#e5c76b", "#8ccf7e"]))
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" '
          f'height="{height}" font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,\'DejaVu Sans Mono\',monospace" '
          f'font-size="14" fill="{INK}"><title>{title}</title>')
    print(f'<rect width="100%" height="100%" rx="10" fill="{GROUND}"/><path d="M0 {BAR}V10a10 10 0 0 1 10-10h'
          f'{width - 20:.0f}a10 10 0 0 1 10 10v{BAR - 10}z" fill="{FRAME}"/>{dots}'
          f'<text x="50%" y="22" text-anchor="middle" opacity=".7" font-size="13">{title}</text>')
    print("\n".join(piece for piece in body if piece))
    print("</svg>")


main()
