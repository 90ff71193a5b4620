"""What the village is made of: names, addresses, ports, people, and where each thing lies."""

from dataclasses import dataclass
from pathlib import Path

DNS_ADDRESS = "127.0.0.10"
DNS_PORT = 5353
DNS_PORT_FOR_LIBC = 53  # Postfix asks the libc resolver, and that one knows no other port

SMTP_PORT = 2525
SUBMISSIONS_PORT = 4650
SUBMISSION_PORT = 5870
IMAPS_PORT = 9930
IMAP_PORT = 1430

AUTHORITY_DOMAIN = "authority.test"
AUTHORITY_ADDRESS = "127.0.0.13"
AUTHORITY_HTTPS_PORT = 8443
AUTHORITY_HTTP_PORT = 8080
AUTHORITY_DKIM_SELECTOR = "letterlock"

# An address of a Unix socket has room for 107 bytes and its final zero.
SOCKET_PATH_MAX = 107
LONGEST_SOCKET_SUFFIX = "/alpha/queue/private/dovecot-lmtp"


@dataclass(frozen=True)
class Domain:
    """One organisation with mail servers of its own."""

    label: str
    address: str
    users: tuple
    relays_for: str = ""  # who may relay through its port 2525 without a login

    @property
    def name(self):
        return f"{self.label}.test"

    @property
    def host(self):
        return f"mail.{self.name}"

    dkim_selector = "village"


ALPHA = Domain("alpha", "127.0.0.11", ("alice", "carol", "mallory"), f"{AUTHORITY_ADDRESS}/32")
BETA = Domain("beta", "127.0.0.12", ("bob", "dave", "eve"))
DOMAINS = (ALPHA, BETA)
SMARTHOST = ALPHA

SIGNED_ZONES = tuple(d.name for d in DOMAINS) + (AUTHORITY_DOMAIN, "test")


class Places:
    """Every path of one village below its directory."""

    def __init__(self, root):
        self.root = Path(root).resolve()
        self.world = self.root / "world.json"
        self.servers = self.root / "servers.json"
        self.marker = self.root / ".village"
        self.run = self.root / "run"
        self.log = self.root / "log"
        self.tls = self.root / "tls"
        self.ca = self.tls / "ca.pem"
        self.dkim = self.root / "dkim"
        self.dns = self.root / "dns"
        self.anchors = self.dns / "anchors"
        self.knot_conf = self.dns / "knot.conf"
        self.passwords = self.root / "passwords"
        self.authority = self.root / "authority"
        self.authority_passphrase = self.root / "authority-passphrase"

    def tls_cert(self, host):
        return self.tls / f"{host}.pem"

    def tls_key(self, host):
        return self.tls / f"{host}.key"

    def dkim_key(self, domain_name):
        return self.dkim / f"{domain_name}.key"

    def server_log(self, server):
        return self.log / f"{server}.log"

    def password(self, address):
        return self.passwords / address

    def of(self, domain):
        return DomainPlaces(self.root / domain.label)


class DomainPlaces:
    """Every path of one organisation.  Short names: Unix socket addresses are limited."""

    def __init__(self, base):
        self.base = base
        self.postfix = base / "postfix"  # main.cf, master.cf, maps
        self.queue = base / "queue"
        self.milter_socket = self.queue / "opendkim" / "milter"  # Postfix sees the queue only
        self.postfix_data = base / "lib"
        self.dovecot_conf = base / "dovecot.conf"
        self.dovecot_users = base / "dovecot.users"
        self.dovecot_run = base / "run"
        self.dovecot_state = base / "state"
        self.mail = base / "mail"
        self.opendkim_conf = base / "opendkim.conf"

    def store(self, user):
        return self.mail / user / "Maildir"
