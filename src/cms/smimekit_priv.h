/* cms/smimekit -- layers taken out of a whole tree: what the stream (cms/peel)
 * must agree with.
 *
 * Only included by tests.
 */
#ifndef CMS_SMIMEKIT_PRIV_H
#define CMS_SMIMEKIT_PRIV_H

#include "cms/smime_priv.h"

/* SMIME_SIGNED: lends the signed part (its `whole` is what was signed) and
 * appends the DER of the signature. */
static inline enum rc
smime_split(const struct entity *entity, const struct entity **ret_part,
    struct buf *der, struct err *err)
{
	size_t parts = entity_children(entity);

	TRY(smime_check_parts(
	    entity->malformed || !entity_is(entity, "multipart", "signed"),
	    parts, parts == 2 && smime_is_signature(entity->child->next), err));
	TRY(entity_decode(entity->child->next, der, err));
	*ret_part = entity->child;
	return RC_OK;
}

/* Append the DER of a pkcs7-mime entity. */
static inline enum rc
smime_der(const struct entity *entity, struct buf *der, struct err *err)
{
	if (!smime_is_cms(entity))
		return err_set(err, RC_SYNTAX, "no application/pkcs7-mime");
	return entity_decode(entity, der, err);
}

#endif
