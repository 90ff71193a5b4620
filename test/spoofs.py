"""The rows of spoofing_test: how they are kept, and who takes part."""

import base64

import pytest

import papers
from filedesk import ALICE, BOB, EVE
from forge import Person, rfc822

PAY = "Please pay 5000 euros to the new account at once."
UNICODE = "gr\u00fc\u00dfe@alpha.test"
IDN, A_LABEL = "alice@b\u00fccher.test", "alice@xn--bcher-kva.test"


def encoded(text):
    return f"=?utf-8?b?{base64.b64encode(text.encode()).decode()}?="


class Bench:
    """Who has which certificate, and the program that judges."""

    def __init__(self, desk):
        self.desk, self.root = desk, desk.authority
        self.reader = BOB
        self.alice = self.person(ALICE)
        self.bob = self.person(BOB)
        self.eve = self.person(EVE)
        self.bob_rsa = desk.add(BOB, "bob-rsa", kind="rsa")
        self.files = papers.save_cert(desk.dir / "a.pem", self.alice.cert), papers.save_bundle(
            desk.dir / "a.key", (self.alice.key, self.alice.cert))
        both = desk.ids["both"] = desk.dir / "both.pem"
        both.write_bytes(b"".join((desk.dir / f"{label}.key").read_bytes() for label in (BOB, self.bob_rsa)))

    def person(self, *addresses, **how):
        return Person(self.root, *(rfc822(each) for each in addresses), **how)

    def inspect(self, octets, *words):
        return self.desk.inspect(octets, "--me", BOB, *words, reader="both")


ATTACKS, HONEST = [], []


def attack(verdict, reason, *words):
    """`words`: more of the command line."""
    def keep(make):
        ATTACKS.append(pytest.param(make, verdict, reason, words, id=make.__name__))
        return make
    return keep


def honest(make):
    HONEST.append(pytest.param(make, id=make.__name__))
    return make


def each_attack(verdict, reason, values, *words):
    """One row for each of `values`, a table from names to what the row is made with."""
    def keep(make):
        for name, value in values.items():
            ATTACKS.append(pytest.param(lambda b, value=value: make(b, value), verdict, reason,
                                        words, id=f"{make.__name__}[{name}]"))
        return make
    return keep


def each_honest(values):
    def keep(make):
        for name, value in values.items():
            HONEST.append(pytest.param(lambda b, value=value: make(b, value),
                                       id=f"{make.__name__}[{name}]"))
        return make
    return keep
