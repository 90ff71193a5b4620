#!/usr/bin/env python3
"""holder.py SMTP_PORT IMAP_PORT COMMAND... -- what systemd does for the agent, where there is none.

Binds both ports on loopback, hands them to the agent by the socket activation protocol, starts it
again when it dies, and goes on holding the ports in between.  SIGTERM ends both.
"""

import os
import signal
import subprocess
import sys
import time

from agentworld import ACTIVATE, listen_on


def main():
    smtp, imap = (listen_on(port=int(word)) for word in sys.argv[1:3])
    env = dict(os.environ, LISTEN_FDS="2", LISTEN_FDNAMES="smtp:imap")
    words = ["bash", "-c", ACTIVATE % f"3<&{smtp.fileno()} 4<&{imap.fileno()}", "sh", *sys.argv[3:]]
    stopping = []
    agent = None

    def stop(*_):
        stopping.append(True)
        if agent is not None:
            agent.terminate()

    signal.signal(signal.SIGTERM, stop)
    while not stopping:
        agent = subprocess.Popen(words, pass_fds=(smtp.fileno(), imap.fileno()), env=env)
        agent.wait()
        if not stopping:
            time.sleep(1)


main()
