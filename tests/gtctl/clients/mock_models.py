"""A stand-in for the providers of codex, gemini, kimi-code and opencode, for tests, on the loopback address.

It prints `port N` when it listens. The first words of the last prompt say what it does:

    say TEXT       answers with this text
    wait SECONDS   answers after so long
"""

import http.server
import json
import re
import time

USAGE = {"prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010}


def texts(content):
    """All texts of a message, whatever its provider's form."""
    if isinstance(content, str):
        return [content]
    return [part["text"] for part in content or [] if isinstance(part, dict) and "text" in part]


def last_prompt(messages, key):
    """The last text of a person, without what the client adds to it."""
    found = [texts(message.get(key)) for message in messages if message.get("role") == "user"]
    plain = [re.sub(r"<([a-z_-]+)>.*?</\1>", "", text, flags=re.S).strip() for text in sum(found, [])]
    plain = [text for text in plain if text]
    return plain[-1] if plain else ""


def answer_to(prompt):
    """The answer, after the time that the prompt asks for."""
    verb, _, rest = prompt.partition(" ")
    if verb == "wait":
        time.sleep(float(rest.split()[0]))
    return rest if verb == "say" else "As you wish."


class Provider(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        """The tests look at the client, not at a log of requests."""

    def do_GET(self):
        self.give({"object": "list", "data": [], "models": []})

    def do_POST(self):
        request = json.loads(self.body() or b"{}")
        path = self.path.split("?")[0]
        if path.endswith("/responses"):
            self.to_responses(request)
        elif path.endswith("/chat/completions"):
            self.to_chat(request)
        elif "enerateContent" in path:
            self.to_gemini(path, request)
        else:
            self.give({"totalTokens": 100})

    def body(self):
        if "chunked" not in (self.headers.get("transfer-encoding") or "").lower():
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        whole = b""
        while size := int(self.rfile.readline().strip() or b"0", 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def give(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self):
        """A stream of events ends with its connection."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()

    def send(self, event, name=None):
        head = f"event: {name}\n" if name else ""
        self.wfile.write(f"{head}data: {json.dumps(event)}\n\n".encode())
        self.wfile.flush()

    def to_responses(self, request):
        messages = request.get("input") or []
        text = answer_to(last_prompt(messages, "content"))
        base = {"id": "resp_1", "object": "response", "model": request.get("model"), "output": []}
        usage = {"input_tokens": 1000, "output_tokens": 10, "total_tokens": 1010}
        part = {"type": "output_text", "text": text, "annotations": []}
        item = {"type": "message", "id": "msg_1", "role": "assistant", "content": []}
        whole = {**item, "status": "completed", "content": [part]}
        done = {**base, "status": "completed", "output": [whole], "usage": usage}
        events = [
            ("response.created", {"response": {**base, "status": "in_progress"}}),
            ("response.output_item.added", {"output_index": 0, "item": item}),
            (
                "response.output_text.delta",
                {"item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": text},
            ),
            ("response.output_item.done", {"output_index": 0, "item": whole}),
            ("response.completed", {"response": done}),
        ]
        self.stream()
        for number, (name, event) in enumerate(events):
            self.send({"type": name, "sequence_number": number, **event}, name)

    def to_chat(self, request):
        # Only the agent itself has tools. The client also asks for titles and the like.
        prompt = last_prompt(request.get("messages", []), "content")
        text = answer_to(prompt if request.get("tools") else "say A title")
        base = {"id": "chat_1", "created": 1, "model": request.get("model")}
        if not request.get("stream"):
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            self.give({**base, "object": "chat.completion", "choices": [choice], "usage": USAGE})
            return
        self.stream()
        for delta, reason in [({"role": "assistant", "content": text}, None), ({}, "stop")]:
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            chunk = {**base, "object": "chat.completion.chunk", "choices": [choice]}
            self.send({**chunk, "usage": USAGE} if reason else chunk)
        self.wfile.write(b"data: [DONE]\n\n")

    def to_gemini(self, path, request):
        # The client also asks which model to use, without tools.
        is_agent = bool(request.get("tools"))
        choice = '{"model_choice": "flash", "reasoning": "", "next_speaker": "user"}'
        prompt = last_prompt(request.get("contents", []), "parts")
        text = answer_to(prompt if is_agent else f"say {choice}")
        content = {"role": "model", "parts": [{"text": text}]}
        usage = {"promptTokenCount": 1000, "candidatesTokenCount": 10, "totalTokenCount": 1010}
        candidate = {"content": content, "index": 0, "finishReason": "STOP"}
        answer = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "mock"}
        if "streamGenerateContent" not in path:
            self.give(answer)
            return
        self.stream()
        self.send(answer)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that breaks off its request is no fault of the test."""


server = Server(("127.0.0.1", 0), Provider)
print("port", server.server_address[1], flush=True)
server.serve_forever()
