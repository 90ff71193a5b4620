"""The DNS server: Knot, authoritative and signing for everything below test."""

import shutil

import command
import keys
import layout
from render import render
from servers import Server

REVERSE_ZONE = "127.in-addr.arpa"


def prepare(places):
    """Write zones and configuration, make the zones' keys, and the file of trust anchors."""
    write_configuration(places)
    for zone in layout.SIGNED_ZONES:
        keymgr(places, zone, "generate", "algorithm=ecdsap256sha256", "ksk=yes", "zsk=yes")
    write_anchors(places)
    write_zones(places)
    shutil.chown(places.dns, "knot", "knot")  # for the control socket


def server(places):
    ports = (layout.DNS_PORT_FOR_LIBC, layout.DNS_PORT)
    return Server(
        name="dns", argv=["knotd", "-c", str(places.knot_conf)], log=str(places.server_log("dns")),
        pid_file=str(places.run / "dns.pid"), listens=[[layout.DNS_ADDRESS, p] for p in ports])


def write_configuration(places):
    signed = "".join(zone_entry(zone, signed=True) for zone in layout.SIGNED_ZONES)
    database = places.dns / "db"
    database.mkdir()
    shutil.chown(database, "knot", "knot")  # keymgr becomes that user as well
    places.knot_conf.write_text(render(
        "knot.conf", dir=places.dns, address=layout.DNS_ADDRESS, port=layout.DNS_PORT,
        port_for_libc=layout.DNS_PORT_FOR_LIBC, zones=signed + zone_entry(REVERSE_ZONE)))


def zone_entry(zone, signed=False):
    signing = "    dnssec-signing: on\n    dnssec-policy: village\n" if signed else ""
    return f"  - domain: {zone}\n    file: {zone}.zone\n{signing}"


def keymgr(places, *arguments):
    return command.output("keymgr", "-c", places.knot_conf, *arguments).decode()


def write_anchors(places):
    records = [keymgr(places, zone, "dnskey") for zone in layout.SIGNED_ZONES]
    places.anchors.write_text("".join(records))


def write_zones(places):
    for domain in layout.DOMAINS:
        write_zone(places, domain.name, organisation_zone(places, domain))
    write_zone(places, layout.AUTHORITY_DOMAIN, authority_zone(places))
    write_zone(places, "test", parent_zone(places))
    write_zone(places, REVERSE_ZONE, reverse_zone())


def write_zone(places, zone, text):
    (places.dns / f"{zone}.zone").write_text("$TTL 60\n" + text)


def organisation_zone(places, domain):
    return render(
        "organisation.zone", address=domain.address, dkim_selector=domain.dkim_selector,
        dkim=keys.dkim_record(places, domain.name), submissions_port=layout.SUBMISSIONS_PORT,
        submission_port=layout.SUBMISSION_PORT, imaps_port=layout.IMAPS_PORT,
        imap_port=layout.IMAP_PORT)


def authority_zone(places):
    return render(
        "authority.zone", address=layout.AUTHORITY_ADDRESS, smarthost=layout.SMARTHOST.address,
        dkim_selector=layout.AUTHORITY_DKIM_SELECTOR,
        dkim=keys.dkim_record(places, layout.AUTHORITY_DOMAIN))


def parent_zone(places):
    """"test." itself, so that a name which does not exist is denied with proof."""
    children = [zone for zone in layout.SIGNED_ZONES if zone != "test"]
    delegations = (f"{zone}. NS ns.test.\n" + keymgr(places, zone, "ds") for zone in children)
    return render("parent.zone", dns_address=layout.DNS_ADDRESS, delegations="".join(delegations))


def reverse_zone():
    names = {domain.address: domain.host for domain in layout.DOMAINS}
    names[layout.AUTHORITY_ADDRESS] = layout.AUTHORITY_DOMAIN
    names["127.0.0.1"] = "localhost.test"
    pointers = (f"{address.split('.')[3]}.0.0  PTR {name}.\n" for address, name in names.items())
    return render("reverse.zone", pointers="".join(pointers))
