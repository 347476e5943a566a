#!/usr/bin/env python3
"""A fleet on one machine: a real etcd, three controllers with three tmux servers, and a watcher.

    tests/gtctl/hosts_etcd/trial.py PATH/OF/gtctl [CASE ...]
    tests/gtctl/hosts_etcd/trial.py PATH/OF/gtctl --table [ROW ...] [--repeat N] [--out FILE]

The first one runs the quick cases of `quick.py`, with one etcd on loopback: those are for CI. The
second one runs the rows of `rows.py`, on three hosts with a network and a real etcd of three members,
and prints a table with the seconds from the fault. ROW is a row such as 2, or a part of it such as
2c; `--list` says which there are. `--out` adds each run to a file, a line of JSON each.

The watcher is outside of all: every 100 ms it counts the hosts on which a session has a living
process. Two at once is what must never be.

GTCTL_ETCD names another etcd than the one in PATH; GTCTL_ETCD_WORDS are more words for its members.
FLEET_SESSIONS is the number of sessions that can move, FLEET_MANY that of the row with many.
FLEET_VERBOSE has the controllers say more; FLEET_KEEP keeps the folder. Says SKIPPED where there is
no etcd, or where namespaces are refused.
"""
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True

import quick  # noqa: E402
import table  # noqa: E402
from fleet import ETCD, UNSHARE, Fleet  # noqa: E402


def what_is_missing(words):
    """Why nothing can be tried here. None where all is there."""
    if not shutil.which(ETCD):
        return "there is no etcd (apt-get install etcd-server)"
    if subprocess.run([*words, "true"], capture_output=True).returncode != 0:
        return "namespaces are refused here (run it as root)"
    return None


def run_quick(gtctl, names):
    for name in names or quick.CASES:
        print(f"{name}: {quick.CASES[name].__doc__}")
        fleet = Fleet(gtctl)
        try:
            quick.CASES[name](fleet)
        except BaseException:
            print(fleet.tails())
            raise
        finally:
            fleet.end()
        doubles = fleet.watcher.doubles
        assert not doubles, f"two lives at once: {doubles[:3]}"
        print("  never two lives at once, in", len(fleet.watcher.log), "looks")


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        raise SystemExit(__doc__)
    gtctl = os.path.abspath(sys.argv[1])
    words = sys.argv[2:]
    is_table = "--table" in words or "--list" in words
    missing = what_is_missing([*UNSHARE[:3], "unshare", "--pid", "--net", "--fork"] if is_table else UNSHARE)
    if missing:
        print(f"SKIPPED, LOUDLY: {missing}")
    elif is_table:
        table.main(gtctl, words)
    else:
        run_quick(gtctl, words)


main()
