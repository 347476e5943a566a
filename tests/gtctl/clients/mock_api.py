"""A stand-in for the provider of Claude Code, for tests: it answers on the loopback address.

It prints `port N` when it listens. The first words of the last prompt say what it does:

    say TEXT           answers with this text
    wait SECONDS       answers after so long
    run COMMAND        has the agent run a command, for which the agent asks
    background COMMAND has the agent run a command behind its prompt
    ask                has the agent ask the person at the terminal
    fail KIND          refuses the request; KIND is a key of FAULTS
"""

import http.server
import json
import re
import time

# What each refusal is: the status, its type and its message.
FAULTS = {
    "401": (401, "authentication_error", "invalid x-api-key"),
    "403": (403, "permission_error", "forbidden"),
    "429": (429, "rate_limit_error", "This request would exceed your rate limit."),
    "limit": (429, "rate_limit_error", "This request would exceed your rate limit."),
    "529": (529, "overloaded_error", "Overloaded"),
    "full": (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
}
# Seconds until the limit of `fail limit` ends.
RESET = 3600
QUESTION = {
    "question": "Which colour do you want?",
    "header": "Colour",
    "multiSelect": False,
    "options": [
        {"label": "Red", "description": "the warm one"},
        {"label": "Blue", "description": "the cold one"},
    ],
}


def last_prompt(request):
    """The last text of a person, without the reminders that the client adds to it."""
    messages = [m for m in request.get("messages", []) if m.get("role") == "user"]
    content = messages[-1]["content"] if messages else ""
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    # A prompt may come with the result of a tool that a person has refused.
    if content[-1].get("type") == "tool_result":
        return "say The tool has run."
    texts = [block.get("text", "") for block in content if block.get("type") == "text"]
    plain = [re.sub(r"<([a-z-]+)>.*?</\1>", "", text, flags=re.S).strip() for text in texts]
    plain = [text for text in plain if text]
    return plain[-1] if plain else ""


def answer_to(prompt):
    """The blocks of an answer to a prompt: a text, and a tool where the prompt asks for one."""
    verb, _, rest = prompt.partition(" ")
    tool = None
    if verb in ("run", "background"):
        given = {"command": rest, "description": "A command of the test"}
        if verb == "background":
            given["run_in_background"] = True
        tool = ("Bash", given)
    elif verb == "ask":
        tool = ("AskUserQuestion", {"questions": [QUESTION]})
    text = rest if verb == "say" else "As you wish."
    return text, tool


def limit_headers():
    """What the provider says of a usage limit that is reached."""
    end = int(time.time()) + RESET
    prefix = "anthropic-ratelimit-unified"
    return {
        f"{prefix}-status": "rejected",
        f"{prefix}-reset": end,
        f"{prefix}-representative-claim": "five_hour",
        f"{prefix}-5h-status": "rejected",
        f"{prefix}-5h-reset": end,
        f"{prefix}-fallback": "unavailable",
        "retry-after": RESET,
        "x-should-retry": "false",
    }


class Provider(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """The tests look at the client, not at a log of requests."""

    def do_HEAD(self):
        self.give(200, {})

    def do_GET(self):
        self.give(200, {"data": []})

    def do_POST(self):
        length = int(self.headers.get("content-length") or 0)
        request = json.loads(self.rfile.read(length) or b"{}")
        path = self.path.split("?")[0]
        if path.endswith("/count_tokens"):
            return self.give(200, {"input_tokens": 1000})
        if not path.endswith("/messages"):
            return self.give(404, {"type": "error", "error": {"type": "not_found_error"}})
        # Only the agent itself has tools. The client also asks for titles and the like.
        prompt = last_prompt(request) if request.get("tools") else "say {}"
        return self.converse(request, prompt)

    def converse(self, request, prompt):
        words = prompt.split()
        if words[:1] == ["fail"]:
            status, kind, message = FAULTS[words[1]]
            headers = limit_headers() if words[1] == "limit" else {}
            fault = {"type": kind, "message": message}
            return self.give(status, {"type": "error", "error": fault}, headers)
        if words[:1] == ["wait"]:
            time.sleep(float(words[1]))
        text, tool = answer_to(prompt)
        blocks = [{"type": "text", "text": text}]
        if tool:
            name, given = tool
            tool_id = f"toolu_{time.time_ns()}"
            blocks.append({"type": "tool_use", "id": tool_id, "name": name, "input": given})
        message = {
            "id": f"msg_{time.time_ns()}",
            "type": "message",
            "role": "assistant",
            "model": request.get("model"),
            "content": blocks,
            "stop_reason": "tool_use" if tool else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 1000, "output_tokens": 20},
        }
        if not request.get("stream"):
            return self.give(200, message)
        return self.stream(message)

    def give(self, status, value, headers=None):
        body = b"" if self.command == "HEAD" else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        for name, word in (headers or {}).items():
            self.send_header(name, str(word))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, message):
        """The message as a stream of events, after which the connection is closed."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        self.send({"type": "message_start", "message": {**message, "content": []}})
        for index, block in enumerate(message["content"]):
            self.send_block(index, block)
        end = {"stop_reason": message["stop_reason"], "stop_sequence": None}
        usage = {"output_tokens": 20}
        self.send({"type": "message_delta", "delta": end, "usage": usage})
        self.send({"type": "message_stop"})

    def send_block(self, index, block):
        if block["type"] == "text":
            empty = {**block, "text": ""}
            delta = {"type": "text_delta", "text": block["text"]}
        else:
            empty = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        self.send({"type": "content_block_start", "index": index, "content_block": empty})
        self.send({"type": "content_block_delta", "index": index, "delta": delta})
        self.send({"type": "content_block_stop", "index": index})

    def send(self, event):
        line = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
        self.wfile.write(line.encode())
        self.wfile.flush()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that breaks off its request is no fault of the test."""


server = Server(("127.0.0.1", 0), Provider)
print("port", server.server_address[1], flush=True)
server.serve_forever()
