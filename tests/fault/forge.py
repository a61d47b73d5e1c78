"""Datagrams with forged senders. Needs CAP_NET_RAW, as in a network namespace.

forge.py SERVER PORT strangers COUNT: a check and a ClientHello from each of so many addresses, 198.18.0.0 and up.

forge.py SERVER PORT CLIENT PORT ROUNDS: each round sends, as if from the client: alerts and goodbyes without keys, RTP and RTCP with wrong ones, checks with a wrong
password, records cut short, noise. With a capture on the way (a raw socket that sees what the client sends) it also repeats
some of the client's own packets as they were. Prints how many were sent, and how many of those were repeats.
"""
import base64
import hashlib
import hmac
import os
import random
import socket
import struct
import sys
import time


def udp(source, source_port, target, target_port, data):
    """An IPv4 packet (RFC 791, RFC 768); the kernel fills in its checksum, and UDP's may be zero."""
    length = 8 + len(data)
    ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + length, 0, 0, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(target))
    return ip + struct.pack('>HHHH', source_port, target_port, length, 0) + data


def check(username, password):
    """A binding request (RFC 8489) with USE-CANDIDATE."""
    def attribute(kind, value):
        return struct.pack('>HH', kind, len(value)) + value + b'\0' * (-len(value) % 4)

    body = attribute(6, username) + attribute(0x25, b'') + attribute(0x802A, os.urandom(8))
    head = struct.pack('>HHI', 1, len(body) + 24, 0x2112A442) + os.urandom(12)
    return head + body + attribute(8, hmac.new(password, head + body, hashlib.sha1).digest())


def username_of(packet):
    """The USERNAME of a check that was seen; None if it is none."""
    if len(packet) < 20 or packet[:2] != b'\0\1' or packet[4:8] != b'\x21\x12\xa4\x42':
        return None
    at = 20
    while at + 4 <= len(packet):
        kind, length = struct.unpack('>HH', packet[at:at + 4])
        if kind == 6:
            return packet[at + 4:at + 4 + length]
        at += 4 + length + (-length % 4)
    return None


def forgeries(username):
    record = bytes([22, 0xFE, 0xFD]) + bytes(7)
    yield bytes([21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40])  # fatal alert: handshake_failure
    yield bytes([21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 1, 0])  # close_notify
    yield bytes([21, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 1, 0, 0, 26]) + os.urandom(26)  # the same, as if encrypted
    yield record + b'\0\x64' + os.urandom(100)
    yield record
    yield check(username, b'not the password of anybody here')
    yield check(username, b'not the password of anybody here')[:-30]
    for ssrc in (0, random.getrandbits(32)):
        yield struct.pack('>BBHI', 0x81, 203, 1, ssrc)  # RTCP BYE
        yield struct.pack('>BBHI', 0x81, 203, 1, ssrc) + os.urandom(14)
    yield bytes([0x80, 111]) + os.urandom(170)
    yield bytes([0x80, 111]) + os.urandom(6)
    yield bytes([0x81, 201, 0, 7]) + os.urandom(60)
    yield os.urandom(random.randrange(1, 1400))


def waiting(seen):
    """What has come in, and not what comes meanwhile: our own are seen as well."""
    packets = []
    try:
        while len(packets) < 1000:
            packets.append(seen.recv(2048))
    except BlockingIOError:
        pass
    return packets


def be_strangers(server, port, count):
    out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    hello = bytes([22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 132, 1]) + os.urandom(131)
    for i in range(count):
        source = f'198.18.{i // 256}.{i % 256}'
        name = base64.b64encode(os.urandom(6)) + b':abcd'
        for data in (check(name, b'a password that I made up'), hello):
            out.sendto(udp(source, 40000, server, port, data), (server, 0))
        if i % 50 == 0:
            time.sleep(0.01)  # or the socket's buffer drops them, which proves nothing
    print(f'{{"sent": {2 * count}}}')


def be_a_client():
    server, port, client, client_port, rounds = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
    out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    seen = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    seen.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    seen.setblocking(False)
    username, own, sent, repeats = b'AAAAAAAA:none', [], 0, 0
    wanted = struct.pack('>HH', client_port, port)
    for _ in range(rounds):
        time.sleep(0.02)  # the pace of the attack
        for packet in waiting(seen):
            if packet[20:24] == wanted:
                username = username_of(packet[28:]) or username
                own = (own + [packet[28:]])[-20:]
        for data in forgeries(username):
            out.sendto(udp(client, client_port, server, port, data), (server, 0))
            sent += 1
        for data in own[:2]:
            if data[0] >= 128:  # RTP and RTCP, not a check: that would simply be answered once more
                out.sendto(udp(client, client_port, server, port, data), (server, 0))
                repeats += 1
    print(f'{{"sent": {sent}, "repeats": {repeats}, "knew_the_name": {str(username != b"AAAAAAAA:none").lower()}}}')


if sys.argv[3] == 'strangers':
    be_strangers(sys.argv[1], int(sys.argv[2]), int(sys.argv[4]))
else:
    be_a_client()
