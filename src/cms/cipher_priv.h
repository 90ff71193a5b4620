/* cms/cipher -- content encryption, as a stream, both ways.
 *
 * Standard:  RFC 5652 section 6.3 (CBC padding), 5084 (GCM), 8103
 *            (ChaCha20-Poly1305), 5083 section 2.2 (what is authenticated).
 * May use:   base pki.  Only inside cms.
 * Limits:    2^36 - 32 bytes of content with an AEAD (SP 800-38D section
 *            5.2.1.1); nonces of 12 to 16 bytes, tags of 12 to 16.
 *
 * What comes out of a decryption is not to be believed before
 * cipher_decrypt_finish() said RC_OK, and with CBC not even then.
 */
#ifndef CMS_CIPHER_PRIV_H
#define CMS_CIPHER_PRIV_H

#include "base/buf.h"
#include "base/own.h"

#define CIPHER_KEY_MAX 32
#define CIPHER_TAG_LEN 16 /* what we write */

struct cipher {
	int nid;
	const char *name; /* static, lower case: "aes-256-gcm" */
	size_t key_len;
	bool aead;      /* AuthEnvelopedData; else EnvelopedData */
	bool may_write; /* false: old, for reading only */
};

/* NULL: none that we have. */
const struct cipher *cipher_find(int nid);
/* The same for the DER of an AlgorithmIdentifier; `name` is filled for an
 * error's text when it is NULL ("camellia-256-cbc", "1.2.3", "unnamed"). */
#define CIPHER_NAME_MAX 80
const struct cipher *cipher_find_algorithm(
    struct span algorithm, char name[CIPHER_NAME_MAX]);

/* One content being encrypted or decrypted. */
struct cipher_run;
void cipher_run_free(struct cipher_run *run);
OWNER(struct cipher_run, cipher_run_free);

/* --- encrypt */

/* With a fresh random key and IV.  RC_UNFIT: a cipher for reading only. */
enum rc cipher_encrypt_new(
    const struct cipher *cipher, struct cipher_run **ret, struct err *err);
/* Lends the key, until the run is freed. */
struct span cipher_key(const struct cipher_run *run);
/* Append the contentEncryptionAlgorithm. */
enum rc cipher_print_algorithm(
    const struct cipher_run *run, struct buf *der, struct err *err);
/* Append the last block, and for an AEAD its tag to `tag` (else untouched). */
enum rc cipher_encrypt_finish(
    struct cipher_run *run, struct buf *out, struct buf *tag, struct err *err);

/* --- decrypt */

/* `algorithm`: DER of the AlgorithmIdentifier.  `key` is copied.
 * RC_SYNTAX: parameters that this cipher cannot have. */
enum rc cipher_decrypt_new(const struct cipher *cipher, struct span algorithm,
    struct span key, struct cipher_run **ret, struct err *err);
/* Append the last block if all is well.  `tag` (AEAD) and `attributes` (the
 * DER SET OF authAttrs with tag 0x31; empty if none) are known only behind
 * the content.  RC_SYNTAX: a tag of another length than the parameters said.
 * RC_UNFIT: attributes with ChaCha20-Poly1305.  RC_CRYPTO: cipher_closed(). */
enum rc cipher_decrypt_finish(struct cipher_run *run, struct span tag,
    struct span attributes, struct buf *out, struct err *err);
/* Back to the first byte, with the same key. */
enum rc cipher_decrypt_again(struct cipher_run *run, struct err *err);

/* --- both */

/* The next bytes of the content; appends what comes out, straight into
 * `out`'s own memory.  After a failure the run can only be freed. */
enum rc cipher_push(
    struct cipher_run *run, struct span in, struct buf *out, struct err *err);

/* The one RC_CRYPTO of everything behind the choice of the recipient: an
 * attacker who can watch us must not learn which key, padding or tag said
 * no.  Empties the library's list of errors. */
enum rc cipher_closed(struct err *err);

#endif
