#!/usr/bin/env python3
"""A stand-in for Claude Code: it draws what it is told, and tells of events to the hooks of its plugin.

It obeys the lines of the file `orders` in its working directory. Each line is JSON:

    draw   a text that fills the screen from now on
    events what is given to the hooks, in this order
    pause  seconds between two events; 0 where the line has none

After each line it adds one to the file `obeyed`: the seconds that it took.
"""

import json
import os
import subprocess
import sys
import time


def hooks_of(event):
    """The hooks that the plugin declares for an event. As the real client, it reads them anew."""
    if "--plugin-dir" not in sys.argv:
        return []
    folder = sys.argv[sys.argv.index("--plugin-dir") + 1]
    with open(os.path.join(folder, "hooks", "hooks.json")) as file:
        declared = json.load(file)["hooks"]
    entries = declared.get(event["hook_event_name"], [])
    return [hook for entry in entries for hook in entry["hooks"]]


def tell(event):
    """Runs the hooks of an event. It waits for none that says `async`."""
    for hook in hooks_of(event):
        process = subprocess.Popen(["sh", "-c", hook["command"]], stdin=subprocess.PIPE)
        try:
            process.stdin.write(json.dumps(event).encode())
            process.stdin.close()
        except BrokenPipeError:
            # A hook whose program is missing reads nothing.
            pass
        if not hook.get("async"):
            process.wait()


def obey(order):
    if "draw" in order:
        sys.stdout.write("\033[2J\033[H" + order["draw"].replace("\n", "\r\n"))
        sys.stdout.flush()
    for event in order.get("events", []):
        tell(event)
        time.sleep(order.get("pause", 0))


# Agents are known by the names of their programs.
with open("/proc/self/comm", "w") as name:
    name.write("claude")
open("orders", "a").close()
with open("orders") as orders:
    while True:
        line = orders.readline()
        if not line:
            time.sleep(0.01)
            continue
        before = time.time()
        obey(json.loads(line))
        with open("obeyed", "a") as obeyed:
            obeyed.write(f"{time.time() - before}\n")
