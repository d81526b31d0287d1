"""A local hub that answers huggingface_hub's requests for one file."""

import contextlib
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Serves `contents` as model.safetensors of `repository`, with configurable faults.

    Attributes:
        announced: Announced SHA-256; by default the true one.
        breaks: Numbers of bytes to send before the connection is closed, one per response.
        downloads: Range of each request for the file itself, None for the whole file.
    """

    daemon_threads = True

    def __init__(self, repository, contents):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.repository, self.contents = repository, contents
        self.announced = hashlib.sha256(contents).hexdigest()
        self.breaks = []
        self.downloads = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self._answer()

    def do_GET(self):
        self._answer()

    def _answer(self):
        hub, first = self.server, 0
        wanted = self.headers.get("Range")
        if self.path == f"/{hub.repository}/resolve/main/model.safetensors":
            # Like the hub: large files are on another host, and the redirect has their metadata, which the
            self.send_response(302)
            # client does not request from that host.
            self.send_header("Location", f"http://localhost:{hub.server_port}/elsewhere")
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("X-Linked-Etag", f'"{hub.announced}"')
            self.send_header("X-Linked-Size", str(len(hub.contents)))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.path != "/elsewhere":
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        hub.downloads.append(wanted)
        if wanted:
            first = int(wanted.removeprefix("bytes=").split("-")[0])
        body = hub.contents[first:]
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(body)))
        if wanted:
            last = len(hub.contents) - 1
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(hub.contents)}")
        self.end_headers()
        self.close_connection = bool(hub.breaks)
        if self.command == "GET":
            self.wfile.write(body[: hub.breaks.pop(0)] if hub.breaks else body)

    def log_message(self, *arguments):
        """Suppresses the log."""


@contextlib.contextmanager
def serving(repository, contents):
    """Context manager that runs a `Hub`."""
    with Hub(repository, contents) as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()
