/* authority/claim_fit -- would a certificate that says this keep the rules?
 *
 * Asked before anybody spends time on evidence: what could never be issued is
 * told to whoever asks for it, in the rule's own words.
 *
 * May use:   base pki.
 */
#ifndef AUTHORITY_CLAIM_FIT_H
#define AUTHORITY_CLAIM_FIT_H

#include "authority/hierarchy.h"
#include "authority/claim.h"

struct claim_office {
	const struct settings *settings;
	const struct hierarchy *hierarchy;
};
/* RC_UNFIT with the rules that would be broken. */
enum rc claim_fit(const struct claim_office *office, const struct claim *claim,
    int64_t now, struct err *err);

#endif
