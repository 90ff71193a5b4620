/* cms/smime -- the decisions about S/MIME layers that the tree (cms/smime)
 * and the stream (cms/peel) share.
 *
 * May use:   base mime.  Only inside cms.
 */
#ifndef CMS_SMIME_PRIV_H
#define CMS_SMIME_PRIV_H

#include "cms/smime.h"

/* A CMS object shows its content type within so many bytes of the body. */
#define SMIME_PEEK_BODY 4096

/* By the header alone: may it hold a CMS object? */
bool smime_is_cms(const struct entity *entity);
/* Of a pkcs7 detached signature: the second part of a multipart/signed. */
bool smime_is_signature(const struct entity *entity);
/* Does a multipart/signed say that it is signed in this way? */
bool smime_names_protocol(const struct entity *entity);

/* What such an entity is, by the first SMIME_PEEK_BODY bytes of its body (all
 * of it, if it is shorter).  SMIME_OPAQUE may yet turn out to sign nothing. */
enum smime_kind smime_peek(const struct entity *entity, struct span body);

#define SMIME_LINE 76

/* What smime_print() and smime_print_signed() print, in pieces. */
enum rc smime_print_head(
    enum smime_kind kind, struct buf *out, struct err *err);
enum rc smime_check_boundary(const char *boundary, struct err *err);
enum rc smime_print_signed_head(
    const char *micalg, const char *boundary, struct buf *out, struct err *err);
enum rc smime_print_signed_tail(struct span signature_der, const char *boundary,
    struct buf *out, struct err *err);

/* What is wrong with what is no proper multipart/signed. */
enum rc smime_check_parts(
    bool malformed, size_t parts, bool second_is_signature, struct err *err);

#endif
