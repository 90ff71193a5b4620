"""CMS signatures that are not what they seem, and the honest ones of all shapes."""

import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric import ed25519

import forge
import papers
from filedesk import ALICE, BOB, EVE, openssl
from forge import (
    CONTENT_TYPE, COUNTERSIGNATURE, DATA, DIGESTS, MESSAGE_DIGEST, algorithm, attribute, crlf, detached, head,
    integer, key_id, letter, multipart, octets, oid, opaque, part, seal_opaque, seq, sign, signed_data,
    signer_info, tlv, wrap64)
from spoofs import PAY, attack, each_attack, each_honest, honest


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


# --- signatures that only some libraries take ------------------------------------------------------------

def with_value(b, person, value):
    """A SignerInfo whose signature is these bytes."""
    made = signer_info(person, part())
    front = made[made.index(b"\x02"):len(made) - len(octets(signer_value(made)))]
    return seq(front, octets(value))


def signer_value(made):
    """The last octet string."""
    for at in range(len(made) - 1, 0, -1):
        if made[at] != 0x04:
            continue
        size, start = made[at + 1], at + 2
        if size == 0x82:
            size, start = int.from_bytes(made[at + 2:at + 4], "big"), at + 4
        elif size == 0x81:
            size, start = made[at + 2], at + 3
        if start + size == len(made):
            found = made[start:]
    return found


@each_attack("unsigned", "sig.invalid", {
    "both zero": seq(integer(0), integer(0)), "one zero": seq(integer(1), integer(0)),
    "the order": seq(*[integer(0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551)] * 2),
    "empty": b"", "no sequence": b"\x05\x00", "negative": seq(b"\x02\x01\xff", b"\x02\x01\xff")})
def an_elliptic_signature_of_nothing(b, value):
    """"Psychic" signatures: r = s = 0 is right for everything where nobody looks."""
    return head(ALICE) + detached(part(), signed_data([with_value(b, b.alice, value)], [b.alice]))


@attack("unsigned", "sig.invalid")
def a_cube_root_as_a_signature(b):
    """Bleichenbacher 2006: e = 3, and rubbish behind the digest."""
    key = papers.rsa.generate_private_key(public_exponent=3, key_size=2048)
    person = b.person(ALICE, key=key)
    made = signer_info(person, part())
    signed = b"\x31" + made[made.index(b"\xa0") + 1:].partition(algorithm(forge.RSA, b"\x05\0"))[0]
    digest = hashlib.sha256(signed).digest()
    block = b"\0\1" + b"\xff" * 8 + b"\0" + bytes.fromhex("3031300d060960864801650304020105000420") + digest
    value = cube_root(int.from_bytes(block + b"\0" * (256 - len(block)), "big"))
    assert (value ** 3).to_bytes(256, "big").startswith(block)
    forged = seq(made[made.index(b"\x02"):len(made) - len(octets(signer_value(made)))],
                 octets(value.to_bytes(256, "big")))
    return head(ALICE) + detached(part(), signed_data([forged], [person]))


def cube_root(number):
    """Rounded up."""
    root = 1 << (number.bit_length() // 3 + 1)
    while (better := (2 * root + number // (root * root)) // 3) < root:
        root = better
    return root + 1


@attack("unsigned", "sig.invalid")
def eve_signs_and_names_alice_by_key_id(b):
    infos = [signer_info(b.eve, part(), sid=key_id(b.alice.cert))]
    return head(ALICE) + detached(part(), signed_data(infos, [b.eve, b.alice]))


@attack("unsigned", "sig.certificate-mismatch")
def the_signing_certificate_is_another(b):
    """RFC 5035: the signer says which certificate was meant."""
    named = attribute("1.2.840.113549.1.9.16.2.47", seq(seq(seq(octets(hashlib.sha256(b.alice.der()).digest())))))
    return head(EVE) + detached(part(), sign(b.eve, part(), more=[named]))


@attack("unsigned", "sig.none")
def a_signature_of_kind_digested(b):
    """DigestedData proves nothing of anybody."""
    der = seq(oid("1.2.840.113549.1.7.5"), tlv(0xa0, seq(integer(0), algorithm(DIGESTS["sha256"]), seq(
        oid(DATA), tlv(0xa0, octets(part()))), octets(hashlib.sha256(part()).digest()))))
    return head(ALICE) + opaque(der)


@honest
def edwards_curve(b):
    """RFC 8419."""
    return letter(b.person(ALICE, key=ed25519.Ed25519PrivateKey.generate()), ALICE, digest="sha512")


@honest
def probabilistic_padding(b):
    person = b.person(ALICE, kind="rsa")
    cert = papers.save_cert(b.desk.dir / "pss.pem", person.cert)
    key = papers.save_bundle(b.desk.dir / "pss.key", (person.key, person.cert))
    return openssl("cms", "-sign", "-signer", cert, "-inkey", key, "-keyopt", "rsa_padding_mode:pss", "-from", ALICE,
                   "-to", BOB, stdin=part())


@honest
def the_signing_certificate_is_named(b):
    named = attribute("1.2.840.113549.1.9.16.2.47", seq(seq(seq(octets(hashlib.sha256(b.alice.der()).digest())))))
    return letter(b.alice, ALICE, more=[named])


@each_honest({"number of the digest": "2.16.840.1.101.3.4.2.1", "capitals": "SHA-256", "two": '"sha-256,sha-512"',
              "unknown": "unknown"})
def micalg_as_programs_write_it(b, micalg):
    return head(ALICE) + detached(part(), sign(b.alice, part()), micalg=micalg)


@each_honest({
    "unquoted boundary": (b'boundary="=_signed"', b"boundary==_signed"),
    "blanks": (b"; protocol", b" ;\r\n\t protocol"), "comment": (b"multipart/signed;", b"multipart/signed (ours);"),
    "capitals": (b"Content-Type: multipart/signed", b"CONTENT-TYPE: Multipart/Signed"),
    "old protocol": (b"application/pkcs7-signature\"", b"application/x-pkcs7-signature\""),
    "more parameters": (b"; micalg", b"; charset=utf-8; x-y=z; micalg"),
    "8bit": (b"MIME-Version: 1.0", b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit"),
    "no MIME-Version": (b"MIME-Version: 1.0\r\n", b""), "an epilogue": (b"--=_signed--\r\n", b"--=_signed--\r\n\r\nscanned\r\n"),
    "blanks behind a delimiter": (b"--=_signed\r\n", b"--=_signed  \r\n"), "no end of line": (b"--=_signed--\r\n", b"--=_signed--"),
    "a description": (b"Content-Disposition: attachment", b"Content-Description: S/MIME\r\nContent-Disposition: attachment"),
    "capitals of the encoding": (b"Encoding: base64", b"Encoding: BASE64"), "no subject": (b"Subject: hello\r\n", b""),
    "no date": (b"Date: Mon, 02 Nov 2026 10:00:00 +0000\r\n", b""), "no To": (b"To: bob@beta.test\r\n", b"")})
def frames_as_programs_write_them(b, change):
    octets = head(ALICE) + detached(part(), sign(b.alice, part()))
    assert change[0] in octets
    return octets.replace(*change)


@each_honest({
    "quoted-printable": part("Gr=C3=BC=C3=9Fe", Content_Transfer_Encoding="quoted-printable"),
    "base64": part("R3LDvMOfZQ==", Content_Transfer_Encoding="base64"),
    "8bit": part("Gr\u00fc\u00dfe", Content_Transfer_Encoding="8bit"), "flowed": part("Good \nmorning. \n", "text/plain; format=flowed"),
    "empty lines behind": part("Good morning.\n\n\n\n"), "blanks behind": part("Good morning.   \n\t"),
    "a long line": part("x" * 5000), "dashes": part("--\n-- \nAlice\n--x"), "From in a line": part("From here"),
    "no type": crlf("\nGood morning.\n"), "dots": part(".\n..\n"),
    "a form feed": part("a\x0cb\x0bc"), "tnef": part("eJ8+", "application/ms-tnef; name=winmail.dat")})
def contents_of_all_kinds(b, entity):
    return letter(b.alice, ALICE, entity)


@each_honest({"one line": lambda der: base64.b64encode(der), "blanks": lambda der: base64.b64encode(der).replace(b"A", b"A ", 3),
              "76 and empty lines": lambda der: wrap64(der) + b"\r\n\r\n"})
def a_signature_in_other_lines(b, lines):
    octets = head(ALICE) + detached(part(), sign(b.alice, part()))
    return octets.replace(wrap64(sign_part(octets)), lines(sign_part(octets)) + b"\r\n")


def sign_part(octets):
    text = octets.rpartition(b"filename=smime.p7s\r\n\r\n")[2].partition(b"\r\n\r\n--")[0]
    return base64.b64decode(text)


@honest
def a_signature_in_binary(b):
    der = sign(b.alice, part())
    return head(ALICE) + multipart(
        [part(), crlf("Content-Type: application/pkcs7-signature\nContent-Transfer-Encoding: binary\n\n") + der],
        "signed", parameters='; protocol="application/pkcs7-signature"; micalg=sha-256')


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
