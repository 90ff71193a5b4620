"""Debian's Mailman, as far as it changes a letter: what a list's members get.

    python3 mailinglist.py DIRECTORY < wishes.json > letters.json

Its handlers are run in the order of its own pipeline, with a database in DIRECTORY and no server.
A wish is {"letter": base64, "from": "none" | "munge" | "wrap"}: what the list does to From for the
sake of DMARC.  Each comes out with the list's prefix, fields and footer.
"""

import base64
import email
import json
import sys
from pathlib import Path

LIST = "talk@lists.test"
HANDLERS = "cleanse cleanse-dkim cook-headers subject-prefix rfc-2369 dmarc decorate".split()
PATHS = ("var", "log", "lock", "data", "cache", "etc", "ext", "messages", "archive", "template")


def configure(directory):
    paths = "\n".join(f"{name}_dir: {directory}/{name}" for name in PATHS)
    file = directory / "mailman.cfg"
    file.write_text(f"[mailman]\nlayout: here\n[paths.here]\nbin_dir: /usr/bin\n{paths}\n"
                    f"pid_file: {directory}/pid\nlock_file: {directory}/lock/master\n")
    from mailman.core.initialize import initialize
    initialize(str(file))


def make_list():
    from mailman.app.lifecycle import create_list
    from mailman.database.transaction import transaction
    from mailman.interfaces.domain import IDomainManager
    from zope.component import getUtility
    with transaction():
        getUtility(IDomainManager).add(LIST.partition("@")[2])
        members = create_list(LIST, [])
        members.display_name, members.subject_prefix = "Talk", "[Talk] "
    return members


def deliver(members, wish):
    from mailman.config import config
    from mailman.email.message import Message
    from mailman.interfaces.mailinglist import DMARCMitigateAction
    members.dmarc_mitigate_action = {
        "none": DMARCMitigateAction.no_mitigation, "munge": DMARCMitigateAction.munge_from,
        "wrap": DMARCMitigateAction.wrap_message}[wish["from"]]
    members.dmarc_mitigate_unconditionally = wish["from"] != "none"
    octets = base64.b64decode(wish["letter"])
    message = email.message_from_bytes(octets, Message)
    about = {"original_size": len(octets), "recipients": set()}
    for name in HANDLERS:
        config.handlers[name].process(members, message, about)
    return message.as_bytes()


def main():
    configure(Path(sys.argv[1]))
    members = make_list()
    print(json.dumps([base64.b64encode(deliver(members, wish)).decode()
                      for wish in json.load(sys.stdin)]))


if __name__ == "__main__":
    main()
