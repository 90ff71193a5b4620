"""NIST's Public Key Interoperability Test Suite (PKITS 1.0.1): path validation, 4.1 to 4.16.

Each case is a letter; what comes with it (the signer's certificate, those between, revocation
lists) is given to `letterlock chain`, as it is and then with every other certificate and list of
the suite beside it, where the path has to be found first.  The answers are NIST's.  DSA is left
out (4.1.4 to 4.1.6): no mail is signed with it, and we do not take it.

How many were answered so is left in the build directory, in pkits.txt.
"""

import base64
import collections
import email
import json
import subprocess
from pathlib import Path

import cryptography_vectors
import pytest

from der import elements

SUITE = Path(cryptography_vectors.__file__).parent / "x509" / "PKITS_data"
POLICY = "2.16.840.1.101.3.2.1.48."  # NIST-test-policy-1 is P1 below
CASES = 244  # of them 221 of NIST's numbers, some with several settings
AT = "2026-06-01T00:00:00Z"

# number, letter, answer, then what differs from the default settings: acceptable policies,
# "explicit" (initial-explicit-policy), "no-map" (initial-policy-mapping-inhibit), "no-any"
# (initial-inhibit-any-policy).
TABLE = """
4.1.1    ValidSignaturesTest1                                valid
4.1.2    InvalidCASignatureTest2                             invalid
4.1.3    InvalidEESignatureTest3                             invalid
4.2.1    InvalidCAnotBeforeDateTest1                         invalid
4.2.2    InvalidEEnotBeforeDateTest2                         invalid
4.2.3    Validpre2000UTCnotBeforeDateTest3                   valid
4.2.4    ValidGeneralizedTimenotBeforeDateTest4              valid
4.2.5    InvalidCAnotAfterDateTest5                          invalid
4.2.6    InvalidEEnotAfterDateTest6                          invalid
4.2.7    Invalidpre2000UTCEEnotAfterDateTest7                invalid
4.2.8    ValidGeneralizedTimenotAfterDateTest8               valid
4.3.1    InvalidNameChainingEETest1                          invalid
4.3.2    InvalidNameChainingOrderTest2                       invalid
4.3.3    ValidNameChainingWhitespaceTest3                    valid
4.3.4    ValidNameChainingWhitespaceTest4                    valid
4.3.5    ValidNameChainingCapitalizationTest5                valid
4.3.6    ValidNameChainingUIDsTest6                          valid
4.3.7    ValidRFC3280MandatoryAttributeTypesTest7            valid
4.3.8    ValidRFC3280OptionalAttributeTypesTest8             valid
4.3.9    ValidUTF8StringEncodedNamesTest9                    valid
4.3.10   ValidRolloverfromPrintableStringtoUTF8StringTest10  valid
4.3.11   ValidUTF8StringCaseInsensitiveMatchTest11           valid
4.4.1    MissingCRLTest1                                     invalid
4.4.2    InvalidRevokedCATest2                               invalid
4.4.3    InvalidRevokedEETest3                               invalid
4.4.4    InvalidBadCRLSignatureTest4                         invalid
4.4.5    InvalidBadCRLIssuerNameTest5                        invalid
4.4.6    InvalidWrongCRLTest6                                invalid
4.4.7    ValidTwoCRLsTest7                                   valid
4.4.8    InvalidUnknownCRLEntryExtensionTest8                invalid
4.4.9    InvalidUnknownCRLExtensionTest9                     invalid
4.4.10   InvalidUnknownCRLExtensionTest10                    invalid
4.4.11   InvalidOldCRLnextUpdateTest11                       invalid
4.4.12   Invalidpre2000CRLnextUpdateTest12                   invalid
4.4.13   ValidGeneralizedTimeCRLnextUpdateTest13             valid
4.4.14   ValidNegativeSerialNumberTest14                     valid
4.4.15   InvalidNegativeSerialNumberTest15                   invalid
4.4.16   ValidLongSerialNumberTest16                         valid
4.4.17   ValidLongSerialNumberTest17                         valid
4.4.18   InvalidLongSerialNumberTest18                       invalid
4.4.19   ValidSeparateCertificateandCRLKeysTest19            valid
4.4.20   InvalidSeparateCertificateandCRLKeysTest20          invalid
4.4.21   InvalidSeparateCertificateandCRLKeysTest21          invalid
4.5.1    ValidBasicSelfIssuedOldWithNewTest1                 valid
4.5.2    InvalidBasicSelfIssuedOldWithNewTest2               invalid
4.5.3    ValidBasicSelfIssuedNewWithOldTest3                 valid
4.5.4    ValidBasicSelfIssuedNewWithOldTest4                 valid
4.5.5    InvalidBasicSelfIssuedNewWithOldTest5               invalid
4.5.6    ValidBasicSelfIssuedCRLSigningKeyTest6              valid
4.5.7    InvalidBasicSelfIssuedCRLSigningKeyTest7            invalid
4.5.8    InvalidBasicSelfIssuedCRLSigningKeyTest8            invalid
4.6.1    InvalidMissingbasicConstraintsTest1                 invalid
4.6.2    InvalidcAFalseTest2                                 invalid
4.6.3    InvalidcAFalseTest3                                 invalid
4.6.4    ValidbasicConstraintsNotCriticalTest4               valid
4.6.5    InvalidpathLenConstraintTest5                       invalid
4.6.6    InvalidpathLenConstraintTest6                       invalid
4.6.7    ValidpathLenConstraintTest7                         valid
4.6.8    ValidpathLenConstraintTest8                         valid
4.6.9    InvalidpathLenConstraintTest9                       invalid
4.6.10   InvalidpathLenConstraintTest10                      invalid
4.6.11   InvalidpathLenConstraintTest11                      invalid
4.6.12   InvalidpathLenConstraintTest12                      invalid
4.6.13   ValidpathLenConstraintTest13                        valid
4.6.14   ValidpathLenConstraintTest14                        valid
4.6.15   ValidSelfIssuedpathLenConstraintTest15              valid
4.6.16   InvalidSelfIssuedpathLenConstraintTest16            invalid
4.6.17   ValidSelfIssuedpathLenConstraintTest17              valid
4.7.1    InvalidkeyUsageCriticalkeyCertSignFalseTest1        invalid
4.7.2    InvalidkeyUsageNotCriticalkeyCertSignFalseTest2     invalid
4.7.3    ValidkeyUsageNotCriticalTest3                       valid
4.7.4    InvalidkeyUsageCriticalcRLSignFalseTest4            invalid
4.7.5    InvalidkeyUsageNotCriticalcRLSignFalseTest5         invalid
4.8.1.1  AllCertificatesSamePolicyTest1                      valid    explicit
4.8.1.2  AllCertificatesSamePolicyTest1                      valid    explicit P1
4.8.1.3  AllCertificatesSamePolicyTest1                      invalid  explicit P2
4.8.1.4  AllCertificatesSamePolicyTest1                      valid    explicit P1 P2
4.8.2.1  AllCertificatesNoPoliciesTest2                      valid
4.8.2.2  AllCertificatesNoPoliciesTest2                      invalid  explicit
4.8.3.1  DifferentPoliciesTest3                              valid
4.8.3.2  DifferentPoliciesTest3                              invalid  explicit
4.8.3.3  DifferentPoliciesTest3                              invalid  explicit P1 P2
4.8.4    DifferentPoliciesTest4                              invalid
4.8.5    DifferentPoliciesTest5                              invalid
4.8.6.1  OverlappingPoliciesTest6                            valid
4.8.6.2  OverlappingPoliciesTest6                            valid    P1
4.8.6.3  OverlappingPoliciesTest6                            invalid  P2
4.8.7    DifferentPoliciesTest7                              invalid
4.8.8    DifferentPoliciesTest8                              invalid
4.8.9    DifferentPoliciesTest9                              invalid
4.8.10.1 AllCertificatesSamePoliciesTest10                   valid
4.8.10.2 AllCertificatesSamePoliciesTest10                   valid    P1
4.8.10.3 AllCertificatesSamePoliciesTest10                   valid    P2
4.8.11.1 AllCertificatesAnyPolicyTest11                      valid
4.8.11.2 AllCertificatesAnyPolicyTest11                      valid    P1
4.8.12   DifferentPoliciesTest12                             invalid
4.8.13.1 AllCertificatesSamePoliciesTest13                   valid    P1
4.8.13.2 AllCertificatesSamePoliciesTest13                   valid    P2
4.8.13.3 AllCertificatesSamePoliciesTest13                   valid    P3
4.8.14.1 AnyPolicyTest14                                     valid    P1
4.8.14.2 AnyPolicyTest14                                     invalid  P2
4.8.15   UserNoticeQualifierTest15                           valid
4.8.16   UserNoticeQualifierTest16                           valid
4.8.17   UserNoticeQualifierTest17                           valid
4.8.18.1 UserNoticeQualifierTest18                           valid    P1
4.8.18.2 UserNoticeQualifierTest18                           valid    P2
4.8.19   UserNoticeQualifierTest19                           valid
4.8.20   CPSPointerQualifierTest20                           valid
4.9.1    ValidRequireExplicitPolicyTest1                     valid
4.9.2    ValidRequireExplicitPolicyTest2                     valid
4.9.3    InvalidRequireExplicitPolicyTest3                   invalid
4.9.4    ValidRequireExplicitPolicyTest4                     valid
4.9.5    InvalidRequireExplicitPolicyTest5                   invalid
4.9.6    ValidSelfIssuedrequireExplicitPolicyTest6           valid
4.9.7    InvalidSelfIssuedrequireExplicitPolicyTest7         invalid
4.9.8    InvalidSelfIssuedrequireExplicitPolicyTest8         invalid
4.10.1.1 ValidPolicyMappingTest1                             valid    P1
4.10.1.2 ValidPolicyMappingTest1                             invalid  P2
4.10.1.3 ValidPolicyMappingTest1                             invalid  no-map
4.10.2.1 InvalidPolicyMappingTest2                           invalid
4.10.2.2 InvalidPolicyMappingTest2                           invalid  no-map
4.10.3.1 ValidPolicyMappingTest3                             invalid  P1
4.10.3.2 ValidPolicyMappingTest3                             valid    P2
4.10.4   InvalidPolicyMappingTest4                           invalid
4.10.5.1 ValidPolicyMappingTest5                             valid    P1
4.10.5.2 ValidPolicyMappingTest5                             invalid  P6
4.10.6.1 ValidPolicyMappingTest6                             valid    P1
4.10.6.2 ValidPolicyMappingTest6                             invalid  P6
4.10.7   InvalidMappingFromanyPolicyTest7                    invalid
4.10.8   InvalidMappingToanyPolicyTest8                      invalid
4.10.9   ValidPolicyMappingTest9                             valid
4.10.10  InvalidPolicyMappingTest10                          invalid
4.10.11  ValidPolicyMappingTest11                            valid
4.10.12.1 ValidPolicyMappingTest12                           valid    P1
4.10.12.2 ValidPolicyMappingTest12                           valid    P2
4.10.13  ValidPolicyMappingTest13                           valid
4.10.14  ValidPolicyMappingTest14                           valid
4.11.1   InvalidinhibitPolicyMappingTest1                    invalid
4.11.2   ValidinhibitPolicyMappingTest2                      valid
4.11.3   InvalidinhibitPolicyMappingTest3                    invalid
4.11.4   ValidinhibitPolicyMappingTest4                      valid
4.11.5   InvalidinhibitPolicyMappingTest5                    invalid
4.11.6   InvalidinhibitPolicyMappingTest6                    invalid
4.11.7   ValidSelfIssuedinhibitPolicyMappingTest7            valid
4.11.8   InvalidSelfIssuedinhibitPolicyMappingTest8          invalid
4.11.9   InvalidSelfIssuedinhibitPolicyMappingTest9          invalid
4.11.10  InvalidSelfIssuedinhibitPolicyMappingTest10         invalid
4.11.11  InvalidSelfIssuedinhibitPolicyMappingTest11         invalid
4.12.1   InvalidinhibitAnyPolicyTest1                        invalid
4.12.2   ValidinhibitAnyPolicyTest2                          valid
4.12.3.1 inhibitAnyPolicyTest3                               valid
4.12.3.2 inhibitAnyPolicyTest3                               invalid  no-any
4.12.4   InvalidinhibitAnyPolicyTest4                        invalid
4.12.5   InvalidinhibitAnyPolicyTest5                        invalid
4.12.6   InvalidinhibitAnyPolicyTest6                        invalid
4.12.7   ValidSelfIssuedinhibitAnyPolicyTest7                valid
4.12.8   InvalidSelfIssuedinhibitAnyPolicyTest8              invalid
4.12.9   ValidSelfIssuedinhibitAnyPolicyTest9                valid
4.12.10  InvalidSelfIssuedinhibitAnyPolicyTest10             invalid
4.13.1   ValidDNnameConstraintsTest1                         valid
4.13.2   InvalidDNnameConstraintsTest2                       invalid
4.13.3   InvalidDNnameConstraintsTest3                       invalid
4.13.4   ValidDNnameConstraintsTest4                         valid
4.13.5   ValidDNnameConstraintsTest5                         valid
4.13.6   ValidDNnameConstraintsTest6                         valid
4.13.7   InvalidDNnameConstraintsTest7                       invalid
4.13.8   InvalidDNnameConstraintsTest8                       invalid
4.13.9   InvalidDNnameConstraintsTest9                       invalid
4.13.10  InvalidDNnameConstraintsTest10                      invalid
4.13.11  ValidDNnameConstraintsTest11                        valid
4.13.12  InvalidDNnameConstraintsTest12                      invalid
4.13.13  InvalidDNnameConstraintsTest13                      invalid
4.13.14  ValidDNnameConstraintsTest14                        valid
4.13.15  InvalidDNnameConstraintsTest15                      invalid
4.13.16  InvalidDNnameConstraintsTest16                      invalid
4.13.17  InvalidDNnameConstraintsTest17                      invalid
4.13.18  ValidDNnameConstraintsTest18                        valid
4.13.19  ValidSelfIssuedDNnameConstraintsTest19              valid
4.13.20  InvalidSelfIssuedDNnameConstraintsTest20            invalid
4.13.21  ValidRFC822nameConstraintsTest21                    valid
4.13.22  InvalidRFC822nameConstraintsTest22                  invalid
4.13.23  ValidRFC822nameConstraintsTest23                    valid
4.13.24  InvalidRFC822nameConstraintsTest24                  invalid
4.13.25  ValidRFC822nameConstraintsTest25                    valid
4.13.26  InvalidRFC822nameConstraintsTest26                  invalid
4.13.27  ValidDNandRFC822nameConstraintsTest27               valid
4.13.28  InvalidDNandRFC822nameConstraintsTest28             invalid
4.13.29  InvalidDNandRFC822nameConstraintsTest29             invalid
4.13.30  ValidDNSnameConstraintsTest30                       valid
4.13.31  InvalidDNSnameConstraintsTest31                     invalid
4.13.32  ValidDNSnameConstraintsTest32                       valid
4.13.33  InvalidDNSnameConstraintsTest33                     invalid
4.13.34  ValidURInameConstraintsTest34                       valid
4.13.35  InvalidURInameConstraintsTest35                     invalid
4.13.36  ValidURInameConstraintsTest36                       valid
4.13.37  InvalidURInameConstraintsTest37                     invalid
4.13.38  InvalidDNSnameConstraintsTest38                     invalid
4.14.1   ValiddistributionPointTest1                         valid
4.14.2   InvaliddistributionPointTest2                       invalid
4.14.3   InvaliddistributionPointTest3                       invalid
4.14.4   ValiddistributionPointTest4                         valid
4.14.5   ValiddistributionPointTest5                         valid
4.14.6   InvaliddistributionPointTest6                       invalid
4.14.7   ValiddistributionPointTest7                         valid
4.14.8   InvaliddistributionPointTest8                       invalid
4.14.9   InvaliddistributionPointTest9                       invalid
4.14.10  ValidNoissuingDistributionPointTest10               valid
4.14.11  InvalidonlyContainsUserCertsCRLTest11               invalid
4.14.12  InvalidonlyContainsCACertsCRLTest12                 invalid
4.14.13  ValidonlyContainsCACertsCRLTest13                   valid
4.14.14  InvalidonlyContainsAttributeCertsTest14             invalid
4.14.15  InvalidonlySomeReasonsTest15                        invalid
4.14.16  InvalidonlySomeReasonsTest16                        invalid
4.14.17  InvalidonlySomeReasonsTest17                        invalid
4.14.18  ValidonlySomeReasonsTest18                          valid
4.14.19  ValidonlySomeReasonsTest19                          valid
4.14.20  InvalidonlySomeReasonsTest20                        invalid
4.14.21  InvalidonlySomeReasonsTest21                        invalid
4.14.22  ValidIDPwithindirectCRLTest22                       valid
4.14.23  InvalidIDPwithindirectCRLTest23                     invalid
4.14.24  ValidIDPwithindirectCRLTest24                       valid
4.14.25  ValidIDPwithindirectCRLTest25                       valid
4.14.26  InvalidIDPwithindirectCRLTest26                     invalid
4.14.27  InvalidcRLIssuerTest27                              invalid
4.14.28  ValidcRLIssuerTest28                                valid
4.14.29  ValidcRLIssuerTest29                                valid
4.14.30  ValidcRLIssuerTest30                                valid
4.14.31  InvalidcRLIssuerTest31                              invalid
4.14.32  InvalidcRLIssuerTest32                              invalid
4.14.33  ValidcRLIssuerTest33                                valid
4.14.34  InvalidcRLIssuerTest34                              invalid
4.14.35  InvalidcRLIssuerTest35                              invalid
4.15.1   InvaliddeltaCRLIndicatorNoBaseTest1                 invalid
4.15.2   ValiddeltaCRLTest2                                  valid
4.15.3   InvaliddeltaCRLTest3                                invalid
4.15.4   InvaliddeltaCRLTest4                                invalid
4.15.5   ValiddeltaCRLTest5                                  valid
4.15.6   InvaliddeltaCRLTest6                                invalid
4.15.7   ValiddeltaCRLTest7                                  valid
4.15.8   ValiddeltaCRLTest8                                  valid
4.15.9   InvaliddeltaCRLTest9                                invalid
4.15.10  InvaliddeltaCRLTest10                               invalid
4.16.1   ValidUnknownNotCriticalCertificateExtensionTest1    valid
4.16.2   InvalidUnknownCriticalCertificateExtensionTest2     invalid
"""

Case = collections.namedtuple("Case", "number letter answer settings")


def read_table():
    for line in TABLE.strip().split("\n"):
        number, letter, answer, *settings = line.split()
        yield Case(number, letter, answer, settings)


ALL = list(read_table())


def inside(der, *tags):
    """The contents of the first element of each tag, one in the other."""
    for wanted in tags:
        der = next(value for tag, value, _ in elements(der) if tag == wanted)
    return der


class Letter:
    """What NIST put into the SignedData of a case."""

    def __init__(self, name):
        text = (SUITE / "smime" / f"Signed{name}.eml").read_bytes()
        _, signature = email.message_from_bytes(text).get_payload()
        signed = inside(signature.get_payload(decode=True), 0x30, 0xa0, 0x30)
        sets = {tag: value for tag, value, _ in elements(signed)}
        self.certs = [whole for *_, whole in elements(sets[0xa0])]
        self.lists = [whole for *_, whole in elements(sets.get(0xa1, b""))]
        *_, signers = elements(signed)
        who = inside(signers[1], 0x30, 0x30)
        self.leaf = next(cert for cert in self.certs if names(cert) == who)


def names(cert):
    """Issuer and serial number as CMS puts them together."""
    parts = [part for part in elements(inside(cert, 0x30, 0x30)) if part[0] != 0xa0]
    return parts[2][2] + parts[0][2]


def pem(label, ders):
    return b"".join(b"-----BEGIN %s-----\n%s-----END %s-----\n" % (
        label, base64.encodebytes(der), label) for der in ders)


class Bench:
    def __init__(self, program, directory):
        self.program, self.dir, self.letters = program, directory, {}
        self.right = collections.Counter()
        self.root = self.save("root", b"CERTIFICATE",
                              [(SUITE / "certs" / "TrustAnchorRootCertificate.crt").read_bytes()])
        self.everything = (
            self.save("certs", b"CERTIFICATE", self.read("certs", "[!.]*[!E]Cert.crt")),
            self.save("lists", b"X509 CRL", self.read("crls", "*.crl")))

    @staticmethod
    def read(folder, pattern):
        return [path.read_bytes() for path in sorted((SUITE / folder).glob(pattern))]

    def save(self, name, label, ders):
        path = self.dir / f"{name}.pem"
        path.write_bytes(pem(label, ders))
        return path

    def letter(self, name):
        if name not in self.letters:
            letter = Letter(name)
            self.letters[name] = letter.leaf, (
                self.save(f"{name}.certs", b"CERTIFICATE", letter.certs),
                self.save(f"{name}.lists", b"X509 CRL", letter.lists))
        return self.letters[name]

    def ask(self, case, among_all):
        leaf, own = self.letter(case.letter)
        certs, lists = self.everything if among_all else own
        words = [self.program, "chain", "--trust", self.root, "--untrusted", certs, "--crl", lists,
                 "--any-purpose", "--at", AT, "--json"]
        for setting in case.settings:
            words += {"explicit": ["--explicit-policy"], "no-map": ["--inhibit-policy-mapping"],
                      "no-any": ["--inhibit-any-policy"]}.get(
                          setting, ["--policy", POLICY + setting[1:]])
        done = subprocess.run(words, input=pem(b"CERTIFICATE", [leaf]), capture_output=True,
                              timeout=60)
        assert done.stderr == b"" and done.returncode in (0, 1), done.stderr
        told = json.loads(done.stdout)
        assert (told["chain"] == "valid") == (done.returncode == 0)
        return told


@pytest.fixture(scope="module")
def bench(build, tmp_path_factory):
    made = Bench(build / "letterlock", tmp_path_factory.mktemp("pkits"))
    yield made
    (build / "pkits.txt").write_text(
        f"PKITS 4.1 to 4.16 without DSA: {made.right[False]} of {CASES} cases answered as NIST "
        f"says, {made.right[True]} of {CASES} among all other certificates and lists\n")


def test_the_table_has_every_case_of_the_suite_but_dsa():
    assert len(ALL) == CASES
    assert len({case.number for case in ALL}) == CASES
    letters = {path.stem[len("Signed"):] for path in (SUITE / "smime").glob("Signed*.eml")}
    assert letters - {case.letter for case in ALL} == {
        "ValidDSASignaturesTest4", "ValidDSAParameterInheritanceTest5", "InvalidDSASignatureTest6"}
    assert len({case.letter for case in ALL}) == 221


@pytest.mark.parametrize("among_all", [False, True], ids=["alone", "among-all"])
@pytest.mark.parametrize("case", ALL, ids=[case.number for case in ALL])
def test_a_case_is_answered_as_nist_says(bench, case, among_all):
    told = bench.ask(case, among_all)
    right = "valid" if told["chain"] == "valid" else "invalid"
    assert right == case.answer, f"{case.letter}: {told}"
    bench.right[among_all] += 1
