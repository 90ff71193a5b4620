"""Keys that the village itself makes: TLS certificates, DKIM keys, passwords."""

import base64
import os
import secrets
import shutil

import command
import layout


def openssl(*arguments):
    return command.output("openssl", *arguments)


def make_tls_ca(places):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc",
            "-keyout", places.tls_key("ca"), "-out", places.ca, "-days", "30",
            "-subj", "/CN=Village TLS root", "-addext", "keyUsage=critical,keyCertSign,cRLSign")


def make_tls_certificate(places, host, address):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc",
            "-keyout", places.tls_key(host), "-out", places.tls_cert(host), "-days", "30",
            "-CA", places.ca, "-CAkey", places.tls_key("ca"), "-subj", f"/CN={host}",
            "-addext", f"subjectAltName=DNS:{host},IP:{address}",
            "-addext", "basicConstraints=critical,CA:FALSE",
            "-addext", "keyUsage=critical,digitalSignature",
            "-addext", "extendedKeyUsage=serverAuth")


def make_dkim_key(places, domain_name):
    key = places.dkim_key(domain_name)
    openssl("genrsa", "-out", key, "2048")
    key.chmod(0o600)


def dkim_record(places, domain_name):
    """The TXT record's strings, as a zone file has them: 255 bytes at most in each."""
    der = openssl("pkey", "-in", places.dkim_key(domain_name), "-pubout", "-outform", "DER")
    text = "v=DKIM1; k=rsa; p=" + base64.b64encode(der).decode()
    return " ".join(f'"{text[i:i + 250]}"' for i in range(0, len(text), 250))


def give_dkim_key_to_opendkim(places, domain_name):
    # OpenDKIM refuses a key that somebody else could change or read.
    shutil.chown(places.dkim_key(domain_name), "opendkim", "opendkim")


def make_passwords(places):
    """One for each person; returns {address: password}."""
    passwords = {}
    for domain in layout.DOMAINS:
        for user in domain.users:
            address = f"{user}@{domain.name}"
            passwords[address] = secrets.token_urlsafe(18)
            write_secret(places.password(address), passwords[address] + "\n")
    return passwords


def write_secret(path, text):
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
