"""Runs rows, and prints the table."""
import json
import os
import statistics
import subprocess
import sys
import time
import traceback

import rows
from fleet import ETCD, ETCD_WORDS, MOVABLE
from wires import NetFleet


def option(words, name, otherwise):
    if name not in words:
        return otherwise
    at = words.index(name)
    value = words[at + 1]
    del words[at : at + 2]
    return value


def version():
    """The version of etcd, with the words that it gets beside."""
    said = subprocess.run([ETCD, "--version"], capture_output=True, text=True).stdout
    return " ".join([said.split("\n")[0].removeprefix("etcd Version: "), *ETCD_WORDS])


def chosen(names):
    """The rows of these names: `2` is all of row 2. All rows without a name."""
    if not names:
        return list(rows.ROWS)
    found = []
    for name in names:
        those = [row for row in rows.ROWS if row.name == name or row.name.rstrip("abcdefghij") == name]
        if not those:
            raise SystemExit(f"there is no row {name}; --list shows them")
        found += those
    return found


def run_one(gtctl, row):
    """One run of a row, as the line that --out writes."""
    load = os.getloadavg()[0]
    said = {"row": row.name, "etcd": version(), "load": round(load, 1)}
    fleet = None
    try:
        fleet = NetFleet(gtctl, row.setting())
        fleet.start_all()
        came = row.run(fleet)
        said |= {"start": came.start, "fenced": came.fenced, "note": came.note, "fault": came.fault}
    except (Exception, SystemExit) as fault:
        traceback.print_exc()
        said |= {"start": None, "fenced": None, "note": "", "fault": f"{fault}"[:400]}
    if fleet:
        count, longest = fleet.watcher.double_for()
        if (count and not row.exception) or said["fault"]:
            print(fleet.tails(40000 if os.environ.get("FLEET_VERBOSE") else 6000))
            print("doubles:", fleet.watcher.doubles[:3])
        fleet.end()
        said |= {"doubles": count, "for": round(longest, 1), "looks": len(fleet.watcher.log)}
        if count and not row.exception and not said["fault"]:
            said["fault"] = f"two lives at once: {count} sessions"
    else:
        said |= {"doubles": 0, "for": 0.0, "looks": 0}
    said["load"] = max(said["load"], round(os.getloadavg()[0], 1))
    return said


def seconds(values):
    """The median and the worst of some seconds."""
    values = [v for v in values if v is not None]
    if not values:
        return "–"
    middle, worst = statistics.median(values), max(values)
    return f"{middle:.1f}" if len(values) == 1 else f"{middle:.1f} / {worst:.1f}"


def line(row, runs):
    doubles = [f"{r['doubles']} for {r['for']} s" for r in runs if r["doubles"]]
    faults = [r["fault"] for r in runs if r["fault"]]
    verdict = "as it must be" if not faults else f"FAILED {len(faults)}: {faults[0]}"
    notes = "; ".join(dict.fromkeys(r["note"] for r in runs if r["note"]))
    return (
        row.name, row.fault, str(len(runs)), seconds([r["start"] for r in runs]),
        seconds([r["fenced"] for r in runs]), ", ".join(doubles) or "0", verdict, notes,
    )


def show(done):
    """The table, in Markdown."""
    print("\n| row | fault | n | START elsewhere | fenced at | doubles | verdict | |")
    print("|---|---|---|---|---|---|---|---|")
    for row, runs in done:
        if runs:
            print("| " + " | ".join(line(row, runs)) + " |")
        else:
            print(f"| {row.name} | {row.fault} | – | – | – | – | {row.must} | |")


def main(gtctl, words):
    if "--list" in words:
        for row in rows.ROWS:
            print(f"{row.name:4} {row.fault}: {row.must}")
        return
    repeat = int(option(words, "--repeat", "1"))
    out = option(words, "--out", None)
    names = [word for word in words if not word.startswith("-")]
    done = []
    for row in chosen(names):
        runs = []
        for n in range(repeat if row.run else 0):
            print(f"{row.name} ({n + 1} of {repeat}), {row.fault}: {row.must}", flush=True)
            begun = time.monotonic()
            said = run_one(gtctl, row)
            print(f"  {time.monotonic() - begun:.0f} s: {json.dumps(said)}", flush=True)
            runs.append(said)
            if out:
                with open(out, "a") as f:
                    f.write(json.dumps(said) + "\n")
        done.append((row, runs))
    show(done)
    print(f"\n{MOVABLE} sessions that can move unless said otherwise, etcd {version()}, load {os.getloadavg()[0]:.1f}")
    if any(run["fault"] for _, runs in done for run in runs):
        sys.exit(1)
