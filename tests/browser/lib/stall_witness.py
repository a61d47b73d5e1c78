#!/usr/bin/python3
"""Watches the machine itself: one idle thread on each processor sleeps 5 ms again and again.

At SIGTERM it prints the longest oversleep in ms. So long nothing else on this machine could run in
time either: nobody can send more evenly than that.
"""
import json
import os
import signal
import threading
import time

NAP_S = 0.005
longest_s = {}


def watch(cpu):
    os.sched_setaffinity(0, {cpu})
    longest_s[cpu] = 0.0
    while True:
        before = time.monotonic()
        time.sleep(NAP_S)
        longest_s[cpu] = max(longest_s[cpu], time.monotonic() - before - NAP_S)


signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
for number in os.sched_getaffinity(0):
    threading.Thread(target=watch, args=(number,), daemon=True).start()
signal.sigwait({signal.SIGTERM})
print(json.dumps({"stall_ms": round(max(longest_s.values()) * 1000, 1)}))
