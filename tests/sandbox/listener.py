"""A listener at a hub of the sandbox."""

import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Listener:
    """A callback address that keeps what it is sent."""

    def __init__(self) -> None:
        events: queue.Queue[tuple[str, dict]] = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                events.put((self.path, json.loads(self.rfile.read(int(self.headers["content-length"])))))
                self.send_response(201)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.events = events
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/events"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def next(self) -> tuple[str, dict]:
        """Wait for the next event."""
        return self.events.get(timeout=10)

    def close(self) -> None:
        """Free the port."""
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
