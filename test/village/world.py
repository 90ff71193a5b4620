"""world.json: what a test needs to know of the village."""

import json
import time

import authority
import layout


def write(places, servers, passwords, program, began):
    world = {
        "dir": str(places.root),
        "began": began,
        "up": time.time(),
        "dns": {"address": layout.DNS_ADDRESS, "port": layout.DNS_PORT,
                "anchors": str(places.anchors)},
        "tls_ca": str(places.ca),
        "domains": {domain.name: describe_domain(places, domain) for domain in layout.DOMAINS},
        "users": describe_users(places, passwords),
        "authority": describe_authority(places, program),
        "servers": {server.name: describe_server(places, server) for server in servers},
    }
    places.world.write_text(json.dumps(world, indent=2) + "\n")
    places.world.chmod(0o600)  # it has the passwords


def describe_domain(places, domain):
    own = places.of(domain)
    return {
        "address": domain.address,
        "host": domain.host,
        "ports": {
            "smtp": layout.SMTP_PORT, "submissions": layout.SUBMISSIONS_PORT,
            "submission": layout.SUBMISSION_PORT, "imaps": layout.IMAPS_PORT,
            "imap": layout.IMAP_PORT,
        },
        "dkim_selector": domain.dkim_selector,
        "store": str(own.mail),
        "queue": str(own.queue),
        "postfix_config": str(own.postfix),
        "dovecot_config": str(own.dovecot_conf),
        "logs": [str(places.server_log(f"{domain.label}-postfix")),
                 str(places.server_log(f"{domain.label}-dovecot"))],
    }


def describe_users(places, passwords):
    return {
        f"{user}@{domain.name}": {
            "domain": domain.name,
            "password": passwords[f"{user}@{domain.name}"],
            "password_file": str(places.password(f"{user}@{domain.name}")),
            "store": str(places.of(domain).store(user)),
        }
        for domain in layout.DOMAINS for user in domain.users
    }


def describe_authority(places, program):
    if not program:
        return None
    return {
        "domain": layout.AUTHORITY_DOMAIN,
        "address": layout.AUTHORITY_ADDRESS,
        "ports": {"https": layout.AUTHORITY_HTTPS_PORT, "smtp": layout.SMTP_PORT},
        "url": authority.URL,
        "http_url": authority.HTTP_URL,
        "http_connections": authority.HTTP_CONNECTIONS,
        "acme_directory": f"{authority.URL}/acme/directory",
        "root": str(places.authority / "root.pem"),
        "dir": str(places.authority),
        "database": str(places.authority / "authority.db"),
        "passphrase_file": str(places.authority_passphrase),
        "dkim_selector": layout.AUTHORITY_DKIM_SELECTOR,
        "program": str(program),
    }


def describe_server(places, server):
    return {"listens": server.listens, "pid_file": server.pid_file, "output": server.log}
