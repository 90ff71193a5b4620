"""Is in a CMS what the case is about?  By its object identifiers, which stand in it as DER."""

from interop.cases import AUTHENTICATED

NAMES = {
    "aes-128-cbc": "2.16.840.1.101.3.4.1.2",
    "aes-128-gcm": "2.16.840.1.101.3.4.1.6",
    "aes-192-cbc": "2.16.840.1.101.3.4.1.22",
    "aes-192-gcm": "2.16.840.1.101.3.4.1.26",
    "aes-256-cbc": "2.16.840.1.101.3.4.1.42",
    "aes-256-gcm": "2.16.840.1.101.3.4.1.46",
    "des-ede3-cbc": "1.2.840.113549.3.7",
    "chacha20-poly1305": "1.2.840.113549.1.9.16.3.18",
    "EnvelopedData": "1.2.840.113549.1.7.3",
    "AuthEnvelopedData": "1.2.840.113549.1.9.16.1.23",
    "SignedData": "1.2.840.113549.1.7.2",
    "CompressedData": "1.2.840.113549.1.9.16.1.9",
    "RSA v1.5": "1.2.840.113549.1.1.1",
    "RSA-OAEP": "1.2.840.113549.1.1.7",
    "RSA-PSS": "1.2.840.113549.1.1.10",
    "KDF sha1": "1.3.133.16.840.63.0.2",
    "KDF sha256": "1.3.132.1.11.1",
    "KDF sha384": "1.3.132.1.11.2",
    "KDF sha512": "1.3.132.1.11.3",
    "X25519": "1.3.101.110",
    "X448": "1.3.101.111",
    "Ed25519": "1.3.101.112",
    "Ed448": "1.3.101.113",
    "PWRI-KEK": "1.2.840.113549.1.9.16.3.9",
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
    "sha1": "1.3.14.3.2.26",
    "shake256": "2.16.840.1.101.3.4.2.18",
}
KDFS = [name for name in NAMES if name.startswith("KDF ")]
CIPHERS = [name for name in NAMES if name.startswith(("aes-", "des-", "chacha20-"))]


def encode(dotted):
    first, second, *rest = map(int, dotted.split("."))
    octets = bytearray()
    for number in (40 * first + second, *rest):
        part = [number & 0x7F]
        while number := number >> 7:
            part.append(0x80 | number & 0x7F)
        octets += bytes(reversed(part))
    return bytes([6, len(octets)]) + bytes(octets)


DER = {name: encode(dotted) for name, dotted in NAMES.items()}


def wanted(case):
    """The names that must be in it."""
    if case.verb == "compress":
        return ["CompressedData"]
    if case.verb == "sign":
        return ["SignedData", *signed_names(case)]
    if not case.cipher:
        return []
    kind = "AuthEnvelopedData" if case.cipher in AUTHENTICATED else "EnvelopedData"
    names = [kind, case.cipher]
    for to in case.to:
        if to.kdf:
            names.append(f"KDF {to.kdf}")
        if to.name in ("x25519", "x448"):
            names.append(to.name.upper())
        if to.name == "rsa":
            names += oaep_names(to.rsa) if to.rsa else ["RSA v1.5"]
    return names + (["PWRI-KEK"] if case.password else [])


def oaep_names(word):
    """SHA-1 is the default, which DER leaves out."""
    digest = word.removeprefix("oaep-")
    return ["RSA-OAEP"] + ([digest] if digest != "sha1" else [])


def signed_names(case):
    for signer in case.signers:
        yield signer.digest
        if signer.pss:
            yield "RSA-PSS"
        if signer.name in ("ed25519", "ed448"):
            yield signer.name.capitalize()


def among(names, octets):
    return [name for name in names if DER[name] in octets]


def missing(case, octets):
    """"" or what the writer wrote instead."""
    absent = [name for name in wanted(case) if DER[name] not in octets]
    if not absent:
        return ""
    for kinds in (CIPHERS, KDFS):
        if set(absent) & set(kinds):
            return f"{' '.join(among(kinds, octets)) or 'another'} instead"
    return f"no {', '.join(absent)}"


def chosen(octets):
    """What was written where the writer chose."""
    return ", ".join(among([*CIPHERS, *KDFS], octets))
