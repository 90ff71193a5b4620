"""Logging in at the provider: by OAuth 2.0 and by certificate, with real Dovecot and Postfix."""

import email.message
import email.utils
import imaplib
import os
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from agentworld import Agent
from oauthserver import CLIENT, SCOPE, OAuthServer

ALICE, CAROL = "alice@alpha.test", "carol@alpha.test"

OAUTH_CONF = """
auth_mechanisms = plain login xoauth2 oauthbearer external
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = %(conf)s
}
"""

# The names of the certificates are looked up in a file of their own: no password is in it.
EXTERNAL_CONF = """
ssl_ca = <%(ca)s
ssl_require_crl = no
ssl_verify_client_cert = yes
auth_ssl_username_from_cert = yes
ssl_cert_username_field = commonName
passdb {
  driver = passwd-file
  mechanisms = external
  args = username_format=%%u %(users)s
}
"""


@pytest.fixture(scope="module")
def oauth(world):
    directory = Path(world.dir) / "oauth"
    directory.mkdir()
    server = OAuthServer(directory, CAROL)
    conf = directory / "dovecot-oauth2.conf.ext"
    conf.write_text(f"tokeninfo_url = {server.info_url}\nusername_attribute = email\n")
    users = directory / "external-users"
    users.write_text("".join(f"{each}:::::::nopassword\n" for each in (ALICE,)))
    ca = directory / "client-ca.pem"
    ca.write_bytes(b"".join((Path(world.authority["dir"]) / name).read_bytes()
                            for name in ("issuing.pem", "root.pem")
                            if (Path(world.authority["dir"]) / name).exists()))
    dovecot = Path(world.dir) / "alpha" / "dovecot.conf"
    dovecot.write_text(dovecot.read_text()
                       + OAUTH_CONF % {"conf": conf}
                       + EXTERNAL_CONF % {"ca": ca, "users": users})
    world.restart("alpha-dovecot")
    yield server
    server.close()


def dovecot_log(world):
    return (Path(world.dir) / "log" / "alpha-dovecot.log").read_text(errors="replace")


def postfix_log(world):
    return (Path(world.dir) / "log" / "alpha-postfix.log").read_text(errors="replace")


def trust(world, oauth):
    both = oauth.directory / "trust.pem"
    both.write_bytes(Path(world.facts["tls_ca"]).read_bytes() + oauth.certificate.read_bytes())
    return both


def begin(agent, world, oauth, *words):
    """Setup that waits for the browser: (process, URL)."""
    facts = world.facts
    process = subprocess.Popen(
        [agent.program, "setup", agent.address, "--authority", world.authority["acme_directory"],
         "--trust", world.authority["root"], "--tls-trust", trust(world, oauth),
         "--dns", f"{facts['dns']['address']}@{facts['dns']['port']}",
         "--dns-anchors", facts["dns"]["anchors"], "--credential-file", agent.credential_file,
         "--login", "oauth", "--oauth-client", CLIENT, "--oauth-issuer", oauth.issuer,
         "--oauth-scope", SCOPE, *agent.where(), *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.strip().startswith("https://"):
            return process, line.strip()
    raise AssertionError(process.stderr.read())


def browse(oauth, url):
    """As the person's browser does it: (status, page)."""
    import ssl
    tls = ssl.create_default_context(cafile=str(oauth.certificate))
    try:
        with urllib.request.urlopen(url, context=tls, timeout=60) as page:
            return page.status, page.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture(scope="module")
def carol(world, oauth, program, tmp_path_factory):
    agent = Agent(world, program, CAROL, tmp_path_factory.mktemp("carol"))
    process, url = begin(agent, world, oauth)
    try:
        status, page = browse(oauth, url)
        assert status == 200 and "logged in" in page
        out, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
        assert "ready" in out
        agent.start()
        yield agent
    finally:
        process.kill()
        agent.close()


def letter(to):
    message = email.message.EmailMessage()
    message["From"], message["To"], message["Subject"] = CAROL, to, "by token"
    message["Message-ID"] = email.utils.make_msgid(domain="alpha.test")
    message.set_content("words\n")
    return message


def test_the_challenge_was_read_and_answered_by_token(carol, world):
    assert "method=OAUTHBEARER" in dovecot_log(world)
    assert "sasl_method=OAUTHBEARER" in postfix_log(world)


def test_letters_go_and_come_by_token(carol, oauth):
    message = letter(CAROL)
    carol.send(message, [CAROL])
    _, raw = carol.wait_for(message["Message-ID"])
    assert b"words" in raw


def test_no_token_lies_in_the_clear(carol, oauth):
    secrets = [token.encode() for token in oauth.access | oauth.refresh]
    for path in carol.home.rglob("*"):
        if path.is_file():
            assert not [token for token in secrets if token in path.read_bytes()], path
    assert not [token for token in secrets if token.decode() in carol.log()]


def test_a_token_is_renewed_before_its_end_and_the_refresh_token_changes(carol, oauth):
    oauth.life = 60  # less than a token must be good for
    oauth.access.clear()
    before = len(oauth.grants)
    carol.imap().logout()
    carol.imap().logout()
    grants = oauth.grants[before:]
    assert [grant["grant_type"] for grant in grants] == ["refresh_token"] * len(grants)
    assert len(grants) >= 2
    assert len({grant["refresh_token"] for grant in grants}) == len(grants)
    oauth.life = 3600


def test_a_token_that_is_not_taken_any_more_is_replaced_at_once(carol, oauth):
    carol.imap().logout()
    before = len(oauth.grants)
    oauth.access.clear()  # its time is not over
    carol.imap().logout()
    assert len(oauth.grants) == before + 1
    oauth.access.clear()
    message = letter(CAROL)
    carol.send(message, [CAROL])
    carol.wait_for(message["Message-ID"])


def test_tokens_outlive_the_agent(carol, oauth):
    before = len(oauth.grants)
    carol.kill()
    carol.start()
    carol.imap().logout()
    assert len(oauth.grants) == before


def test_when_the_provider_says_no_letters_wait_and_the_log_says_what_to_do(carol, oauth):
    oauth.says_no = True
    oauth.access.clear()
    message = letter(CAROL)
    try:
        with pytest.raises(imaplib.IMAP4.error, match="setup"):
            carol.imap()
        carol.send(message, [CAROL])
        assert "run letterlock setup again" in carol.log()
    finally:
        oauth.says_no = False
    carol.wait_for(message["Message-ID"])


def test_only_the_browser_that_was_sent_is_heard(world, oauth, program, tmp_path):
    mallory = Agent(world, program, CAROL, tmp_path)
    process, url = begin(mallory, world, oauth)
    try:
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        back = query["redirect_uri"]
        grants = len(oauth.grants)
        for wrong in ("", "?code=x", "?code=x&state=wrong", "?code=x&state=" + query["state"][:-1],
                      "/other?code=x&state=" + query["state"]):
            status, _ = browse(oauth, back + wrong)
            assert status == 404, wrong
        # a page whose name was made to lead here
        request = urllib.request.Request(back + "?code=x&state=" + query["state"],
                                         headers={"Host": "evil.example"})
        with pytest.raises((urllib.error.URLError, ConnectionError, OSError)):
            urllib.request.urlopen(request, timeout=20)
        assert len(oauth.grants) == grants and process.poll() is None
        # and a provider that says no ends it
        status, _ = browse(oauth, back + "?error=access_denied&state=" + query["state"])
        assert status == 403
        _, error = process.communicate(timeout=60)
        assert process.returncode == 2 and "said no" in error
        assert len(oauth.grants) == grants
    finally:
        process.kill()
        mallory.close()


def test_a_code_of_another_provider_is_not_sent(world, oauth, program, tmp_path):
    mallory = Agent(world, program, CAROL, tmp_path)
    process, url = begin(mallory, world, oauth)
    try:
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        grants = len(oauth.grants)
        browse(oauth, query["redirect_uri"] + "?" + urllib.parse.urlencode(
            {"code": "x", "state": query["state"], "iss": "https://evil.example"}))
        _, error = process.communicate(timeout=60)
        assert process.returncode == 2 and "another provider" in error
        assert len(oauth.grants) == grants
    finally:
        process.kill()
        mallory.close()


# By certificate: the signing certificate that setup got is what TLS shows.

def test_with_a_certificate_the_password_is_not_sent(world, oauth, alice):
    before = len(dovecot_log(world))
    alice.imap().logout()
    said = dovecot_log(world)[before:]
    assert f"user=<{ALICE}>, method=EXTERNAL" in said
    assert "method=PLAIN" not in said


def rewrite(path, text, later):
    """Dovecot looks at its time once a second, and reads it again if that is another one."""
    time.sleep(1.1)
    path.write_text(text)
    when = time.time() + later
    os.utime(path, (when, when))


def test_a_certificate_that_is_nobodys_there_lets_the_password_in(world, oauth, alice):
    users = Path(world.dir) / "oauth" / "external-users"
    whole = users.read_text()
    before = len(dovecot_log(world))
    try:
        rewrite(users, whole.replace(f"{ALICE}:", "somebody@alpha.test:"), 10)
        alice.imap().logout()
    finally:
        rewrite(users, whole, 20)
    said = dovecot_log(world)[before:]
    assert f"user=<{ALICE}>, method=PLAIN" in said


def test_setup_by_certificate_alone_forgets_the_password(world, oauth, alice):
    secret = world.password(ALICE)
    postfix = Path(world.dir) / "alpha" / "postfix"
    digest = subprocess.run(
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256"], input=signing_pem(world),
        capture_output=True, check=True).stdout.decode().strip().rpartition("=")[2]
    clients = postfix / "clients"
    clients.write_text(f"{digest} {ALICE}\n")
    alice.stop()
    done = alice.run("setup", ALICE, "--login", "certificate")
    assert done.returncode == 0, done.stderr
    accept_certificates(world, postfix, clients)
    alice.start()
    before = len(dovecot_log(world)), len(postfix_log(world))
    message = letter(ALICE)
    message.replace_header("From", ALICE)
    alice.send(message, [ALICE])
    alice.wait_for(message["Message-ID"])
    assert "method=EXTERNAL" in dovecot_log(world)[before[0]:]
    assert "sasl_method" not in postfix_log(world)[before[1]:]
    assert secret not in alice.log()


def signing_pem(world):
    from setup_test import certificates
    from cryptography.hazmat.primitives.serialization import Encoding
    return certificates(world, ALICE)["signing"][0].public_bytes(Encoding.PEM)


def accept_certificates(world, postfix, clients):
    """Submission for those whose certificate Postfix knows, with no AUTH."""
    master = postfix / "master.cf"
    text = master.read_text()
    text = text.replace("permit_sasl_authenticated,reject",
                        "permit_sasl_authenticated,permit_tls_clientcerts,reject")
    text = text.replace("-o smtpd_sender_restrictions=reject_sender_login_mismatch\n", "")
    text = text.replace("    -o smtpd_tls_wrappermode=yes\n",
                        "    -o smtpd_tls_wrappermode=yes\n"
                        "    -o smtpd_tls_ask_ccert=yes\n"
                        "    -o smtpd_tls_fingerprint_digest=sha256\n"
                        f"    -o relay_clientcerts=texthash:{clients}\n")
    master.write_text(text)
    world.restart("alpha-postfix")
