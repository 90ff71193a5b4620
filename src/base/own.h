/* own -- who must free what, said at the declaration.
 *
 * OWNER(struct seal, seal_free); once per type and file, then
 * struct seal *s OWNED(seal_free) = NULL; in functions: freed when the
 * variable goes out of scope, unless take() handed it on.
 */
#ifndef BASE_OWN_H
#define BASE_OWN_H

#define OWNER(type, free_fn)                      \
	static inline void free_fn##_at(type **p) \
	{                                         \
		if (*p)                           \
			free_fn(*p);              \
	}                                         \
	struct free_fn##_own
#define OWNED(free_fn) __attribute__((cleanup(free_fn##_at)))

/* Hand an owned pointer on: yields it and leaves NULL behind. */
#define take(p)                         \
	__extension__({                 \
		__typeof__(p) t_ = (p); \
		(p) = NULL;             \
		t_;                     \
	})

#endif
