"""A mirror on loopback that serves files as well or as badly as a test wants."""

import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """Serves the files of a dict, path → bytes, and remembers what it was asked for."""

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = files
        self.cuts = 0  # how many connections to cut, and after how many bytes
        self.chunk = 4_000
        self.ranges = True
        self.tells_sizes = False  # in the answer to a range that begins at the end
        self.status = None
        self.silent = threading.Event()
        self.asked = []

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.asked.append((self.path, self.headers.get("Range")))
        if server.status == "silent":
            server.silent.wait(10)
            return
        data = server.files.get(self.path)
        if server.status or data is None:
            self.send_error(server.status or 404)
            return
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        begin = int(wanted[1]) if wanted and server.ranges else 0
        if begin >= len(data):
            self.refuse_range(len(data))
            return
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(data) - begin))
        self.end_headers()
        if server.cuts:
            server.cuts -= 1
            self.wfile.write(data[begin : begin + server.chunk])
        else:
            self.wfile.write(data[begin:])

    def refuse_range(self, size):
        self.send_response(416)
        if self.server.tells_sizes:
            self.send_header("Content-Range", f"bytes */{size}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format, *args):
        pass


@contextmanager
def serving(files):
    """A server in a thread of its own, until the block ends."""
    with Server(files) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield running
        finally:
            running.silent.set()
            running.shutdown()
            thread.join()


def kept(cache):
    """What lies in the cache, locks aside."""
    return sorted(path.name for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock")
