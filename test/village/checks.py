"""Look before anything is started whether it can work here, and say plainly why not."""

import errno
import os
import shutil
import socket
import stat

import command
import layout
from fault import Fault

# program: the Debian package that has it
PROGRAMS = {
    "postfix": "postfix", "dovecot": "dovecot-core", "opendkim": "opendkim", "knotd": "knot",
    "keymgr": "knot", "openssl": "openssl",
}
PARTS = {"/usr/lib/dovecot/imap": "dovecot-imapd", "/usr/lib/dovecot/lmtp": "dovecot-lmtpd"}


def check_all(root):
    check_root()
    check_programs()
    check_dovecot()
    check_path(root)
    check_ports()


def check_root():
    if os.geteuid() != 0:
        raise Fault("mail servers change to users of their own: run this as root (sudo)")


def check_programs():
    missing = {package for program, package in PROGRAMS.items() if not shutil.which(program)}
    missing |= {package for path, package in PARTS.items() if not os.path.exists(path)}
    if missing:
        raise Fault(f"missing: {' '.join(sorted(missing))}; run tools/install-packages village")


def check_dovecot():
    version = command.output("dovecot", "--version").decode().split()[0]
    if not version.startswith("2.3."):
        raise Fault(f"Dovecot here is {version}; the village has a configuration for 2.3 only "
                    "(Debian 12), 2.4 has another language for it")


def check_path(root):
    room = layout.SOCKET_PATH_MAX - len(layout.LONGEST_SOCKET_SUFFIX)
    if len(os.fsencode(root)) > room:
        raise Fault(f"{root} is too long a name: Unix sockets below it leave {room} bytes for it")
    if any(character.isspace() or character in '"{}%' for character in str(root)):
        raise Fault(f"{root}: the servers' configurations cannot name such a directory; "
                    "use one without spaces, quotes, braces and percent signs")
    for parent in root.parents:
        if parent.exists() and not parent.stat().st_mode & stat.S_IXOTH:
            raise Fault(f"the servers' users cannot enter {parent}; chmod o+x it, or use another "
                        "directory, such as one directly below /tmp")


def check_ports():
    for address, port, kind in wanted_ports():
        check_port(address, port, kind)


def wanted_ports():
    for port in (layout.DNS_PORT_FOR_LIBC, layout.DNS_PORT):
        yield layout.DNS_ADDRESS, port, socket.SOCK_STREAM
        yield layout.DNS_ADDRESS, port, socket.SOCK_DGRAM
    for domain in layout.DOMAINS:
        for port in (layout.SMTP_PORT, layout.SUBMISSIONS_PORT, layout.SUBMISSION_PORT,
                     layout.IMAPS_PORT, layout.IMAP_PORT):
            yield domain.address, port, socket.SOCK_STREAM
    for port in (layout.AUTHORITY_HTTPS_PORT, layout.SMTP_PORT):
        yield layout.AUTHORITY_ADDRESS, port, socket.SOCK_STREAM


def check_port(address, port, kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:  # what lingers of closed connections is no hindrance
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise Fault(f"cannot use {address} port {port}: {error.strerror}") from error
            raise Fault(
                f"{address} port {port} is taken; find its holder with 'ss -lntup', stop it "
                "('village down DIR' if it is another village), or give this one a network of its "
                "own: unshare -n sh -c 'ip link set lo up; ...'") from error
