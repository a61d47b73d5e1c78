"""Clients that ask for much and read nothing: slow_client.py HOST PORT COUNT get PATH | ws HELLO

They go on talking, so that nobody takes them for dead. Prints "ready" when all have asked, and "cut" for each one that the
server ended; ends itself when all were cut, or after 100 seconds.
"""
import base64
import os
import socket
import struct
import sys
import time


def connect(host, port):
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # before connect(): the window never grows beyond it
    client.connect((host, port))
    client.settimeout(5)
    return client


def frame(opcode, payload):
    """A masked WebSocket frame (RFC 6455 section 5.2) of less than 64 KiB."""
    mask = os.urandom(4)
    head = bytes([0x80 | opcode])
    head += bytes([0x80 | len(payload)]) if len(payload) < 126 else struct.pack('>BH', 0x80 | 126, len(payload))
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def open_socket(client, hello):
    key = base64.b64encode(os.urandom(16)).decode()
    client.sendall((f'GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n'
                    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: rostrum.v1\r\n\r\n').encode())
    answer = b''
    while b'\r\n\r\n' not in answer:
        answer += client.recv(1)
    if not answer.startswith(b'HTTP/1.1 101 '):
        sys.exit(answer.decode())
    client.sendall(frame(1, hello.encode()))


def main():
    host, port, count, kind, what = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]
    clients = [connect(host, port) for _ in range(count)]
    for client in clients:
        if kind == 'ws':
            open_socket(client, what)
        else:
            client.sendall(f'GET {what} HTTP/1.1\r\nHost: x\r\n\r\n'.encode())
    print('ready', flush=True)
    give_up = time.monotonic() + 100
    while clients and time.monotonic() < give_up:
        time.sleep(2)
        for client in list(clients):
            try:
                client.sendall(frame(10, b'I am here') if kind == 'ws' else b'\r\n')
            except OSError:
                print('cut', flush=True)
                clients.remove(client)
    return len(clients)


sys.exit(main())
