"""ProxyCommand for ssh: relays to HOST PORT, at most BYTES a second on the way there.

Usage: throttle.py HOST PORT BYTES
"""

import os
import socket
import sys
import threading
import time

_PIECES_A_SECOND = 20


def _back(connection):
    while piece := connection.recv(65536):
        os.write(1, piece)
    os._exit(0)  # The host has gone; stdin may stay silent for ever.


def main():
    host, port, bytes_a_second = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    connection = socket.create_connection((host, port))
    threading.Thread(target=_back, args=(connection,), daemon=True).start()
    while piece := os.read(0, bytes_a_second // _PIECES_A_SECOND):
        connection.sendall(piece)
        time.sleep(len(piece) / bytes_a_second)  # It is what this program is for.
    connection.shutdown(socket.SHUT_WR)
    threading.Event().wait(60)


if __name__ == "__main__":
    main()
