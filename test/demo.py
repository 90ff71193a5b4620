#!/usr/bin/env python3
"""demo.py [--once | --down] BUILD -- the whole of Letterlock on this machine, shown step by step.

Two organisations with real mail servers, an authority, and the agents of Alice and Bob; one letter
from an ordinary SMTP client.  Every step is checked; the first that does not hold ends it with 1.
"""

import json
import os
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import time
from pathlib import Path

from agentworld import Agent
from mailworld import VILLAGE, World
from people import CANARY, SUBJECT, found_in, letter, parse

HERE = Path(__file__).resolve().parent
PLACE = Path("/var/tmp/letterlock-run")
ALICE, BOB = "alice@alpha.test", "bob@beta.test"
PORTS = {ALICE: (1465, 1993), BOB: (2465, 2993)}


def step(text):
    print(f"-- {text}", flush=True)


def must(holds, what):
    if not holds:
        sys.exit(f"run: {what}")


def must_be_free(port):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            must(False, f"port {port} of 127.0.0.1 is taken; 'ss -ltnp' says by whom: stop that")


def down():
    record = PLACE / "holders.json"
    for pid in json.loads(record.read_text()) if record.exists() else []:
        end(pid)
    if (PLACE / "village").exists():
        subprocess.run([VILLAGE, "down", PLACE / "village"], check=False)
    shutil.rmtree(PLACE, ignore_errors=True)


def end(pid):
    """Only what we started: a number that is somebody else's by now is left alone."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        if b"holder.py" not in words:
            return
        os.kill(pid, signal.SIGTERM)
        for _ in range(100):
            os.kill(pid, 0)
            time.sleep(0.1)
    except (OSError, ProcessLookupError):
        pass


class Held(Agent):
    """An agent whose ports a process of its own holds, so that it outlives this script."""

    def __init__(self, world, program, address):
        super().__init__(world, program, address, PLACE / "agents")
        self.smtp_socket.close()
        self.imap_socket.close()

    smtp_port = property(lambda self: PORTS[self.address][0])
    imap_port = property(lambda self: PORTS[self.address][1])

    @property
    def certificate(self):
        return PLACE / f"{self.address.partition('@')[0]}.pem"

    def show_certificate(self):
        """The agent's folder is root's; the person with the mail program may be somebody else."""
        self.certificate.write_bytes((self.home / "localhost.pem").read_bytes())
        self.certificate.chmod(0o644)

    def hold(self):
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            ["/usr/bin/python3", "-B", HERE / "holder.py", str(self.smtp_port), str(self.imap_port),
             *self.command()],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.wait_until_ready()
        return self.process.pid


def up(build):
    down()
    for port in sum(PORTS.values(), ()):
        must_be_free(port)
    PLACE.mkdir(parents=True)
    PLACE.chmod(0o755)
    step("two organisations (alpha.test, beta.test), DNS and the authority are started")
    began = time.monotonic()
    done = subprocess.run([VILLAGE, "up", PLACE / "village", "--bin-dir", build],
                          stdout=subprocess.DEVNULL)
    must(done.returncode == 0, "the mail servers did not start")
    print(f"   up after {time.monotonic() - began:.1f} s")
    return World(PLACE / "village")


def set_up(world, build, address, pids):
    agent = Held(world, build / "letterlock", address)
    step(f"letterlock setup {address}")
    began = time.monotonic()
    done = agent.setup(check=False)
    must(done.returncode == 0, done.stderr.decode())
    print(f"   both certificates after {time.monotonic() - began:.1f} s, nobody was asked")
    agent.show_certificate()
    pids.append(agent.hold())
    (PLACE / "holders.json").write_text(json.dumps(pids))
    return agent


def show(message, names, text, lines):
    """The fields and lines that matter: what servers write on top is longer than the letter."""
    for name in names:
        print(f"   | {name}: {message[name]}")
    for line in ["", *text.strip().splitlines()[:lines], "..."]:
        print(f"   | {line}")


def send_and_read(world, alice, bob):
    message = letter(ALICE, [BOB])
    step("an ordinary SMTP client hands a plain letter to Alice's agent")
    try:
        must(alice.send(message, [BOB]) == {}, "the letter was refused")
    except smtplib.SMTPException as refused:
        must(False, f"the letter was refused: {refused}")
    raw = world.wait_for_letter(BOB, message["Message-ID"])
    step("what lies on Bob's mail server")
    sealed = parse(raw)
    show(sealed, ("From", "To", "Subject", "Content-Type"), sealed.get_payload(), 3)
    must(found_in(raw, CANARY, SUBJECT) == [], "clear text lies on the server")
    flags, shown = bob.wait_for(message["Message-ID"])
    step("what Bob's mail program is shown by his agent")
    opened = parse(shown)
    text = opened.get_body(("plain",)).get_content()
    show(opened, ("Letterlock-Verdict", "Subject", "From"), text, 3)
    must(opened["Letterlock-Verdict"].startswith("verified;"), "it is not verified")
    must(opened["Subject"] == SUBJECT, "the subject is not the real one")
    must(CANARY in text, "the text is not the real one")
    must(b"$Letterlock-verified" in flags, "the keyword is missing")


def refuse(alice):
    step("a letter to somebody without a certificate is refused, not sent in the clear")
    try:
        alice.send(letter(ALICE, ["eve@beta.test"]), ["eve@beta.test"])
    except smtplib.SMTPRecipientsRefused as refused:
        code, reason = refused.recipients["eve@beta.test"]
        print(f"   | {code} {reason.decode()}")
        return
    must(False, "it was not refused")


def tell(world, agents):
    print("\nEverything runs.  For a mail program (TLS from the start; trust the certificate):")
    for agent in agents:
        print(f"   {agent.address}, password {agent.credential}\n"
              f"      SMTP 127.0.0.1:{agent.smtp_port}   IMAP 127.0.0.1:{agent.imap_port}   "
              f"certificate {agent.certificate}")
    print("As the servers keep it:")
    for agent in agents:
        print(f"   {world.users[agent.address]['store']}")
    print("./run --down stops it all.")


def main():
    words = sys.argv[1:]
    if words[:1] == ["--down"]:
        return down()
    once = words[:1] == ["--once"]
    build = Path(words[-1]).resolve()
    try:
        world = up(build)
        pids = []
        agents = [set_up(world, build, address, pids) for address in (ALICE, BOB)]
        send_and_read(world, *agents)
        refuse(agents[0])
        if not once:
            tell(world, agents)
    except BaseException:
        down()
        raise
    if once:
        down()
        print("every step held")
    return None


sys.exit(main())
