/* pki/policy -- the certificate policies that say what was checked. */
#ifndef PKI_POLICY_H
#define PKI_POLICY_H

/* Our own arc, derived from the UUID f6ded9db-f445-4f3c-b733-b9666a796dd5
 * below the one that is open to everybody's UUIDs in small numbers.  The arc of
 * X.667 (2.25.UUID) would be shorter, but its 128-bit number is refused by
 * widely used parsers of certificates (Python's cryptography 38 is one).  A
 * private authority must not assert the CA/B Forum's identifiers, so it mirrors
 * them here: POLICY_ARC ".1.1" mailbox (V1), ".1.2" organisation (V3), ".1.3"
 * sponsored person (V4), ".1.4" individual (V2), ".2.1" time stamping. */
#define POLICY_ARC                                                           \
	"1.2.840.113556.1.8000.2554.63198.55771.62533.20284.46899.12150378." \
	"7957973"
/* The same as the contents of an OBJECT IDENTIFIER. */
#define POLICY_ARC_DER                                                     \
	"\x2a\x86\x48\x86\xf7\x14\x01\xbe\x40\x93\x7a\x83\xed\x5e\x83\xb3" \
	"\x5b\x83\xe8\x45\x81\x9e\x3c\x82\xee\x33\x85\xe5\xcc\x6a\x83\xe5" \
	"\xdb\x55"

#define POLICY_MAILBOX POLICY_ARC ".1.1"
#define POLICY_ORGANIZATION POLICY_ARC ".1.2"
#define POLICY_SPONSOR POLICY_ARC ".1.3"
#define POLICY_INDIVIDUAL POLICY_ARC ".1.4"
#define POLICY_TIMESTAMP POLICY_ARC ".2.1"

/* CA/B Forum S/MIME BR: 2.23.140.1.5.{1 mailbox, 2 organization, 3 sponsor,
 * 4 individual}.{1..3}. */
#define POLICY_CABF_SMIME "2.23.140.1.5"

#endif
