"""CAA: a domain says who may issue for its mailboxes, and the authority hears it (RFC 8659, 9495, 8657)."""

import sqlite3
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from acmeclient import ERROR, make_csr

ALICE = "alice@alpha.test"
ZONE = "alpha.test"


@contextmanager
def records(world, **values):
    """A CAA record at each of these names in alpha.test, as long as the context lasts; "top" is its
    own name."""
    def control(*words):
        subprocess.run(["knotc", "-s", Path(world.dir) / "dns" / "knot.sock", *words], check=True,
                       capture_output=True)

    def change(command, **values):
        control("zone-begin", ZONE)
        for name, value in values.items():
            control(command, ZONE, "@" if name == "top" else name, *value)
        control("zone-commit", ZONE)

    change("zone-set", **{name: ("1", "CAA", value) for name, value in values.items()})
    world.restart("authority")  # forgets what it heard before
    try:
        yield
    finally:
        change("zone-unset", **{name: ("CAA",) for name in values})
        time.sleep(2.2)  # they were good for a second, and caches count whole ones


def database(authority, statement):
    with sqlite3.connect(Path(authority["dir"]) / "authority.db", timeout=10) as sql:
        return sql.execute(statement).fetchall()


def grow_old(authority):
    """What the domains said was nine hours ago."""
    database(authority, "UPDATE permission SET at = at - 9 * 3600")


def refusal(client, address):
    """What comes of an order for a mailbox that need not even exist."""
    order, _, _ = client.new_order(address)
    authorization = client.wait_for(order["authorizations"][0], ("invalid",))
    assert client.post(order["url"]).json["status"] == "invalid"
    error = authorization["challenges"][0]["error"]
    assert error["type"] == ERROR + "caa"
    return error["detail"]


def test_the_authority_says_what_records_must_name(client):
    assert client.directory["meta"]["caaIdentities"] == ["authority.test"]


def test_for_a_domain_that_names_others_nothing_is_mailed_or_proved(world, authority, client):
    with records(world, other='0 issuemail "elsewhere.test"', known='128 future "x"',
                 nobody='0 issuemail ";"'):
        assert "other authorities are named" in refusal(client, "x@other.alpha.test")
        assert "other authorities" in refusal(client, "x@nobody.alpha.test")
        assert "other authorities" in refusal(client, "x@deep.below.nobody.alpha.test")
        assert "critical" in refusal(client, "x@known.alpha.test")
    acts = [row[0] for row in database(
        authority, "SELECT detail FROM audit WHERE act = 'caa' AND object LIKE '%@known%'")]
    assert len(acts) == 1 and acts[0].startswith("no for account ")


def finish(client, order, kind="signing"):
    csr, _ = make_csr(ALICE, kind)
    return client.finalize(order, csr)


def ready_with(authority, word, client):
    """An order on the proof that there is, for which the domain has said this."""
    order, authorization, _ = client.new_order(ALICE)
    assert authorization["status"] == "valid"
    deadline = time.monotonic() + 20
    while database(authority, "SELECT word FROM permission ORDER BY at DESC LIMIT 1") != [(word,)]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return order


def test_what_decides_is_the_word_when_it_is_issued(world, authority, client):
    """The domain lets us, the mailbox is proved, and then the domain changes its mind."""
    order = client.authorize(ALICE)
    assert order["status"] == "ready"
    with records(world, top='0 issuemail "elsewhere.test"'):
        grow_old(authority)
        reply = finish(client, order)
        assert (reply.status, reply.json["status"]) == (200, "processing")
        assert reply.headers["Retry-After"] == "1"
        ended = client.wait_for(order["url"], ("invalid", "valid"))
        assert (ended["status"], ended["error"]["type"]) == ("invalid", ERROR + "caa")
        # the proof is as good as before; another order is told at once
        again = ready_with(authority, "no", client)
        reply = finish(client, again)
        assert (reply.status, reply.problem) == (403, "caa")
        assert client.post(again["url"]).json["status"] == "ready"
    assert not client.got
    # it may again, but only this account and this way of proving
    mine = f"authority.test; accounturi={client.kid}; validationmethods=email-reply-00"
    with records(world, top=f'0 issuemail "{mine}"'):
        order = ready_with(authority, "yes", client)
        assert finish(client, order).json["status"] == "valid"
        other = ready_with(authority, "yes", client)
    with records(world, top=f'0 issuemail "{mine}x"'):
        grow_old(authority)
        assert finish(client, other, "encrypting").json["status"] == "processing"
        assert client.wait_for(other["url"], ("invalid",))["error"]["type"] == ERROR + "caa"


def test_an_order_that_waited_is_finished_by_looking_at_it(world, authority, client):
    order = client.authorize(ALICE)
    grow_old(authority)
    assert finish(client, order).json["status"] == "processing"
    ended = client.wait_for(order["url"], ("invalid", "valid"))
    assert ended["status"] == "valid"
    client.got.append(ended["certificate"])
    assert b"BEGIN CERTIFICATE" in client.certificates(ended)


def test_what_is_forged_lets_nobody_issue(world, authority, client, tmp_path):
    """With a trust anchor that is another's key, every answer for the domain is forged."""
    order = client.authorize(ALICE)
    lines = Path(world.facts["dns"]["anchors"]).read_text().splitlines(keepends=True)
    wrong = [line.replace("beta.test.", "alpha.test.") for line in lines
             if not line.startswith("alpha.test.")]
    (tmp_path / "anchors").write_text("".join(wrong))
    tmp_path.chmod(0o755)
    before = world.set_authority(dns_anchors=str(tmp_path / "anchors"))
    try:
        grow_old(authority)
        assert finish(client, order).json["status"] == "processing"
        ended = client.wait_for(order["url"], ("invalid", "valid"))
    finally:
        world.set_authority(**before)
    assert (ended["status"], ended["error"]["type"]) == ("invalid", ERROR + "dns")
    assert "forged" in ended["error"]["detail"]
