"""Stands between a function and Redis and counts how often the function waits for an answer."""

import select
import socket
import threading


class Relay:
    """
    Holds answers back until nobody has said anything for a while: a function that sends several commands before it reads
    waits once, one that reads in between waits each time.
    """

    SILENCE_SECONDS = 0.02

    def __init__(self, port):
        self.target, self.waits = port, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        try:
            while True:
                threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()
        except OSError:
            pass  # Closed.

    def serve(self, asking):
        with asking, socket.create_connection(("127.0.0.1", self.target)) as answering:
            held = b""
            try:
                while True:
                    readable, _, _ = select.select((asking, answering), (), (), self.SILENCE_SECONDS if held else None)
                    if not readable:
                        self.waits += 1
                        asking.sendall(held)
                        held = b""
                    if asking in readable:
                        said = asking.recv(65_536)
                        if not said:
                            return
                        answering.sendall(said)
                    if answering in readable:
                        said = answering.recv(65_536)
                        if not said:
                            return
                        held += said
            except OSError:
                pass  # The function was ended.

    def close(self):
        # Closing alone would not wake the thread that accepts.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
