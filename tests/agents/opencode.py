#!/usr/bin/env python3
"""A stand-in for opencode: its server tells what the file `status` of its home has.

It listens at the port that `--port` names, and answers only whoever knows its password. Its screen
shows nothing that gtctl knows. Each start adds its arguments to the file `args`, each question a line to
`asked`. Where the file `hangs` exists, no question is answered.
"""

import base64
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

home = os.environ["HOME"]
password = os.environ.get("OPENCODE_SERVER_PASSWORD", "")
expected = "Basic " + base64.b64encode(f"opencode:{password}".encode()).decode()


def at(name):
    return os.path.join(home, name)


def note(name, line):
    with open(at(name), "a") as file:
        file.write(line + "\n")


class Server(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.headers.get("authorization") != expected or not password:
            note("asked", "refused")
            self.send_error(401)
            return
        note("asked", self.path)
        while os.path.exists(at("hangs")):
            time.sleep(0.1)
        try:
            with open(at("status"), "rb") as file:
                body = file.read()
        except FileNotFoundError:
            body = b"{}"
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


note("args", " ".join(sys.argv[1:]))
sys.stdout.write("opencode stands here\r\n")
sys.stdout.flush()
port = int(sys.argv[sys.argv.index("--port") + 1])
ThreadingHTTPServer(("127.0.0.1", port), Server).serve_forever()
