"""What passes over loopback on one TCP port, as tcpdump saw it."""

import re
import secrets
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections import defaultdict
from pathlib import Path

PCAP_HEADER = 24
RECORD_HEADER = struct.Struct("=IIII")
ETHERNET = 1
ETHERNET_HEADER = 14
TCP = 6
START_SECONDS = 10


class Capture:
    """Use it in a `with`; afterwards `bytes` has the payload of every stream, one after another."""

    def __init__(self, port):
        self.port = port
        self.bytes = b""

    def __enter__(self):
        self.file = tempfile.NamedTemporaryFile()
        self.tcpdump = subprocess.Popen(
            ["tcpdump", "--immediate-mode", "-i", "lo", "-n", "-U", "-B", "32768", "-w", "-",
             f"tcp port {self.port} or udp port {self.port}"],
            stdout=self.file, stderr=subprocess.PIPE, text=True)
        for line in self.tcpdump.stderr:
            if "listening on" in line:
                return self
        raise AssertionError("tcpdump does not listen; is this run as root?")

    def __exit__(self, *_):
        try:
            self.wait_for_mark()
        finally:
            self.tcpdump.send_signal(signal.SIGINT)
            words = self.tcpdump.communicate(timeout=START_SECONDS)[1]
        assert re.search(r"^0 packets dropped by kernel", words, re.M), words
        self.bytes = b"".join(tcp_streams(self.seen()))
        self.file.close()

    def wait_for_mark(self):
        """Send something known and wait for it: what was sent before it is in the file then."""
        mark = secrets.token_bytes(16)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(mark, ("127.0.0.1", self.port))
        deadline = time.monotonic() + START_SECONDS
        while mark not in self.seen():
            assert time.monotonic() < deadline, "tcpdump does not write what it sees"
            time.sleep(0.01)

    def seen(self):
        return Path(self.file.name).read_bytes()


def tcp_streams(pcap):
    """The payload of each direction of each connection, without what was sent again."""
    streams = defaultdict(dict)
    for packet in packets(pcap):
        key, sequence, payload = tcp_segment(packet)
        if payload:
            streams[key].setdefault(sequence, payload)
    return [b"".join(segments.values()) for segments in streams.values()]


def packets(pcap):
    assert struct.unpack_from("=I", pcap, 20)[0] == ETHERNET
    place = PCAP_HEADER
    while place < len(pcap):
        _, _, length, original_length = RECORD_HEADER.unpack_from(pcap, place)
        assert length == original_length, "a packet was cut short"
        place += RECORD_HEADER.size
        yield pcap[place:place + length]
        place += length


def tcp_segment(packet):
    """((source, source port, destination, destination port), sequence, payload) of IPv4 and TCP."""
    ip = packet[ETHERNET_HEADER:]
    if ip[9] != TCP:
        return None, 0, b""
    total_length = struct.unpack_from("!H", ip, 2)[0]
    tcp = ip[(ip[0] & 15) * 4:total_length]
    source_port, destination_port, sequence = struct.unpack_from("!HHI", tcp)
    payload = tcp[(tcp[12] >> 4) * 4:]
    return (ip[12:16], source_port, ip[16:20], destination_port), sequence, payload
