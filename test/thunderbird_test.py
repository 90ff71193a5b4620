"""Thunderbird finds the certificate of somebody whom it never had a letter from, by its own look-up
in our directory (LDAP): what its composer does when a letter is to be encrypted."""

import base64
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from acmeclient import Client, make_csr
from conftest import long
from thunderbird import Thunderbird

BOB, DAVE = "bob@beta.test", "dave@beta.test"
PLAIN, TLS = 3891, 6361
DIRECTORY = "ldap_2.servers.letterlock"

TRUST = """
const [certificates] = values;
const database = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
for (const [der, trust] of certificates) database.addCertFromBase64(der, trust);
resolve(true);
"""

# The dialog that the composer opens, with what it opens it with; it closes by itself.
OPEN = """
const [directory, addresses] = values;
const parent = Services.wm.getMostRecentWindow(null);
const fetching = parent.openDialog("chrome://messenger-smime/content/certFetchingStatus.xhtml", "",
                                   "chrome,dialog=1", directory, addresses);
const wait = () => fetching.closed ? resolve(true) : parent.setTimeout(wait, 50);
parent.setTimeout(wait, 50);
"""

# As the composer asks whether a letter to somebody can be encrypted.
FIND = """
const [address] = values;
const fields = Cc["@mozilla.org/messengercompose/composesecure;1"].createInstance(
    Ci.nsIMsgComposeSecure);
fields.asyncFindCertByEmailAddr(address, {
    QueryInterface: ChromeUtils.generateQI(["nsIDoneFindCertForEmailCallback"]),
    findCertDone(email, found) { resolve(found ? found.sha256Fingerprint : null); }
});
"""


@pytest.fixture(scope="module")
def directory(world):
    """The authority listens for LDAP; Bob is in it."""
    place = world.authority["address"]
    before = world.set_authority(ldap_listen=f"{place}:{PLAIN}", ldaps_listen=f"{place}:{TLS}")
    yield world
    world.set_authority(**before)


@pytest.fixture(scope="module")
def certificates(directory):
    """Bob's and Dave's, for encrypting: {address: certificate}."""
    found, clients = {}, []
    for address in (BOB, DAVE):
        client = Client(directory)
        assert client.register().status == 201
        reply = client.finalize(client.authorize(address), make_csr(address, "encrypting")[0])
        found[address] = x509.load_pem_x509_certificate(client.certificates(reply.json))
        clients.append(client)
    yield found
    for client in clients:
        client.leave()


def der64(path):
    certificate = x509.load_pem_x509_certificate(open(path, "rb").read())
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()


@pytest.fixture(scope="module")
def thunderbird(directory, certificates, tmp_path_factory):
    """Its user trusts our root, and has the certificate of the CA below it."""
    folder = tmp_path_factory.mktemp("thunderbird")
    places = {"plain": f"ldap://authority.test:{PLAIN}", "tls": f"ldaps://authority.test:{TLS}"}
    preferences = {f"{DIRECTORY}-{name}.uri": f"{place}/dc=authority,dc=test??sub?(objectclass=*)"
                   for name, place in places.items()}
    thunderbird = Thunderbird(folder, **preferences, **{
        "network.dns.forceResolve": directory.authority["address"],
        "security.OCSP.enabled": 0})
    try:
        thunderbird.start()
        authority = directory.authority
        issuing = sorted(Path(authority["dir"]).glob("issuing*.pem"))
        thunderbird.run(TRUST, [[der64(authority["root"]), "C,C,C"],
                                [der64(directory.facts["tls_ca"]), "C,,"],
                                *([der64(path), ",,"] for path in issuing)])
        yield thunderbird
    finally:
        thunderbird.stop()


def fingerprint(certificate):
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


@pytest.mark.parametrize("way, address", [("plain", BOB), ("tls", DAVE)])
@long
def test_thunderbird_finds_a_recipients_certificate_by_itself(thunderbird, certificates, way,
                                                              address):
    assert thunderbird.run(FIND, address) is None
    thunderbird.run(OPEN, f"{DIRECTORY}-{way}", [address])
    assert thunderbird.run(FIND, address) == fingerprint(certificates[address])
