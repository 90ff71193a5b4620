"""Questions to the village's DNS server, with DNSSEC checked by dnspython."""

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rdataclass
import dns.rdataset
import dns.rdatatype


class Names:
    def __init__(self, world):
        self.address = world.facts["dns"]["address"]
        self.port = world.facts["dns"]["port"]
        self.keys = read_anchors(world.facts["dns"]["anchors"])

    def ask(self, name, kind):
        question = dns.message.make_query(name, kind, want_dnssec=True)
        question.flags &= ~dns.flags.RD  # it answers for its own zones only
        return dns.query.udp(question, self.address, port=self.port, timeout=5)

    def secure(self, name, kind):
        """The records as texts; raises dns.dnssec.ValidationFailure if they are not signed well."""
        answer = self.ask(name, kind)
        records = answer.get_rrset(answer.answer, dns.name.from_text(name), dns.rdataclass.IN,
                                   dns.rdatatype.from_text(kind))
        assert records, f"no {kind} records of {name}"
        self.validate(answer.answer, records)
        return sorted(record.to_text() for record in records)

    def validate(self, section, records):
        signatures = [rrset for rrset in section
                      if rrset.rdtype == dns.rdatatype.RRSIG and rrset.name == records.name
                      and rrset.covers == records.rdtype]
        assert signatures, f"{records.name} is not signed"
        dns.dnssec.validate(records, signatures[0], self.keys)

    def txt_for_dkim(self, name, timeout=5):
        """What python3-dkim wants of a resolver."""
        name = name.decode() if isinstance(name, bytes) else name
        answer = self.ask(name, "TXT")
        texts = [b"".join(record.strings) for rrset in answer.answer
                 if rrset.rdtype == dns.rdatatype.TXT for record in rrset]
        return texts[0] if texts else None


def read_anchors(path):
    """{zone: its keys} from the file that libunbound reads as well."""
    with open(path) as file:
        lines = [line.split(None, 2) for line in file]
    keys = {}
    for zone, kind, rest in lines:
        name = dns.name.from_text(zone)
        key = dns.rdataset.from_text("IN", kind, 60, rest)
        keys[name] = key
    return keys
