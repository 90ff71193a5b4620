"""One organisation's mail servers: Postfix, Dovecot and OpenDKIM, all in one place."""

import os
import shutil
import signal
import smtplib

import command
import keys
import layout
from render import render
from servers import Server

# RFC 8823 section 3.1: at least the first line of these must be signed, the rest should be.
SIGNED_HEADERS = (
    "From,Sender,Reply-To,To,Cc,Subject,Date,In-Reply-To,References,Message-ID,Auto-Submitted,"
    "Content-Type,Content-Transfer-Encoding,"
    "Resent-Date,Resent-From,Resent-To,Resent-Cc,"
    "List-Id,List-Help,List-Unsubscribe,List-Subscribe,List-Post,List-Owner,List-Archive,"
    "List-Unsubscribe-Post")

WARM_UP_USER = "warmup"  # has no login, and Postfix does not know it


def prepare(places, domain, passwords):
    own = places.of(domain)
    own.base.mkdir()
    prepare_postfix(places, domain, own)
    prepare_opendkim(places, domain, own)
    prepare_dovecot(places, domain, own, passwords)


def servers(places, domain):
    return [opendkim(places, domain), dovecot(places, domain), postfix(places, domain)]


def opendkim(places, domain):
    own = places.of(domain)
    # It looks for SIGTERM every five seconds only, and has nothing to lose.
    return server(places, domain, "opendkim", [str(own.milter_socket)],
                  ["opendkim", "-f", "-x", str(own.opendkim_conf)], stop_signal=signal.SIGKILL)


def dovecot(places, domain):
    ports = (layout.IMAPS_PORT, layout.IMAP_PORT)
    return server(places, domain, "dovecot", [[domain.address, port] for port in ports],
                  ["dovecot", "-F", "-c", str(places.of(domain).dovecot_conf)])


def postfix(places, domain):
    ports = (layout.SMTP_PORT, layout.SUBMISSIONS_PORT, layout.SUBMISSION_PORT)
    return server(places, domain, "postfix", [[domain.address, port] for port in ports],
                  [postfix_master(), "-s", "-c", str(places.of(domain).postfix)])


def server(places, domain, program, listens, argv, **more):
    name = f"{domain.label}-{program}"
    return Server(name=name, argv=argv, log=str(places.log / f"{name}.out"),
                  pid_file=str(places.run / f"{name}.pid"), listens=listens, **more)


def postfix_master():
    directory = command.output("postconf", "-d", "-h", "daemon_directory").decode().strip()
    return os.path.join(directory, "master")


def prepare_opendkim(places, domain, own):
    keys.give_dkim_key_to_opendkim(places, domain.name)
    unbound_conf = own.base / "unbound.conf"
    unbound_conf.write_text(render(
        "unbound.conf", anchors=places.anchors, dns_address=layout.DNS_ADDRESS,
        dns_port=layout.DNS_PORT))
    own.opendkim_conf.write_text(render(
        "opendkim.conf", domain=domain.name, selector=domain.dkim_selector,
        key=places.dkim_key(domain.name), socket=own.milter_socket, signed_headers=SIGNED_HEADERS,
        dns_address=layout.DNS_ADDRESS, unbound_conf=unbound_conf))
    own.milter_socket.parent.mkdir()
    shutil.chown(own.milter_socket.parent, "opendkim", "postfix")
    own.milter_socket.parent.chmod(0o750)


def prepare_postfix(places, domain, own):
    own.postfix.mkdir()
    own.postfix_data.mkdir()
    shutil.chown(own.postfix_data, "postfix", "postfix")
    (own.postfix / "main.cf").write_text(render(
        "main.cf", queue=own.queue, data=own.postfix_data, log_dir=places.log,
        log=places.server_log(f"{domain.label}-postfix"), host=domain.host, domain=domain.name,
        relays_for=domain.relays_for, etc=own.postfix, smtp_port=layout.SMTP_PORT,
        address=domain.address, tls_key=places.tls_key(domain.host),
        tls_cert=places.tls_cert(domain.host),
        milter_socket=own.milter_socket.relative_to(own.queue)))
    (own.postfix / "master.cf").write_text(render(
        "master.cf", address=domain.address, smtp_port=layout.SMTP_PORT,
        submissions_port=layout.SUBMISSIONS_PORT, submission_port=layout.SUBMISSION_PORT))
    addresses = [f"{user}@{domain.name}" for user in domain.users]
    (own.postfix / "mailboxes").write_text("".join(f"{a} present\n" for a in addresses))
    (own.postfix / "logins").write_text("".join(f"{a} {a}\n" for a in addresses))
    make_queue(own)


def make_queue(own):
    resolv_conf = own.queue / "etc" / "resolv.conf"
    resolv_conf.parent.mkdir(parents=True)
    resolv_conf.write_text(f"nameserver {layout.DNS_ADDRESS}\n")
    # It also makes the directories of the queue; Dovecot puts two sockets there.
    command.output("postfix", "-c", own.postfix, "check")


def prepare_dovecot(places, domain, own, passwords):
    own.mail.mkdir()
    shutil.chown(own.mail, "mail", "mail")
    own.dovecot_conf.write_text(render(
        "dovecot.conf", address=domain.address, host=domain.host, domain=domain.name,
        run=own.dovecot_run, state=own.dovecot_state, label=domain.label,
        log=places.server_log(f"{domain.label}-dovecot"), tls_cert=places.tls_cert(domain.host),
        tls_key=places.tls_key(domain.host), mail=own.mail, users=own.dovecot_users,
        imap_port=layout.IMAP_PORT, imaps_port=layout.IMAPS_PORT, queue=own.queue))
    addresses = [f"{user}@{domain.name}" for user in domain.users]
    lines = (f"{address}:{{PLAIN}}{passwords[address]}\n" for address in addresses)
    keys.write_secret(own.dovecot_users, "".join(lines))
    shutil.chown(own.dovecot_users, "dovecot", "dovecot")


def warm_up(places, domain):
    """The first delivery after a start can take seconds: this one pays for it."""
    own = places.of(domain)
    address = f"{WARM_UP_USER}@{domain.name}"
    lmtp = smtplib.LMTP(str(own.queue / "private" / "dovecot-lmtp"))
    lmtp.sendmail("", [address], f"To: {address}\r\nSubject: warm-up\r\n\r\nwarm\r\n")
    lmtp.quit()
    shutil.rmtree(own.mail / WARM_UP_USER)
