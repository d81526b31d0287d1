"""A local server with the part of the Hugging Face hub's API that huggingface_hub uses for one commit."""

import base64
import contextlib
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Stores commits of clients with the token "hf_right".

    Attributes:
        repositories: Requests to create a repository.
        committed: Contents of the committed files by name.
        commits: Headers of the commits.
        fails: HTTP status with which commits are rejected, or None.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.repositories, self.commits, self.committed, self.large = [], [], {}, {}
        self.fails = None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body, hub = self._body(), self.server
        if self.headers.get("Authorization") != "Bearer hf_right":
            return self._answer(401, {"error": "Invalid credentials"})
        path = self.path.split("?")[0]
        if path == "/api/repos/create":
            request = json.loads(body)
            known = any(request["name"] == other["name"] for other in hub.repositories)
            hub.repositories.append(request)
            url = f"{hub.url}/{request['organization']}/{request['name']}"
            return self._answer(409 if known else 200, {"url": url})
        if path == "/api/validate-yaml":
            return self._answer(200, {"errors": [], "warnings": []})
        if path == "/api/models/somebody/flowers/preupload/main":
            return self._answer(200, {"files": [*map(_mode, json.loads(body)["files"])]})
        if path == "/somebody/flowers.git/info/lfs/objects/batch":
            objects = [
                {**file, "actions": {"upload": {"href": f"{hub.url}/large/{file['oid']}"}}}
                for file in json.loads(body)["objects"]
            ]
            return self._answer(200, {"transfer": "basic", "objects": objects})
        if path == "/api/models/somebody/flowers/commit/main":
            return self._commit(body)
        return self._answer(404, {"error": "not here"})

    def do_GET(self):
        self._answer(401, {"error": "Invalid credentials"})

    def do_PUT(self):
        body = self._body()
        self.server.large[hashlib.sha256(body).hexdigest()] = body
        self._answer(200, {})

    def _commit(self, body):
        hub = self.server
        if hub.fails is not None:
            return self._answer(hub.fails, {"error": "no room"})
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "header":
                hub.commits.append(value)
            elif line["key"] == "file":
                hub.committed[value["path"]] = base64.b64decode(value["content"])
            else:
                assert line["key"] == "lfsFile"
                hub.committed[value["path"]] = hub.large[value["oid"]]
        url = f"{hub.url}/somebody/flowers/commit/{COMMIT}"
        return self._answer(200, {"commitUrl": url, "commitOid": COMMIT})

    def _body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _answer(self, status, values):
        body = json.dumps(values).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        """Suppresses the log."""


def _mode(file):
    # The hub stores weights as large files.
    large = file["path"].endswith(".h5")
    return {
        "path": file["path"],
        "uploadMode": "lfs" if large else "regular",
        "shouldIgnore": False,
        "oid": None,
    }


@contextlib.contextmanager
def serving():
    """Context manager of a running `Hub`."""
    with Hub() as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()
