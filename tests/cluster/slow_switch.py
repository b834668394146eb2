#!/usr/bin/env python3
"""A switch between network devices that delays and loses frames, for kernels without sch_netem.

    slow_switch.py DELAY_MS LOSS_PERCENT DEVICE ...

Runs until it is killed. Every frame waits DELAY_MS; LOSS_PERCENT of them are dropped, drawn from a fixed seed.
"""

import heapq
import itertools
import random
import select
import socket
import sys
import time

ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_VNET_HDR = 15  # frames come and go with what the sender left to be done: checksums, segments
PACKET_OUTGOING = 4
VNET_HEADER = 10  # bytes
MOST_BYTES = 70_000
BUFFER = 8 << 20


def open_port(device):
    port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    port.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    port.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    port.bind((device, ETH_P_ALL))
    return port


def main():
    delay, loss, devices = float(sys.argv[1]) / 1000, float(sys.argv[2]) / 100, sys.argv[3:]
    ports = [open_port(device) for device in devices]
    draw = random.Random(1).random
    home = {}  # port of each address
    waiting = []  # (when, number, port, frame)
    numbers = itertools.count()
    while True:
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, _, port, frame = heapq.heappop(waiting)
            try:
                port.send(frame)
            except OSError:
                pass  # its device is down: lost
        patience = max(0, waiting[0][0] - now) if waiting else None
        for port in select.select(ports, [], [], patience)[0]:
            frame, address = port.recvfrom(MOST_BYTES)
            if address[2] == PACKET_OUTGOING or draw() < loss:
                continue
            to, sender = frame[VNET_HEADER:VNET_HEADER + 6], frame[VNET_HEADER + 6:VNET_HEADER + 12]
            home[sender] = port
            for other in [home[to]] if to in home else ports:
                if other is not port:
                    heapq.heappush(waiting, (time.monotonic() + delay, next(numbers), other, frame))


if __name__ == "__main__":
    main()
