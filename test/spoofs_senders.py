"""Who signed, who it says it is from, and what the certificate says."""

import base64

from cryptography.hazmat.primitives.serialization import Encoding

import papers
from filedesk import ALICE, BOB, EVE
from forge import (
    Person, crlf, detached, dns, head, letter, octets, oid, part, rfc822, seq, sign, sign_value, signed_data,
    signer_info, subject, tlv, utf8_mailbox)
from spoofs import A_LABEL, IDN, UNICODE, attack, each_attack, each_honest, encoded, honest


# --- who signed, and who it says it is from -------------------------------------------------------

@attack("caution", "addr.mismatch")
def eve_signs_in_alices_name(b):
    return letter(b.eve, f"Alice <{ALICE}>")


@attack("danger", "addr.mismatch", "--known", ALICE)
def eve_signs_in_the_name_of_somebody_known(b):
    return letter(b.eve, f"Alice <{ALICE}>")


@attack("caution", "addr.sender-only")
def eve_is_sender_only(b):
    return head(ALICE, more=f"Sender: {EVE}\n") + detached(part(), sign(b.eve, part()))


@attack("caution", "addr.mismatch")
def eve_is_reply_to_only(b):
    return head(ALICE, more=f"Reply-To: {EVE}\n") + detached(part(), sign(b.eve, part()))


@attack("caution", "addr.mismatch")
def eve_is_resent_from_only(b):
    more = f"Resent-From: {EVE}\nResent-Sender: {EVE}\n"
    return head(ALICE, more=more) + detached(part(), sign(b.eve, part()))


@attack("caution", "hdr.from-unclear")
def two_from_fields_eve_first(b):
    return head(f"{EVE}\r\nFrom: {ALICE}") + detached(part(), sign(b.eve, part()))


@attack("caution", "hdr.from-unclear")
def two_from_fields_eve_last(b):
    return head(f"{ALICE}\r\nFrom: {EVE}") + detached(part(), sign(b.eve, part()))


@attack("caution", "hdr.from-unclear")
def two_from_fields_that_are_equal(b):
    return head(f"{ALICE}\r\nfrom: {ALICE}") + detached(part(), sign(b.alice, part()))


@attack("caution", "hdr.from-unclear")
def no_from_field(b):
    return head(EVE).replace(b"From", b"X-From") + detached(part(), sign(b.eve, part()))


@each_attack("caution", "addr.several", {
    "eve first": f"{EVE}, {ALICE}", "eve last": f"{ALICE}, {EVE}", "named": f"Alice <{ALICE}>, Bob <{EVE}>",
    "twice": f"{EVE}, {EVE}, {ALICE}"})
def two_mailboxes(b, sender):
    return letter(b.eve, sender)


@each_attack("caution", "hdr.from-unclear", {
    "group": f"Alice: {EVE};", "empty group": "undisclosed:;", "group and mailbox": f"{EVE}, x: {ALICE};",
    "two angles": f"<{ALICE}> <{EVE}>", "name is bare": f"{ALICE} <{EVE}>",
    "angle in angle": f"<{ALICE}<{EVE}>>", "trailing text": f"<{EVE}> {ALICE}",
    "trailing angle": f"{EVE} <{ALICE}>", "semicolon": f"{EVE}; {ALICE}",
    "no at": "alice", "empty": "", "empty angle": "Alice <>", "open quote": f'"Alice <{EVE}>',
    "open angle": f"Alice <{EVE}", "open comment": f"{EVE} (Alice", "blank": " ",
    "encoded word is the address": f"=?utf-8?q?{ALICE.replace('@', '=40')}?=",
    "encoded word and at": "=?utf-8?q?alice=40alpha.test=00?=@beta.test",
    "encoded angle in front": f"=?utf-8?q?Alice_=3Calice=40alpha.test=3E?= {EVE}",
    "route": f"<@alpha.test,{EVE}>", "a whole address as route": f"<@{ALICE},@any.test:{EVE}>",
    "route to oneself": f"<@alpha.test:{EVE}>", "route to another": f"<@beta.test:{ALICE}>",
    "trailing dot": "eve@beta.test.", "line of blanks": f"\r\n \r\n\t{EVE}"})
def from_that_readers_read_otherwise(b, sender):
    return letter(b.eve, sender)


@each_attack("danger", "addr.confusable", {"two at": "eve@beta.test@alpha.test"})
def from_that_ends_as_somebody_known(b, sender):
    return letter(b.eve, sender)


@each_attack("danger", "addr.deceptive", {"8-bit garbage": b"Alice\xff\xfe <eve@beta.test\xff>"})
def from_of_no_domain(b, sender):
    return letter(b.eve, sender)


@attack("caution", "hdr.from-unclear")
def encoded_word_as_local_part(b):
    """Mailsploit: the certificate says the same letters, a program that decodes shows Alice's."""
    local = "=?utf-8?b?" + base64.b64encode(ALICE.encode()).decode() + "?="
    return letter(b.person(f"{local}@beta.test"), f"{local}@beta.test")


NAMES = {
    "quoted": f'"{ALICE}" <{EVE}>', "encoded": f"=?utf-8?q?alice=40alpha.test?= <{EVE}>",
    "base64": f"{encoded(ALICE)} <{EVE}>",
    "with angle": f'"Alice <{ALICE}>" <{EVE}>', "and spaces": f'"{ALICE}                  " <{EVE}>',
    "folded": f'"{ALICE}"\r\n\t<{EVE}>',
    "comment": f"{EVE} ({ALICE})", "comment with angle": f"{EVE} (Alice <{ALICE}>)",
    "comment in front": f"({ALICE}) {EVE}", "comment and name": f"Alice ({ALICE}) <{EVE}>",
    "comment behind": f"Alice <{EVE}> ({ALICE})", "wide sign": f"{encoded(ALICE.replace('@', chr(0xff20)))} <{EVE}>",
    "no-break blanks": f"{encoded(ALICE + chr(0xa0) * 60)} <{EVE}>",
    "wide brackets": f"{encoded(chr(0xff1c) + ALICE + chr(0xff1e))} <{EVE}>",
    "small sign": f"{encoded(ALICE.replace('@', chr(0xfe6b)))} <{EVE}>", "cut off by NUL": f"=?utf-8?q?alice=40alpha.test=00?= <{EVE}>",
    "line in it": f"=?utf-8?q?Alice_=3Calice=40alpha.test=3E=0A?= <{EVE}>",
    "unknown charset": f"=?hz-no-such?q?alice=40alpha.test?= <{EVE}>",
    "no padding": f"{encoded(ALICE).replace('==?=', '?=')} <{EVE}>",
    "blank in the word": f"{encoded(ALICE)[:14]} {encoded(ALICE)[14:]} <{EVE}>"}


@each_attack("caution", "addr.name-is-address", NAMES)
def the_name_is_another_address(b, sender):
    return letter(b.eve, sender)


@each_attack("danger", "addr.name-is-address", NAMES, "--known", ALICE)
def the_name_is_the_address_of_somebody_known(b, sender):
    return letter(b.eve, sender)


@attack("danger", "addr.deceptive")
def the_name_is_written_backwards(b):
    return letter(b.eve, f"{encoded(chr(0x202e) + 'tset.ahpla@ecila')} <{EVE}>")


@attack("danger", "addr.name-of-organisation")
def the_name_holds_what_shows_nothing(b):
    return letter(b.eve, f"{encoded('Pay' + chr(0x200b) + 'Pal')} <{EVE}>")


@each_attack("caution", "addr.mismatch", {
    "quoted at": '"eve@beta.test"@alpha.test', "quoted angle": '"<eve@beta.test>"@alpha.test',
    "percent": "eve%beta.test@alpha.test", "plus": "eve+alice@beta.test", "dot": "e.ve@beta.test",
    "sub-domain": "eve@x.beta.test", "domain above": "eve@test",
    "blank in quotes": '"eve "@beta.test',
    "source": "eve!alice@alpha.test",
    "literal": "eve@[127.0.0.1]", "dotless i": "\u0131ve@beta.test"})
def nearly_eves_address(b, sender):
    return letter(b.eve, sender)


@attack("caution", "addr.mismatch")
def a_bare_line_end_in_from(b):
    """To a reader that takes a bare LF for a line end a second field; to us the field ends there."""
    return head(f"{ALICE}\nX-Was: {EVE}") + detached(part(), sign(b.eve, part()))


@each_attack("unsigned", "letter.unreadable", {
    "NUL": f"Alice <{ALICE}>\0<{EVE}>", "NUL at the end": f"{EVE}\0", "bare CR": f"{EVE}\rFrom: {ALICE}"})
def control_characters_in_from(b, sender):
    return letter(b.eve, sender)


@attack("caution", "hdr.from-unclear")
def a_second_from_behind_an_obsolete_blank(b):
    return head(f"{EVE}\r\nFrom : {ALICE}") + detached(part(), sign(b.eve, part()))


@attack("unsigned", "sig.none")
def a_second_from_behind_a_line_that_is_no_field(b):
    return head(f"{EVE}\r\nrubbish\r\nFrom: {ALICE}") + detached(part(), sign(b.eve, part()))


@attack("caution", "hdr.from-unclear")
def a_folded_line_of_blanks_hides_a_from(b):
    """Half of the readers end the header at a line of blanks."""
    return head(f"{EVE}\r\n \r\nFrom: {ALICE}") + detached(part(), sign(b.eve, part()))


@attack("unsigned", "letter.unreadable")
def a_header_that_begins_with_an_empty_line(b):
    return b"\r\n" + letter(b.eve, ALICE)


@honest
def plain_smime(b):
    return letter(b.alice, f"Alice Adams <{ALICE}>")


@each_honest({
    "bare": ALICE, "angle": f"<{ALICE}>", "quoted name": f'"Adams, Alice" <{ALICE}>',
    "comment": f"{ALICE} (Alice)", "comment with dots": f"Alice (Sales Dept.) <{ALICE}>",
    "encoded": f"=?utf-8?q?Alic=C3=A9?= <{ALICE}>",
    "two encoded words": f"=?utf-8?q?Alic=C3=A9?=\r\n =?utf-8?b?QWRhbXM=?= <{ALICE}>",
    "latin": f"=?iso-8859-1?q?Alic=E9?= <{ALICE}>", "raw": f"Alic\u00e9 <{ALICE}>",
    "upper case": f"Alice <{ALICE.upper()}>", "mixed case": "Alice@Alpha.Test",
    "folded": f"Alice\r\n <{ALICE}>", "folded twice": f"\r\n\tAlice\r\n\t<{ALICE}>",
    "quoted local part": '"alice"@alpha.test', "own address as name": f'"{ALICE}" <{ALICE}>',
    "own address as name, other case": f'"Alice@Alpha.test" <{ALICE}>',
    "raw latin": b"Alic\xe9 <alice@alpha.test>", "last comma": f"{ALICE},",
    "blanks": f"Alice    <{ALICE}>  ", "no blank": f"Alice<{ALICE}>", "name with a dot": f"Alice B. Adams <{ALICE}>",
    "chinese": f"=?gb2312?B?s8LQobar?= <{ALICE}>", "own address in a comment": f"Alice ({ALICE}) <{ALICE}>",
    "name with at": f'"Alice @ Alpha" <{ALICE}>', "empty name": f'"" <{ALICE}>'})
def an_ordinary_from(b, sender):
    return letter(b.alice, sender)


@honest
def folded_header_names_in_capitals(b):
    return (crlf(f"FROM: {ALICE}\nTO: {BOB}\nSUBJECT: hello\nMIME-VERSION: 1.0\n")
            + detached(part(), sign(b.alice, part())))


@honest
def sender_beside_a_from_that_signs(b):
    more = f"Sender: {EVE}\nReply-To: list@beta.test\n"
    return head(ALICE, more=more) + detached(part(), sign(b.alice, part()))


# --- what the certificate says --------------------------------------------------------------------

@each_attack("caution", "addr.none", {
    "NUL": b"alice@alpha.test\0.evil.test", "blank in front": " alice@alpha.test",
    "blank behind": "alice@alpha.test ", "angle": "<alice@alpha.test>", "name": "Alice <alice@alpha.test>",
    "two": "alice@alpha.test,eve@beta.test", "line end": "alice@alpha.test\n", "domain": "alpha.test", "at domain": "@alpha.test", "empty": "", "percent": "alice%40alpha.test",
    "mailto": "mailto:alice@alpha.test", "8-bit": "alice@alpha.test\u0080", "comment": "alice(x)@alpha.test",
    "two at": "eve@x@alpha.test", "trailing dot": "alice@alpha.test.", "U-label": "alice@b\u00fccher.test"})
def an_address_that_is_none(b, name):
    """Whatever is not exactly an address binds nothing."""
    return letter(Person(b.root, rfc822(name)), ALICE)


@each_attack("caution", "addr.none", {
    "common name": ("cn", ALICE), "organization": ("o", ALICE)})
def the_address_stands_where_names_do(b, entry):
    key, value = entry
    return letter(Person(b.root, name=subject(**{key: value})), ALICE)


@attack("caution", "addr.none")
def the_address_is_a_dns_name(b):
    return letter(Person(b.root, dns(ALICE), dns("alpha.test")), ALICE)


@attack("caution", "addr.none")
def ascii_in_smtp_utf8_mailbox(b):
    """RFC 9598: it never equals an rfc822Name."""
    return letter(Person(b.root, utf8_mailbox(ALICE)), ALICE)


@attack("caution", "addr.mismatch")
def a_common_name_beside_another_address(b):
    return letter(Person(b.root, rfc822(EVE), name=subject(cn=f"Alice <{ALICE}>")), ALICE)


@attack("caution", "addr.mismatch")
def upper_case_in_smtp_utf8_mailbox(b):
    return letter(Person(b.root, utf8_mailbox(UNICODE)), UNICODE.replace("\u00fc", "\u00dc"))


@attack("caution", "addr.mismatch")
def the_decomposed_form_in_smtp_utf8_mailbox(b):
    return letter(Person(b.root, utf8_mailbox(UNICODE)), UNICODE.replace("\u00fc", "u\u0308"))


@attack("unsigned", "cert.ku")
def not_for_signing(b):
    return letter(b.person(ALICE, usage=papers.usage(key_agreement=True)), ALICE)


@attack("unsigned", "cert.eku")
def a_server_certificate(b):
    return letter(b.person(ALICE, eku=[papers.ExtendedKeyUsageOID.SERVER_AUTH]), ALICE)


@each_attack("unsigned", "cert.is-a-ca", {
    "for all": papers.usage(digital_signature=True, key_cert_sign=True),
    "for certificates": papers.usage(key_cert_sign=True, crl_sign=True)})
def an_authority_as_a_person(b, usage):
    return letter(b.person(ALICE, ca=True, usage=usage), ALICE)


@each_attack("caution", "cert.expired-at-time", {"expired": (-30, -1)})
def at_the_wrong_time(b, span):
    return letter(b.person(ALICE, begins=span[0], ends=span[1]), ALICE)


@attack("caution", "cert.not-yet-valid")
def before_its_time(b):
    return letter(b.person(ALICE, begins=1, ends=30), ALICE)


@attack("caution", "chain.no-anchor")
def self_signed(b):
    own = papers.Authority(ALICE)
    return letter(Person(own, rfc822(ALICE)), ALICE)


@attack("caution", "cert.signature")
def an_authority_of_the_same_name(b):
    """It says to be issued by the trusted root, and was not."""
    return letter(Person(papers.Authority("Test root"), rfc822(ALICE)), ALICE)


@attack("caution", "cert.not-a-ca")
def issued_by_a_person(b):
    """Eve's own certificate is no authority's."""
    class Self:
        name, key = b.eve.cert.subject, b.eve.key
    forged = Person(Self, rfc822(ALICE))
    der = signed_data([signer_info(forged, part())], [forged, b.eve])
    return head(ALICE) + detached(part(), der)


@each_honest({
    "several": [rfc822("a@alpha.test"), rfc822(ALICE), rfc822("z@alpha.test")],
    "upper case": [rfc822("Alice@ALPHA.test")], "beside a DNS name": [dns("alpha.test"), rfc822(ALICE)],
    "beside a broken one": [rfc822("alpha.test"), rfc822(ALICE)], "quoted": [rfc822('"alice"@alpha.test')]})
def names_in_the_certificate(b, names):
    return letter(Person(b.root, *names), ALICE)


@honest
def email_address_in_the_subject(b):
    return letter(Person(b.root, name=subject(cn="Alice", email=ALICE)), ALICE)


@honest
def a_utf8_mailbox(b):
    return letter(Person(b.root, utf8_mailbox(UNICODE)), UNICODE)


@each_honest({"U-label": IDN, "A-label": A_LABEL, "upper case": A_LABEL.upper(),
              "named": f"Alice <{IDN}>"})
def international_domain(b, sender):
    return letter(b.person(A_LABEL), sender)


@each_honest({"none": (), "any": [papers.ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE],
              "mail and login": [papers.ExtendedKeyUsageOID.CLIENT_AUTH,
                                 papers.ExtendedKeyUsageOID.EMAIL_PROTECTION]})
def extended_key_usage(b, eku):
    return letter(b.person(ALICE, eku=eku), ALICE)


@honest
def non_repudiation_only(b):
    return letter(b.person(ALICE, usage=papers.usage(content_commitment=True)), ALICE)


# --- certificates that two programs read otherwise ------------------------------------------------------

@attack("caution", "addr.none")
def an_address_in_another_other_name(b):
    """A Windows log-in name is no mailbox."""
    upn = tlv(0xa0, oid("1.3.6.1.4.1.311.20.2.3"), tlv(0xa0, tlv(0x0c, ALICE.encode())))
    return letter(Person(b.root, upn), ALICE)


@attack("caution", "addr.none")
def an_address_in_a_directory_name(b):
    return letter(Person(b.root, tlv(0xa4, subject(email=ALICE).public_bytes())), ALICE)


@attack("caution", "addr.none")
def an_address_in_a_uri(b):
    return letter(Person(b.root, tlv(0x86, b"mailto:" + ALICE.encode())), ALICE)


@each_attack("caution", "addr.mismatch", {
    "blank behind": f"{ALICE} <{EVE}>", "two people": f"{ALICE}, {EVE}"})
def a_common_name_that_reads_like_from(b, text):
    return letter(Person(b.root, rfc822(EVE), name=subject(cn=text, o=ALICE)), ALICE)


@each_attack("unsigned", "sig.no-certificate", {"two": True})
def an_extension_twice(b, _):
    """Which of the two names is the certificate's?"""
    der = b.alice.der()
    return head(ALICE) + detached(part(), signed_data([signer_info(b.alice, part())], [Doubled(b, der)]))


class Doubled:
    """Alice's certificate with its last extension once more."""

    def __init__(self, b, der):
        self.b, self.bytes = b, der

    def der(self):
        extension = seq(oid("2.5.29.17"), octets(seq(rfc822(EVE))))
        cert = self.b.alice.cert
        body = cert.tbs_certificate_bytes
        at = body.rindex(b"\xa3")
        while True:  # the tag of the extensions, whose content is the rest
            size, start = der_length(body, at + 1)
            if start + size == len(body):
                break
            at = body.rindex(b"\xa3", 0, at)
        inner_size, inner = der_length(body, start + 1)
        extensions = tlv(0xa3, seq(body[inner:inner + inner_size], extension))
        top, first = der_length(body, 1)
        changed = seq(body[first:at], extensions)
        named, value = sign_value(self.b.root.key, changed, "sha256")
        return seq(changed, named, tlv(0x03, b"\0", value))


def der_length(body, at):
    """(length, where the content begins)"""
    if body[at] < 0x80:
        return body[at], at + 1
    count = body[at] & 0x7f
    return int.from_bytes(body[at + 1:at + 1 + count], "big"), at + 1 + count


@each_attack("danger", "addr.deceptive", {
    "zero width": "eve\u200b@beta.test", "soft hyphen": "e\u00adve@beta.test"})
def nearly_eves_address_with_letters_that_show_nothing(b, sender):
    return letter(b.eve, sender)


@each_attack("caution", "addr.mismatch", {
    "no-break blank": "\u00a0eve@beta.test", "full width": "\uff45ve@beta.test"})
def nearly_eves_address_in_other_letters(b, sender):
    return letter(b.eve, sender)


@attack("danger", "addr.confusable")
def nearly_the_readers_own_domain(b):
    return letter(b.eve, "eve@beta.test\u00a0")


@each_honest({"tab": f"\t{ALICE}", "line of names": f"Alice\r\n Adams\r\n <{ALICE}>",
              "long name": f'"{"Alice " * 50}" <{ALICE}>', "emoji": f"{encoded(chr(0x1f600) + ' Alice')} <{ALICE}>",
              "two comments": f"(work) {ALICE} (Alice)", "empty comment": f"() {ALICE}",
              "apostrophe": f"'Alice' <{ALICE}>", "hebrew": f"{encoded(chr(0x5d0) + chr(0x5dc))} <{ALICE}>"})
def another_ordinary_from(b, sender):
    return letter(b.alice, sender)


@each_honest({"plus": "alice+list@alpha.test", "dot": "alice.b.adams@alpha.test", "digits": "4711@alpha.test",
              "apostrophe": "o'alice@alpha.test", "underscore": "alice_a@alpha.test", "equals": "a=b@alpha.test",
              "hyphen": "alice@al-pha.example.test", "one letter": "a@alpha.test", "long": "a" * 64 + "@alpha.test",
              "slash": "a/b@alpha.test"})
def addresses_of_all_kinds(b, address):
    return letter(b.person(address), f"Alice <{address}>")


@honest
def through_an_intermediate_authority(b):
    middle = papers.Authority("Middle")
    class Cross:
        key, name = middle.key, papers.name("Middle")
    made = Person(b.root, name=Cross.name, key=middle.key, ca=True, eku=(),
                  usage=papers.usage(key_cert_sign=True))
    alice = Person(Cross, rfc822(ALICE))
    der = signed_data([signer_info(alice, part())], [alice, made, Root(b)])
    return head(ALICE) + detached(part(), der)


class Root:
    def __init__(self, b):
        self.der = lambda: b.root.cert.public_bytes(Encoding.DER)
